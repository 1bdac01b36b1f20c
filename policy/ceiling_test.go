package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/policy"
)

func TestCeiling(t *testing.T) {
	p := compile(t,
		rule("all of team", authenticated, on("team/**", "registry.test:5000/**"), allow("*")),
		rule("list", authenticated, allow("catalog")),
		rule("no deletes", authenticated, on("team/kept/**"), deny("delete")),
	)
	for _, tt := range []struct {
		name    string
		ceiling []string
		ask     string
		want    string
	}{
		{"covers all that is asked", []string{"repository:team/**:pull,push"}, "repository:team/app:pull,push", `
repository:team/app:pull allowed [all of team]
repository:team/app:push allowed [all of team]`},
		{"covers an action less", []string{"repository:team/**:pull"}, "repository:team/app:*", `
repository:team/app:delete ceiling [all of team]
repository:team/app:pull allowed [all of team]
repository:team/app:push ceiling [all of team]`},
		{"a star is all three", []string{"repository:team/*:*"}, "repository:team/app:* repository:team/app/x:pull", `
repository:team/app:delete allowed [all of team]
repository:team/app:pull allowed [all of team]
repository:team/app:push allowed [all of team]
repository:team/app/x:pull ceiling [all of team]`},
		{"several scopes are a union", []string{"repository:team/a:pull", "repository:team/b:push", "repository:team/a:push"}, "repository:team/a:pull,push repository:team/b:pull,push", `
repository:team/a:pull allowed [all of team]
repository:team/a:push allowed [all of team]
repository:team/b:pull ceiling [all of team]
repository:team/b:push allowed [all of team]`},
		{"adds no right", []string{"repository:**:*"}, "repository:other/x:pull", `
repository:other/x:pull no-rule`},
		{"a deny is named before it", []string{"repository:team/app:pull"}, "repository:team/kept/x:delete", `
repository:team/kept/x:delete denied [no deletes]`},
		{"the catalog", []string{"registry:catalog:*"}, "registry:catalog:* repository:team/a:pull", `
registry:catalog:* allowed [list]
repository:team/a:pull ceiling [all of team]`},
		{"repositories are not the catalog", []string{"repository:**:*"}, "registry:catalog:*", `
registry:catalog:* ceiling [list]`},
		{"a host with a port", []string{"repository:registry.test:5000/a/**:pull"}, "repository:registry.test:5000/a/b:pull repository:registry.test:5000/b/a:pull", `
repository:registry.test:5000/a/b:pull allowed [all of team]
repository:registry.test:5000/b/a:pull ceiling [all of team]`},
		{"takes a segment for each **", []string{"repository:team/**/a/**/b:pull"}, "repository:team/b:pull repository:team/x/a/b:pull repository:team/x/a/x/b:pull", `
repository:team/b:pull ceiling [all of team]
repository:team/x/a/b:pull ceiling [all of team]
repository:team/x/a/x/b:pull allowed [all of team]`},
		{"of nothing", []string{}, "repository:team/a:pull registry:catalog:*", `
registry:catalog:* ceiling [list]
repository:team/a:pull ceiling [all of team]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ceiling, err := policy.ParseCeiling(tt.ceiling)
			if err != nil {
				t.Fatal(err)
			}
			if got := ceiling.Scopes(); got == nil || !slices.Equal(got, tt.ceiling) {
				t.Errorf("Scopes() = %q", got)
			}
			s := user("directory:alice")
			s.Ceiling = ceiling
			got := show(p.Decide(s, scopes(t, strings.Fields(tt.ask)...)))
			if want := strings.TrimPrefix(tt.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestParseCeilingErrors(t *testing.T) {
	p := compile(t, rule("all", anyone, on("**"), allow("*")), rule("list", anyone, allow("catalog")))
	for _, tt := range []struct{ text, want string }{
		{"", `scope "": want repository:PATTERN:ACTIONS, such as repository:team/**:pull,push, or registry:catalog:*`},
		{"*", `scope "*": want repository:PATTERN:ACTIONS, such as repository:team/**:pull,push, or registry:catalog:*`},
		{"repository:team/**", `scope "repository:team/**": want repository:PATTERN:ACTIONS, such as repository:team/**:pull,push, or registry:catalog:*`},
		{"registry:catalog:pull", `scope "registry:catalog:pull": want repository:PATTERN:ACTIONS, such as repository:team/**:pull,push, or registry:catalog:*`},
		{"registry:*:*", `scope "registry:*:*": want repository:PATTERN:ACTIONS, such as repository:team/**:pull,push, or registry:catalog:*`},
		{"repository(plugin):a:pull", `scope "repository(plugin):a:pull": want repository:PATTERN:ACTIONS, such as repository:team/**:pull,push, or registry:catalog:*`},
		{"Repository:a:pull", `scope "Repository:a:pull": want repository:PATTERN:ACTIONS, such as repository:team/**:pull,push, or registry:catalog:*`},
		{"repository::pull", `scope "repository::pull": "" is no pattern: for every repository write "**"`},
		{"repository:Team/**:pull", `scope "repository:Team/**:pull": "Team/**": no repository name has upper case: write it in lower case`},
		{"repository:{user}/**:pull", `scope "repository:{user}/**:pull": templates such as {user} are for rules alone: write the name, or a pattern`},
		{"repository:a:", `scope "repository:a:": unknown action "": use pull, push, delete or *`},
		{"repository:a:pul", `scope "repository:a:pul": unknown action "pul": did you mean "pull"?`},
		{"repository:a:pull,catalog", `scope "repository:a:pull,catalog": unknown action "catalog": use pull, push, delete or *`},
	} {
		t.Run(tt.text, func(t *testing.T) {
			ceiling, err := policy.ParseCeiling([]string{"repository:**:*", tt.text, "registry:catalog:*"})
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			s := user("directory:alice")
			s.Ceiling = ceiling
			if got := granted(p.Decide(s, scopes(t, "repository:a:*", "registry:catalog:*"))); got != "" {
				t.Errorf("granted %s", got)
			}
		})
	}
}

func TestZeroCeilingGrantsNothing(t *testing.T) {
	p := compile(t, rule("all", anyone, on("**"), allow("*")), rule("list", anyone, allow("catalog")))
	for _, s := range []policy.Subject{{}, {User: "directory:alice"}} {
		if got := granted(p.Decide(s, scopes(t, "repository:a:*", "registry:catalog:*"))); got != "" {
			t.Errorf("%q: granted %s", s.User, got)
		}
	}
}

func TestCeilingCovers(t *testing.T) {
	for _, tt := range []struct {
		name         string
		wide, narrow []string
		want         bool
	}{
		{"the same", []string{"repository:team/**:pull"}, []string{"repository:team/**:pull"}, true},
		{"deeper", []string{"repository:team/**:pull"}, []string{"repository:team/a/**:pull", "repository:team/*:pull"}, true},
		{"beside it", []string{"repository:team/**:pull"}, []string{"repository:team-evil/**:pull"}, false},
		{"the namespace itself", []string{"repository:team/**:pull"}, []string{"repository:team:pull"}, false},
		{"one of two", []string{"repository:team/**:pull"}, []string{"repository:team/a:pull", "repository:b:pull"}, false},
		{"everything", []string{"repository:team/**:pull"}, []string{"repository:**:pull"}, false},
		{"an action more", []string{"repository:**:pull"}, []string{"repository:a:pull,push"}, false},
		{"all actions", []string{"repository:**:pull,push"}, []string{"repository:a:*"}, false},
		{"actions from two scopes", []string{"repository:**:pull", "repository:a/**:push,delete"}, []string{"repository:a/b:*"}, true},
		{"actions from a scope that is elsewhere", []string{"repository:**:pull", "repository:b/**:push,delete"}, []string{"repository:a/b:*"}, false},
		{"within a segment", []string{"repository:t*/**:pull"}, []string{"repository:team*/x:pull"}, true},
		{"a star for a name", []string{"repository:team/app:pull"}, []string{"repository:team/*:pull"}, false},
		{"a ** for a *", []string{"repository:team/*:pull"}, []string{"repository:team/**:pull"}, false},
		{"a port", []string{"repository:**:pull"}, []string{"repository:host:5000/**:pull"}, true},
		{"the catalog by name", []string{"registry:catalog:*"}, []string{"registry:catalog:*"}, true},
		{"the catalog by all repositories", []string{"repository:**:*"}, []string{"registry:catalog:*"}, false},
		{"repositories by the catalog", []string{"registry:catalog:*"}, []string{"repository:a:pull"}, false},
		{"two halves together are missed", []string{"repository:*:pull", "repository:*/**:pull"}, []string{"repository:**:pull"}, false},
		{"nothing by nothing", nil, nil, true},
		{"something by nothing", nil, []string{"repository:a:pull"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wide, narrow := ceiling(t, tt.wide), ceiling(t, tt.narrow)
			if got := wide.Covers(narrow); got != tt.want {
				t.Errorf("Covers() = %t", got)
			}
			if !policy.Unlimited().Covers(narrow) || narrow.Covers(policy.Unlimited()) {
				t.Error("an unlimited ceiling is not wider")
			}
		})
	}
}

func ceiling(tb testing.TB, scopes []string) policy.Ceiling {
	tb.Helper()
	c, err := policy.ParseCeiling(scopes)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
