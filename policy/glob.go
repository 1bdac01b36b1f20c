package policy

import "strings"

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
