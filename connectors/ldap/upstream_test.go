package ldap_test

import (
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// TestUpstream holds which directories have the same accounts.
func TestUpstream(t *testing.T) {
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
		"world-wide ids": {func(*ldap.Config) {}, "entryuuid"},
		"another server": {func(c *ldap.Config) { c.URL = connectors.OneOrMany{"ldaps://b.example"} }, "entryuuid"},
		"objectGUID":     {func(c *ldap.Config) { c.Users.IDAttribute = "objectGUID" }, "objectguid"},
		"389":            {func(c *ldap.Config) { c.Users.IDAttribute = "nsUniqueId" }, "nsuniqueid"},
		"FreeIPA":        {func(c *ldap.Config) { c.Users.IDAttribute = "ipaUniqueID" }, "ipauniqueid"},
		"ids of its own": {func(c *ldap.Config) { c.Users.IDAttribute = "employeeNumber" }, "ldaps://a.example ou=people,dc=example"},
		"DNs that we make": {func(c *ldap.Config) {
			c.AnonymousSearch = false
			c.Users = ldap.Users{DNTemplate: "uid={username},ou=People,dc=example"}
		}, "ldaps://a.example ou=people,dc=example"},
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
