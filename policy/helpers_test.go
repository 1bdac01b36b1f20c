package policy_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/policy"
)

// A rule reads as it does in a policy file:
// rule("freeze", groups("directory:contractors"), on("release/**"), deny("push")).
type part func(*policy.Rule)

func rule(name string, parts ...part) policy.Rule {
	r := policy.Rule{Name: text(name)}
	for _, p := range parts {
		p(&r)
	}
	return r
}

func groups(patterns ...string) part { return func(r *policy.Rule) { r.Groups = texts(patterns...) } }

func users(patterns ...string) part { return func(r *policy.Rule) { r.Users = texts(patterns...) } }
func authenticated(r *policy.Rule)  { r.Authenticated = true }
func anyone(r *policy.Rule)         { r.Anyone = true }
func services(names ...string) part { return func(r *policy.Rule) { r.Services = texts(names...) } }

func networks(prefixes ...string) part {
	return func(r *policy.Rule) { r.Networks = texts(prefixes...) }
}

func on(patterns ...string) part { return func(r *policy.Rule) { r.Repositories = texts(patterns...) } }

func allow(actions ...string) part { return func(r *policy.Rule) { r.Allow = texts(actions...) } }

func deny(actions ...string) part { return func(r *policy.Rule) { r.Deny = texts(actions...) } }

func text(s string) policy.Text { return policy.Text{Value: s} }

func texts(values ...string) []policy.Text {
	list := make([]policy.Text, len(values))
	for i, v := range values {
		list[i] = text(v)
	}
	return list
}

// folded is the form of the directory's groups.
func folded(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }

// document is the rules in a realm with a directory, whose groups are lower case,
// a single sign-on and a list of local users without groups.
func document(rules ...policy.Rule) policy.Document {
	return policy.Document{
		Rules: rules,
		Connectors: []policy.Connector{
			{Name: "directory", GroupForm: folded},
			{Name: "sso", GroupsMayBeMissing: true},
			{Name: "local", NoGroups: true},
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

// user is somebody signed in, with no ceiling, at a known service and address.
func user(name string, groups ...string) policy.Subject {
	return policy.Subject{User: name, Groups: groups, Service: "registry.test", Addr: netip.MustParseAddr("192.0.2.7"), Ceiling: policy.Unlimited()}
}

func anonymous() policy.Subject { return user("") }

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

// show writes a decision's outcomes, a line each: type:name:action reason [rule].
func show(d policy.Decision) string {
	var lines []string
	for _, o := range d.Outcomes {
		line := fmt.Sprintf("%s:%s:%s %s", o.Type, o.Name, o.Action, o.Reason)
		if o.Rule != "" {
			line += " [" + o.Rule + "]"
		}
		if o.Granted != (o.Reason == policy.Allowed) {
			line += " but granted is " + fmt.Sprint(o.Granted)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// granted writes a decision's access, in the form of scopes.
func granted(d policy.Decision) string {
	var items []string
	for _, a := range d.Access {
		items = append(items, policy.Scope{Type: a.Type, Name: a.Name, Actions: a.Actions}.String())
	}
	return strings.Join(items, " ")
}
