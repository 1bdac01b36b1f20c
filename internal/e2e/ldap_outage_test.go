package e2e_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// transports are the ways to reach a server.
func transports() map[string]func(*slapd.Server) *ldap.Config {
	return map[string]func(*slapd.Server) *ldap.Config{"plain": ldapConfig, "StartTLS": startTLSConfig, "LDAPS": ldapsConfig}
}

// wantOutageWithin fails the test unless a login is an outage, in time.
func wantOutageWithin(t *testing.T, c connectors.Connector, most time.Duration) {
	t.Helper()
	start := time.Now()
	_, err := signIn(t, c, "alice", "alice-password")
	if !isOutage(err) {
		t.Errorf("error = %v, want an outage", err)
	}
	if took := time.Since(start); took > most {
		t.Errorf("the outage took %v, want %v at most", took, most)
	}
}

// wantRecovery fails the test unless logins succeed again within ten seconds.
func wantRecovery(t *testing.T, c connectors.Connector) {
	t.Helper()
	start := time.Now()
	for {
		_, err := signIn(t, c, "alice", "alice-password")
		switch {
		case err == nil:
			return
		case !isOutage(err):
			t.Fatalf("while recovering: %v", err)
		case time.Since(start) > 10*time.Second:
			t.Fatalf("not recovered after ten seconds: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestLDAPStopped(t *testing.T) {
	for name, transport := range transports() {
		t.Run(name, func(t *testing.T) {
			s := slapd.Start(t, slapd.Options{})
			c := ldapConnector(t, transport(s))
			mustSignIn(t, c, "alice")
			s.Stop(t)
			for range 3 {
				wantOutageWithin(t, c, 3*time.Second)
			}
			s.Start(t)
			wantRecovery(t, c)
		})
	}
}

// TestLDAPRestarted holds that connections which a restart has broken fail no login.
func TestLDAPRestarted(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	c := ldapConnector(t, ldapConfig(s))
	for range 3 {
		mustSignIn(t, c, "alice")
		s.Stop(t)
		s.Start(t)
	}
	mustSignIn(t, c, "alice")
}

func TestLDAPHung(t *testing.T) {
	for name, transport := range transports() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := slapd.Start(t, slapd.Options{})
			used, fresh := ldapConnector(t, transport(s)), ldapConnector(t, transport(s))
			mustSignIn(t, used, "alice")
			s.Pause(t)
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() { wantOutageWithin(t, used, 5*time.Second) })
				group.Go(func() { wantOutageWithin(t, fresh, 5*time.Second) })
			}
			group.Wait()
			s.Resume(t)
			wantRecovery(t, used)
			wantRecovery(t, fresh)
		})
	}
}

// TestLDAPHungBetween pauses the server after the search: the password stays
// unchecked, which is not a wrong one.
func TestLDAPHungBetween(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t, slapd.Options{})
	d := openLDAP(t, ldapsConfig(s))
	a, err := d.Locate(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	s.Pause(t)
	start := time.Now()
	_, err = d.Verify(t.Context(), a, connectors.NewSecret("alice-password"))
	if !isOutage(err) || time.Since(start) > 5*time.Second {
		t.Errorf("error = %v after %v, want an outage within 5s", err, time.Since(start))
	}
}

// TestLDAPKilledUnderLoad restarts the server while people sign in, rightly and
// wrongly: no answer may be the wrong one.
func TestLDAPKilledUnderLoad(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	c := ldapConnector(t, ldapsConfig(s))
	var stop atomic.Bool
	var right, wrong, outages atomic.Int64
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for !stop.Load() {
				password := "alice-password"
				if i%2 == 1 {
					password = "wrong-password"
				}
				id, err := signIn(t, c, "alice", password)
				switch {
				case isOutage(err):
					outages.Add(1)
				case i%2 == 0 && err == nil && len(id.Groups) == 3:
					right.Add(1)
				case i%2 == 1 && errors.Is(err, connectors.ErrRejected):
					wrong.Add(1)
				default:
					t.Errorf("login with %q: groups %q, %v", password, id.Groups, err)
				}
			}
		})
	}
	defer group.Wait()
	defer stop.Store(true)
	for range 3 {
		awaitMore(t, "login", &right)
		awaitMore(t, "refusal", &wrong)
		s.Stop(t)
		awaitMore(t, "outage", &outages)
		s.Start(t)
		wantRecovery(t, c)
	}
}

// awaitMore waits until there is one more of these.
func awaitMore(t *testing.T, what string, count *atomic.Int64) {
	t.Helper()
	before := count.Load()
	await(t, what, func() bool { return count.Load() > before })
}

// TestLDAPServicePassword holds that a wrong password of ours is an outage of ours, that
// the log says so, that nobody can have the directory lock the account over it, by
// logging in with invented names, and that nothing needs a restart when it is put right.
func TestLDAPServicePassword(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t, slapd.Options{LDIF: passwordPolicy("nervous", "pwdLockout: TRUE", "pwdMaxFailure: 3")})
	const changed = "another-password-canary"
	s.Modify(t, "dn: "+slapd.ServiceDN+"\nchangetype: modify\nreplace: userPassword\nuserPassword: "+changed+"\n-\nadd: pwdPolicySubentry\npwdPolicySubentry: cn=nervous,"+slapd.Suffix+"\n")
	log := &stack.Buffer{}
	d, err := ldap.New(ldapConfig(s), connectors.Deps{Name: "directory", Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	c := guard.Password(d, guard.Config{})
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			_, err := signIn(t, c, fmt.Sprintf("invented-%d", i), "wrong")
			want := "the directory refuses the service account; check bind_dn and bind_password, and whether the account is locked: result code 49 (invalid credentials)"
			if !isOutage(err) || !strings.Contains(err.Error(), want) {
				t.Errorf("error = %v, want an outage that says %q", err, want)
			}
		})
	}
	group.Wait()
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "check bind_dn and bind_password") || strings.Contains(text, slapd.ServicePassword) {
		t.Errorf("log = %s\nwant one line, without the password", text)
	}
	right := ldapConfig(s)
	right.BindPassword = connectors.NewSecret(changed)
	mustSignIn(t, ldapConnector(t, right), "alice") // the account is not locked
	s.Modify(t, "dn: "+slapd.ServiceDN+"\nchangetype: modify\nreplace: userPassword\nuserPassword: "+slapd.ServicePassword+"\n")
	for start := time.Now(); ; time.Sleep(time.Second) {
		_, err := signIn(t, c, "alice", "alice-password")
		if err == nil {
			break
		}
		if !isOutage(err) || time.Since(start) > 45*time.Second {
			t.Fatalf("45 seconds after the account was mended: %v", err)
		}
	}
	if want := "people can sign in again"; !strings.Contains(log.String(), want) {
		t.Errorf("log = %s\nwant %q in it", log, want)
	}
}

// TestLDAPMisconfigured holds that what the operator got wrong is told as such, and
// never as an unknown user.
func TestLDAPMisconfigured(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	for name, c := range map[string]struct {
		edit func(*ldap.Config)
		want string
	}{
		"users' base":  {func(c *ldap.Config) { c.Users.BaseDN = "ou=peeple,dc=example,dc=org" }, "searching for the user: result code 32 (no such object): the base_dn does not exist, or the service account may not see it"},
		"groups' base": {func(c *ldap.Config) { c.Groups.BaseDN = "ou=grupes,dc=example,dc=org" }, "reading the groups: result code 32 (no such object): the base_dn does not exist, or the service account may not see it"},
		"another tree": {func(c *ldap.Config) { c.Users.BaseDN = "dc=example,dc=com" }, "searching for the user: result code "},
		"id attribute": {func(c *ldap.Config) { c.Users.IDAttribute = "employeeNumber" }, "has 0 values of employeeNumber, want one: check id_attribute"},
		"user name": {func(c *ldap.Config) {
			c.Users.UsernameAttribute, c.Users.LoginAttributes = "displayName", []string{"uid"}
		}, "has no displayName: check username_attribute"},
		"group name":   {func(c *ldap.Config) { c.Groups.NameAttribute = "ou" }, "has no ou: check groups.name_attribute"},
		"no such bind": {func(c *ldap.Config) { c.BindDN = "cn=nobody,dc=example,dc=org" }, "the directory refuses the service account; check bind_dn and bind_password, and whether the account is locked: "},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := ldapConfig(s)
			c.edit(cfg)
			_, err := signIn(t, ldapConnector(t, cfg), "alice", "alice-password")
			if !isOutage(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want an outage that says %q", err, c.want)
			}
		})
	}
}
