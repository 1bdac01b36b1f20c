package policy

import (
	"slices"
	"strings"
)

// globIndex finds the globs that match a text, without trying all of them: by the
// whole text where there is no star, else by what stands before the first star and
// after the last, and then by what stands between the stars.
type globIndex[T any] struct {
	exact   map[string]T
	starred map[ends]*globTree[T]
	sizes   []endSizes // the distinct sizes of the ends in starred, shortest first
}

type ends struct{ first, last string }

type endSizes struct{ first, last int }

// add returns the value that stands at a glob, which is fresh() if none does yet.
func (x *globIndex[T]) add(g glob, fresh func() T) T {
	if g.stars() > 0 {
		at := x.tree(ends{g.first(), g.last()})
		for _, part := range g.parts[1 : len(g.parts)-1] {
			at = at.child(part)
		}
		if !at.taken {
			at.taken, at.value = true, fresh()
		}
		return at.value
	}
	if x.exact == nil {
		x.exact = map[string]T{}
	}
	if _, known := x.exact[g.first()]; !known {
		x.exact[g.first()] = fresh()
	}
	return x.exact[g.first()]
}

// tree returns the tree of the globs with such ends.
func (x *globIndex[T]) tree(key ends) *globTree[T] {
	if t, known := x.starred[key]; known {
		return t
	}
	if x.starred == nil {
		x.starred = map[ends]*globTree[T]{}
	}
	x.starred[key] = &globTree[T]{}
	size := endSizes{len(key.first), len(key.last)}
	if !slices.Contains(x.sizes, size) {
		x.sizes = append(x.sizes, size)
		slices.SortFunc(x.sizes, func(a, b endSizes) int { return a.first + a.last - b.first - b.last })
	}
	return x.starred[key]
}

// find calls yield with the value of every glob that matches s, until it returns
// false, and reports whether it never did. A glob may be looked up too: its text
// finds the globs that cover it.
func (x *globIndex[T]) find(s string, yield func(T) bool) bool {
	if v, ok := x.exact[s]; ok && !yield(v) {
		return false
	}
	for _, size := range x.sizes {
		if size.first+size.last > len(s) {
			break
		}
		between := len(s) - size.last
		if t, ok := x.starred[ends{s[:size.first], s[between:]}]; ok && !t.find(s[size.first:between], yield) {
			return false
		}
	}
	return true
}

// globTree holds globs with the same ends by the parts between their stars, one
// level of the tree for each part.
type globTree[T any] struct {
	taken   bool
	value   T // of the glob that has no more parts
	parts   map[string]*globTree[T]
	lengths map[byte][]int // of the parts that start with a byte
}

func (t *globTree[T]) child(part string) *globTree[T] {
	if c, known := t.parts[part]; known {
		return c
	}
	if t.parts == nil {
		t.parts, t.lengths = map[string]*globTree[T]{}, map[byte][]int{}
	}
	t.parts[part] = &globTree[T]{}
	if part != "" && !slices.Contains(t.lengths[part[0]], len(part)) {
		t.lengths[part[0]] = append(t.lengths[part[0]], len(part))
	}
	return t.parts[part]
}

// find looks for the globs of which all parts are in s, in their order. As in
// [glob.match], the leftmost place of each is the only one to go on from.
func (t *globTree[T]) find(s string, yield func(T) bool) bool {
	if t.taken && !yield(t.value) {
		return false
	}
	if len(t.parts) == 0 {
		return true
	}
	if c, ok := t.parts[""]; ok && !c.find(s, yield) {
		return false
	}
	for i := range len(s) {
		for _, n := range t.lengths[s[i]] {
			if n > len(s)-i {
				continue
			}
			c, ok := t.parts[s[i:i+n]]
			if ok && strings.Index(s, s[i:i+n]) == i && !c.find(s[i+n:], yield) {
				return false
			}
		}
	}
	return true
}
