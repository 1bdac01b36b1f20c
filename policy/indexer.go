package policy

import (
	"cmp"
	"slices"
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
		slices.SortStableFunc(*s, func(a, b shelved) int { return cmp.Compare(a.selector, b.selector) })
	}
	return b.index
}

func (b *indexer) node() *node {
	n := &node{}
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
		at.deep = b.node()
	}
	at = at.deep
	for i := len(p.segments) - 1; i > p.deep[1]; i-- {
		at = b.child(at, p.segments[i])
	}
	return &at.here
}

func (b *indexer) child(at *node, s segment) *node {
	g := s.glob
	if s.template != 0 {
		g = parseGlob("*")
	}
	return at.next.add(g, b.node)
}
