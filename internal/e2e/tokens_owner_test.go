package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// tokenBroker starts the program with the directory, people who are disabled in every way
// that it tells, and a connector of access tokens that has these keys.
func tokenBroker(t *testing.T, s *slapd.Server, keys string) *stack.Broker {
	t.Helper()
	config := replace(t, ldapBroker(s, `            base_dn: `+slapd.People+`
            filter: (&(objectClass=inetOrgPerson)(!(employeeType=left)))
            disabled: ppolicy
            password_policy: `+defaultPolicy),
		"            base_dn: "+slapd.Suffix+"\n", "",
		"    policy: {rules: [", "      - {name: tokens, type: pat, config: {"+keys+"}}\n"+
			`    policy: {rules: [{name: team, groups: ["directory:team"], repositories: ["team/**"], allow: [pull, push]}, {name: frozen, groups: ["directory:frozen"], repositories: ["team/secret"], deny: [pull]}, `)
	return stack.StartBroker(t, program, config, nil)
}

// team are people, each of them in the group team.
func team(names ...string) string {
	var ldif, members strings.Builder
	for _, name := range names {
		ldif.WriteString(personOf(name, slapd.People))
		fmt.Fprintf(&members, "member: uid=%s,%s\n", name, slapd.People)
	}
	return ldif.String() + fmt.Sprintf("\ndn: cn=team,%s\nobjectClass: groupOfNames\ncn: team\n%s\ndn: cn=frozen,%[1]s\nobjectClass: groupOfNames\ncn: frozen\nmember: uid=nobody\n", slapd.Groups, members.String())
}

// tokenOf makes a token for a person.
func tokenOf(t *testing.T, b *stack.Broker, owner string, more ...string) string {
	t.Helper()
	r := b.Command(t, "", append([]string{"token", "create", "--owner", owner, "--name", "ci", "--scope", "repository:**:*"}, more...)...)
	if r.Code != 0 {
		t.Fatalf("token create: %s", r.Stderr)
	}
	return strings.TrimSpace(r.Stdout)
}

// may is what a token is granted of pulling and pushing in team/app and team/secret, and
// the status where that is not 200.
func may(t *testing.T, b *stack.Broker, token string) string {
	t.Helper()
	a := b.Token(t, "ci", token, service, "repository:team/app:pull,push", "repository:team/secret:pull")
	if a.Status != http.StatusOK {
		return fmt.Sprint(a.Status)
	}
	claims := a.Claims(t)
	granted := []string{claims.Subject}
	for _, access := range claims.Access {
		granted = append(granted, access.Name+":"+strings.Join(access.Actions, ","))
	}
	return strings.Join(granted, " ")
}

// becomes waits until a token is granted this; what takes longer than most was not in time.
func becomes(t *testing.T, b *stack.Broker, token, want string, most time.Duration) {
	t.Helper()
	begun, got := time.Now(), ""
	for time.Since(begun) < most {
		if got = may(t, b, token); got == want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("after %v the token is granted %q, want %q", most, got, want)
}

// restarted ends the program as an operator does, and starts it anew.
func restarted(t *testing.T, b *stack.Broker) {
	t.Helper()
	if err := b.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := b.Wait(t, 30*time.Second); code != 0 {
		t.Fatalf("it ended with %d", code)
	}
	b.Serve(t)
}

// teamOf is what somebody in the team is granted.
func teamOf(name string) string {
	return "directory:" + name + " team/app:pull,push team/secret:pull"
}

// TestTokenOwnerChanges holds that a token has the rights of its owner as the directory
// has them now.
func TestTokenOwnerChanges(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t, slapd.Options{LDIF: team("lea", "locked-one", "left", "moved", "regrouped", "frozen", "renamed", "stays", "swapped")})
	b := tokenBroker(t, s, "max_group_age: 2s")
	dn := func(name string) string { return "dn: uid=" + name + "," + slapd.People + "\n" }
	changes := []struct{ name, how, then, reason string }{
		{"lea", "changetype: delete\n", "401", "owner-gone"},
		{"locked-one", "changetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n", "401", "owner-gone"},
		{"left", "changetype: modify\nadd: employeeType\nemployeeType: left\n", "401", "owner-gone"},
		{"moved", "changetype: modrdn\nnewrdn: uid=moved\ndeleteoldrdn: 0\nnewsuperior: ou=contractors," + slapd.Suffix + "\n", "401", "owner-gone"},
		{"renamed", "changetype: modrdn\nnewrdn: uid=newname\ndeleteoldrdn: 1\n", "directory:newname", ""}, // in no group any more: the group has the old DN
	}
	tokens := map[string]string{}
	for _, name := range []string{"lea", "locked-one", "left", "moved", "regrouped", "frozen", "renamed", "stays", "swapped"} {
		tokens[name] = tokenOf(t, b, "directory:"+name)
		if got := may(t, b, tokens[name]); got != teamOf(name) {
			t.Errorf("before, %s is granted %q", name, got)
		}
	}
	explained := b.Command(t, tokens["stays"]+"\n", "explain", "--login", "ci", "repository:team/app:pull")
	if explained.Code != 0 || !strings.Contains(explained.Stdout, "directory:stays, groups: team, known since") {
		t.Errorf("explain, while the program serves, exits %d and says\n%s", explained.Code, explained.Text())
	}
	for _, c := range changes {
		s.Modify(t, dn(c.name)+c.how)
	}
	s.Modify(t, dn("swapped")+"changetype: modrdn\nnewrdn: uid=elsewhere\ndeleteoldrdn: 1\n")
	s.Modify(t, strings.Replace(personOf("swapped", slapd.People), "\n", "\nchangetype: add\n", 1))
	member := func(group, how, name string) {
		s.Modify(t, "dn: cn="+group+","+slapd.Groups+"\nchangetype: modify\n"+how+": member\nmember: uid="+name+","+slapd.People+"\n")
	}
	member("team", "delete", "regrouped")
	member("frozen", "add", "frozen")
	for _, c := range changes {
		becomes(t, b, tokens[c.name], c.then, 10*time.Second)
	}
	becomes(t, b, tokens["regrouped"], "directory:regrouped", 10*time.Second)
	becomes(t, b, tokens["frozen"], "directory:frozen team/app:pull,push", 10*time.Second)
	// Nobody has used the token since the name became another's, who is in the group by it.
	time.Sleep(2100 * time.Millisecond) // what was known of a token that is not in use is too old only then
	explained = b.Command(t, "", "explain", "--token", tokens["swapped"][4:16], "repository:team/app:pull")
	if explained.Code != 1 || !strings.Contains(explained.Stdout, "directory:elsewhere\n") {
		t.Errorf("explain --token, of an account with another name now, exits %d and says\n%s", explained.Code, explained.Text())
	}
	if got := may(t, b, tokens["swapped"]); got != "directory:elsewhere" {
		t.Errorf("who has another name is granted %q", got)
	}
	if got := may(t, b, tokens["stays"]); got != teamOf("stays") {
		t.Errorf("who stays is granted %q", got)
	}
	entries := b.Audit(t)
	for _, c := range changes {
		id := tokens[c.name][4:16]
		i := slices.IndexFunc(entries, func(e stack.Entry) bool {
			return e.Token == id && e.Reason == c.reason && e.Via == "tokens" && e.Username == "ci"
		})
		if i < 0 || (entries[i].Owner == "") != (c.reason == "") || (entries[i].Subject == "") == (c.reason == "") || entries[i].Connector != "directory" {
			t.Errorf("%s: the audit log does not tell whose token was used, and why it was refused", c.name)
		}
	}
	// Back again.
	s.Modify(t, dn("locked-one")+"changetype: modify\ndelete: pwdAccountLockedTime\n")
	becomes(t, b, tokens["locked-one"], teamOf("locked-one"), 20*time.Second)
}

// TestTokenDirectoryStopped holds that a token works while the directory is down, across a
// restart of the program, until outage_grace is over.
func TestTokenDirectoryStopped(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t, slapd.Options{LDIF: team("lea")})
	b := tokenBroker(t, s, "max_group_age: 1s")
	token := tokenOf(t, b, "directory:lea")
	want := teamOf("lea")
	becomes(t, b, token, want, 10*time.Second)
	s.Stop(t)
	for range 30 {
		if got := may(t, b, token); got != want {
			t.Fatalf("while the directory is down: %q", got)
		}
		time.Sleep(100 * time.Millisecond)
	}
	if a := b.Token(t, "lea", "lea-password", service); a.Status != http.StatusServiceUnavailable {
		t.Errorf("a password gets %d", a.Status)
	}
	restarted(t, b)
	for range 10 {
		if got := may(t, b, token); got != want {
			t.Fatalf("after a restart, while the directory is down: %q", got)
		}
	}
	s.Start(t)
	s.Modify(t, "dn: uid=lea,"+slapd.People+"\nchangetype: delete\n")
	becomes(t, b, token, "401", 10*time.Second)
}

// TestTokenOutageGrace holds that an outage is survived no longer than it may be, and that
// its end is noticed.
func TestTokenOutageGrace(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t, slapd.Options{LDIF: team("lea")})
	b := tokenBroker(t, s, "max_group_age: 1s, outage_grace: 5s")
	token := tokenOf(t, b, "directory:lea")
	becomes(t, b, token, teamOf("lea"), 10*time.Second)
	s.Stop(t)
	becomes(t, b, token, "503", 15*time.Second)
	if got := may(t, b, token); got != "503" {
		t.Errorf("after outage_grace: %q", got)
	}
	if !strings.Contains(b.Output.String(), "more than outage_grace") {
		t.Error("the log does not say why")
	}
	s.Start(t)
	becomes(t, b, token, teamOf("lea"), 10*time.Second)
}

// TestTokenDirectoryHangs holds that logins with tokens stay fast while the directory takes
// connections and says nothing.
func TestTokenDirectoryHangs(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t, slapd.Options{LDIF: team("lea", "leo")})
	b := tokenBroker(t, s, "max_group_age: 1s")
	token := tokenOf(t, b, "directory:lea")
	want := teamOf("lea")
	becomes(t, b, token, want, 10*time.Second)
	s.Pause(t)
	time.Sleep(1200 * time.Millisecond)
	begun := time.Now()
	if got := may(t, b, token); got != want {
		t.Errorf("at first: %q", got)
	}
	first := time.Since(begun)
	begun = time.Now()
	for range 100 {
		if got := may(t, b, token); got != want {
			t.Errorf("while it hangs: %q", got)
		}
	}
	t.Logf("the first took %v, a hundred more %v", first, time.Since(begun))
	if first > 4*time.Second { // 1.5s on a machine with nothing else to do
		t.Errorf("the first login after the directory hung took %v", first)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("a hundred logins took %v", took)
	}
	s.Resume(t)
	s.Modify(t, "dn: uid=lea,"+slapd.People+"\nchangetype: delete\n")
	becomes(t, b, token, "401", 10*time.Second)
}

// TestTokenOfKeycloak holds that where nobody can be looked up the last login counts.
func TestTokenOfKeycloak(t *testing.T) {
	k := startKeycloak(t)
	b := keycloakBroker(t, k, "    policy: policy.yaml", "      - {name: tokens, type: pat}\n    policy: policy.yaml") // behind one that ends the chain
	create := func(owner string, more ...string) stack.Result {
		return b.Command(t, "", append([]string{"token", "create", "--owner", owner, "--name", "ci", "--scope", "repository:**:pull"}, more...)...)
	}
	if r := create("sso:alice"); r.Code == 0 || !strings.Contains(r.Stderr, "log in once") {
		t.Errorf("for somebody who has never logged in: %d, %s", r.Code, r.Stderr)
	}
	scopes := []string{"repository:platform/app:pull,push", "repository:other/app:pull"}
	access := func(username, secret string) string {
		t.Helper()
		a := b.Token(t, username, secret, service, scopes...)
		if a.Status != http.StatusOK {
			return fmt.Sprint(a.Status)
		}
		return fmt.Sprint(a.Claims(t).Subject, a.Claims(t).Access)
	}
	login := access("alice", "alice-password")
	var r stack.Result
	b.WaitFor(t, "token, after a login", 10*time.Second, func() bool { // it is written down behind the login
		r = create("sso:alice")
		return r.Code == 0
	})
	want := strings.ReplaceAll(login, "[pull push]", "[pull]")
	if got := access("whoever", strings.TrimSpace(r.Stdout)); got != want || !strings.Contains(got, "platform/app") {
		t.Errorf("the token is granted %s; its owner %s", got, login)
	}
	restarted(t, b)
	if got := access("whoever", strings.TrimSpace(r.Stdout)); got != want {
		t.Errorf("after a restart the token is granted %s", got)
	}
}

// TestTokenOfTemplate holds that a login renews the groups of tokens at once where people
// alone may read what they are in, and that the directory may be away then.
func TestTokenOfTemplate(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t, slapd.Options{Access: selvesRead, LDIF: team("lea")})
	b := stack.StartBroker(t, program, `listen: {{listen}}
monitor: {{monitor}}
realms:
  - name: corp
    services: [`+service+`]
    connectors:
      - name: directory
        type: ldap
        config:
          url: `+s.URL+`
          users: {dn_template: "uid={username},`+slapd.People+`"}
          groups: {base_dn: "`+slapd.Groups+`"}
      - {name: tokens, type: pat}
    policy: {rules: [{name: team, groups: ["directory:team"], repositories: ["team/**"], allow: [pull, push]}]}
`, nil)
	login := func() {
		t.Helper()
		if a := b.Token(t, "lea", "lea-password", service); a.Status != http.StatusOK {
			t.Fatalf("the login: %d %s", a.Status, a.Body)
		}
	}
	login()
	var token string
	b.WaitFor(t, "token, after a login", 10*time.Second, func() bool {
		r := b.Command(t, "", "token", "create", "--owner", "directory:lea", "--name", "ci", "--scope", "repository:**:*")
		token = strings.TrimSpace(r.Stdout)
		return r.Code == 0
	})
	if got := may(t, b, token); got != teamOf("lea") {
		t.Errorf("after a login: %q", got)
	}
	s.Modify(t, "dn: cn=team,"+slapd.Groups+"\nchangetype: modify\ndelete: member\nmember: uid=lea,"+slapd.People+"\n-\nadd: member\nmember: uid=nobody\n")
	if got := may(t, b, token); got != teamOf("lea") {
		t.Errorf("before the next login: %q", got)
	}
	ok(t, b.Command(t, "", "cache", "clear", "--user", "lea"))
	login()
	if got := may(t, b, token); got != "directory:lea" {
		t.Errorf("after the next login: %q", got)
	}
	s.Stop(t)
	if got := may(t, b, token); got != "directory:lea" {
		t.Errorf("while the directory is down: %q", got)
	}
}
