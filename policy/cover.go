package policy

import (
	"cmp"
	"net/netip"
	"slices"
)

// maxCandidates bounds what is looked at to find the rules that cover one: where
// each of many rules overlaps all others, that would take the square of them.
const maxCandidates = 128

// covering returns the rules that match whenever r matches by its subject s and its
// pattern pat (nil for the catalog), denies first. It may miss one, and never
// returns a wrong one; whole is false where it did not look at all of them.
func (p *Policy) covering(r *rule, s subjectPattern, pat *pattern) (found []*rule, whole bool) {
	holds := p.index.covering(s)
	looked := 0
	consider := func(c shelved, by []held) bool {
		looked++
		if c.rule.appliesWith(r) && (pat == nil || slices.ContainsFunc(by, func(h held) bool { return c.pattern.covers(pat, h.usable) })) {
			found = append(found, c.rule)
		}
		return looked < maxCandidates
	}
	if pat == nil {
		p.index.catalog.join(holds, consider)
	} else {
		p.index.walk(pat.names(), func(shelf shelf) bool {
			looked++
			return shelf.join(holds, consider) && looked < maxCandidates
		})
	}
	rank := func(r *rule) int {
		if r.deny {
			return 0
		}
		return 1
	}
	slices.SortFunc(found, func(a, b *rule) int { return cmp.Or(rank(a)-rank(b), a.order-b.order) })
	return slices.Compact(found), looked < maxCandidates && len(holds) < maxCandidates
}

// covering returns selectors that every subject of s meets. What is usable of
// each are the templates that stand for the same there as under s.
func (x *index) covering(s subjectPattern) []held {
	holds := []held{{selector: selectAnyone}}
	if s.kind == byAnyone {
		return holds
	}
	holds = append(holds, held{selector: selectAuthenticated, usable: templateUser})
	in, same := &x.users, templateUser
	switch s.kind {
	case byAuthenticated:
		return holds
	case byGroup:
		in, same = &x.groups, templateUser|templateGroup
	}
	findSelectors(in, s.connector.String(), s.name.String(), func(c *selector) bool {
		h := held{selector: c.id, usable: same}
		if c.name.String() == s.name.String() {
			h.usable |= templateStar
		}
		holds = append(holds, h)
		return len(holds) < maxCandidates
	})
	slices.SortFunc(holds, func(a, b held) int { return a.selector - b.selector })
	return holds
}

// names returns the segments as texts, to look the pattern up by: the globs that
// match the text of another one cover it.
func (p *pattern) names() []string {
	names := make([]string, len(p.segments))
	for i, s := range p.segments {
		names[i] = s.String()
	}
	return names
}

// covers reports whether the pattern matches all that the other one matches, where
// the given templates stand for the same in both.
func (p *pattern) covers(other *pattern, same templates) bool {
	// reach[i] says that the segments so far can take the first i of the other's.
	reach, next := make([]bool, len(other.segments)+1), make([]bool, len(other.segments)+1)
	reach[0] = true
	for _, s := range p.segments {
		for i, o := range other.segments {
			next[i+1] = (reach[i] || s.deep && next[i]) && s.covers(o, same)
		}
		reach, next = next, reach
		next[0] = false
	}
	return reach[len(other.segments)]
}

// covers reports whether the segment takes all that the other one takes.
func (s segment) covers(other segment, same templates) bool {
	switch {
	case s.deep:
		return true
	case other.deep:
		return false
	case s.template != 0:
		return s.template == other.template && s.template&same != 0
	case other.template != 0:
		return s.free()
	}
	return s.glob.covers(other.glob)
}

// appliesWith reports whether the rule's services and networks hold whenever those
// of the other one do.
func (r *rule) appliesWith(other *rule) bool {
	return within(r.services, other.services, func(wide, narrow string) bool { return wide == narrow }) &&
		within(r.networks, other.networks, func(wide, narrow netip.Prefix) bool {
			return wide.Bits() <= narrow.Bits() && wide.Contains(narrow.Addr())
		})
}

// within reports whether each of narrow lies within one of wide; an empty list
// means everything.
func within[T any](wide, narrow []T, holds func(wide, narrow T) bool) bool {
	if len(wide) == 0 || len(narrow) == 0 {
		return len(wide) == 0
	}
	for _, n := range narrow {
		if !slices.ContainsFunc(wide, func(w T) bool { return holds(w, n) }) {
			return false
		}
	}
	return true
}
