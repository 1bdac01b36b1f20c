package ldap

import (
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// listedMembers fails where no member of a sample of groups is what member_value says:
// the search for a person's groups would find none, and rules that deny would not hold.
func (p *probe) listedMembers(found []*ldap.Entry) error {
	g := p.config.Groups
	var all, dns, names int
	for _, e := range found {
		members, _ := valuesInRange(e, g.MemberAttribute) // some will do
		for _, m := range members {
			all++
			if dn, err := ldap.ParseDN(m); err == nil && len(dn.RDNs) > 0 {
				dns++
			}
			if _, ok := p.finder.usernames.Parse(trim(m)); ok {
				names++
			}
		}
	}
	fit, what, others, instead := dns, "DN", names, memberUsername
	if g.MemberValue == memberUsername {
		fit, what, others, instead = names, "user name", dns, memberDN
	}
	switch {
	case all == 0 || fit > 0:
		return nil
	case others > 0:
		return unfit("set groups.member_value: "+instead+", or correct groups.member_attribute", "none of the %d values is a %s", all, what)
	}
	return unfit("correct groups.member_attribute", "none of the %d values is a %s", all, what)
}

// listedGroups fails where a sample of people could not sign in for what their entries
// list as groups, and where none of these counts. Of more people than the sample, others
// may be in groups that do: that is advice.
func (p *probe) listedGroups(found []*ldap.Entry) error {
	g := p.config.Groups
	source, err := newGroupSource(g, nil)
	if err != nil {
		return err
	}
	var (
		counted int
		example string // a group that does not count
	)
	for _, raw := range found {
		var e entry
		e.memberOf, _ = valuesInRange(raw, g.FromAttribute) // some will do
		names, err := source.groupsOf(p.ctx, &e)
		if err != nil {
			return err
		}
		counted += len(names)
		if len(names) == 0 && len(e.memberOf) > 0 {
			example = e.memberOf[0]
		}
	}
	if counted > 0 || example == "" {
		return nil
	}
	fix, where := "correct groups.base_dn, "+g.BaseDN, "below"
	if g.Scope == scopeOne {
		fix, where = fix+", or remove groups.scope: one", "right below"
	}
	none := unfit(fix+"; one of them is "+firstWords(example), "none of these people's groups is %s groups.base_dn", where)
	if len(found) >= probeSample {
		return &probeError{fix: none.Error()}
	}
	return none
}

// tokens fails where none of a few people shows the list of groups that everybody has.
func (p *probe) tokens(t tree, found []*ldap.Entry) (string, error) {
	const few = 10
	found = found[:min(few, len(found))]
	n := 0
	for _, e := range found {
		own, err := p.search(p.ctx, &ldap.SearchRequest{BaseDN: e.DN, Scope: ldap.ScopeBaseObject, Filter: "(objectClass=*)", Attributes: []string{t.tokens}})
		if err != nil {
			return t.tokens, err
		}
		if len(own.Entries) == 1 {
			if sids, _ := valuesInRange(own.Entries[0], t.tokens); len(sids) > 0 {
				n++
			}
		}
	}
	if n == 0 {
		return t.tokens, unfit(tokenAdvice, "none of these %s shows it", t.what)
	}
	return fmt.Sprintf("groups.from_attribute: %d of %d have it", n, len(found)), nil
}

// globalCatalog tells what a global catalog lacks. It is advice: in a forest of one domain
// it lacks nothing of groups.
func (c *Config) globalCatalog() (detail string, err error) {
	var lacks []string
	if c.Groups != nil {
		lacks = append(lacks, "of groups of other domains, it knows the members of universal ones alone, so that rules that deny may not hold")
	}
	if c.Users.Disabled == disabledAD {
		lacks = append(lacks, "it may not know who is locked: set users.disabled: none, if people are not found by check --user")
	}
	if len(lacks) == 0 {
		return "it has a part of all attributes", nil
	}
	return "it has a part of all attributes", &probeError{fix: "use ldaps:// without a port, and a connector for each domain, unless there is one domain: " + strings.Join(lacks, "; ")}
}
