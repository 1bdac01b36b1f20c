package ldap_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

const policyDN = "cn=policy,dc=example"

// TestResolveByPasswordPolicy looks up an entry of which something is noted, under a
// policy; what is compared with what slapd does is tested with slapd.
func TestResolveByPasswordPolicy(t *testing.T) {
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format("20060102150405Z") }
	type notes = map[string]string
	lockout := notes{"pwdLockout": "TRUE", "pwdLockoutDuration": "3600"}
	for name, c := range map[string]struct {
		entry, policy notes
		gone          bool
		outage        string
	}{
		"nothing noted":             {},
		"nothing noted, bad policy": {policy: notes{"pwdMaxAge": "x"}},
		"locked":                    {entry: notes{"pwdAccountLockedTime": at(-time.Minute)}, policy: lockout},
		"locked, and old":           {entry: notes{"pwdAccountLockedTime": at(-time.Minute), "pwdEndTime": at(-time.Minute)}, policy: lockout, gone: true},
		"locked without an end":     {entry: notes{"pwdAccountLockedTime": at(-time.Minute)}, policy: notes{"pwdLockout": "TRUE"}},
		"locked for a while":        {entry: notes{"pwdAccountTmpLockoutEnd": at(time.Minute)}, policy: lockout},
		"in another case":           {entry: notes{"PWDACCOUNTLOCKEDTIME": "000001010000Z"}, policy: notes{"PWDLOCKOUT": "true"}, gone: true},
		"no longer":                 {entry: notes{"pwdAccountLockedTime": at(-2 * time.Hour)}, policy: lockout},
		"by hand":                   {entry: notes{"pwdAccountLockedTime": "000001010000Z"}, policy: lockout, gone: true},
		"with a fraction":           {entry: notes{"pwdEndTime": time.Now().UTC().Format("20060102150405.000000Z")}, policy: lockout, gone: true},
		"with a zone":               {entry: notes{"pwdEndTime": "20200101000000+0200"}, policy: lockout, gone: true},
		"without seconds":           {entry: notes{"pwdEndTime": "202001010000Z"}, policy: lockout, gone: true},
		"without minutes":           {entry: notes{"pwdEndTime": "2020010100Z"}, policy: lockout, gone: true},
		"a policy of its own":       {entry: notes{"pwdPolicySubentry": "cn=own,dc=example", "pwdReset": "TRUE"}, policy: notes{"pwdMustChange": "TRUE"}},
		"the age of no password":    {entry: notes{"pwdReset": "FALSE", "pwdPolicySubentry": policyDN}, policy: notes{"pwdMaxAge": "1"}},
		"no time":                   {entry: notes{"pwdStartTime": "soon"}, policy: lockout, outage: `the entry "uid=alice,ou=people,dc=example" has the pwdStartTime "soon", which is no time`},
		"no number":                 {entry: notes{"pwdReset": "TRUE"}, policy: notes{"pwdMaxAge": "long"}, outage: `the password policy "cn=policy,dc=example" has the pwdMaxAge "long", which is no number of seconds`},
		"a negative number":         {entry: notes{"pwdReset": "TRUE"}, policy: notes{"pwdMaxIdle": "-1"}, outage: `has the pwdMaxIdle "-1", which is no number of seconds`},
		"too large a number":        {entry: notes{"pwdReset": "TRUE"}, policy: notes{"pwdMaxIdle": "9999999999999"}, outage: `which is no number of seconds`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(listen(t, script{search: func(base, _ string) ([]record, int) {
				switch base {
				case policyDN:
					return []record{{policyDN, values(c.policy)}}, 0
				case "cn=own,dc=example":
					return []record{{base, values(notes{"pwdMustChange": "FALSE"})}}, 0
				}
				found := alice()
				for name, value := range c.entry {
					found.attributes[name] = []string{value}
				}
				return []record{found}, 0
			}}.serve))
			cfg.Users.Disabled, cfg.Users.PasswordPolicy = "ppolicy", policyDN
			d := open(t, cfg)
			_, err := d.Resolve(t.Context(), "1")
			switch {
			case c.outage != "":
				wantOutage(t, err, c.outage)
			case errors.Is(err, connectors.ErrGone) != c.gone || !c.gone && err != nil:
				t.Errorf("error = %v, want ErrGone %v", err, c.gone)
			}
			if _, err := login(t, d, "alice", userPassword); err != nil {
				t.Errorf("login: %v: the directory alone decides about those", err)
			}
		})
	}
}

func values(notes map[string]string) map[string][]string {
	all := map[string][]string{"cn": {"x"}}
	for name, value := range notes {
		all[name] = []string{value}
	}
	return all
}

// TestStateIsAskedForByName holds that the attributes which directories keep for
// themselves are asked for where they matter, and there alone.
func TestStateIsAskedForByName(t *testing.T) {
	for disabled, want := range map[string][]string{
		"none": {"uid", "entryUUID"},
		"ppolicy": {
			"uid", "entryUUID", "pwdAccountLockedTime", "pwdAccountTmpLockoutEnd", "pwdStartTime", "pwdEndTime",
			"pwdChangedTime", "pwdLastSuccess", "pwdReset", "pwdPolicySubentry",
		},
	} {
		asked := make(chan []string, 2)
		cfg := config(listen(t, script{asks: func(attributes []string) { asked <- attributes }}.serve))
		cfg.Users.Disabled = disabled
		if _, err := open(t, cfg).Locate(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		if got := <-asked; !slices.Equal(got, want) {
			t.Errorf("disabled: %s asks for %q, want %q", disabled, got, want)
		}
	}
}

// TestWhatNothingSpeaksFrom holds that a lookup which finds nothing against an account says
// what it has seen of it.
func TestWhatNothingSpeaksFrom(t *testing.T) {
	for want, notes := range map[string]map[string]string{
		"nothing is noted, or the service account may not read it":                                                          nil,
		"locked after wrong passwords (pwdAccountLockedTime): no password is taken meanwhile; the account counts as before": {"pwdAccountLockedTime": "20260101000000Z"},
		"nothing against the account in pwdEndTime, pwdChangedTime, which is all that the service account sees":             {"pwdChangedTime": "20260101000000Z", "pwdEndTime": "99991231000000Z"},
	} {
		found := alice()
		for name, value := range notes {
			found.attributes[name] = []string{value}
		}
		cfg := config(listen(t, script{search: func(string, string) ([]record, int) { return []record{found}, 0 }}.serve))
		cfg.Users.Disabled = "ppolicy"
		ctx, steps := traced(t)
		if _, err := open(t, cfg).Resolve(ctx, "11111111-2222-3333-4444-555555555555"); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(*steps, func(s connectors.Step) bool { return s.Name == "password policy" })
		if i < 0 || (*steps)[i].Detail != want {
			t.Errorf("the steps are %+v, want one that says %q", *steps, want)
		}
	}
}

func TestValidateDisabled(t *testing.T) {
	const others = "is none of none, ppolicy (what OpenLDAP's password policy notes in an entry), active-directory and 389ds (FreeIPA too); for other directories, have users.filter leave out who is disabled"
	for name, c := range map[string]struct {
		edit func(*ldap.Config)
		want []connectors.FieldProblem
	}{
		"none":              {func(c *ldap.Config) { c.Users.Disabled = "none" }, nil},
		"ppolicy":           {func(c *ldap.Config) { c.Users.Disabled = "ppolicy" }, nil},
		"a policy":          {func(c *ldap.Config) { c.Users.Disabled, c.Users.PasswordPolicy = "ppolicy", policyDN }, nil},
		"Active Directory":  {func(c *ldap.Config) { c.Users.Disabled = "active-directory" }, nil},
		"389":               {func(c *ldap.Config) { c.Users.Disabled = "389ds" }, nil},
		"another directory": {func(c *ldap.Config) { c.Users.Disabled = "edirectory" }, faults("users.disabled", `"edirectory" `+others)},
		"a policy alone": {
			func(c *ldap.Config) { c.Users.PasswordPolicy = policyDN },
			faults("users.password_policy", "has no meaning without disabled: ppolicy: remove it, or set that"),
		},
		"no DN": {
			func(c *ldap.Config) { c.Users.Disabled, c.Users.PasswordPolicy = "ppolicy", "default" },
			faults("users.password_policy", `"default" is not a DN such as ou=people,dc=example,dc=org: DN ended with incomplete type, value pair`),
		},
		"by template": {
			func(c *ldap.Config) { *c = *templateConfig("ldaps://h"); c.Users.Disabled = "ppolicy" },
			faults("users.disabled", "has no meaning with dn_template, by which nobody is looked up without a password: remove one of the two"),
		},
	} {
		cfg := config("ldaps://h")
		c.edit(cfg)
		if got := cfg.Validate(); !slices.EqualFunc(got, c.want, func(a, b connectors.FieldProblem) bool { return a.Field == b.Field && a.Message == b.Message }) {
			t.Errorf("%s: Validate() = %q, want %q", name, got, c.want)
		}
	}
}

// TestTokenAdvice holds that a realm with access tokens is warned where nothing says who is
// disabled, and there alone.
func TestTokenAdvice(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*ldap.Config)
		warned bool
	}{
		"nothing said": {func(*ldap.Config) {}, true},
		"a vendor":     {func(c *ldap.Config) { c.Vendor = "openldap" }, false},
		"none":         {func(c *ldap.Config) { c.Users.Disabled = "none" }, false},
		"by template":  {func(c *ldap.Config) { *c = *templateConfig("ldaps://h") }, false},
	} {
		cfg := config("ldaps://h")
		cfg.Vendor, cfg.Users.Disabled = "", ""
		c.edit(cfg)
		if got := cfg.TokenAdvice(); len(got) > 0 != c.warned || c.warned && got[0].Field != "users.disabled" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
