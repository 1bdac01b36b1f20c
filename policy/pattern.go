package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

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

// parsePattern reads a pattern. The error quotes it and says what to do.
func parsePattern(text string) (pattern, error) {
	if err := checkSlashes(text); err != nil {
		return pattern{}, err
	}
	p := pattern{text: text}
	parts := strings.Split(text, "/")
	for i, part := range parts {
		s, err := parseSegment(part)
		if err == nil && s.template == 0 && !s.deep {
			err = checkSegment(part, i == 0, len(parts) > 1)
		}
		if err != nil {
			return pattern{}, fmt.Errorf("%q: %w", text, err)
		}
		p.segments = append(p.segments, s)
		p.templates |= s.template
	}
	if p.shortest() > MaxName {
		return pattern{}, fmt.Errorf("%.40q… matches nothing: a repository name has at most %d characters", text, MaxName)
	}
	sortFree(p.segments)
	p.deep = [2]int{-1, -1}
	for i, s := range p.segments {
		if s.deep && p.deep[0] < 0 {
			p.deep[0] = i
		}
		if s.deep {
			p.deep[1] = i
		}
	}
	return p, nil
}

func checkSlashes(text string) error {
	trimmed := strings.Trim(text, "/")
	switch {
	case trimmed == "":
		return fmt.Errorf(`%q is no pattern: for every repository write "**"`, text)
	case trimmed != text:
		return fmt.Errorf("%q: a pattern neither starts nor ends with a slash: write %q", text, trimmed)
	case strings.Contains(text, "//"):
		return fmt.Errorf("%q has an empty path segment: remove the second slash", text)
	}
	return nil
}

func parseSegment(part string) (segment, error) {
	if part == "**" {
		return segment{deep: true}, nil
	}
	if t := parseTemplate(part); t != 0 {
		return segment{template: t}, nil
	}
	if strings.ContainsAny(part, "{}") {
		return segment{}, badBraces(part)
	}
	if strings.Contains(part, "**") {
		return segment{}, errors.New("** is a whole path segment: within a segment write a single *")
	}
	for _, c := range part {
		switch {
		case 'A' <= c && c <= 'Z':
			return segment{}, errors.New("no repository name has upper case: write it in lower case")
		case strings.ContainsRune(`[]()?+^$|\!`, c):
			return segment{}, fmt.Errorf("%q has no meaning here: there are no regular expressions and no character classes, only * and **", c)
		case c > 'z' || !isAlnum(byte(c)) && !strings.ContainsRune("._-:*", c):
			return segment{}, fmt.Errorf("no repository name has the character %q", c)
		}
	}
	return segment{glob: parseGlob(part)}, nil
}

// badBraces says what is wrong with a segment that has braces and is no template.
func badBraces(part string) error {
	for _, t := range []templates{templateUser, templateGroup, templateStar} {
		if strings.Contains(part, t.String()) {
			return fmt.Errorf("%v is a whole path segment: put slashes around it", t)
		}
	}
	return fmt.Errorf("%q is no template: use {user}, {group} or {*}", part)
}

// checkSegment refuses a segment that no repository can have: whoever wrote it
// meant another, and a deny that matches nothing would go unnoticed. If anything
// fits between the parts of a glob, a single letter does.
func checkSegment(part string, isFirst, hasMore bool) error {
	host, port, colon := strings.Cut(part, ":")
	switch {
	case !colon && isComponent(strings.ReplaceAll(part, "*", "x")):
		return nil
	case !colon:
		return fmt.Errorf("no repository has a path segment %q: it is letters and digits, with one of . _ __ or any number of - between them", part)
	case !isFirst || !hasMore:
		return fmt.Errorf("%q: a port stands in the first of several path segments", part)
	case !isHost(strings.ReplaceAll(host, "*", "x")):
		return fmt.Errorf("%q is no host name", host)
	case !isPort(strings.ReplaceAll(port, "*", "")) && !isPort(strings.ReplaceAll(strings.Replace(port, "*", "1", 1), "*", "")):
		return fmt.Errorf("%q is no port", port)
	}
	return nil
}

// shortest returns the length of the shortest name that could match.
func (p *pattern) shortest() int {
	n := len(p.segments) - 1
	for _, s := range p.segments {
		if s.deep || s.template != 0 {
			n++
		} else {
			n += max(1, len(s.glob.String())-s.glob.stars())
		}
	}
	return n
}

// sortFree writes every run of * and ** in one way, all * first and one ** last:
// "**/**" and "**/*" both mean two segments or more.
func sortFree(segments []segment) {
	for len(segments) > 0 {
		run := slices.IndexFunc(segments, func(s segment) bool { return !s.free() })
		if run < 0 {
			run = len(segments)
		}
		if slices.ContainsFunc(segments[:run], func(s segment) bool { return s.deep }) {
			for i := range segments[:run] {
				segments[i] = segment{glob: parseGlob("*")}
			}
			segments[run-1] = segment{deep: true}
		}
		segments = segments[min(run+1, len(segments)):]
	}
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

// matchDeep matches segments that begin and end with **. The leftmost place of
// each block between two of them leaves the most to the rest, so that there is
// nothing to go back for.
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
	return len(names) > 0
}
