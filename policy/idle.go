package policy

import "slices"

// Idle is a scope of a ceiling with those of its actions that come to nothing.
type Idle struct {
	Scope   string   // as the ceiling has it
	Actions []string // "*" for the catalog
}

// Idle returns what of the subject's ceiling could never be granted, as the rules and the
// subject are now: no rule allows it on any repository that the scope takes in, whatever
// the service and the address, or a rule denies it on all of them. It may miss some, and
// never returns what Decide would grant.
func (p *Policy) Idle(s Subject) []Idle {
	var idle []Idle
	for i, scope := range s.Ceiling.scopes {
		if rest := scope.actions &^ p.open(s, scope); rest != 0 {
			idle = append(idle, Idle{Scope: s.Ceiling.texts[i], Actions: rest.names()})
		}
	}
	return idle
}

// open returns the actions of the scope that may be granted on some repository.
func (p *Policy) open(s Subject, scope ceilingScope) actions {
	var allowed, denied actions
	for _, r := range p.rules {
		set := r.actions & scope.actions
		switch {
		case r.deny && len(r.services)+len(r.networks) == 0 && set&^denied != 0:
			if r.meets(s, func(of *pattern) bool { return of.covers(&scope.pattern, 0) }) {
				denied |= set
			}
		case !r.deny && set&^allowed != 0:
			if r.meets(s, func(of *pattern) bool { return of.overlaps(&scope.pattern) }) {
				allowed |= set
			}
		}
	}
	return allowed &^ denied
}

// names returns the actions as scopes have them.
func (a actions) names() []string {
	if a == catalog {
		return []string{actionAll}
	}
	return slices.DeleteFunc([]string{"pull", "push", "delete"}, func(name string) bool { return a&repositoryAction(name) == 0 })
}

// meets reports whether the subject meets the rule with one of its patterns, templates
// replaced by what they stand for, that is as wanted. The catalog has no patterns.
func (r *rule) meets(s Subject, wanted func(*pattern) bool) bool {
	for _, by := range r.subjects {
		for _, v := range by.ways(s) {
			if len(r.patterns) == 0 || slices.ContainsFunc(r.patterns, func(p *pattern) bool {
				filled, ok := p.fill(v)
				return ok && wanted(filled)
			}) {
				return true
			}
		}
	}
	return false
}

// ways returns what templates stand for in each of the ways in which the subject matches.
func (b subjectPattern) ways(s Subject) []values {
	_, user, ok := splitName(s.User)
	switch {
	case b.kind == byAnyone:
		return []values{{}}
	case !ok:
		return nil
	case b.kind == byAuthenticated:
		return []values{{user: user}}
	}
	named := []string{s.User}
	if b.kind == byGroup {
		named = s.Groups
	}
	var ways []values
	for _, qualified := range named {
		connector, name, ok := splitName(qualified)
		if !ok || !b.connector.match(connector) || !b.name.match(name) {
			continue
		}
		v := values{user: user}
		if b.kind == byGroup {
			v.group = name
		}
		if b.name.stars() == 1 {
			v.star = b.name.star(name)
		}
		ways = append(ways, v)
	}
	return ways
}

// fill replaces the templates, unless one stands for what no repository can have.
func (p *pattern) fill(v values) (*pattern, bool) {
	if p.templates == 0 {
		return p, true
	}
	filled := *p
	filled.segments = slices.Clone(p.segments)
	for i, s := range filled.segments {
		if s.template == 0 {
			continue
		}
		value := v.of(s.template)
		if !isComponent(value) {
			return nil, false
		}
		filled.segments[i] = segment{glob: parseGlob(value)}
	}
	return &filled, true
}

// overlaps reports whether some name could match both patterns, which have no templates.
func (p *pattern) overlaps(other *pattern) bool {
	// meet[j] says that the segments so far and the first j of the other's can take the
	// same names.
	meet, next := make([]bool, len(other.segments)+1), make([]bool, len(other.segments)+1)
	meet[0] = true
	for _, s := range p.segments {
		for j, o := range other.segments {
			// Both take one more name; before, either may have taken some already.
			before := meet[j] || s.deep && next[j] || o.deep && meet[j+1]
			next[j+1] = before && s.overlaps(o)
		}
		meet, next = next, meet
		next[0] = false
	}
	return meet[len(other.segments)]
}

// overlaps reports whether some segment of a name could match both.
func (s segment) overlaps(other segment) bool {
	return s.deep || other.deep || s.glob.overlaps(other.glob)
}

// overlaps reports whether some text matches both globs.
func (g glob) overlaps(other glob) bool {
	a, b := g.String(), other.String()
	// meet[j] says that what of a is read and the first j characters of b can stand for
	// the same text.
	meet := make([]bool, len(b)+1)
	for i := 0; i <= len(a); i++ {
		for j, before := 0, false; j <= len(b); j++ {
			last := meet[j] // of a's characters without the last
			switch {
			case i == 0:
				meet[j] = j == 0 || meet[j-1] && b[j-1] == '*'
			case a[i-1] == '*':
				meet[j] = last || j > 0 && meet[j-1]
			case j == 0:
				meet[j] = false
			case b[j-1] == '*':
				meet[j] = last || meet[j-1]
			default:
				meet[j] = before && a[i-1] == b[j-1]
			}
			before = last
		}
	}
	return meet[len(b)]
}
