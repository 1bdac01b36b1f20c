package policy_test

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/policy"
)

// both joins parts of a rule.
func both(parts ...part) part {
	return func(r *policy.Rule) {
		for _, p := range parts {
			p(r)
		}
	}
}

func TestLint(t *testing.T) {
	const (
		none     = `connector "local" gives no groups: this subject never matches`
		team     = "directory:team"
		push     = "push is allowed without pull, which a push needs too: add pull"
		nothing  = "this rule changes nothing, since "
		template = ", which cannot be a segment of a repository name: this subject never matches there"
		missing  = `this deny does not hold for a login from "sso" whose groups are missing, which passes as one without groups: let the connector require them`
	)
	for _, tt := range []struct {
		name  string
		rules []policy.Rule
		want  []string // RULE: MESSAGE
	}{
		{"the manual", manual(), nil},

		{"push without pull", []policy.Rule{rule("a", groups(team), on("x/**"), allow("push", "delete"))}, []string{"a: " + push}},
		{"push with pull", []policy.Rule{rule("a", groups(team), on("x/**"), allow("push", "pull"))}, nil},
		{"push by a star", []policy.Rule{rule("a", groups(team), on("x/**"), allow("*"))}, nil},
		{"push denied", []policy.Rule{rule("a", groups(team), on("x/**"), deny("push"))}, nil},
		{"delete without pull", []policy.Rule{rule("a", groups(team), on("x/**"), allow("delete"))}, nil},
		{"pull by another rule for the same", []policy.Rule{rule("a", groups(team), on("x/**"), allow("push")), rule("b", groups(team), on("x/**"), allow("pull"))}, nil},
		{"pull by a wider rule", []policy.Rule{rule("a", groups(team), on("x/y/**", "z"), allow("push")), rule("b", authenticated, on("**"), allow("pull"))}, nil},
		{"pull by two rules", []policy.Rule{rule("a", groups(team), on("x/y", "z"), allow("push")), rule("b", groups("directory:t*"), on("x/*"), allow("pull")), rule("c", anyone, on("z"), allow("pull"))}, nil},
		{"pull for others", []policy.Rule{rule("a", groups(team), on("x/**"), allow("push")), rule("b", groups("directory:other"), on("x/**"), allow("pull"))}, []string{"a: " + push}},
		{"pull on less", []policy.Rule{rule("a", groups(team), on("x/**"), allow("push")), rule("b", groups(team), on("x/*"), allow("pull"))}, []string{"a: " + push}},
		{"pull at one service only", []policy.Rule{rule("a", groups(team), on("x"), allow("push")), rule("b", groups(team), services("v3.test"), on("x"), allow("pull"))}, []string{"a: " + push}},
		{"pull from everywhere, push from one network", []policy.Rule{rule("a", groups(team), networks("10.0.0.0/8"), on("x"), allow("push")), rule("b", groups(team), on("x"), allow("pull"))}, nil},
		{"pull denied is no pull", []policy.Rule{rule("a", groups(team), on("x"), allow("push")), rule("b", groups(team), on("x"), deny("pull"))}, []string{"a: " + push}},

		{"an allow within a deny", []policy.Rule{rule("a", groups(team), on("x/y"), allow("pull")), rule("b", groups(team), on("x/**"), deny("*"))}, []string{"a: " + nothing + `rule "b" denies all of it`}},
		{"an allow within a deny to all", []policy.Rule{rule("a", anyone, on("x"), allow("pull")), rule("b", anyone, on("**"), deny("pull"))}, []string{"a: " + nothing + `rule "b" denies all of it`}},
		{"an allow within two denies", []policy.Rule{rule("a", groups(team), on("x", "y"), allow("pull", "push")), rule("b", authenticated, on("x", "y"), deny("push")), rule("c", groups("d*:*"), on("*"), deny("pull"))}, []string{"a: " + nothing + `the rules "b" and "c" together deny all of it`}},
		{"an allow of more actions than the deny", []policy.Rule{rule("a", groups(team), on("x"), allow("pull", "push")), rule("b", groups(team), on("x"), deny("push"))}, nil},
		{"an allow on more than the deny", []policy.Rule{rule("a", groups(team), on("x/**"), allow("pull")), rule("b", groups(team), on("x/*"), deny("pull"))}, nil},
		{"an allow to more than the deny", []policy.Rule{rule("a", groups("directory:t*"), on("x"), allow("pull")), rule("b", groups(team), on("x"), deny("pull"))}, nil},
		{"an allow to users, a deny to groups", []policy.Rule{rule("a", users("directory:*"), on("x"), allow("pull")), rule("b", groups("directory:*"), on("x"), deny("pull"))}, nil},
		{"an allow to anyone, a deny to all signed in", []policy.Rule{rule("a", anyone, on("x"), allow("pull")), rule("b", authenticated, on("x"), deny("pull"))}, nil},
		{"an allow at all services, a deny at one", []policy.Rule{rule("a", anyone, on("x"), allow("pull")), rule("b", anyone, services("v3.test"), on("x"), deny("pull"))}, nil},
		{"an allow at one service, a deny there", []policy.Rule{rule("a", anyone, services("v3.test"), on("x"), allow("pull")), rule("b", anyone, services("v3.test", "registry.test"), on("x"), deny("pull"))}, []string{"a: " + nothing + `rule "b" denies all of it`}},
		{"an allow in a network, a deny around it", []policy.Rule{rule("a", anyone, networks("10.1.0.0/16"), on("x"), allow("pull")), rule("b", anyone, networks("10.0.0.0/8"), on("x"), deny("pull"))}, []string{"a: " + nothing + `rule "b" denies all of it`}},
		{"an allow in a network, a deny within it", []policy.Rule{rule("a", anyone, networks("10.0.0.0/8"), on("x"), allow("pull")), rule("b", anyone, networks("10.0.0.0/16"), on("x"), deny("pull"))}, nil},
		{"the catalog denied", []policy.Rule{rule("a", groups(team), allow("catalog")), rule("b", authenticated, deny("catalog"))}, []string{"a: " + nothing + `rule "b" denies all of it`}},
		{"the catalog is no repository", []policy.Rule{rule("a", groups(team), allow("catalog")), rule("b", authenticated, on("**"), deny("*"))}, nil},
		{"a template within a star", []policy.Rule{rule("a", users("directory:*"), on("home/{user}/x"), allow("pull")), rule("b", users("directory:*"), on("home/*/**"), deny("pull"))}, []string{"a: " + nothing + `rule "b" denies all of it`}},
		{"the same template", []policy.Rule{rule("a", users("directory:*"), on("{user}/x"), allow("pull")), rule("b", authenticated, on("{user}/*"), deny("pull"))}, []string{"a: " + nothing + `rule "b" denies all of it`}},
		{"group templates of patterns one within the other", []policy.Rule{rule("a", groups("directory:t-*"), on("{group}"), allow("pull")), rule("b", groups("directory:*"), on("{group}"), deny("pull"))}, []string{"a: " + nothing + `rule "b" denies all of it`}},
		{"star templates of patterns one within the other", []policy.Rule{rule("a", groups("directory:t-*"), on("{*}"), allow("pull")), rule("b", groups("directory:*"), on("{*}"), deny("pull"))}, nil},
		{"star templates of the same pattern", []policy.Rule{rule("a", groups("directory:t-*"), on("{*}"), allow("pull")), rule("b", groups("d*:t-*"), on("{*}"), deny("pull"))}, []string{"a: " + nothing + `rule "b" denies all of it`}},
		{"another template", []policy.Rule{rule("a", groups("directory:t-*"), on("{group}"), allow("pull")), rule("b", groups("directory:t-*"), on("{user}"), deny("pull"))}, nil},
		{"a star within a template", []policy.Rule{rule("a", groups("directory:t-*"), on("*"), allow("pull")), rule("b", groups("directory:t-*"), on("{group}"), deny("pull"))}, nil},
		{"** written in two ways", []policy.Rule{rule("a", anyone, on("**/*"), allow("pull")), rule("b", anyone, on("**/**"), deny("pull"))}, []string{"a: " + nothing + `rule "b" denies all of it`}},
		{"** within *", []policy.Rule{rule("a", anyone, on("a/**"), allow("pull")), rule("b", anyone, on("a/*"), deny("pull"))}, nil},

		{"an allow twice", []policy.Rule{rule("a", groups(team), on("x"), allow("pull")), rule("b", groups(team), on("x"), allow("pull"))}, []string{"b: " + nothing + `rule "a" already allows all of it`}},
		{"an allow within a later one", []policy.Rule{rule("a", groups(team), on("x/y"), allow("pull")), rule("b", authenticated, on("x/**"), allow("*"))}, []string{"a: " + nothing + `rule "b" already allows all of it`}},
		{"an allow within two", []policy.Rule{rule("a", groups(team), on("x"), allow("pull", "push")), rule("b", authenticated, on("x"), allow("pull")), rule("c", groups("directory:*"), on("x"), allow("push", "pull"))}, []string{"a: " + nothing + `the rules "b" and "c" together already allow all of it`}},
		{"an allow within an allow and a deny", []policy.Rule{rule("a", groups(team), on("x"), allow("pull", "push")), rule("b", authenticated, on("x"), allow("pull")), rule("c", anyone, on("x"), deny("push"))}, []string{"a: " + nothing + `the rules "b" and "c" together deny or allow all of it`}},
		{"a deny within a deny", []policy.Rule{rule("a", groups(team), on("x"), deny("push")), rule("b", authenticated, on("**"), deny("push"))}, []string{"a: " + nothing + `rule "b" already denies all of it`}},
		{"three times the same", []policy.Rule{rule("a", anyone, on("x"), allow("pull")), rule("b", anyone, on("x"), allow("pull")), rule("c", anyone, on("x"), allow("pull"))}, []string{"b: " + nothing + `rule "a" already allows all of it`, "c: " + nothing + `rule "a" already allows all of it`}},
		{"a deny within an allow", []policy.Rule{rule("a", authenticated, on("x/**"), allow("*")), rule("b", groups(team), on("x/y"), deny("push"))}, nil},
		{"a deny that no allow meets", []policy.Rule{rule("a", groups(team), on("x"), deny("push"))}, nil},
		{"allows that overlap", []policy.Rule{rule("a", groups(team), on("x/**"), allow("pull", "push")), rule("b", groups("directory:*"), on("x/**", "y"), allow("pull"))}, nil},

		{"a user who can have no home", []policy.Rule{rule("a", users("local:a@corp.example", "local:bob"), on("home/{user}", "x"), allow("pull"))}, []string{`a: {user} would stand for "a@corp.example"` + template}},
		{"a group that is a path", []policy.Rule{rule("a", groups("sso:platform/oncall"), on("{group}/**"), allow("pull"))}, []string{`a: {group} would stand for "platform/oncall"` + template}},
		{"groups that are paths", []policy.Rule{rule("a", groups("sso:platform/*"), on("{group}/**"), allow("pull"))}, []string{`a: {group} would stand for "platform/*"` + template}},
		{"groups of which some are names", []policy.Rule{rule("a", groups("sso:*", "sso:t-*"), on("{group}/**"), allow("pull")), rule("b", groups("sso:platform/*"), on("{*}/**"), allow("pull"))}, nil},
		{"a group that is a path, and no template", []policy.Rule{rule("a", groups("sso:platform/oncall"), on("platform/**"), allow("pull"))}, nil},

		{"a deny by groups that may be missing", []policy.Rule{rule("a", groups("sso:guests"), on("x"), deny("pull"))}, []string{"a: " + missing}},
		{"a deny by groups of every connector", []policy.Rule{rule("a", groups("directory:x", "*:guests"), on("x"), deny("pull"))}, []string{"a: " + missing}},
		{"a deny of the catalog by groups that may be missing", []policy.Rule{rule("a", groups("sso:guests"), deny("catalog"))}, []string{"a: " + missing}},
		{"a deny by groups that are known", []policy.Rule{rule("a", groups("directory:guests"), on("x"), deny("pull"))}, nil},
		{"a deny by users", []policy.Rule{rule("a", users("sso:bob"), on("x"), deny("pull"))}, nil},
		{"an allow by groups that may be missing", []policy.Rule{rule("a", groups("sso:guests"), on("x"), allow("pull"))}, nil},

		{"groups of a connector that gives none", []policy.Rule{rule("a", groups("directory:x", "local:ops"), on("x"), deny("pull"))}, []string{"a: " + none}},
		{"a pattern of such a connector alone", []policy.Rule{rule("a", groups("lo*:*"), on("x"), allow("pull"))}, []string{"a: " + none}},
		{"a pattern of other connectors too", []policy.Rule{rule("a", groups("*:ops"), on("x"), allow("pull"))}, nil},
		{"users of such a connector", []policy.Rule{rule("a", users("local:ops"), on("x"), deny("pull"))}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, f := range policy.Lint(compile(t, tt.rules...)) {
				got = append(got, f.Rule+": "+f.Message)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestFindingsHaveTheirPlaces(t *testing.T) {
	p, err := policy.Compile(placed(document(
		rule("a", groups("sso:ok", "sso:a/b"), on("x", "{group}"), allow("delete", "push")),
		rule("b", groups("directory:x", "sso:y"), on("**"), deny("delete")),
		rule("c", authenticated, on("**"), deny("delete")),
	)))
	if err != nil {
		t.Fatal(err)
	}
	at := func(line, column int) policy.Position {
		return policy.Position{File: "policy.yaml", Line: line, Column: column}
	}
	var got []policy.Position
	for _, f := range policy.Lint(p) {
		got = append(got, f.At)
	}
	if want := []policy.Position{at(11, 11), at(16, 11), at(20, 11), at(21, 11)}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A fault in every rule is reported a hundred times, and once how often more.
func TestFindingsAreBounded(t *testing.T) {
	const push = "push is allowed without pull, which a push needs too: add pull"
	for _, tt := range []struct {
		rules, findings int
		last            string
	}{
		{100, 100, push},
		{101, 101, push},
		{102, 101, push + " (as in 1 more place further on, which is not listed)"},
		{1_000, 101, push + " (as in 899 more places further on, which are not listed)"},
	} {
		t.Run(strconv.Itoa(tt.rules), func(t *testing.T) {
			var rules []policy.Rule
			for i := range tt.rules {
				rules = append(rules, rule(numbered("rule #", i), groups(numbered("sso:team-#", i)), on("x"), allow("push")))
			}
			rules = append(rules, rule("another", groups("sso:other"), on("x"), deny("pull")))
			got := policy.Lint(compile(t, rules...))
			if len(got) != tt.findings+1 || got[tt.findings].Rule != "another" {
				t.Fatalf("%d findings, want %d and one of another kind", len(got), tt.findings)
			}
			if last := got[tt.findings-1]; last.Message != tt.last || last.Rule != numbered("rule #", tt.findings-1) {
				t.Errorf("the last is of %q: %s", last.Rule, last.Message)
			}
		})
	}
}

// A lint must not report what it did not look at to the end.
func TestPullWithinMoreRulesThanAreLookedAt(t *testing.T) {
	var rules []policy.Rule
	for i := range 500 {
		rules = append(rules, rule(numbered("delete #", i), groups("directory:team"), networks(numbered("10.0.#.0/24", i/2)), on("**"), allow("delete")))
	}
	rules = append(rules,
		rule("push", groups("directory:team"), on("x"), allow("push")),
		rule("pull", groups("directory:team"), on("**"), allow("pull")))
	for _, f := range policy.Lint(compile(t, rules...)) {
		if f.Rule == "push" {
			t.Errorf("%s: %s", f.Rule, f.Message)
		}
	}
}
