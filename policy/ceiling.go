package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Ceiling bounds what a login may do, whatever the rules allow its owner: an
// access token for pulling from one repository, say. The zero Ceiling grants
// nothing.
type Ceiling struct {
	unlimited bool
	scopes    []ceilingScope
	texts     []string
}

// ceilingScope is one scope of a ceiling.
type ceilingScope struct {
	actions actions
	pattern pattern // of repositories
}

// Unlimited is the ceiling of a login that may do all its owner may do.
func Unlimited() Ceiling { return Ceiling{unlimited: true} }

// ParseCeiling reads a ceiling of scopes such as "repository:team/**:pull",
// "repository:base/tools:*" or "registry:catalog:*". Names are patterns as in a
// rule, without templates; actions are pull, push, delete and *, which means all
// three. If any scope cannot be read, the ceiling grants nothing at all.
func ParseCeiling(scopes []string) (Ceiling, error) {
	c := Ceiling{texts: slices.Clone(scopes)}
	for _, text := range scopes {
		s, err := parseCeilingScope(text)
		if err != nil {
			return Ceiling{}, fmt.Errorf("scope %.300q: %w", text, err)
		}
		c.scopes = append(c.scopes, s)
	}
	return c, nil
}

// ceilingForms says what a scope of a ceiling looks like.
const ceilingForms = "want repository:PATTERN:ACTIONS, such as repository:team/**:pull,push, or registry:catalog:*"

func parseCeilingScope(text string) (ceilingScope, error) {
	kind, name, list, ok := cutScope(text)
	switch {
	case !ok:
		return ceilingScope{}, errors.New(ceilingForms)
	case text == typeRegistry+":"+catalogName+":"+actionAll:
		return ceilingScope{actions: catalog}, nil
	case kind != typeRepository:
		return ceilingScope{}, errors.New(ceilingForms)
	}
	p, err := parsePattern(name)
	if err != nil {
		return ceilingScope{}, err
	}
	if p.templates != 0 {
		return ceilingScope{}, errors.New("templates such as {user} are for rules alone: write the name, or a pattern")
	}
	s := ceilingScope{pattern: p}
	for action := range strings.SplitSeq(list, ",") {
		a := ruleAction(action)
		if a&onRepository == 0 {
			return ceilingScope{}, fmt.Errorf("unknown action %q%s", action, suggest(action, []string{"pull", "push", "delete", actionAll}))
		}
		s.actions |= a
	}
	return s, nil
}

// Scopes returns the scopes that the ceiling was made of; nil if it is unlimited.
func (c Ceiling) Scopes() []string {
	if c.unlimited {
		return nil
	}
	return append([]string{}, c.texts...)
}

// covers reports whether the ceiling lets one action through, on the repository of
// that name if it is not the catalog.
func (c Ceiling) covers(a actions, names []string) bool {
	return c.unlimited || slices.ContainsFunc(c.scopes, func(s ceilingScope) bool {
		return s.actions&a != 0 && (a == catalog || s.pattern.match(names, nil))
	})
}

// Covers reports whether the ceiling lets through all that the other one does. It may
// miss that several scopes together cover one of the other's, and is never wrong
// otherwise.
func (c Ceiling) Covers(other Ceiling) bool {
	if c.unlimited || other.unlimited {
		return c.unlimited
	}
	for _, o := range other.scopes {
		for rest := o.actions; rest != 0; rest &= rest - 1 {
			if !slices.ContainsFunc(c.scopes, func(s ceilingScope) bool { return s.covers(rest&-rest, &o.pattern) }) {
				return false
			}
		}
	}
	return true
}

// covers reports whether the scope lets one action through wherever the pattern does.
func (s ceilingScope) covers(a actions, on *pattern) bool {
	return s.actions&a != 0 && (a == catalog || s.pattern.covers(on, 0))
}
