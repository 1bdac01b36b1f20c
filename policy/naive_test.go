package policy_test

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/shorepass/shorepass/policy"
)

// This is a second evaluator, as plain as can be: every rule is read anew for every
// asked action, every way to match is tried. The real one must agree with it.

var component = regexp.MustCompile(`^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$`)

// naive decides one action on a repository or, with an empty name, the catalog.
func naive(doc policy.Document, s policy.Subject, name, action string) (policy.Reason, string) {
	reason, by := policy.NoRule, ""
	for _, r := range doc.Rules {
		deny := len(r.Deny) > 0
		if reason == policy.Denied || reason == policy.Allowed && !deny {
			continue
		}
		if naiveActions(r, action) && naiveConditions(r, s, deny) && naiveRule(r, s, name) {
			reason, by = policy.Allowed, r.Name.Value
			if deny {
				reason = policy.Denied
			}
		}
	}
	if reason == policy.Allowed && !naiveCeiling(s.Ceiling.Scopes(), name, action) {
		reason = policy.AboveCeiling
	}
	return reason, by
}

func naiveActions(r policy.Rule, action string) bool {
	return slices.ContainsFunc(append(r.Allow, r.Deny...), func(t policy.Text) bool {
		return t.Value == action || t.Value == "*" && slices.Contains([]string{"pull", "push", "delete"}, action)
	})
}

func naiveConditions(r policy.Rule, s policy.Subject, deny bool) bool {
	service := len(r.Services) == 0 || s.Service == "" && deny
	for _, t := range r.Services {
		service = service || t.Value == s.Service
	}
	network := len(r.Networks) == 0 || !s.Addr.IsValid() && deny
	for _, t := range r.Networks {
		network = network || netip.MustParsePrefix(t.Value).Contains(s.Addr.Unmap())
	}
	return service && network
}

// naiveRule tries every subject of the rule, with all that templates may stand for.
func naiveRule(r policy.Rule, s policy.Subject, name string) bool {
	_, bare, _ := strings.Cut(s.User, ":")
	with := map[string]string{"{user}": bare}
	if r.Anyone && naiveRepositories(r, name, nil) || r.Authenticated && s.User != "" && naiveRepositories(r, name, with) {
		return true
	}
	for _, t := range r.Users {
		if s.User != "" && naiveSubject(r, t.Value, s.User, name, with) {
			return true
		}
	}
	for _, t := range r.Groups {
		for _, g := range s.Groups {
			_, group, _ := strings.Cut(g, ":")
			if s.User != "" && group != "" && naiveSubject(r, t.Value, g, name, map[string]string{"{user}": bare, "{group}": group}) {
				return true
			}
		}
	}
	return false
}

func naiveSubject(r policy.Rule, pattern, value, name string, with map[string]string) bool {
	pc, pn, _ := strings.Cut(pattern, ":")
	vc, vn, _ := strings.Cut(value, ":")
	if !stars(pc, vc) || !stars(pn, vn) {
		return false
	}
	if before, after, one := strings.Cut(pn, "*"); one && !strings.Contains(after, "*") {
		with["{*}"] = strings.TrimSuffix(strings.TrimPrefix(vn, before), after)
	}
	return naiveRepositories(r, name, with)
}

func naiveRepositories(r policy.Rule, name string, with map[string]string) bool {
	for _, t := range r.Repositories {
		if path(strings.Split(t.Value, "/"), strings.Split(name, "/"), with) {
			return true
		}
	}
	return len(r.Repositories) == 0 && name == ""
}

func naiveCeiling(scopes []string, name, action string) bool {
	for _, scope := range scopes {
		if scope == "registry:catalog:*" && action == "catalog" {
			return true
		}
		pattern, actions, _ := strings.Cut(strings.TrimPrefix(scope, "repository:"), ":")
		if (actions == "*" && action != "catalog" || actions == action) && path(strings.Split(pattern, "/"), strings.Split(name, "/"), nil) {
			return true
		}
	}
	return scopes == nil
}

// path matches segments by trying every length for every **.
func path(pattern, names []string, with map[string]string) bool {
	if len(pattern) == 0 || len(names) == 0 {
		return len(pattern) == len(names)
	}
	value, template := with[pattern[0]]
	switch {
	case pattern[0] == "**":
		return path(pattern[1:], names[1:], with) || path(pattern, names[1:], with)
	case template:
		return value == names[0] && component.MatchString(value) && path(pattern[1:], names[1:], with)
	}
	return stars(pattern[0], names[0]) && path(pattern[1:], names[1:], with)
}

// stars matches a text by trying every length for every star.
func stars(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		return stars(pattern[1:], s) || s != "" && stars(pattern, s[1:])
	}
	return s != "" && pattern[0] == s[0] && stars(pattern[1:], s[1:])
}
