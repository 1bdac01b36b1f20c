package e2e_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestOpenLDAPPage gives slapd the rights of docs/directories/openldap.md: the service
// account sees all that is to be seen, with the password policy overlay, too.
func TestOpenLDAPPage(t *testing.T) {
	page := strings.ReplaceAll(document(t, "docs/directories/openldap.md"), "dc=corp,dc=example", slapd.Suffix)
	rules := regexp.MustCompile(`(?m)^ +(access to .+)$`).FindAllStringSubmatch(page, -1)
	if len(rules) != 4 {
		t.Fatalf("%d rules", len(rules))
	}
	policies := "ou=policies," + slapd.Suffix
	access := func(n int) (text string) {
		for _, rule := range rules[:n] {
			text += rule[1] + "\n"
		}
		return text
	}
	ldif := "dn: " + policies + "\nobjectClass: organizationalUnit\nou: policies\n\n" +
		replace(t, passwordPolicy("strict", "pwdLockout: TRUE", "pwdMustChange: TRUE"), "cn=strict,"+slapd.Suffix, "cn=strict,"+policies) +
		personOf("reset", slapd.People, "pwdReset: TRUE")
	for name, c := range map[string]struct {
		rules int
		want  string
	}{
		"all":        {4, `=> "reset" may not sign in: the password is to be changed`},
		"all but it": {3, `=> failed: "reset" was not looked for`},
	} {
		t.Run(name, func(t *testing.T) {
			s := slapd.Start(t, slapd.Options{Access: access(c.rules), LDIF: ldif})
			config := "vendor: openldap\n" + replace(t, directoryLines(s, s.TLSURL),
				"users: {base_dn: '"+slapd.Suffix+"'}", "users: {base_dn: '"+slapd.People+"', password_policy: 'cn=strict,"+policies+"'}")
			b := stack.NewBroker(t, program, orgConfig(config), nil)
			if r := b.Command(t, "", "check", "--connect", "--user", "reset"); !strings.Contains(r.Stdout, c.want) {
				t.Errorf("check prints\n%s\nwant %s", r.Stdout, c.want)
			}
		})
	}
}
