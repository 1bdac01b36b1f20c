package e2e_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/e2e/dirsrv"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestCheckConnectLockout has check --connect compare the guards with when a real slapd
// locks accounts.
func TestCheckConnectLockout(t *testing.T) {
	people := passwordPolicy("counting", "pwdLockout: TRUE", "pwdMaxFailure: 5", "pwdFailureCountInterval: 0") +
		passwordPolicy("strict", "pwdLockout: TRUE", "pwdMaxFailure: 3", "pwdFailureCountInterval: 1800") +
		personOf("watched", slapd.People, under("strict"))
	s := slapd.Start(t, slapd.Options{LDIF: people})
	const hidden = "access to dn.exact=\"cn=strict," + slapd.Suffix + "\" by * none\naccess to * by dn.exact=\"" + slapd.ServiceDN + "\" read by * none"
	blind := slapd.Start(t, slapd.Options{LDIF: people, Access: hidden})
	lines := func(s *slapd.Server) string {
		return replace(t, directoryLines(s, s.TLSURL), "users: {", "users: {disabled: ppolicy, password_policy: 'cn=counting,"+slapd.Suffix+"', ")
	}
	for name, c := range map[string]struct {
		server *slapd.Server
		guard  string
		args   []string
	}{
		"everybody": {s, "", nil},
		"longest":   {s, "lockout: {budget: 1, familiar: 1, window: 24h}", nil},
		"watched":   {s, "", []string{"--user", "watched"}},
		"others":    {s, "lockout: {budget: 0}", []string{"--user", "bob"}},
		"unseen":    {blind, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			config := replace(t, orgConfig(lines(c.server)), "type: ldap\n", "type: ldap\n        guard: {"+c.guard+"}\n")
			r := stack.NewBroker(t, program, config, nil).Command(t, "", append([]string{"check", "--connect"}, c.args...)...)
			if r.Code != 0 {
				t.Errorf("check exits %d: advice is no failure", r.Code)
			}
			golden(t, "connect/lockout-"+name+".txt", fromLockout(t, steadySteps(r.Text())))
		})
	}
}

// fromLockout is what check --connect prints from the first line about lockouts on.
func fromLockout(t *testing.T, text string) string {
	t.Helper()
	from := strings.Index(text, "    ok    lockout ")
	if from < 0 {
		t.Fatalf("nothing is said of lockouts:\n%s", text)
	}
	return text[from:]
}

// test389Lockout reads when the server locks accounts, as far as it lets anybody know.
func test389Lockout(t *testing.T, s *dirsrv.Server) {
	cfg := dirsrvConfig(s)
	if _, err := openLDAP(t, cfg).LockoutPolicies(t.Context(), ""); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("by an account that may not read cn=config: %v", err)
	}
	cfg.BindDN, cfg.BindPassword = dirsrv.Admin, connectors.NewSecret(dirsrv.Password)
	want := []connectors.LockoutPolicy{{Name: "cn=config", Failures: 2, Within: 10 * time.Minute}}
	if got, err := openLDAP(t, cfg).LockoutPolicies(t.Context(), ""); err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}
