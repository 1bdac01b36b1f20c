package strictyaml

import (
	"strconv"
	"strings"
)

// path leads from what is decoded to a part of it.
type path []step

// step is a key of a mapping, or else an index of a list.
type step struct {
	key   string
	index int
}

// String writes the path as [Node.Problem] takes it.
func (p path) String() string {
	var b strings.Builder
	for _, s := range p {
		switch {
		case s.key == "":
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case b.Len() > 0:
			b.WriteString("." + s.key)
		default:
			b.WriteString(s.key)
		}
	}
	return b.String()
}

// with is the path of a part, whose path from here is given.
func (p path) with(below string) string {
	here := p.String()
	if here == "" || below == "" || below[0] == '[' {
		return here + below
	}
	return here + "." + below
}
