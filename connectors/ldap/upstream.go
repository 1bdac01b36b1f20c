package ldap

import (
	"slices"
	"strings"
)

// upstream is the space of the accounts' ids: of this directory alone. Also an id that is
// unique world-wide is only as good as who writes it: whoever runs another directory may give
// an entry there the id of an account here, and a copy has the ids of all.
func (c *Config) upstream() string {
	// RFC 4530; MS-ADA3 §2.44; 389 Directory Server; FreeIPA: all of them UUIDs, and the
	// same whatever base people are searched below.
	attribute := strings.ToLower(c.Users.IDAttribute)
	if slices.Contains([]string{"entryuuid", "objectguid", "nsuniqueid", "ipauniqueid"}, attribute) {
		return c.upstreamOf(attribute)
	}
	return c.upstreamOf(attribute + " " + c.Users.BaseDN)
}

// upstreamOf is the space of what means one account among those of the directory's servers,
// in whatever order they are listed.
func (c *Config) upstreamOf(what string) string {
	servers := make([]string, len(c.URL))
	for i, url := range c.URL {
		a, _ := parseAddress(url) // Validate has seen it
		servers[i] = strings.ToLower(a.String())
	}
	slices.Sort(servers)
	return strings.Join(append(servers, strings.ToLower(what)), " ")
}
