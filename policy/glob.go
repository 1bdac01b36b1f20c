package policy

import (
	"slices"
	"strings"
)

// glob is a text in which every star stands for any run of characters, none
// included. Matching is linear: the leftmost place of each part leaves the most to
// those after it, so there is nothing to go back for.
type glob struct {
	parts []string // what stands between the stars
}

func parseGlob(text string) glob { return glob{strings.Split(text, "*")} }

// String returns the glob as it is written.
func (g glob) String() string { return strings.Join(g.parts, "*") }

func (g glob) stars() int    { return len(g.parts) - 1 }
func (g glob) first() string { return g.parts[0] }
func (g glob) last() string  { return g.parts[len(g.parts)-1] }

func (g glob) match(s string) bool {
	if g.stars() == 0 {
		return s == g.parts[0]
	}
	if len(s) < len(g.first())+len(g.last()) || !strings.HasPrefix(s, g.first()) || !strings.HasSuffix(s, g.last()) {
		return false
	}
	s = s[len(g.first()) : len(s)-len(g.last())]
	for _, part := range g.parts[1 : len(g.parts)-1] {
		_, after, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s = after
	}
	return true
}

// covers reports whether the glob matches all that the other one matches. The
// other's stars are read as characters: only a star can match them.
func (g glob) covers(other glob) bool { return g.match(other.String()) }

// star returns what the one star of the glob stands for in s, which it matches.
func (g glob) star(s string) string { return s[len(g.first()) : len(s)-len(g.last())] }

// globIndex finds the globs that match a text, without trying all of them: by the
// whole text where there is no star, else by what stands before the first star and
// after the last.
type globIndex[T any] struct {
	exact   map[string]T
	starred map[ends][]*globEntry[T]
	sizes   []endSizes // the distinct sizes of the ends in starred, shortest first
	texts   map[string]*globEntry[T]
}

type ends struct{ first, last string }

type endSizes struct{ first, last int }

type globEntry[T any] struct {
	glob  glob
	value T
}

// add returns the value that stands at a glob, which is fresh() if none does yet.
func (x *globIndex[T]) add(g glob, fresh func() T) T {
	if x.exact == nil {
		x.exact, x.starred, x.texts = map[string]T{}, map[ends][]*globEntry[T]{}, map[string]*globEntry[T]{}
	}
	text := g.String()
	if g.stars() == 0 {
		if _, known := x.exact[text]; !known {
			x.exact[text] = fresh()
		}
		return x.exact[text]
	}
	if e, known := x.texts[text]; known {
		return e.value
	}
	e := &globEntry[T]{g, fresh()}
	x.texts[text] = e
	key := ends{g.first(), g.last()}
	x.starred[key] = append(x.starred[key], e)
	size := endSizes{len(key.first), len(key.last)}
	if !slices.Contains(x.sizes, size) {
		x.sizes = append(x.sizes, size)
		slices.SortFunc(x.sizes, func(a, b endSizes) int { return a.first + a.last - b.first - b.last })
	}
	return e.value
}

// find calls visit with the value of every glob that matches s. A glob may be
// looked up too: its text finds the globs that cover it.
func (x *globIndex[T]) find(s string, visit func(T)) {
	if v, ok := x.exact[s]; ok {
		visit(v)
	}
	for _, size := range x.sizes {
		if size.first+size.last > len(s) {
			return
		}
		for _, e := range x.starred[ends{s[:size.first], s[len(s)-size.last:]}] {
			if e.glob.match(s) {
				visit(e.value)
			}
		}
	}
}
