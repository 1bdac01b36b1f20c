package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/strictyaml"
	"github.com/shorepass/shorepass/policy"
)

// policy loads and compiles the policy of a realm; rulers are its connectors. Of a
// policy that is not known whole, the rules that are known are checked; where the
// realm's services are not, that leaves out rules that speak of services.
func (p part) policy(n strictyaml.Node, r *Realm, rulers []policy.Connector) {
	rules, complete := p.rules(n)
	if !p.known("services") {
		rules = slices.DeleteFunc(rules, func(r policy.Rule) bool { return r.Services != nil })
	}
	if len(rules) == 0 {
		return
	}
	doc := policy.Document{Rules: rules, Connectors: rulers}
	if r.Usernames != connectors.ASCIIUsernames {
		doc.UserPattern = r.Usernames.ParsePattern
	}
	for _, s := range r.Services {
		doc.Services = append(doc.Services, s.Name)
	}
	compiled, err := policy.Compile(doc)
	if err != nil {
		var problems policy.Problems
		errors.As(err, &problems)
		for _, problem := range problems {
			p.problems = append(p.problems, problemAt(problem.At, problem.Message))
		}
		return
	}
	if !complete || !p.known("services") {
		return
	}
	r.Policy = compiled
	for _, f := range policy.Lint(compiled) {
		p.cfg.warnings = append(p.cfg.warnings, problemAt(f.At, fmt.Sprintf("rule %q: %s", f.Rule, f.Message)))
	}
}

// rules decodes the rules of a realm, which stand in a file or in place. It returns
// those that could be decoded, and whether these are all.
func (p part) rules(n strictyaml.Node) (rules []policy.Rule, complete bool) {
	root := n
	if _, inFile := n.Text(); inFile {
		var file connectors.Path
		if !p.decode(n, &file).whole("") {
			return nil, false
		}
		p.reads(file, "policy")
		var err error
		if root, err = strictyaml.ParseFile(string(file)); err != nil {
			p.policyFile(n, err)
			return nil, false
		}
	}
	var keys policyKeys
	if !root.Given() {
		return nil, false
	}
	decoded := p.decode(root, &keys)
	for i, rule := range keys.Rules {
		for j := range rule.Groups {
			rule.Groups[j].Value = connectors.ComposedGroups.Canonical(rule.Groups[j].Value)
		}
		if decoded.whole(fmt.Sprintf("rules[%d]", i)) {
			rules = append(rules, rule)
		}
	}
	return rules, decoded.whole("")
}

// policyFile reports what is wrong with a policy file as a whole: where it cannot be
// read, the path to it is at fault.
func (l *loader) policyFile(n strictyaml.Node, err error) {
	var problems strictyaml.Problems
	errors.As(err, &problems)
	for _, p := range problems {
		if p.Line == 0 {
			p = n.Problem("", "policy: %s %s", p.File, p.Message)
		}
		l.problems = append(l.problems, p)
	}
}

func problemAt(at policy.Position, message string) strictyaml.Problem {
	return strictyaml.Problem{File: at.File, Line: at.Line, Column: at.Column, Message: message}
}
