package ldap

import (
	"slices"
	"strings"
)

// upstream is the space of the accounts' ids.
func (c *Config) upstream() string {
	// RFC 4530; MS-ADA3 §2.44; 389 Directory Server; FreeIPA: all of them UUIDs.
	attribute := strings.ToLower(c.Users.IDAttribute)
	if slices.Contains([]string{"entryuuid", "objectguid", "nsuniqueid", "ipauniqueid"}, attribute) {
		return attribute
	}
	return c.upstreamOf(c.Users.BaseDN)
}

// upstreamOf is the server, with an entry below which people are.
func (c *Config) upstreamOf(base string) string {
	return strings.ToLower(c.URL[0] + " " + base)
}
