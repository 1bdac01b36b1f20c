package policy

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// Decide says what of the asked scopes the subject is granted, and why: asked, in
// the union of the matching allows, in none of the matching denies, and under the
// ceiling. It is total: what cannot be evaluated is refused. A group that is not of
// the form connector:name matches nothing; with such a user nothing is granted,
// since no deny could be looked up for him. [Decision.Warnings] says so.
//
// Duplicates are merged. "*" on a repository stands for pull, push and delete,
// each with an outcome of its own, and is never granted as such; on
// registry:catalog it stands for itself. Whatever [ParseScope] would not read is
// refused, however it came into a [Scope].
func (p *Policy) Decide(s Subject, asked []Scope) Decision {
	e := newEvaluation(p, s)
	d := Decision{Outcomes: merge(asked), Access: []Access{}}
	for rest := d.Outcomes; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Type == rest[0].Type && rest[n].Name == rest[0].Name {
			n++
		}
		if granted := e.decide(rest[:n]); len(granted) > 0 {
			d.Access = append(d.Access, Access{rest[0].Type, rest[0].Name, granted})
		}
		rest = rest[n:]
	}
	d.Warnings = e.warnings.texts()
	return d
}

// merge makes an outcome of each distinct action asked, sorted.
func merge(asked []Scope) []Outcome {
	outcomes := make([]Outcome, 0, 2*len(asked))
	for _, s := range asked {
		for _, action := range s.Actions {
			if s.Type != typeRepository || action != actionAll {
				outcomes = append(outcomes, Outcome{Type: s.Type, Name: s.Name, Action: action, Reason: NoRule})
				continue
			}
			for _, each := range onRepositories() {
				outcomes = append(outcomes, Outcome{Type: s.Type, Name: s.Name, Action: each, Reason: NoRule})
			}
		}
	}
	slices.SortFunc(outcomes, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Action, b.Action))
	})
	return slices.Compact(outcomes)
}

// action returns what an outcome asks for, or none where no rule speaks of it.
func (o *Outcome) action() actions {
	switch {
	case o.Type == typeRepository:
		return repositoryAction(o.Action)
	case o.Type == typeRegistry && o.Name == catalogName && o.Action == actionAll:
		return catalog
	}
	return 0
}

// evaluation is the state of one call of Decide.
type evaluation struct {
	policy   *Policy
	service  string
	addr     netip.Addr
	ceiling  Ceiling
	user     string // bare
	usable   templates
	holds    []held
	warnings warnings

	// Of the resource at hand.
	names   []string
	asked   actions
	allowed verdict
	denied  verdict
}

// verdict is, for each action, the first rule in the file that speaks of it.
type verdict [actionCount]*rule

// complete reports whether nothing of the set would change by adding r.
func (v *verdict) complete(set actions, r *rule) bool {
	for i, first := range v {
		if set&(1<<i) != 0 && (first == nil || first.order > r.order) {
			return false
		}
	}
	return true
}

func (v *verdict) add(set actions, r *rule) {
	set.each(func(i int) {
		if v[i] == nil || v[i].order > r.order {
			v[i] = r
		}
	})
}

// decide fills in the outcomes, which are all of one resource, and returns what is
// granted.
func (e *evaluation) decide(outcomes []Outcome) (granted []string) {
	e.asked, e.allowed, e.denied = 0, verdict{}, verdict{}
	for i := range outcomes {
		e.asked |= outcomes[i].action()
	}
	e.look(outcomes[0].Name)
	for i := range outcomes {
		o := &outcomes[i]
		e.settle(o, o.action())
		if o.Granted {
			granted = append(granted, o.Action)
		}
	}
	return granted
}

// look collects the rules that speak of the resource.
func (e *evaluation) look(name string) {
	switch {
	case e.asked == catalog:
		e.policy.index.catalog.join(e.holds, e.consider)
	case e.asked != 0 && checkName(name) == nil:
		e.names = append(e.names[:0], strings.Split(name, "/")...)
		e.policy.index.walk(e.names, func(s shelf) bool { return s.join(e.holds, e.consider) })
	}
}

// settle decides one action.
func (e *evaluation) settle(o *Outcome, a actions) {
	a.each(func(i int) {
		switch {
		case e.denied[i] != nil:
			o.Reason, o.Rule = Denied, e.denied[i].name
		case e.allowed[i] == nil:
		case !e.ceiling.covers(a, e.names):
			o.Reason, o.Rule = AboveCeiling, e.allowed[i].name
		default:
			o.Granted, o.Reason, o.Rule = true, Allowed, e.allowed[i].name
		}
	})
}

// consider notes a rule that the index found, if it matches, and asks for the next.
func (e *evaluation) consider(s shelved, holds []held) (more bool) {
	set := s.rule.actions & e.asked
	to := &e.allowed
	if s.rule.deny {
		to = &e.denied
	}
	templated := s.pattern != nil && s.pattern.templates != 0
	if set == 0 || !templated && to.complete(set, s.rule) || !e.applies(s.rule) {
		return true
	}
	if s.pattern == nil || !templated && s.pattern.match(e.names, nil) || templated && e.matchTemplates(s, holds) {
		to.add(set, s.rule)
	}
	return true
}

// applies reports whether the rule's services and networks hold. What is not known
// satisfies every deny and no allow.
func (e *evaluation) applies(r *rule) bool {
	return (len(r.services) == 0 || e.atOneOf(r.services, r.deny)) && (len(r.networks) == 0 || e.inOneOf(r.networks, r.deny))
}

func (e *evaluation) atOneOf(services []string, ifNotKnown bool) bool {
	if e.service == "" {
		return ifNotKnown
	}
	return slices.Contains(services, e.service)
}

func (e *evaluation) inOneOf(networks []netip.Prefix, ifNotKnown bool) bool {
	if !e.addr.IsValid() {
		return ifNotKnown
	}
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(e.addr) })
}

// matchTemplates reports whether the pattern matches by any of the ways in which
// the subject meets the rule, each tried on its own. A value that no segment can
// have is worth a warning where the rest of the pattern matches.
func (e *evaluation) matchTemplates(s shelved, holds []held) bool {
	if !s.pattern.match(e.names, nil) {
		return false
	}
	for _, h := range holds {
		v := values{e.user, h.group, h.star}
		unusable := s.pattern.templates &^ (h.usable | e.usable)
		if unusable == 0 && s.pattern.match(e.names, &v) {
			return true
		}
		if unusable != 0 && !e.warnings.more {
			first := unusable & -unusable
			e.warnings.add(warning{rule: s.rule.name, template: first, value: v.of(first)})
		}
	}
	return false
}
