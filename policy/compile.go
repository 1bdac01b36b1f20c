package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Compile checks a document and prepares it for decisions. Its error is a
// [Problems] with all that is wrong.
func Compile(doc Document) (*Policy, error) {
	c := compiler{realm: realm{slices.Clone(doc.Connectors), doc.Services, doc.UserPattern}, names: map[string]Position{}}
	rules := make([]*rule, len(doc.Rules))
	for i := range doc.Rules {
		rules[i] = c.rule(&doc.Rules[i])
		rules[i].order = i
	}
	if len(c.problems) > 0 {
		slices.SortStableFunc(c.problems, func(a, b Problem) int { return a.At.compare(b.At) })
		return nil, c.problems
	}
	return &Policy{rules: rules, connectors: c.realm.connectors, index: newIndex(rules)}, nil
}

// compare orders positions as they stand in files.
func (p Position) compare(q Position) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// compiler collects what is wrong with a document.
type compiler struct {
	realm    realm
	names    map[string]Position // of the rules so far
	problems Problems
}

func (c *compiler) fail(at Position, format string, args ...any) {
	c.problems = append(c.problems, Problem{at, fmt.Sprintf(format, args...)})
}

// rule checks one rule. What it returns is whole only if nothing is wrong.
func (c *compiler) rule(src *Rule) *rule {
	r := &rule{name: src.Name.Value, at: src.Name.At}
	c.checkName(src)
	c.subjects(r, src)
	c.services(r, src)
	c.networks(r, src)
	c.effect(r, src)
	c.repositories(r, src)
	return r
}

// label names a rule in a message.
func (r *Rule) label() string {
	if r.Name.Value == "" {
		return "this rule"
	}
	return fmt.Sprintf("rule %q", r.Name.Value)
}

func (c *compiler) checkName(src *Rule) {
	name, at := src.Name.Value, src.Name.At
	if strings.TrimSpace(name) == "" {
		c.fail(src.At, "a rule has no name: add one, since decisions are explained by it")
		return
	}
	if !isLine(name) {
		c.fail(at, "the rule name %q is not a line of plain text", name)
	}
	if first, known := c.names[name]; known {
		c.fail(at, "the rule name %q is taken (%v): choose another, since decisions are explained by it", name, first)
		return
	}
	c.names[name] = at
}

func (c *compiler) subjects(r *rule, src *Rule) {
	if src.Anyone {
		r.subjects = append(r.subjects, subjectPattern{kind: byAnyone, at: src.At})
	}
	if src.Authenticated {
		r.subjects = append(r.subjects, subjectPattern{kind: byAuthenticated, at: src.At})
	}
	c.named(r, byUser, src.Users)
	c.named(r, byGroup, src.Groups)
	if !src.Anyone && !src.Authenticated && len(src.Users) == 0 && len(src.Groups) == 0 {
		c.fail(src.At, "%s has no subjects: add groups, users, authenticated: true or anyone: true", src.label())
	}
}

// named adds the subjects that patterns name.
func (c *compiler) named(r *rule, kind subjectKind, texts []Text) {
	for _, text := range texts {
		s, err := c.realm.parseSubject(kind, text)
		if err != nil {
			c.fail(text.At, "%v", err)
			continue
		}
		r.subjects = append(r.subjects, s)
	}
}

// effect reads allow or deny.
func (c *compiler) effect(r *rule, src *Rule) {
	r.deny = len(src.Deny) > 0
	switch {
	case len(src.Allow) == 0 && len(src.Deny) == 0:
		c.fail(src.At, "%s neither allows nor denies anything: add allow or deny with actions", src.label())
	case len(src.Allow) > 0 && len(src.Deny) > 0:
		c.fail(src.Deny[0].At, "%s has both allow and deny: make two rules of it", src.label())
	}
	texts := slices.Concat(src.Allow, src.Deny)
	for _, text := range texts {
		a := ruleAction(text.Value)
		if a == 0 {
			c.fail(text.At, "unknown action %q%s", text.Value, suggest(text.Value, ruleActions()))
		}
		if a == push {
			r.pushAt = text.At
		}
		r.actions |= a
	}
	if r.actions&catalog != 0 && r.actions != catalog {
		i := slices.IndexFunc(texts, func(t Text) bool { return t.Value == catalogName })
		c.fail(texts[i].At, "catalog stands beside other actions, but is of the whole realm and takes no repositories: make a rule of its own for it")
	}
}

// repositories reads the patterns, after the subjects and the actions.
func (c *compiler) repositories(r *rule, src *Rule) {
	switch {
	case r.actions == catalog && len(src.Repositories) > 0:
		c.fail(src.Repositories[0].At, "catalog is of the whole realm and takes no repositories: remove them")
	case r.actions != 0 && r.actions&catalog == 0 && len(src.Repositories) == 0:
		c.fail(src.At, `%s has no repositories: add them, "**" for every one`, src.label())
	}
	for _, text := range src.Repositories {
		p, err := parsePattern(text.Value)
		if err != nil {
			c.fail(text.At, "repository pattern %v", err)
			continue
		}
		p.at = text.At
		c.templates(r, &p)
		r.patterns = append(r.patterns, &p)
	}
}

// templates refuses a template that some subject of the rule cannot give a value:
// for that subject the rule would silently match nothing.
func (c *compiler) templates(r *rule, p *pattern) {
	for _, t := range []templates{templateUser, templateGroup, templateStar} {
		if p.templates&t == 0 {
			continue
		}
		for _, s := range r.subjects {
			if why := s.lacks(t); why != "" {
				c.fail(p.at, "repository pattern %q: %v has no value for every subject of the rule, since %s: %s", p.text, t, why, t.remedy())
				break
			}
		}
	}
}

// remedy says what a rule with a template needs; t is a single one.
func (t templates) remedy() string {
	switch t {
	case templateUser:
		return "use authenticated, users or groups"
	case templateGroup:
		return "give the rule groups alone"
	}
	return "give the rule groups or users alone, each with one * after the colon"
}
