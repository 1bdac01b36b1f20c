package ldap_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// TestLockoutPolicies reads when directories lock accounts, which are of every kind, and
// answer oddly. That of real ones is in internal/e2e.
func TestLockoutPolicies(t *testing.T) {
	const (
		root   = "DC=corp"
		policy = "cn=policy,dc=example"
	)
	ad := func(threshold, window string) script {
		return script{search: func(base, _ string) ([]record, int) {
			switch base {
			case "":
				return []record{{"", map[string][]string{"defaultNamingContext": {root}}}}, 0
			case root:
				return []record{{root, map[string][]string{"lockoutThreshold": {threshold}, "lockoutObservationWindow": {window}}}}, 0
			}
			return nil, goldap.LDAPResultNoSuchObject
		}}
	}
	ppolicy := func(attributes map[string][]string) script {
		return script{search: func(base, _ string) ([]record, int) {
			if base == policy {
				return []record{{policy, attributes}}, 0
			}
			return []record{alice()}, goldap.LDAPResultSizeLimitExceeded
		}}
	}
	server := func(attributes map[string][]string, code int) script {
		return script{search: func(string, string) ([]record, int) {
			if attributes == nil {
				return nil, code
			}
			return []record{{"cn=config", attributes}}, code
		}}
	}
	of := func(name string, failures int, within time.Duration) string {
		return fmt.Sprint([]connectors.LockoutPolicy{{Name: name, Failures: failures, Within: within}})
	}
	const unsupported = "unsupported operation"
	for name, c := range map[string]struct {
		kind   string
		script script
		want   string // the policies, or what the error says
	}{
		"none":                         {"none", script{}, unsupported},
		"a domain":                     {"active-directory", ad("5", "-18000000000"), of(root, 5, 30*time.Minute)},
		"a domain that locks nobody":   {"active-directory", ad("0", "-18000000000"), of(root, 0, 30*time.Minute)},
		"a domain that never forgets":  {"active-directory", ad("5", "-9223372036854775808"), of(root, 5, 9223372036854775800)},
		"a threshold that is none":     {"active-directory", ad("many", "-1"), `the lockoutThreshold "many", which is no number`},
		"a threshold that is not seen": {"active-directory", ad("", "-1"), "DC=corp shows no lockoutThreshold: let the service account read it, or compare guard.lockout with it yourself"},
		"a domain without a root":      {"active-directory", script{search: func(string, string) ([]record, int) { return nil, 0 }}, `"" cannot be seen: let the service account read it`},
		"a domain that is busy":        {"active-directory", script{search: func(string, string) ([]record, int) { return nil, goldap.LDAPResultBusy }}, `reading "": `},
		"a policy":                     {"ppolicy", ppolicy(map[string][]string{"pwdLockout": {"TRUE"}, "pwdMaxFailure": {"5"}, "pwdFailureCountInterval": {"900"}}), of(policy, 5, 15*time.Minute)},
		"a policy that is off":         {"ppolicy", ppolicy(map[string][]string{"pwdLockout": {"FALSE"}, "pwdMaxFailure": {"5"}}), of(policy, 0, 0)},
		"a policy without a number":    {"ppolicy", ppolicy(map[string][]string{"pwdLockout": {"TRUE"}}), of(policy, 0, 0)},
		"a policy with a wrong one":    {"ppolicy", ppolicy(map[string][]string{"pwdMaxFailure": {"-1"}}), `the pwdMaxFailure "-1", which is no number`},
		"a policy with a wrong time":   {"ppolicy", ppolicy(map[string][]string{"pwdFailureCountInterval": {"soon"}}), `the pwdFailureCountInterval "soon", which is no number of seconds`},
		"a server":                     {"389ds", server(map[string][]string{"passwordLockout": {"on"}, "passwordMaxFailure": {"3"}, "passwordResetFailureCount": {"600"}}, 0), of("cn=config", 3, 10*time.Minute)},
		"a server that locks nobody":   {"389ds", server(map[string][]string{"passwordLockout": {"off"}, "passwordMaxFailure": {"3"}}, 0), of("cn=config", 0, 0)},
		"a server with a wrong number": {"389ds", server(map[string][]string{"passwordLockout": {"on"}, "passwordMaxFailure": {"x"}}, 0), `the passwordMaxFailure "x", which is no number`},
		"a server that keeps it":       {"389ds", server(nil, goldap.LDAPResultInsufficientAccessRights), unsupported},
		"a server that shows nothing":  {"389ds", server(map[string][]string{}, 0), unsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(listen(t, c.script.serve))
			if cfg.Users.Disabled = c.kind; c.kind == "ppolicy" {
				cfg.Users.PasswordPolicy = policy
			}
			got, err := open(t, cfg).LockoutPolicies(t.Context(), "")
			if errors.Is(err, errors.ErrUnsupported) != (c.want == unsupported) {
				t.Errorf("error %v", err)
			}
			if err == nil && fmt.Sprint(got) != c.want || err != nil && (len(got) > 0 || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, %v, want %s", got, err, c.want)
			}
		})
	}
}

// TestLockoutPolicyOfAPerson is that of the person where one is named, and where nobody goes
// by the name, that of everybody.
func TestLockoutPolicyOfAPerson(t *testing.T) {
	own := alice()
	own.attributes["pwdPolicySubentry"] = []string{"cn=own,dc=example"}
	s := script{search: func(base, filter string) ([]record, int) {
		switch {
		case base == "cn=own,dc=example" || base == "cn=all,dc=example":
			return []record{{base, map[string][]string{"pwdLockout": {"TRUE"}, "pwdMaxFailure": {"3"}}}}, 0
		case base == own.dn || strings.Contains(filter, "uid=alice"):
			return []record{own}, 0
		case strings.Contains(filter, "uid=two"):
			return []record{person("uid=two,dc=example", "two"), person("uid=2,dc=example", "two")}, 0
		case strings.Contains(filter, "uid=busy"):
			return nil, goldap.LDAPResultBusy
		}
		return nil, 0
	}}
	cfg := config(listen(t, s.serve))
	cfg.Users.Disabled, cfg.Users.PasswordPolicy = "ppolicy", "cn=all,dc=example"
	d := open(t, cfg)
	for username, want := range map[string]string{"alice": "cn=own,dc=example", "nobody": "cn=all,dc=example", "two": "cn=all,dc=example"} {
		got, err := d.LockoutPolicies(t.Context(), username)
		if want := []connectors.LockoutPolicy{{Name: want, Failures: 3}}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", username, got, err, want)
		}
	}
	if got, err := d.LockoutPolicies(t.Context(), "busy"); err == nil || len(got) != 1 {
		t.Errorf("whose entry cannot be read: %v, %v, want what is known, and the error", got, err)
	}
}
