package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

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
	return errors.New("braces stand around a template: use {user}, {group} or {*}")
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
		return errors.New("a port stands in the first of several path segments, after the host")
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
