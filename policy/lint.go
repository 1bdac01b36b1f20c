package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// Finding is something about a policy that is no error and is probably not meant.
type Finding struct {
	At      Position
	Rule    string // the rule's name
	Message string // what is odd and what to do
}

// Lint looks for rules that are probably not meant as they stand, in the order of
// the file; see the package comment for what it finds. It would rather miss one
// than report one that is right. Of each kind it reports a hundred, and in one more
// finding how many there are besides.
func Lint(p *Policy) []Finding {
	l := linter{policy: p, idle: make([]bool, len(p.rules))}
	for _, r := range p.rules {
		l.pushWithoutPull(r)
		l.deadTemplates(r)
		l.missingGroups(r)
		l.noGroups(r)
	}
	// Of two rules that say the same, the later one is reported: a rule that was
	// reported counts for nothing when the others are looked at, so that all that
	// is reported may go at once.
	for _, r := range slices.Backward(p.rules) {
		l.unreachable(r)
	}
	slices.SortStableFunc(l.found, func(a, b lint) int { return cmp.Or(a.At.compare(b.At), a.order-b.order) })
	return l.findings()
}

type linter struct {
	policy *Policy
	idle   []bool // the rules found to change nothing
	found  []lint
}

// lint is a finding of a kind, about the rule at that place in the file.
type lint struct {
	Finding
	kind  lintKind
	order int
}

type lintKind uint8

const (
	lintPush lintKind = iota
	lintTemplate
	lintMissingGroups
	lintNoGroups
	lintIdle

	lintKinds = 5
)

func (l *linter) report(kind lintKind, at Position, r *rule, format string, args ...any) {
	l.found = append(l.found, lint{Finding{at, r.name, fmt.Sprintf(format, args...)}, kind, r.order})
}

// maxFindings bounds the findings of one kind: a policy that some program wrote may
// have the same fault in every rule.
const maxFindings = 100

// findings returns what was found, as far as it is reported.
func (l *linter) findings() []Finding {
	var all, seen [lintKinds]int
	for _, f := range l.found {
		all[f.kind]++
	}
	var findings []Finding
	for _, f := range l.found {
		seen[f.kind]++
		if seen[f.kind] == maxFindings+1 && all[f.kind] > maxFindings+1 {
			f.Message += unlisted(all[f.kind] - seen[f.kind])
		}
		if seen[f.kind] <= maxFindings+1 {
			findings = append(findings, f.Finding)
		}
	}
	return findings
}

func unlisted(n int) string {
	if n == 1 {
		return " (as in 1 more place further on, which is not listed)"
	}
	return fmt.Sprintf(" (as in %d more places further on, which are not listed)", n)
}

// ways calls visit with every subject of a rule under every pattern that can match
// for it, until visit returns false.
func (r *rule) ways(visit func(subjectPattern, *pattern) bool) {
	for _, s := range r.subjects {
		if r.actions == catalog && !visit(s, nil) {
			return
		}
		for _, p := range r.patterns {
			if s.dead(p.templates&templateUser) || s.dead(p.templates&templateGroup) {
				continue
			}
			if !visit(s, p) {
				return
			}
		}
	}
}

// pushWithoutPull: a registry asks for both when something is pushed.
func (l *linter) pushWithoutPull(r *rule) {
	if r.deny || r.actions&(push|pull) != push {
		return
	}
	r.ways(func(s subjectPattern, p *pattern) bool {
		by, whole := l.policy.covering(r, s, p)
		if !whole || slices.ContainsFunc(by, func(c *rule) bool { return !c.deny && c.actions&pull != 0 }) {
			return true
		}
		l.report(lintPush, r.pushAt, r, "push is allowed without pull, which a push needs too: add pull")
		return false
	})
}

// deadTemplates: a name that no repository can have in place of a template.
func (l *linter) deadTemplates(r *rule) {
	var used templates
	for _, p := range r.patterns {
		used |= p.templates
	}
	for _, s := range r.subjects {
		for _, t := range []templates{templateUser, templateGroup} {
			if used&t != 0 && s.dead(t) {
				l.report(lintTemplate, s.at, r, "%v would stand for %q, which cannot be a segment of a repository name: this subject never matches there", t, s.name)
			}
		}
	}
}

// missingGroups: a deny that does not hold for a login whose groups are not known.
func (l *linter) missingGroups(r *rule) {
	for _, s := range r.subjects {
		if !r.deny || s.kind != byGroup {
			continue
		}
		for _, c := range l.policy.connectors {
			if c.GroupsMayBeMissing && s.connector.match(c.Name) {
				l.report(lintMissingGroups, s.at, r, "this deny does not hold for a login from %q whose groups are missing, which passes as one without groups: let the connector require them", c.Name)
				break
			}
		}
	}
}

// noGroups: a name of a group where there are none. A star in the connector part
// is no mistake if another connector has groups.
func (l *linter) noGroups(r *rule) {
	for _, s := range r.subjects {
		if s.kind != byGroup {
			continue
		}
		matching := realm{connectors: l.policy.connectors}.matching(s.connector)
		if !slices.ContainsFunc(matching, func(c Connector) bool { return !c.NoGroups }) {
			l.report(lintNoGroups, s.at, r, "connector %q gives no groups: this subject never matches", matching[0].Name)
		}
	}
}

// unreachable: a rule that changes no decision, since others say all of it.
func (l *linter) unreachable(r *rule) {
	var by []*rule
	ways := 0
	idle := true
	r.ways(func(s subjectPattern, p *pattern) bool {
		ways++
		open := r.actions
		covering, _ := l.policy.covering(r, s, p)
		for _, c := range covering {
			if c != r && !l.idle[c.order] && (c.deny || !r.deny) && c.actions&open != 0 {
				open &^= c.actions
				by = append(by, c)
			}
		}
		idle = open == 0
		return idle
	})
	if !idle || ways == 0 {
		return
	}
	l.idle[r.order] = true
	l.report(lintIdle, r.at, r, "this rule changes nothing, since %s all of it", becauseOf(r, by))
}

// becauseOf says which rules make r idle, and how.
func becauseOf(r *rule, by []*rule) string {
	slices.SortFunc(by, func(a, b *rule) int { return cmp.Compare(a.order, b.order) })
	by = slices.Compact(by)
	names := make([]string, len(by))
	denies := 0
	for i, c := range by {
		names[i] = strconv.Quote(c.name)
		if c.deny {
			denies++
		}
	}
	one, many := "denies", "deny"
	switch {
	case denies == 0:
		one, many = "already allows", "already allow"
	case r.deny:
		one, many = "already denies", "already deny"
	case denies < len(by):
		many = "deny or allow"
	}
	if len(by) == 1 {
		return "rule " + names[0] + " " + one
	}
	return "the rules " + enumerate(names, "and") + " together " + many
}
