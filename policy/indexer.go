package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// indexer builds an index.
type indexer struct {
	index     index
	selectors int
	shelves   []*shelf
}

func newIndex(rules []*rule) index {
	b := indexer{selectors: selectNamed}
	b.shelves = append(b.shelves, &b.index.catalog)
	for _, r := range rules {
		for _, s := range r.subjects {
			b.add(r, s)
		}
	}
	for _, s := range b.shelves {
		s.thin()
		slices.SortStableFunc(*s, func(a, b shelved) int { return cmp.Compare(a.selector, b.selector) })
	}
	return b.index
}

// thin takes the rules off a shelf, which is in the order of the file, that can
// never be the first to decide: those before them match in the same way and speak
// of all their actions.
func (s *shelf) thin() {
	if len(*s) < 2 {
		return
	}
	type way struct {
		selector            int
		pattern, conditions string
		deny                bool
	}
	said := map[way]actions{}
	*s = slices.DeleteFunc(*s, func(c shelved) bool {
		always := way{selector: c.selector, deny: c.rule.deny}
		if c.pattern != nil {
			always.pattern = strings.Join(c.pattern.names(), "/")
		}
		same := always
		same.conditions = c.rule.conditions()
		before := said[always] | said[same]
		said[same] |= c.rule.actions
		return c.rule.actions&^before == 0
	})
}

// conditions returns the services and networks of a rule as a text, empty if it
// has none.
func (r *rule) conditions() string {
	if len(r.services) == 0 && len(r.networks) == 0 {
		return ""
	}
	return fmt.Sprintf("%q %v", r.services, r.networks)
}

func (b *indexer) node(g glob) *node {
	n := &node{glob: g}
	b.shelves = append(b.shelves, &n.here)
	return n
}

// add shelves a rule under one of its subjects.
func (b *indexer) add(r *rule, s subjectPattern) {
	id := b.selector(r, s)
	for _, p := range r.patterns {
		shelf := b.shelf(p)
		*shelf = append(*shelf, shelved{id, r, p})
	}
	if r.actions == catalog {
		b.index.catalog = append(b.index.catalog, shelved{id, r, nil})
	}
}

func (b *indexer) selector(r *rule, s subjectPattern) int {
	in := &b.index.users
	switch s.kind {
	case byAnyone:
		return selectAnyone
	case byAuthenticated:
		return selectAuthenticated
	case byGroup:
		in = &b.index.groups
	}
	names := in.add(s.connector, func() *globIndex[*selector] { return &globIndex[*selector]{} })
	found := names.add(s.name, func() *selector {
		b.selectors++
		return &selector{id: b.selectors - 1, name: s.name}
	})
	for _, p := range r.patterns {
		found.template = found.template || p.templates != 0
	}
	return found.id
}

// shelf returns the shelf of a pattern.
func (b *indexer) shelf(p *pattern) *shelf {
	at, segments := &b.index.tree, p.segments
	if p.deep[0] >= 0 {
		segments = segments[:p.deep[0]]
	}
	for _, s := range segments {
		at = b.child(at, s)
	}
	if p.deep[0] < 0 {
		return &at.here
	}
	if at.deep == nil {
		at.deep = b.node(glob{})
	}
	at = at.deep
	for i := len(p.segments) - 1; i > p.deep[1]; i-- {
		at = b.child(at, p.segments[i])
	}
	return b.between(at, p.segments[p.deep[0]:p.deep[1]+1])
}

// between returns the shelf of a pattern by what stands between its first ** and
// its last, as far as it is neither free nor a template.
func (b *indexer) between(at *node, segments []segment) *shelf {
	telling := slices.DeleteFunc(slices.Clone(segments), func(s segment) bool { return s.free() || s.template != 0 })
	if len(telling) == 0 {
		return &at.here
	}
	if at.inner == nil {
		at.inner = b.node(glob{})
	}
	at = at.inner
	for _, s := range telling {
		at = b.child(at, s)
	}
	return &at.here
}

func (b *indexer) child(at *node, s segment) *node {
	g := s.glob
	if s.template != 0 {
		g = parseGlob("*")
	}
	return at.next.add(g, func() *node { return b.node(g) })
}
