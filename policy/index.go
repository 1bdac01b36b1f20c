package policy

import (
	"slices"
	"sort"
)

// index finds the rules that may matter to a subject and a repository, without
// trying all of them. It only narrows: whatever it finds is checked again by
// [pattern.match]. There are two halves.
//
// Subjects: every distinct pattern of users or groups is a selector with a
// number. Which selectors a subject meets is found once for each decision.
//
// Repositories: a tree of what stands before the first ** of the patterns and,
// hanging from where the ** is, a tree of what stands after the last one, read
// backwards; hanging from there, a tree of what stands between the two. The rules whose patterns end at a node are on its shelf, sorted by
// selector; the shelf and what the subject holds are joined like two sorted lists.
type index struct {
	users, groups subjectIndex
	tree          node
	catalog       shelf
}

// subjectIndex finds selectors by the two parts of connector:name.
type subjectIndex = globIndex[*globIndex[*selector]]

// selector is a distinct pattern of users or groups.
type selector struct {
	id       int
	name     glob
	template bool // some rule that it selects has templates
}

// The selectors that are no patterns.
const (
	selectAnyone = iota
	selectAuthenticated
	selectNamed // the first of the named ones
)

// node is a place in the tree of patterns. Templates stand in it as *.
type node struct {
	glob  glob // by which it was reached
	next  globIndex[*node]
	deep  *node // the tree after the last **
	inner *node // the tree between the first ** and the last
	here  shelf
}

// shelf holds the rules whose patterns lead to the same node, by selector.
type shelf []shelved

type shelved struct {
	selector int
	rule     *rule
	pattern  *pattern // nil for the catalog
}

// held is a selector that a subject meets, and by what.
type held struct {
	selector int
	group    string    // the bare name of the group, if it was by one
	star     string    // what the one star of the name part stood for
	usable   templates // which of group and star can be a path segment
}

// findSelectors calls yield with each selector that connector:name meets. Given the
// text of a pattern, it finds the selectors of the patterns that cover it.
func findSelectors(x *subjectIndex, connector, name string, yield func(*selector) bool) {
	x.find(connector, func(names *globIndex[*selector]) bool { return names.find(name, yield) })
}

// walk calls yield with each shelf whose patterns may match a name, until it
// returns false.
func (x *index) walk(names []string, yield func(shelf) bool) { x.tree.forward(names, yield) }

// forward goes down from what stands before the first **. It reports, as all these
// do, whether yield never returned false.
func (n *node) forward(names []string, yield func(shelf) bool) bool {
	if len(names) == 0 {
		return n.here.offer(yield)
	}
	if n.deep != nil && !n.deep.backward(names, yield) {
		return false
	}
	return n.next.find(names[0], func(child *node) bool { return child.forward(names[1:], yield) })
}

// backward goes down from what stands after the last **, which itself takes at
// least one of the names.
func (n *node) backward(names []string, yield func(shelf) bool) bool {
	last := len(names) - 1
	if !n.here.offer(yield) || n.inner != nil && last > 1 && !n.inner.between(names[1:last], yield) {
		return false
	}
	return last == 0 || n.next.find(names[last], func(child *node) bool { return child.backward(names[:last], yield) })
}

// between goes down by segments that stand somewhere among the names, in their
// order. The leftmost place of each is the only one to go on from.
func (n *node) between(names []string, yield func(shelf) bool) bool {
	if !n.here.offer(yield) {
		return false
	}
	for i, name := range names {
		if !n.next.find(name, func(child *node) bool {
			return slices.ContainsFunc(names[:i], child.glob.match) || child.between(names[i+1:], yield)
		}) {
			return false
		}
	}
	return true
}

func (s shelf) offer(yield func(shelf) bool) bool { return len(s) == 0 || yield(s) }

// join calls yield with each rule on the shelf whose selector the subject holds,
// and all the ways in which it does, until it returns false. Both lists are sorted
// by selector; each skips ahead to where the other one is.
func (s shelf) join(holds []held, yield func(shelved, []held) bool) bool {
	for len(s) > 0 && len(holds) > 0 {
		switch id := holds[0].selector; {
		case s[0].selector < id:
			s = s[skip(len(s), func(i int) bool { return s[i].selector >= id }):]
		case s[0].selector > id:
			holds = holds[skip(len(holds), func(i int) bool { return holds[i].selector >= s[0].selector }):]
		default:
			same := skip(len(holds), func(i int) bool { return holds[i].selector > id })
			for len(s) > 0 && s[0].selector == id {
				if !yield(s[0], holds[:same]) {
					return false
				}
				s = s[1:]
			}
			holds = holds[same:]
		}
	}
	return true
}

// skip returns the first index from 1 on at which reached is true, or n, in steps
// that double: as quick over a long list as over the next element.
func skip(n int, reached func(int) bool) int {
	below, step := 0, 1
	for below+step < n && !reached(below+step) {
		below += step
		step *= 2
	}
	return below + 1 + sort.Search(min(step, n-below)-1, func(i int) bool { return reached(below + 1 + i) })
}
