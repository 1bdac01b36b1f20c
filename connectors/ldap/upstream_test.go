package ldap_test

import (
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// TestUpstream holds which directories have the same accounts: those of the same servers.
func TestUpstream(t *testing.T) {
	const both = "a.example:636 b.example:636 "
	config := func(change func(*ldap.Config)) *ldap.Config {
		c := ldap.DefaultConfig()
		c.URL, c.AnonymousSearch = connectors.OneOrMany{"ldaps://A.example", "ldaps://b.example"}, true
		c.Users.BaseDN = "ou=People,dc=example"
		change(c)
		return c
	}
	for name, tt := range map[string]struct {
		change func(*ldap.Config)
		want   string
	}{
		"an id of the server's": {func(*ldap.Config) {}, both + "entryuuid"},
		"another base":          {func(c *ldap.Config) { c.Users.BaseDN = "dc=example" }, both + "entryuuid"},
		"another order": {func(c *ldap.Config) {
			c.URL = connectors.OneOrMany{"ldaps://B.example:636", "ldaps://a.example/"}
		}, both + "entryuuid"},
		"StartTLS":                    {func(c *ldap.Config) { c.URL, c.StartTLS = connectors.OneOrMany{"ldap://b.example"}, true }, "b.example:389 entryuuid"},
		"another directory":           {func(c *ldap.Config) { c.URL = connectors.OneOrMany{"ldaps://staging.example"} }, "staging.example:636 entryuuid"},
		"a server of somebody else's": {func(c *ldap.Config) { c.URL = append(c.URL, "ldaps://evil.example") }, "a.example:636 b.example:636 evil.example:636 entryuuid"},
		"a port of somebody else's":   {func(c *ldap.Config) { c.URL = connectors.OneOrMany{"ldaps://a.example:1636"} }, "a.example:1636 entryuuid"},
		"objectGUID":                  {func(c *ldap.Config) { c.Users.IDAttribute = "objectGUID" }, both + "objectguid"},
		"389":                         {func(c *ldap.Config) { c.Users.IDAttribute = "nsUniqueId" }, both + "nsuniqueid"},
		"FreeIPA":                     {func(c *ldap.Config) { c.Users.IDAttribute = "ipaUniqueID" }, both + "ipauniqueid"},
		"ids of the directory's own":  {func(c *ldap.Config) { c.Users.IDAttribute = "employeeNumber" }, both + "employeenumber ou=people,dc=example"},
		"DNs that we make": {func(c *ldap.Config) {
			c.AnonymousSearch = false
			c.Users = ldap.Users{DNTemplate: "uid={username},ou=People,dc=example"}
		}, both + "ou=people,dc=example"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ldap.Open(config(tt.change), connectors.Deps{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = d.(interface{ Close() error }).Close() }()
			if got := d.(connectors.Upstreamed).Upstream(); got != tt.want {
				t.Errorf("Upstream() = %q, want %q", got, tt.want)
			}
		})
	}
}
