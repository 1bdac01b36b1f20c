package e2e_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// passwordPolicy is an entry of a password policy.
func passwordPolicy(name string, lines ...string) string {
	return fmt.Sprintf("dn: cn=%s,%s\nobjectClass: device\nobjectClass: pwdPolicy\ncn: %s\npwdAttribute: userPassword\n%s\n\n", name, slapd.Suffix, name, strings.Join(lines, "\n"))
}

// personOf is an entry of a person, whose password is the name and "-password".
func personOf(name, parent string, lines ...string) string {
	return fmt.Sprintf("dn: uid=%s,%s\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nuserPassword: %s-password\n%s\n\n",
		name, parent, name, name, name, name, strings.Join(lines, "\n"))
}

// ago is a time as the directory writes it.
func ago(d time.Duration) string { return time.Now().Add(-d).UTC().Format("20060102150405Z") }

// under is the line by which a person has a policy.
func under(policy string) string { return "pwdPolicySubentry: cn=" + policy + "," + slapd.Suffix }

// troubled are people of whom the password policy has something to say. The password
// of each is right.
func troubled() string {
	return passwordPolicy("expiring", "pwdMaxAge: 3600", "pwdGraceAuthNLimit: 3", "pwdExpireWarning: 3600", "pwdMustChange: TRUE", "pwdLockout: TRUE") +
		passwordPolicy("strict", "pwdMaxAge: 3600", "pwdLockout: TRUE", "pwdMaxFailure: 2", "pwdLockoutDuration: 3600") +
		personOf("soon", slapd.People, under("expiring"), "pwdChangedTime: "+ago(30*time.Minute)) +
		personOf("grace", slapd.People, under("expiring"), "pwdChangedTime: "+ago(2*time.Hour)) +
		personOf("expired", slapd.People, under("strict"), "pwdChangedTime: "+ago(2*time.Hour)) +
		personOf("reset", slapd.People, under("expiring"), "pwdReset: TRUE") +
		personOf("early", slapd.People, under("strict"), "pwdStartTime: "+ago(-time.Hour)) +
		personOf("late", slapd.People, under("strict"), "pwdEndTime: "+ago(time.Hour)) +
		personOf("guessed", slapd.People, under("strict"))
}

// startTroubled starts a server with these people. Only where slapd is told to, it
// says of an account that it is locked.
func startTroubled(tb testing.TB, tellsLocked bool) *slapd.Server {
	tb.Helper()
	s := slapd.Start(tb, slapd.Options{LDIF: troubled()})
	if tellsLocked {
		s.Stop(tb)
		s.Configure(tb, "ppolicy_use_lockout")
		s.Start(tb)
	}
	return s
}

// TestLDAPPasswordPolicy holds that the audit log can tell what the directory tells.
func TestLDAPPasswordPolicy(t *testing.T) {
	for name, c := range map[string]struct {
		tells  bool
		locked connectors.Reason
	}{
		"use_lockout":    {true, connectors.ReasonLocked},
		"no use_lockout": {false, connectors.ReasonWrongPassword},
	} {
		t.Run(name, func(t *testing.T) {
			l := ldapConnector(t, ldapConfig(startTroubled(t, c.tells)))
			mustSignIn(t, l, "soon")
			for range 2 {
				_, err := signIn(t, l, "guessed", "a-guess")
				wantReason(t, err, connectors.ReasonWrongPassword)
			}
			for user, want := range map[string]connectors.Reason{
				"grace":   connectors.ReasonGraceLogin,
				"expired": connectors.ReasonExpired,
				"reset":   connectors.ReasonMustChange,
				"locked":  c.locked,
				"early":   c.locked,
				"late":    c.locked,
				"guessed": c.locked,
			} {
				_, err := signIn(t, l, user, user+"-password")
				if err == nil {
					t.Errorf("%s signs in", user)
				}
				wantReason(t, err, want)
				mustSignIn(t, l, "alice") // on a connection that was that user's before
			}
			for range 2 { // of three, one was used up
				_, err := signIn(t, l, "grace", "grace-password")
				wantReason(t, err, connectors.ReasonGraceLogin)
			}
			_, err := signIn(t, l, "grace", "grace-password")
			wantReason(t, err, connectors.ReasonExpired)
			for _, user := range []string{"grace", "expired", "reset"} {
				_, err := signIn(t, l, user, "a-guess")
				wantReason(t, err, connectors.ReasonWrongPassword)
			}
		})
	}
}

// TestLDAPServiceAccountPolicy has the password policy speak of the account that
// searches.
func TestLDAPServiceAccountPolicy(t *testing.T) {
	s := slapd.Start(t, slapd.Options{LDIF: troubled(), Access: "access to * by users read by * none"})
	for user, want := range map[string]string{
		"expired": "its password has expired: change it, in the directory and as bind_password",
		"reset":   "its password was reset: change it, in the directory and as bind_password",
		"grace":   "",
	} {
		cfg := ldapConfig(s)
		cfg.BindDN, cfg.BindPassword = "uid="+user+","+slapd.People, connectors.NewSecret(user+"-password")
		_, err := openLDAP(t, cfg).Locate(t.Context(), "alice")
		if want == "" && err != nil || want != "" && (!isOutage(err) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error = %v, want an outage that says %q", user, err, want)
		}
	}
}

// TestLDAPWithoutPasswordPolicy holds that a server which does not know the control
// takes no notice of it.
func TestLDAPWithoutPasswordPolicy(t *testing.T) {
	l := ldapConnector(t, ldapConfig(slapd.Start(t, slapd.Options{Lax: true})))
	mustSignIn(t, l, "alice")
	mustSignIn(t, l, "locked")
	_, err := signIn(t, l, "alice", "a-guess")
	wantReason(t, err, connectors.ReasonWrongPassword)
}

// TestPasswordPolicyOverHTTP holds that clients are told nothing, whatever the reason,
// and the audit log all.
func TestPasswordPolicyOverHTTP(t *testing.T) {
	b := stack.StartBroker(t, program, ldapBroker(startTroubled(t, true), ""), nil)
	refused := b.Token(t, "alice", "a-guess", service)
	for user, want := range map[string]string{
		"grace": "grace-login", "expired": "password-expired", "reset": "must-change-password", "locked": "locked", "alice": "wrong-password",
	} {
		password := user + "-password"
		if user == "alice" {
			password = "another-guess"
		}
		a := b.Token(t, user, password, service)
		if a.Status != http.StatusUnauthorized || a.Body != refused.Body {
			t.Errorf("%s: %d %s, want what a wrong password is told: %s", user, a.Status, a.Body, refused.Body)
		}
		if got, want := constantHeaders(a.Header), constantHeaders(refused.Header); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: headers %v, want %v", user, got, want)
		}
		entries := b.Audit(t)
		if e := entries[len(entries)-1]; e.Username != user || e.Reason != want || e.Outcome != "unauthenticated" || e.Connector != "directory" {
			t.Errorf("%s: the audit log has %s %q of %q, want %q", user, e.Outcome, e.Reason, e.Connector, want)
		}
	}
}

// constantHeaders are the headers without those that differ from one answer to the next.
func constantHeaders(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"Date", "X-Request-Id"} {
		if h.Get(name) == "" {
			h.Set(name, "missing")
			continue
		}
		h.Del(name)
	}
	return h
}
