package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/policy"
)

func TestTemplates(t *testing.T) {
	for _, tt := range []struct {
		name    string
		by      part
		pattern string
		subject policy.Subject
		yes, no string
	}{
		{"user", authenticated, "home/{user}/**", user("sso:alice"), "home/alice/x home/alice/x/y", "home/alice home/bob/x home/x/alice home/alicex/y"},
		{"user, matched by a group", groups("directory:staff"), "{user}/*", user("directory:alice", "directory:staff"), "alice/x", "staff/x bob/x"},
		{"user named by the rule", users("directory:alice", "directory:bob"), "{user}", user("directory:bob"), "bob", "alice user"},
		{"group", groups("directory:team-*"), "{group}/**", user("directory:u", "directory:team-a", "directory:staff"), "team-a/x", "a/x staff/x team-b/x"},
		{"each group on its own", groups("directory:*"), "{group}/x/{group}", user("directory:u", "directory:a", "directory:b"), "a/x/a b/x/b", "a/x/b b/x/a"},
		{"star", groups("directory:team-*-dev"), "{*}/**", user("directory:u", "directory:team-a-dev", "directory:team-b"), "a/x", "b/x team-a-dev/x"},
		{"star of users", users("local:ci-*"), "ci/{*}/**", user("local:ci-web"), "ci/web/x", "ci/ci-web/x ci/ops/x"},
		{"star and group of the same group", groups("directory:team-*"), "{group}/{*}", user("directory:u", "directory:team-a", "directory:team-b"), "team-a/a team-b/b", "team-a/b team-b/a"},
		{"star of each pattern that matches", groups("directory:team-*", "directory:*-a"), "{*}/x", user("directory:u", "directory:team-a"), "a/x team/x", "team-a/x"},
		{"a star in the connector part does not count", groups("*:team-*"), "{*}/x", user("sso:u", "sso:team-a"), "a/x", "sso/x team-a/x"},
		{"user and group", groups("directory:*"), "{group}/{user}/**", user("directory:u", "directory:a"), "a/u/x", "u/a/x a/a/x u/u/x"},
		{"after **", authenticated, "**/{user}", user("directory:u"), "x/u x/y/u", "u x/u/y"},
		{"between **", authenticated, "**/{user}/**", user("directory:u"), "x/u/y u/u/u x/y/u/z", "u/x x/u x/y/z"},
		{"beside a glob", authenticated, "web-*/{user}", user("directory:u"), "web-1/u", "web-1/x"},
		{"a name with a dot", authenticated, "{user}/*", user("directory:jane.doe"), "jane.doe/x", "janexdoe/x jane/x"},
		{"never the host", authenticated, "{user}/**", user("directory:registry.test:5000"), "", "registry.test:5000/a registry.test/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := compile(t, rule("r", tt.by, on(tt.pattern), allow("pull")))
			for _, name := range strings.Fields(tt.yes) {
				if !pulls(p, tt.subject, name) {
					t.Errorf("does not match %s", name)
				}
			}
			for _, name := range strings.Fields(tt.no) {
				if pulls(p, tt.subject, name) {
					t.Errorf("matches %s", name)
				}
			}
		})
	}
}

// Rules with and without templates may have the same subjects.
func TestTemplatesBesideRulesWithout(t *testing.T) {
	rules := []policy.Rule{
		rule("with", groups("directory:team-*"), on("{*}/**"), allow("pull")),
		rule("without", groups("directory:team-*"), on("base/**"), allow("pull")),
	}
	for name, p := range map[string]*policy.Policy{"first": compile(t, rules[0], rules[1]), "last": compile(t, rules[1], rules[0])} {
		want := "repository:a/x:pull allowed [with]\nrepository:base/x:pull allowed [without]"
		if got := show(p.Decide(user("directory:u", "directory:team-a"), scopes(t, "repository:a/x:pull", "repository:base/x:pull"))); got != want {
			t.Errorf("the template %s: got\n%s", name, got)
		}
	}
}

// hostile are names of users and groups that would widen rights if they were read
// as patterns or paths.
func hostile() []string {
	return []string{
		"*", "**", "***", "..", ".", "a/b", "a/**", "/", "//", "Ops", "OPS", "{user}", "{*}", "{group}", "a*", "*a", "?", "[a-z]", ".*", "a|b",
		"a\x00b", "\x00", " ", "a b", "a\n", "-a", "a-", "a..b", "a:b", ":", "a@corp.example", "\xff", "é", "ａ", strings.Repeat("a/", 300),
	}
}

func TestHostileNamesMatchNothing(t *testing.T) {
	p := compile(t,
		rule("user", users("directory:*"), on("{user}/**", "home/{user}"), allow("*")),
		rule("group", groups("sso:*"), on("{group}/**", "g/{group}"), allow("*")),
		rule("star", groups("sso:team-*"), on("{*}/**", "s/{*}"), allow("*")),
	)
	ask := scopes(t, "repository:a/b:*", "repository:ops/x:*", "repository:a/b/c:*", "repository:home/a:*", "repository:g/a:*", "repository:s/a:*", "repository:user/x:*", "repository:b/x:*")
	for _, name := range hostile() {
		t.Run(fmt.Sprintf("%.20q", name), func(t *testing.T) {
			d := p.Decide(user("directory:"+name, "sso:"+name, "sso:team-"+name), ask)
			if len(d.Access) != 0 {
				t.Errorf("granted %s", granted(d))
			}
			want := []string{
				fmt.Sprintf(`rule "group": {group} would stand for %.100q, which cannot be a segment of a repository name, and matches nothing`, name),
				fmt.Sprintf(`rule "star": {*} would stand for %.100q, which cannot be a segment of a repository name, and matches nothing`, name),
				fmt.Sprintf(`rule "user": {user} would stand for %.100q, which cannot be a segment of a repository name, and matches nothing`, name),
			}
			for _, w := range want {
				if !slices.Contains(d.Warnings, w) {
					t.Errorf("no warning %s in\n%s", w, strings.Join(d.Warnings, "\n"))
				}
			}
		})
	}
}

func TestHostileNamesMeetDenies(t *testing.T) {
	p := compile(t, rule("all", authenticated, on("**"), allow("pull")), rule("none of sso", users("sso:*"), on("**"), deny("pull")))
	for _, name := range hostile() {
		if got := show(p.Decide(user("sso:"+name), scopes(t, "repository:a:pull"))); got != "repository:a:pull denied [none of sso]" {
			t.Errorf("%q: %s", name, got)
		}
	}
}

func TestWarnings(t *testing.T) {
	home := rule("home", users("directory:*"), on("home/{user}/**"), allow("pull"))
	teams := rule("teams", groups("sso:*"), on("{group}/**"), allow("pull"))
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("sso:TEAM-%02d", i))
	}
	for _, tt := range []struct {
		name    string
		rules   []policy.Rule
		subject policy.Subject
		ask     string
		want    []string
	}{
		{"a name that fits", []policy.Rule{home}, user("directory:alice"), "repository:home/alice/x:pull", nil},
		{"a name that does not", []policy.Rule{home}, user("directory:a@b"), "repository:home/alice/x:pull", []string{
			`rule "home": {user} would stand for "a@b", which cannot be a segment of a repository name, and matches nothing`,
		}},
		{"once, however much is asked", []policy.Rule{home}, user("directory:a@b"), "repository:home/a/x:pull repository:home/b/x:pull", []string{
			`rule "home": {user} would stand for "a@b", which cannot be a segment of a repository name, and matches nothing`,
		}},
		{"wherever another rule allows it", []policy.Rule{rule("all", anyone, on("**"), allow("pull")), home}, user("directory:a@b"), "repository:home/a/x:pull", []string{
			`rule "home": {user} would stand for "a@b", which cannot be a segment of a repository name, and matches nothing`,
		}},
		{"not where the rule speaks of other repositories", []policy.Rule{home}, user("directory:a@b"), "repository:base/x:pull repository:home/x:pull", nil},
		{"not where the rule speaks of other actions", []policy.Rule{home}, user("directory:a@b"), "repository:home/x/y:push", nil},
		{"not where the rule is for others", []policy.Rule{home}, user("local:a@b"), "repository:home/x/y:pull", nil},
		{"one group of two fits", []policy.Rule{teams}, user("sso:u", "sso:web", "sso:Ops"), "repository:ops/x:pull", []string{
			`rule "teams": {group} would stand for "Ops", which cannot be a segment of a repository name, and matches nothing`,
		}},
		{"groups without a connector", []policy.Rule{teams}, user("sso:u", "", "web", "web"), "repository:web/x:pull", []string{
			`group "" is not of the form connector:name, and matches nothing`,
			`group "web" is not of the form connector:name, and matches nothing`,
		}},
		{"a user without a connector", []policy.Rule{teams}, user("alice", "sso:web"), "repository:web/x:pull", []string{
			`user "alice" is not of the form connector:name: nothing is granted`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := compile(t, tt.rules...).Decide(tt.subject, scopes(t, strings.Fields(tt.ask)...)).Warnings; !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
	t.Run("a bounded number", func(t *testing.T) {
		got := compile(t, teams).Decide(user("sso:u", many...), scopes(t, "repository:a/x:pull")).Warnings
		if len(got) != 17 || got[16] != "there are more warnings like these" {
			t.Errorf("%d warnings, the last: %s", len(got), got[len(got)-1])
		}
	})
}
