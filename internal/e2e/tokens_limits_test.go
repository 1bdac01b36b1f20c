package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestTokenDisabledByDefault holds that what does not see who is disabled says so, by check
// and at the start; that by default nothing does; and that vendor is enough.
func TestTokenDisabledByDefault(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t, slapd.Options{LDIF: team("lea")})
	const warning = "users.disabled: not set, and the realm takes access tokens"
	for _, tt := range []struct {
		name, key, then string
		warns           bool
	}{
		{"default", "", teamOf("lea"), true},
		{"none", "            disabled: none\n", teamOf("lea"), false},
		{"vendor", "            password_policy: " + defaultPolicy + "\n          vendor: openldap\n", "401", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := replace(t, ldapBroker(s, ""), "            base_dn: "+slapd.Suffix+"\n", "            base_dn: "+slapd.Suffix+"\n"+tt.key,
				"    policy: {rules: [", "      - {name: tokens, type: pat, config: {max_group_age: 1s}}\n"+
					`    policy: {rules: [{name: team, groups: ["directory:team"], repositories: ["team/**"], allow: [pull, push]}, `)
			b := stack.StartBroker(t, program, config, nil)
			check := b.Command(t, "", "check")
			if check.Code != 0 || strings.Contains(check.Text(), warning) != tt.warns || strings.Contains(b.Output.String(), warning) != tt.warns {
				t.Errorf("check exits %d and says\n%s\nat the start it says\n%s", check.Code, check.Text(), b.Output.String())
			}
			token := tokenOf(t, b, "directory:lea")
			becomes(t, b, token, teamOf("lea"), 5*time.Second)
			const dn = "dn: uid=lea," + slapd.People + "\nchangetype: modify\n"
			s.Modify(t, dn+"add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n")
			defer s.Modify(t, dn+"delete: pwdAccountLockedTime\n")
			if a := b.Token(t, "lea", "lea-password", service); a.Status != 401 {
				t.Errorf("a disabled account signs in with its password: %d", a.Status)
			}
			time.Sleep(1500 * time.Millisecond)
			becomes(t, b, token, tt.then, 5*time.Second)
		})
	}
}

// TestTokenOwnerUnreadable holds that somebody whose groups cannot be read whole does not
// keep the rights of before while the directory answers about everybody else.
func TestTokenOwnerUnreadable(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t, slapd.Options{LDIF: team("lea", "leo")})
	b := tokenBroker(t, s, "max_group_age: 2s")
	lea, leo := tokenOf(t, b, "directory:lea"), tokenOf(t, b, "directory:leo")
	for token, name := range map[string]string{lea: "lea", leo: "leo"} {
		becomes(t, b, token, teamOf(name), 5*time.Second)
	}
	var deep strings.Builder
	member := "uid=lea," + slapd.People
	for i := range 12 {
		fmt.Fprintf(&deep, "dn: cn=deep%d,%s\nobjectClass: groupOfNames\ncn: deep%[1]d\nmember: %[3]s\n\n", i, slapd.Groups, member)
		member = fmt.Sprintf("cn=deep%d,%s", i, slapd.Groups)
	}
	s.Load(t, deep.String())
	becomes(t, b, lea, "503", 10*time.Second)
	for range 20 {
		if got := may(t, b, lea); got != "503" {
			t.Errorf("she is granted %q", got)
		}
		if got := may(t, b, leo); got != teamOf("leo") {
			t.Errorf("he is granted %q", got)
		}
		time.Sleep(200 * time.Millisecond)
	}
	logged := 0
	for _, line := range strings.Split(b.Output.String(), "\n") {
		if strings.Contains(line, "an owner of access tokens cannot be looked up") && strings.Contains(line, "lea") {
			logged++
		}
	}
	if logged != 1 {
		t.Errorf("%d lines of the log name the account:\n%s", logged, b.Output.String())
	}
	last := b.Audit(t)
	var found bool
	for _, e := range last {
		found = found || e.Token == lea[4:16] && e.Reason == "outage" && e.Owner == "directory:lea"
	}
	if !found {
		t.Error("the audit log does not tell whose token could not be checked")
	}
	s.Modify(t, "dn: cn=deep0,"+slapd.Groups+"\nchangetype: delete\n")
	becomes(t, b, lea, teamOf("lea"), 10*time.Second)
}

// TestTokenRevokedInFlight holds that a login which waits for the directory does not pass
// when it answers after the token was taken back.
func TestTokenRevokedInFlight(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t, slapd.Options{LDIF: team("lea")})
	b := tokenBroker(t, s, "max_group_age: 1s, outage_grace: 0s")
	token := tokenOf(t, b, "directory:lea")
	becomes(t, b, token, teamOf("lea"), 5*time.Second)
	time.Sleep(1500 * time.Millisecond)
	s.Pause(t)
	answered := make(chan string, 1)
	go func() { answered <- may(t, b, token) }()
	time.Sleep(300 * time.Millisecond)
	revoked := b.Command(t, "", "token", "revoke", token[4:16])
	s.Resume(t)
	if got := <-answered; revoked.Code != 0 || got != "401" && got != "503" { // where the machine is slow, the login's time is over
		t.Errorf("revoke exits %d, and then a login that was waiting is granted %q", revoked.Code, got)
	}
}

// TestTokenPastedWithMore holds that a token which comes with more than it reaches no
// directory, nor a record.
func TestTokenPastedWithMore(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t, slapd.Options{LDIF: team("lea")})
	b := tokenBroker(t, s, "")
	token := tokenOf(t, b, "directory:lea")
	for name, password := range map[string]string{
		"line feed": "\n" + token, "space": " " + token, "BOM": "\ufeff" + token, "quotes": `"` + token + `"`, "user name": "ci:" + token,
		"scheme": "Bearer " + token, "capital prefix": "SRP_" + token[4:], "first one lost": token[1:], "prefix lost": token[4:],
	} {
		before := len(b.Audit(t))
		answer := b.Token(t, "lea", password, service)
		if e := b.Audit(t)[before:]; answer.Status != 401 || len(e) != 1 || e[0].Reason != "bad-token" || e[0].Connector != "tokens" {
			t.Errorf("%s: %d, recorded as %+v", name, answer.Status, e)
		}
	}
	b.Token(t, token[1:], "x", service)
	b.Token(t, token[4:], "x", service)
	b.Token(t, "lea", token, service, "repository:"+strings.ToLower(token)+":pull")
	record := fmt.Sprintf("%+v", b.Audit(t)) + b.Output.String()
	if strings.Contains(strings.ToLower(record), strings.ToLower(token[16:40])) {
		t.Error("the secret was recorded or logged")
	}
}
