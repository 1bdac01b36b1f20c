package policy_test

import (
	"testing"

	"github.com/shorepass/shorepass/policy"
)

func text(s string) policy.Text { return policy.Text{Value: s} }

func texts(values ...string) []policy.Text {
	list := make([]policy.Text, len(values))
	for i, v := range values {
		list[i] = text(v)
	}
	return list
}

// document is the rules in a realm with a directory, whose groups are lower case,
// a single sign-on and a list of local users.
func document(rules ...policy.Rule) policy.Document {
	return policy.Document{
		Rules: rules,
		Connectors: []policy.Connector{
			{Name: "directory", LowerCaseGroups: true},
			{Name: "sso", GroupsMayBeMissing: true},
			{Name: "local"},
		},
		Services: []string{"registry.test", "v3.test"},
	}
}

func compile(tb testing.TB, rules ...policy.Rule) *policy.Policy {
	tb.Helper()
	p, err := policy.Compile(document(rules...))
	if err != nil {
		tb.Fatalf("Compile: %v", err)
	}
	return p
}

func scopes(tb testing.TB, items ...string) []policy.Scope {
	tb.Helper()
	list := make([]policy.Scope, len(items))
	for i, item := range items {
		s, err := policy.ParseScope(item)
		if err != nil {
			tb.Fatal(err)
		}
		list[i] = s
	}
	return list
}
