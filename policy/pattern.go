package policy

import "slices"

// pattern is a pattern of repository names, by path segments.
type pattern struct {
	text      string
	at        Position
	segments  []segment
	deep      [2]int // where its first and its last ** stand, or -1
	templates templates
}

// segment is one segment of a pattern: a glob, a template or **.
type segment struct {
	glob     glob
	template templates // none: not a template
	deep     bool
}

// templates is a set of templates.
type templates uint8

const (
	templateUser templates = 1 << iota
	templateGroup
	templateStar
)

// parseTemplate returns the template that a segment is, or none.
func parseTemplate(segment string) templates {
	switch segment {
	case "{user}":
		return templateUser
	case "{group}":
		return templateGroup
	case "{*}":
		return templateStar
	}
	return 0
}

// String returns the template as it is written; t is a single one.
func (t templates) String() string {
	switch t {
	case templateUser:
		return "{user}"
	case templateGroup:
		return "{group}"
	}
	return "{*}"
}

// values are what the templates of a rule stand for.
type values struct{ user, group, star string }

// of returns what one template stands for.
func (v values) of(t templates) string {
	switch t {
	case templateUser:
		return v.user
	case templateGroup:
		return v.group
	}
	return v.star
}

// String returns the segment as it is written.
func (s segment) String() string {
	switch {
	case s.deep:
		return "**"
	case s.template != 0:
		return s.template.String()
	}
	return s.glob.String()
}

// free reports whether the segment takes any name: * or **.
func (s segment) free() bool { return s.deep || s.template == 0 && s.glob.String() == "*" }

// match reports whether the segment, which is not **, takes a path segment. With
// no values, a template takes any.
func (s segment) match(name string, v *values) bool {
	if s.template == 0 {
		return s.glob.match(name)
	}
	return v == nil || v.of(s.template) == name
}

// match reports whether the pattern matches a name, given by its path segments.
// With no values, a template takes any segment.
func (p *pattern) match(names []string, v *values) bool {
	if p.deep[0] < 0 {
		return len(names) == len(p.segments) && matchAll(p.segments, names, v)
	}
	head, tail := p.segments[:p.deep[0]], p.segments[p.deep[1]+1:]
	if len(names) <= len(head)+len(tail) || !matchAll(head, names, v) || !matchAll(tail, names[len(names)-len(tail):], v) {
		return false
	}
	return matchDeep(p.segments[p.deep[0]:p.deep[1]+1], names[len(head):len(names)-len(tail)], v)
}

// matchAll reports whether each segment takes the name at its place.
func matchAll(segments []segment, names []string, v *values) bool {
	for i, s := range segments {
		if !s.match(names[i], v) {
			return false
		}
	}
	return true
}

// matchDeep matches segments that begin and end with ** against one name or more.
// The leftmost place of each block between two of them leaves the most to the rest,
// so that there is nothing to go back for.
func matchDeep(segments []segment, names []string, v *values) bool {
	for len(segments) > 1 {
		segments, names = segments[1:], names[1:]
		block := segments[:slices.IndexFunc(segments, func(s segment) bool { return s.deep })]
		for len(names) > len(block) && !matchAll(block, names, v) {
			names = names[1:]
		}
		if len(names) <= len(block) {
			return false
		}
		segments, names = segments[len(block):], names[len(block):]
	}
	return true
}
