package e2e_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
)

// defaultPolicy is slapd's ppolicy_default in these tests.
const defaultPolicy = "cn=default," + slapd.Suffix

// ppolicyConfig has people looked up with what their password policy says of them.
func ppolicyConfig(s *slapd.Server) *ldap.Config {
	c := ldapConfig(s)
	c.Users.Disabled, c.Users.PasswordPolicy = "ppolicy", defaultPolicy
	return c
}

// lockedByGuesses are those of noted whom wrong passwords keep from signing in: nobody is
// gone for that.
func lockedByGuesses() []string {
	return []string{"locked-now", "locked-for-ever", "locked-by-zero", "locked-default", "throttled"}
}

// noted are people about whom the directory has noted something, and whether that
// keeps them from signing in with the right password.
func noted() (ldif string, disabled map[string]bool) {
	var b strings.Builder
	b.WriteString(passwordPolicy("hard", "pwdLockout: TRUE", "pwdLockoutDuration: 3600", "pwdMaxAge: 3600", "pwdMustChange: TRUE", "pwdMaxIdle: 3600") +
		passwordPolicy("forever", "pwdLockout: TRUE") +
		passwordPolicy("zero", "pwdLockout: TRUE", "pwdLockoutDuration: 0", "pwdMaxAge: 0") +
		passwordPolicy("soft", "pwdLockoutDuration: 3600", "pwdMaxIdle: 3600") +
		passwordPolicy("grace", "pwdMaxAge: 3600", "pwdGraceAuthNLimit: 100"))
	disabled = map[string]bool{"alice": false, "locked": true}
	for _, p := range []struct {
		name  string
		is    bool
		lines []string
	}{
		{"fine", false, []string{under("hard"), "pwdChangedTime: " + ago(time.Minute)}},
		{"locked-now", true, []string{under("hard"), "pwdAccountLockedTime: " + ago(time.Minute)}},
		{"locked-then", false, []string{under("hard"), "pwdAccountLockedTime: " + ago(2*time.Hour)}},
		{"locked-ahead", false, []string{under("hard"), "pwdAccountLockedTime: " + ago(-time.Hour)}},
		{"for-ever-ahead", false, []string{under("forever"), "pwdAccountLockedTime: " + ago(-time.Hour)}},
		{"locked-by-hand", true, []string{under("hard"), "pwdAccountLockedTime: 000001010000Z"}},
		{"locked-for-ever", true, []string{under("forever"), "pwdAccountLockedTime: " + ago(1000*time.Hour)}},
		{"locked-by-zero", true, []string{under("zero"), "pwdAccountLockedTime: " + ago(1000*time.Hour)}},
		{"locked-softly", false, []string{under("soft"), "pwdAccountLockedTime: " + ago(time.Minute)}},
		{"by-hand-softly", false, []string{under("soft"), "pwdAccountLockedTime: 000001010000Z"}},
		{"locked-default", true, []string{"pwdAccountLockedTime: " + ago(time.Minute)}},
		{"throttled", true, []string{under("hard"), "pwdAccountTmpLockoutEnd: " + ago(-time.Minute)}},
		{"throttled-then", false, []string{under("hard"), "pwdAccountTmpLockoutEnd: " + ago(time.Minute)}},
		{"throttled-softly", false, []string{under("soft"), "pwdAccountTmpLockoutEnd: " + ago(-time.Minute)}},
		{"not-yet", true, []string{under("hard"), "pwdStartTime: " + ago(-time.Minute)}},
		{"not-yet-softly", true, []string{under("soft"), "pwdStartTime: " + ago(-time.Minute)}},
		{"since", false, []string{under("hard"), "pwdStartTime: " + ago(time.Minute)}},
		{"no-more", true, []string{under("hard"), "pwdEndTime: " + ago(time.Minute)}},
		{"no-more-softly", true, []string{under("soft"), "pwdEndTime: " + ago(time.Minute)}},
		{"until", false, []string{under("hard"), "pwdEndTime: " + ago(-time.Hour)}},
		{"reset-hard", true, []string{under("hard"), "pwdReset: TRUE"}},
		{"reset-false", false, []string{under("hard"), "pwdReset: FALSE"}},
		{"reset-softly", false, []string{under("soft"), "pwdReset: TRUE"}},
		{"too-old", true, []string{under("hard"), "pwdChangedTime: " + ago(2*time.Hour)}},
		{"old-enough", false, []string{under("zero"), "pwdChangedTime: " + ago(1000*time.Hour)}},
		{"old-softly", false, []string{under("soft"), "pwdChangedTime: " + ago(1000*time.Hour)}},
		{"on-grace", true, []string{under("grace"), "pwdChangedTime: " + ago(2*time.Hour)}},
	} {
		disabled[p.name] = p.is
		b.WriteString(personOf(p.name, slapd.People, p.lines...))
	}
	return b.String(), disabled
}

// ids returns the stable ids of people, whether or not they may sign in.
func ids(tb testing.TB, s *slapd.Server) func(name string) string {
	tb.Helper()
	lookup := openLDAP(tb, ldapConfig(s))
	return func(name string) string {
		a, err := lookup.Locate(tb.Context(), name)
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		return a.ID
	}
}

// TestLDAPDisabled holds that a lookup says of everybody what a login with the right
// password says, but of those whom wrong passwords have locked.
func TestLDAPDisabled(t *testing.T) {
	ldif, disabled := noted()
	s := slapd.Start(t, slapd.Options{LDIF: ldif})
	idOf := ids(t, s)
	d := openLDAP(t, ppolicyConfig(s))
	blind := openLDAP(t, ldapConfig(s))
	login := ldapConnector(t, ldapConfig(s))
	for name, want := range disabled {
		id := idOf(name)
		gone := want && !slices.Contains(lockedByGuesses(), name)
		if _, err := d.Resolve(t.Context(), id); errors.Is(err, connectors.ErrGone) != gone || !gone && err != nil {
			t.Errorf("%s: Resolve: %v, want ErrGone %v", name, err, gone)
		}
		if got, err := blind.Resolve(t.Context(), id); err != nil || got.Username != name {
			t.Errorf("%s, with disabled: none: %v", name, err)
		}
		if _, err := signIn(t, login, name, name+"-password"); errors.Is(err, connectors.ErrRejected) != want || !want && err != nil {
			t.Errorf("%s: login: %v, want a rejection %v", name, err, want)
		}
	}
}

// TestLDAPDisabledLater has wrong passwords lock accounts, which a lookup takes no notice
// of, and then an administrator, which it does.
func TestLDAPDisabledLater(t *testing.T) {
	s := slapd.Start(t, slapd.Options{LDIF: passwordPolicy("long", "pwdLockout: TRUE", "pwdMaxFailure: 2", "pwdLockoutDuration: 3600") +
		personOf("guessed", slapd.People, under("long"))})
	idOf := ids(t, s)
	d := openLDAP(t, ppolicyConfig(s))
	login := ldapConnector(t, ppolicyConfig(s))
	resolves := func(step, name string, want bool) {
		t.Helper()
		if _, err := d.Resolve(t.Context(), idOf(name)); errors.Is(err, connectors.ErrGone) == want || want && err != nil {
			t.Errorf("%s, %s: %v, want to resolve: %v", step, name, err, want)
		}
	}
	resolves("at first", "guessed", true)
	for range 2 {
		_, _ = signIn(t, login, "guessed", "a-guess")
	}
	if _, err := signIn(t, login, "guessed", "guessed-password"); !errors.Is(err, connectors.ErrRejected) {
		t.Errorf("after two guesses, the right password: %v", err)
	}
	resolves("after two guesses", "guessed", true)
	s.Modify(t, "dn: uid=guessed,"+slapd.People+"\nchangetype: modify\nreplace: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n")
	resolves("locked by hand", "guessed", false)
	s.Modify(t, "dn: uid=guessed,"+slapd.People+"\nchangetype: modify\ndelete: pwdAccountLockedTime\n")
	resolves("unlocked by hand", "guessed", true)
}

// TestLDAPDisabledByIdleness has slapd note when people sign in, and refuse those who
// have not for too long.
func TestLDAPDisabledByIdleness(t *testing.T) {
	s := slapd.Start(t, slapd.Options{LDIF: passwordPolicy("idle", "pwdLockout: TRUE", "pwdMaxIdle: 2") + passwordPolicy("lax", "pwdMaxIdle: 2") + passwordPolicy("patient", "pwdLockout: TRUE", "pwdMaxIdle: 3600") +
		personOf("idler", slapd.People, under("idle")) + personOf("laxer", slapd.People, under("lax")) + personOf("patient", slapd.People, under("patient"))})
	s.Stop(t)
	s.Configure(t, "lastbind on")
	s.Start(t)
	d := openLDAP(t, ppolicyConfig(s))
	login := ldapConnector(t, ppolicyConfig(s))
	laxer, patient, idler := mustSignIn(t, login, "laxer"), mustSignIn(t, login, "patient"), mustSignIn(t, login, "idler")
	eventually(t, "the idler is idle for too long", func() bool {
		_, err := d.Resolve(t.Context(), idler.ID)
		return errors.Is(err, connectors.ErrGone)
	})
	time.Sleep(2 * time.Second) // slapd counts whole seconds, and a login would begin them anew
	for _, p := range []struct {
		id       connectors.Identity
		disabled bool
	}{{idler, true}, {laxer, false}, {patient, false}} {
		if _, err := d.Resolve(t.Context(), p.id.ID); errors.Is(err, connectors.ErrGone) != p.disabled || !p.disabled && err != nil {
			t.Errorf("%s: Resolve: %v, want ErrGone %v", p.id.Username, err, p.disabled)
		}
		if _, err := signIn(t, login, p.id.Username, p.id.Username+"-password"); errors.Is(err, connectors.ErrRejected) != p.disabled {
			t.Errorf("%s: login: %v, want a rejection %v", p.id.Username, err, p.disabled)
		}
	}
}

// eventually waits until something is so.
func eventually(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("after a minute, still not so: %s", what)
		}
	}
}

// TestLDAPPolicyNotKnown holds what is seen where nobody tells the default policy, and
// what where a policy cannot be read.
func TestLDAPPolicyNotKnown(t *testing.T) {
	s := slapd.Start(t, slapd.Options{
		LDIF: passwordPolicy("hidden") + personOf("under-hidden", slapd.People, under("hidden")) +
			personOf("until-noon", slapd.People, "pwdAccountLockedTime: "+ago(1000*time.Hour)) +
			personOf("made-anew", slapd.People, "pwdReset: TRUE") +
			personOf("ancient", slapd.People, "pwdChangedTime: "+ago(10000*time.Hour)),
		Access: "access to dn.exact=cn=hidden," + slapd.Suffix + " by * none\naccess to * by dn.exact=" + slapd.ServiceDN + " read by * none",
	})
	idOf := ids(t, s)
	cfg := ppolicyConfig(s)
	cfg.Users.PasswordPolicy = ""
	d := openLDAP(t, cfg)
	for name, want := range map[string]bool{"locked": true, "until-noon": false, "made-anew": true, "ancient": false, "alice": false} {
		if _, err := d.Resolve(t.Context(), idOf(name)); errors.Is(err, connectors.ErrGone) != want || !want && err != nil {
			t.Errorf("%s: %v, want ErrGone %v", name, err, want)
		}
	}
	_, err := d.Resolve(t.Context(), idOf("under-hidden"))
	if want := `the password policy "cn=hidden,dc=example,dc=org" cannot be seen: let the service account read it`; !isOutage(err) || !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want an outage that says %q", err, want)
	}
	cfg.Users.PasswordPolicy = "cn=missing," + slapd.Suffix
	if _, err := openLDAP(t, cfg).Resolve(t.Context(), idOf("ancient")); !isOutage(err) || !strings.Contains(err.Error(), "check users.password_policy") {
		t.Errorf("error = %v, want an outage that says what to check", err)
	}
}

// TestLDAPDisabledContract runs the contract with accounts that lookups know to be
// locked.
func TestLDAPDisabledContract(t *testing.T) {
	server := slapd.Start(t, slapd.Options{})
	stopped := slapd.Start(t, slapd.Options{})
	stopped.Stop(t)
	connect := func(s *slapd.Server) func(testing.TB) connectors.Connector {
		return func(tb testing.TB) connectors.Connector {
			return guard.Password(openLDAP(tb, ppolicyConfig(s)), guard.Config{Usernames: []string{"a*", "l*", "no*"}})
		}
	}
	f := aliceFixture(connect(server), connect(stopped))
	f.DisabledID = ids(t, server)("locked")
	connectortest.Run(t, f)
}
