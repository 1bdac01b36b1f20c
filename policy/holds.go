package policy

import (
	"cmp"
	"fmt"
	"slices"
)

// newEvaluation finds what the subject holds. A user or a group that is not of the
// form connector:name meets nothing; with such a user nothing is granted at all,
// since denies cannot be looked up for him.
func newEvaluation(p *Policy, s Subject) evaluation {
	e := evaluation{policy: p, service: s.Service, addr: s.Addr.Unmap().WithZone(""), ceiling: s.Ceiling}
	if s.User == "" {
		e.holds = []held{{selector: selectAnyone}}
		return e
	}
	connector, user, ok := splitName(s.User)
	if !ok {
		e.warnings.add(warning{value: s.User})
		return e
	}
	e.user = user
	if isComponent(user) {
		e.usable = templateUser
	}
	e.holds = make([]held, 0, 8)
	e.holds = append(e.holds, held{selector: selectAnyone}, held{selector: selectAuthenticated})
	e.hold(&p.index.users, connector, user, false)
	for _, g := range s.Groups {
		connector, group, ok := splitName(g)
		if !ok {
			e.warnings.add(warning{value: g, group: true})
			continue
		}
		e.hold(&p.index.groups, connector, group, true)
	}
	slices.SortStableFunc(e.holds, func(a, b held) int { return cmp.Compare(a.selector, b.selector) })
	return e
}

// hold notes the selectors that a user or group meets.
func (e *evaluation) hold(x *subjectIndex, connector, name string, group bool) {
	findSelectors(x, connector, name, func(s *selector) bool {
		h := held{selector: s.id}
		if s.template && group {
			h.group = name
			if isComponent(name) {
				h.usable |= templateGroup
			}
		}
		if s.template && s.name.stars() == 1 {
			h.star = s.name.star(name)
			if isComponent(h.star) {
				h.usable |= templateStar
			}
		}
		e.holds = append(e.holds, h)
		return true
	})
}

// maxWarnings bounds the warnings of a decision: a directory may hand out any
// number of groups whose names no repository can have.
const maxWarnings = 16

// warnings are what kept rules from matching, each once.
type warnings struct {
	list []warning
	more bool
}

type warning struct {
	rule     string
	template templates // none: the value is a user or group of the subject
	value    string
	group    bool
}

func (w *warnings) add(one warning) {
	switch {
	case slices.Contains(w.list, one):
	case len(w.list) == maxWarnings:
		w.more = true
	default:
		w.list = append(w.list, one)
	}
}

func (w *warnings) texts() []string {
	var texts []string
	for _, one := range w.list {
		texts = append(texts, one.String())
	}
	slices.Sort(texts)
	if w.more {
		texts = append(texts, "there are more warnings like these")
	}
	return texts
}

// String says what was wrong and what it led to.
func (w warning) String() string {
	switch {
	case w.template != 0:
		return fmt.Sprintf("rule %q: %v would stand for %.100q, which cannot be a segment of a repository name, and matches nothing", w.rule, w.template, w.value)
	case w.group:
		return fmt.Sprintf("group %.100q is not of the form connector:name, and matches nothing", w.value)
	}
	return fmt.Sprintf("user %.100q is not of the form connector:name: nothing is granted", w.value)
}
