package e2e_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/samba"
)

// manyGroups are more than Active Directory sends values of an attribute at once.
const manyGroups = 1510

// directory reads the entries of a directory of the tests.
func directory(tb testing.TB, name string) string {
	tb.Helper()
	content, err := os.ReadFile("testdata/directories/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return string(content)
}

// joinedGroups are groups that joiner is a member of, bob of the first of them, and one
// that they all are members of.
func joinedGroups() string {
	var b, all strings.Builder
	fmt.Fprintf(&b, "\ndn: OU=Many,%s\nobjectClass: organizationalUnit\n", samba.Root)
	for i := range manyGroups {
		fmt.Fprintf(&b, "\ndn: CN=g%d,OU=Many,%s\nobjectClass: group\nsAMAccountName: g%[1]d\nmember: CN=Joiner,OU=Staff,%[2]s\n", i, samba.Root)
		if i == 0 {
			fmt.Fprintf(&b, "member: CN=Robert Roe,OU=Staff,%s\n", samba.Root)
		}
		fmt.Fprintf(&all, "member: CN=g%d,OU=Many,%s\n", i, samba.Root)
	}
	fmt.Fprintf(&b, "\ndn: CN=all,OU=Many,%s\nobjectClass: group\nsAMAccountName: all-of-them\n%s", samba.Root, all.String())
	return b.String()
}

// TestActiveDirectory has one domain with two domain controllers, the second of which has
// joined the first, for all that is tested with it.
func TestActiveDirectory(t *testing.T) {
	d := samba.Start(t, directory(t, "active-directory.ldif"), 2, "CN=old,OU=Staff,"+samba.Root)
	for _, part := range []struct {
		name string
		test func(*testing.T, *samba.Domain)
	}{
		{"contract", testADContract},
		{"names", testADNames},
		{"groups", testADGroups},
		{"guard", testADGuard},
		{"reasons", testADReasons},
		{"lookups", testADLookups},
		{"transports", testADTransports},
		{"service account", testADServiceAccount},
		{"program", testADProgram},
		{"connect", testADConnect},
		{"lockout", testADLockout},
		{"failover", testADFailover}, // the last one: it stops the first
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, d) })
	}
}

// TestActiveDirectoryManyGroups signs somebody in who is in more groups than Active
// Directory sends at once, and somebody who is in a group of more members. (Samba sends
// them all unless it is asked for a range; that ranges are read on is tested in
// connectors/ldap.)
func TestActiveDirectoryManyGroups(t *testing.T) {
	d := samba.Start(t, directory(t, "active-directory.ldif")+joinedGroups(), 1)
	cfg := adConfig(d)
	cfg.Groups = &ldap.Groups{BaseDN: "OU=Many," + samba.Root, FromAttribute: "memberOf", NameAttribute: "cn"}
	if id := mustSignIn(t, ldapConnector(t, cfg), "joiner"); len(id.Groups) != manyGroups {
		t.Errorf("%d groups, want %d", len(id.Groups), manyGroups)
	}
	cfg = adConfig(d)
	cfg.Groups = &ldap.Groups{BaseDN: "OU=Many," + samba.Root, Nested: true}
	if id := mustSignIn(t, ldapConnector(t, cfg), "bob"); !slices.Equal(id.Groups, []string{"all-of-them", "g0"}) {
		t.Errorf("bob is in %q", id.Groups)
	}
}

// adConfig is what a working configuration takes, and no more.
func adConfig(d *samba.Domain) *ldap.Config {
	c := ldap.DefaultConfig()
	c.Vendor = "active-directory"
	c.URL = connectors.OneOrMany{d.Controllers[0].URL()}
	c.CAFile = connectors.Path(d.CAFile)
	c.BindDN, c.BindPassword = "shorepass@corp.example", connectors.NewSecret("service-password")
	c.Domain = samba.Name
	c.Users.BaseDN = samba.Root
	c.Groups = &ldap.Groups{BaseDN: samba.Root}
	return c
}
