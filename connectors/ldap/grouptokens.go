package ldap

import (
	"context"
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

// groupTokens takes groups from the list that Active Directory makes for Windows
// (tokenGroups, MS-ADTS §3.1.1.4.5.19): security groups alone, through others that are
// security groups too, and the primary one.
type groupTokens struct {
	groupSearch
}

// groupsOf returns the names of the groups on the list that are below base_dn and match
// the filter.
func (g *groupTokens) groupsOf(ctx context.Context, e *entry) ([]string, error) {
	sids, err := g.sids(ctx, e.dn)
	if err != nil {
		return nil, err
	}
	w := walk{groupSearch: &g.groupSearch, seen: make(map[string]bool)}
	if _, err := w.level(ctx, equal(sidAttribute, sids)); err != nil {
		return nil, err
	}
	return distinct(w.names), nil
}

// sids reads the list, which no search but one for the entry itself shows. Everybody has a
// primary group: where it is empty, it cannot be read.
func (g *groupTokens) sids(ctx context.Context, dn string) ([]string, error) {
	found, err := g.search(ctx, &ldap.SearchRequest{
		BaseDN:       dn,
		Scope:        ldap.ScopeBaseObject,
		DerefAliases: ldap.NeverDerefAliases,
		Filter:       "(objectClass=*)",
		Attributes:   []string{g.config.FromAttribute},
	})
	switch {
	case err != nil:
		return nil, err
	case len(found.Entries) != 1:
		return nil, fmt.Errorf("the entry %q cannot be read again", dn)
	}
	sids, cut := valuesInRange(found.Entries[0], g.config.FromAttribute)
	more, err := rest(ctx, g.search, dn, cut, maxGroups)
	if err != nil {
		return nil, err
	}
	sids = append(sids, more...)
	switch {
	case len(sids) > maxGroups:
		return nil, errTooManyGroups
	case len(sids) == 0:
		return nil, unfit(tokenAdvice, "the entry %q shows no %s, which everybody has", dn, g.config.FromAttribute)
	}
	return sids, nil
}

// tokenAdvice says what to do where the list cannot be read.
const tokenAdvice = "let the account that searches read it (in Windows: a member of Windows Authorization Access Group, or of Pre-Windows 2000 Compatible Access), or have groups searched, by groups.nested: true"
