package ldap

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// base fails where the base is not there, and tells what is.
func (p *probe) base(t tree) error {
	_, err := p.search(p.ctx, &ldap.SearchRequest{BaseDN: t.base, Scope: ldap.ScopeBaseObject, Filter: "(objectClass=*)", Attributes: []string{"1.1"}})
	if code, ok := resultCode(err); !ok || code != ldap.LDAPResultNoSuchObject {
		return err
	}
	fix := fmt.Sprintf("correct %s.base_dn, or let %s see it", t.key, p.searcher)
	if p.searcher == anonymous {
		fix += ", or set bind_dn and bind_password in place of anonymous_search"
	}
	if there := p.nearest(t.base); there != "" {
		fix += "; " + there
	}
	_, cause := told(err)
	return &probeError{err: cause, fix: fix}
}

// nearest tells of the entries nearest to a DN that is not there: what lies below the
// closest of those above it, or else where the server's entries begin.
func (p *probe) nearest(text string) string {
	dn, err := ldap.ParseDN(text)
	if err != nil {
		return ""
	}
	for len(dn.RDNs) > 1 {
		dn = &ldap.DN{RDNs: dn.RDNs[1:]}
		if found, err := p.sample(dn.String(), ldap.ScopeSingleLevel, "(objectClass=*)", "1.1"); err == nil {
			if len(found) == 0 {
				return fmt.Sprintf("%s exists, and nothing below it can be seen by %s", dn, p.searcher)
			}
			return fmt.Sprintf("%s exists, and has below it: %s", dn, strings.Join(names(found), ", "))
		}
	}
	if contexts := namingContexts(p.ctx, p.search); len(contexts) > 0 {
		return "the server's entries are below " + strings.Join(contexts, "; ")
	}
	return ""
}

// namingContexts are where the server's entries begin, as far as it tells (RFC 4512
// §5.1).
func namingContexts(ctx context.Context, search searchFunc) []string {
	root, err := search(ctx, &ldap.SearchRequest{BaseDN: "", Scope: ldap.ScopeBaseObject, Filter: "(objectClass=*)", Attributes: []string{"namingContexts"}})
	if err != nil || len(root.Entries) == 0 {
		return nil
	}
	return root.Entries[0].GetAttributeValues("namingContexts")
}

// names are what entries are called below the one above them; not all, where there
// are many.
func names(found []*ldap.Entry) []string {
	const most = 20
	var all []string
	for _, e := range found {
		if dn, err := ldap.ParseDN(e.DN); err == nil && len(dn.RDNs) > 0 {
			all = append(all, firstWords((&ldap.DN{RDNs: dn.RDNs[:1]}).String()))
		}
	}
	slices.Sort(all)
	if len(all) > most {
		all = append(all[:most], "…")
	}
	return all
}

// matches returns what the filter matches, as a sample. It fails where that is
// nothing, and tells what is there.
func (p *probe) matches(t tree) (found []*ldap.Entry, detail string, err error) {
	wanted := append([]string{"objectClass"}, t.noted.attributes...)
	for _, a := range t.attributes {
		wanted = append(wanted, a.name)
	}
	found, err = p.sample(t.base, t.scope, t.filter, wanted...)
	if err != nil || len(found) > 0 {
		return found, fmt.Sprintf("%s matches %s", t.filter, count(found)), err
	}
	var deeper []*ldap.Entry
	if t.scope == ldap.ScopeSingleLevel {
		deeper, err = p.below(t, ldap.ScopeWholeSubtree, t.filter)
	}
	if len(deeper) > 0 {
		return nil, t.filter, unfit("remove "+t.key+".scope: one, or have "+t.key+".base_dn name the entry right above them", "it matches %s below %s, all of them deeper than scope: one reaches", count(deeper), t.base)
	}
	if err == nil {
		err = p.unmatched(t)
	}
	return nil, t.filter, err
}

// unmatched tells of what there is where a filter matches nothing.
func (p *probe) unmatched(t tree) error {
	all, err := p.below(t, t.scope, "(objectClass=*)")
	where := "below"
	if t.scope == ldap.ScopeSingleLevel {
		where = "right below"
	}
	switch {
	case err != nil:
		return err
	case len(all) == 0:
		return unfit("correct "+t.key+".base_dn, or let "+p.searcher+" see what is below it", "nothing is %s %s", where, t.base)
	}
	return unfit("correct "+t.key+".filter; object classes there: "+classes(all), "it matches none of the %s %s %s", count(all), where, t.base)
}

// below is a sample of the entries below the base, which is not among them.
func (p *probe) below(t tree, scope int, filter string) ([]*ldap.Entry, error) {
	found, err := p.sample(t.base, scope, filter, "objectClass")
	return slices.DeleteFunc(found, func(e *ldap.Entry) bool { return strings.EqualFold(e.DN, t.base) }), err
}

// count is how many entries there are, as far as a sample tells.
func count(sample []*ldap.Entry) string {
	if len(sample) >= probeSample {
		return fmt.Sprintf("%d entries or more", probeSample)
	}
	return plural(len(sample), "entry", "entries")
}

// classes are the object classes of entries, the most frequent first.
func classes(found []*ldap.Entry) string {
	counts := map[string]int{}
	for _, e := range found {
		for _, class := range e.GetAttributeValues("objectClass") {
			if !strings.EqualFold(class, "top") {
				counts[firstWords(class)]++
			}
		}
	}
	all := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) })
	for i, class := range all {
		all[i] = fmt.Sprintf("%s (%d)", class, counts[class])
	}
	return strings.Join(all, ", ")
}

// has fails where no entry of the sample has the attribute, and tells which the first
// one has; likewise where the values of those that have it do not fit. No value is shown: the wrong attribute may hold anything.
func (p *probe) has(t tree, found []*ldap.Entry, a attribute) (string, error) {
	n := 0
	for _, e := range found {
		if have, err := values(e, a.name); err != nil || len(have) > 0 { // a range of them is some
			n++
		}
	}
	if n > 0 {
		var err error
		if a.fits != nil {
			err = a.fits(p, found)
		}
		return fmt.Sprintf("%s: %d of %d have it", a.key, n, len(found)), err
	}
	return a.key, unfit("correct "+a.key+", or let "+p.searcher+" read it; "+p.attributesOf(found[0]), "none of these %s has it", t.what)
}

// usernamesOf tells, as advice, how many of a sample of people cannot log in for their user
// names, and who is one of them.
func (p *probe) usernamesOf(found []*ldap.Entry) error {
	var odd []*ldap.Entry
	for _, e := range found {
		if name, ok := p.finder.usernameOf(e); !ok && name != "" {
			odd = append(odd, e)
		}
	}
	if len(odd) == 0 {
		return nil
	}
	return &probeError{fix: fmt.Sprintf("%d of these cannot log in: what they have there is not a user name (want %s), as that of %s", len(odd), p.finder.usernames, firstWords(odd[0].DN))}
}

// attributesOf names the attributes of an entry, and which of those it has that
// directories keep for themselves and connectors ask for; not their values, which may
// be anything.
func (p *probe) attributesOf(e *ldap.Entry) string {
	full, err := p.search(p.ctx, &ldap.SearchRequest{BaseDN: e.DN, Scope: ldap.ScopeBaseObject, Filter: "(objectClass=*)", Attributes: []string{"*", "entryUUID", "nsUniqueId", "objectGUID", "memberOf"}})
	if err != nil || len(full.Entries) == 0 {
		return firstWords(e.DN) + " cannot be read"
	}
	var have []string
	for _, a := range full.Entries[0].Attributes {
		have = append(have, firstWords(a.Name))
	}
	slices.Sort(have)
	return firstWords(e.DN) + " has " + strings.Join(have, ", ")
}

// sample returns some of the entries that a search finds.
func (p *probe) sample(base string, scope int, filter string, attributes ...string) ([]*ldap.Entry, error) {
	found, err := p.search(p.ctx, &ldap.SearchRequest{BaseDN: base, Scope: scope, SizeLimit: probeSample, EnforceSizeLimit: true, Filter: filter, Attributes: attributes})
	if len(found.Entries) > 0 && isSizeLimit(err) {
		err = nil
	}
	return found.Entries, err
}

// search runs a search. What was found comes with an error too.
func (p *probe) search(ctx context.Context, r *ldap.SearchRequest) (ldap.SearchResult, error) {
	var found ldap.SearchResult
	err := p.session.do(ctx, func(c *ldap.Conn) error {
		result, err := c.Search(r)
		if result != nil {
			found = *result
		}
		return err
	})
	return found, searchResultOf(err, p.config.BindPassword.Reveal(), p.searcher)
}
