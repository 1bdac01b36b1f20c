package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-ldap/ldap/v3"
)

// The bounds of a person's groups. Beyond them a login fails: to go on with fewer
// groups could mean to go on with fewer denies.
const (
	maxGroups  = 5000 // all that a person is in
	maxNesting = 10   // levels, direct groups being the first
	batch      = 50   // groups whose own groups are asked for at once
)

var (
	errTooManyGroups = fmt.Errorf("the user is in more than %d groups: narrow the base_dn or filter of groups", maxGroups)
	errTooDeep       = fmt.Errorf("groups are nested deeper than %d levels", maxNesting)
)

// adviceToSearch is for an attribute that cannot be read whole.
const adviceToSearch = "have groups searched instead, without groups.from_attribute"

// groupSource finds the groups of a person, all of them or none.
type groupSource interface {
	groupsOf(ctx context.Context, e *entry) ([]string, error)
}

// searchFunc runs a search.
type searchFunc func(ctx context.Context, r *ldap.SearchRequest) (ldap.SearchResult, error)

// newGroupSource returns the source that the configuration asks for; nil for none.
func newGroupSource(g *Groups, search searchFunc) (groupSource, error) {
	if g == nil {
		return nil, nil
	}
	switch {
	case g.FromAttribute == "":
		return &groupSearch{config: g, search: search}, nil
	case g.byToken():
		return &groupTokens{groupSearch{config: g, search: search}}, nil
	}
	base, err := parseDN(g.BaseDN)
	if err != nil {
		return nil, fmt.Errorf("groups.base_dn: %w", err)
	}
	return &groupAttribute{config: g, base: base, search: search}, nil
}

// groupAttribute takes groups from an attribute of the person's entry.
type groupAttribute struct {
	config *Groups
	base   *ldap.DN
	search searchFunc
}

// groupsOf returns the names of the groups below base_dn.
func (g *groupAttribute) groupsOf(ctx context.Context, e *entry) ([]string, error) {
	more, err := rest(ctx, g.search, e.dn, e.cut, maxGroups)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, adviceToSearch)
	}
	all := slices.Concat(e.memberOf, more)
	if len(all) > maxGroups {
		return nil, errTooManyGroups
	}
	var names []string
	for _, text := range all {
		dn, err := parseDN(text)
		if err != nil {
			return nil, fmt.Errorf("%s holds %q, which is not a DN: %w", g.config.FromAttribute, text, err)
		}
		if !g.counts(dn) {
			continue
		}
		name, ok := rdnValue(dn, g.config.NameAttribute)
		if !ok || name == "" {
			return nil, unfit("correct groups.name_attribute", "the group %q is not named by %s", text, g.config.NameAttribute)
		}
		names = append(names, name)
	}
	return distinct(names), nil
}

// counts reports whether a group is where groups are.
func (g *groupAttribute) counts(dn *ldap.DN) bool {
	return g.base.AncestorOf(dn) && (g.config.Scope != scopeOne || len(dn.RDNs) == len(g.base.RDNs)+1)
}

// groupSearch searches for groups that list the person.
type groupSearch struct {
	config *Groups
	search searchFunc
}

// groupsOf returns the names of the groups that list the person, and, where groups
// nest, of those that list these.
func (g *groupSearch) groupsOf(ctx context.Context, e *entry) ([]string, error) {
	w := walk{groupSearch: g, seen: make(map[string]bool)}
	members := []string{e.dn}
	if g.config.MemberValue == memberUsername {
		members = spellings(e.names)
	}
	primary, err := g.primary(ctx, e)
	if err != nil {
		return nil, err
	}
	wanted := append(g.listing(members), primary...)
	for level := 1; len(wanted) > 0; level++ {
		found, err := w.level(ctx, wanted)
		switch {
		case g.config.inChain() && errors.Is(err, errNoAnswer):
			return nil, fmt.Errorf("%w: following chains of groups may be too much for the directory: have it list them itself, by groups.from_attribute: tokenGroups; narrow groups.base_dn; or set groups.nested: true in place of in_chain, which goes through groups below base_dn alone", err)
		case err != nil:
			return nil, err
		case !g.config.Nested:
			return distinct(w.names), nil
		case level > maxNesting && len(found) > 0:
			return nil, errTooDeep
		}
		wanted = g.listing(found)
	}
	return distinct(w.names), nil
}

// listing returns the filters of the groups that list one of the members, or, in chain,
// that list groups which do.
func (g *groupSearch) listing(members []string) []string {
	attribute := g.config.MemberAttribute
	if g.config.inChain() {
		attribute += ":1.2.840.113556.1.4.1941:" // MS-ADTS §3.1.1.3.4.4.3
	}
	return equal(attribute, members)
}

// primary returns the filters of the group that the person's entry names and, where
// groups nest, of those that list it, wherever it is itself.
func (g *groupSearch) primary(ctx context.Context, e *entry) ([]string, error) {
	if !g.config.primaryBySID() {
		return equal(g.config.PrimaryAttribute, e.primary), nil
	}
	sid, err := primarySID(e.raw, e.primary)
	if err != nil || sid == "" {
		return nil, err
	}
	filters := equal(sidAttribute, []string{sid})
	if !g.config.inChain() && !g.config.Nested {
		return filters, nil
	}
	base := "<SID=" + formatSID(sid) + ">" // MS-ADTS §3.1.1.3.1.2.4
	found, err := g.search(ctx, &ldap.SearchRequest{BaseDN: base, Scope: ldap.ScopeBaseObject, Filter: "(objectClass=*)", Attributes: []string{"1.1"}})
	if err != nil {
		return nil, err
	}
	if len(found.Entries) != 1 {
		return nil, fmt.Errorf("the user's primary group, %s, cannot be seen", base)
	}
	return append(filters, g.listing([]string{found.Entries[0].DN})...), nil
}

// walk collects the groups of one person.
type walk struct {
	*groupSearch
	seen  map[string]bool // by DN
	names []string
}

// level adds the groups that match one of the filters, and returns the DNs of those
// that are new.
func (w *walk) level(ctx context.Context, filters []string) ([]string, error) {
	var found []string
	for part := range slices.Chunk(filters, batch) {
		entries, err := w.matching(ctx, part)
		if err != nil {
			return nil, err
		}
		for _, raw := range entries {
			isNew, err := w.add(raw)
			if err != nil {
				return nil, err
			}
			if isNew {
				found = append(found, raw.DN)
			}
		}
	}
	return found, nil
}

// matching returns the groups that match one of the filters.
func (w *walk) matching(ctx context.Context, filters []string) ([]*ldap.Entry, error) {
	found, err := w.search(ctx, &ldap.SearchRequest{
		BaseDN:           w.config.BaseDN,
		Scope:            searchScope(w.config.Scope),
		DerefAliases:     ldap.NeverDerefAliases,
		SizeLimit:        maxGroups + 1,
		EnforceSizeLimit: true,
		Filter:           "(&" + w.config.Filter + or(filters) + ")",
		Attributes:       []string{w.config.NameAttribute},
	})
	switch {
	case len(found.Entries) > maxGroups && isSizeLimit(err):
		return nil, errTooManyGroups
	case err != nil:
		return nil, err
	}
	for _, to := range found.Referrals {
		if !isHousekeeping(to) {
			return nil, fmt.Errorf("some may be on another server (the directory refers to %q): narrow groups.base_dn to what this server holds, or point url at a server that holds all groups", firstWords(to))
		}
	}
	return found.Entries, nil
}

// add notes a group, and reports whether it is a new one.
func (w *walk) add(raw *ldap.Entry) (bool, error) {
	dn, err := parseDN(raw.DN)
	if err != nil {
		return false, fmt.Errorf("the directory names a group %q, which is not a DN: %w", raw.DN, err)
	}
	if w.seen[dn.String()] {
		return false, nil
	}
	names, err := values(raw, w.config.NameAttribute)
	if err != nil {
		return false, err
	}
	if len(names) == 0 || slices.Contains(names, "") {
		return false, fmt.Errorf("the group %q has no %s: check groups.name_attribute, and that whoever searches may read it", raw.DN, w.config.NameAttribute)
	}
	if len(w.seen) == maxGroups {
		return false, errTooManyGroups
	}
	w.seen[dn.String()] = true
	w.names = append(w.names, fold(canonicalName(dn, w.config.NameAttribute, names)))
	return true, nil
}

// spellings returns names and their lower-case forms: the attributes that list user
// names tell case apart (memberUid, RFC 2307), those that hold them do not.
func spellings(names []string) []string {
	all := slices.Clone(names)
	for _, n := range names {
		all = append(all, fold(n))
	}
	return distinct(all)
}

// distinct sorts a list and leaves out what is repeated.
func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
