package connectors

import "strings"

// UsernamePatterns are patterns of canonical user names, in which "*" stands for any
// run of characters. None at all: every name.
type UsernamePatterns []string

// Match reports whether the name matches one of them.
func (p UsernamePatterns) Match(name string) bool {
	for _, pattern := range p {
		if matchPattern(pattern, name) {
			return true
		}
	}
	return len(p) == 0
}

// Cover reports whether they match every name that others match. The others' stars
// are read as characters: only a star can match them.
func (p UsernamePatterns) Cover(others UsernamePatterns) bool {
	if len(p) == 0 {
		return true
	}
	if len(others) == 0 {
		others = UsernamePatterns{"*"}
	}
	for _, other := range others {
		if !p.Match(other) {
			return false
		}
	}
	return true
}

func matchPattern(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, head)
	if !ok {
		return false
	}
	for {
		part, tail, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(name, part)
		}
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name, rest = name[i+len(part):], tail
	}
}
