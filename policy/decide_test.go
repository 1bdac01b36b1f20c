package policy_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/shorepass/shorepass/policy"
)

// manual is the policy that the package comment shows.
func manual() []policy.Rule {
	return []policy.Rule{
		rule("platform owns its namespace", groups("directory:platform"), on("platform/**"), allow("pull", "push", "delete")),
		rule("everybody has a home", users("directory:*"), on("home/{user}/**"), allow("pull", "push", "delete")),
		rule("team spaces", groups("directory:registry-*"), on("{*}/**"), allow("pull", "push")),
		rule("release freeze", groups("directory:contractors"), on("release/**"), deny("push", "delete")),
		rule("signed-in people read the base images", authenticated, on("base/**"), allow("pull")),
		rule("the world reads public images", anyone, on("public/**"), allow("pull")),
		rule("auditors may list everything", groups("directory:audit"), allow("catalog")),
	}
}

func TestManual(t *testing.T) {
	alice := user("directory:alice", "directory:platform")
	for _, tt := range []struct {
		name    string
		subject policy.Subject
		ask     string
		want    string
	}{
		{"own namespace", alice, "repository:platform/app:*", `
repository:platform/app:delete allowed [platform owns its namespace]
repository:platform/app:pull allowed [platform owns its namespace]
repository:platform/app:push allowed [platform owns its namespace]`},
		{"deep in it", alice, "repository:platform/a/b/c:pull", `
repository:platform/a/b/c:pull allowed [platform owns its namespace]`},
		{"the namespace itself is no part of it", alice, "repository:platform:pull", `
repository:platform:pull no-rule`},
		{"nor is one that starts alike", alice, "repository:platform-evil/x:pull", `
repository:platform-evil/x:pull no-rule`},
		{"not a member", user("directory:bob"), "repository:platform/app:pull", `
repository:platform/app:pull no-rule`},
		{"a member of a group of that name elsewhere", user("sso:bob", "sso:platform"), "repository:platform/app:pull", `
repository:platform/app:pull no-rule`},
		{"own home", alice, "repository:home/alice/x:push", `
repository:home/alice/x:push allowed [everybody has a home]`},
		{"somebody else's home", alice, "repository:home/bob/x:pull", `
repository:home/bob/x:pull no-rule`},
		{"a home for users of the directory alone", user("sso:alice"), "repository:home/alice/x:pull", `
repository:home/alice/x:pull no-rule`},
		{"team space", user("directory:carol", "directory:registry-web"), "repository:web/shop:pull,push,delete", `
repository:web/shop:delete no-rule
repository:web/shop:pull allowed [team spaces]
repository:web/shop:push allowed [team spaces]`},
		{"two team spaces", user("directory:carol", "directory:registry-web", "directory:registry-ops"), "repository:web/a:pull repository:ops/a:pull repository:qa/a:pull", `
repository:ops/a:pull allowed [team spaces]
repository:qa/a:pull no-rule
repository:web/a:pull allowed [team spaces]`},
		{"a freeze beats what the team may", user("directory:dan", "directory:registry-release", "directory:contractors"), "repository:release/app:*", `
repository:release/app:delete denied [release freeze]
repository:release/app:pull allowed [team spaces]
repository:release/app:push denied [release freeze]`},
		{"base images", user("local:ci"), "repository:base/go:pull,push", `
repository:base/go:pull allowed [signed-in people read the base images]
repository:base/go:push no-rule`},
		{"base images, not signed in", anonymous(), "repository:base/go:pull", `
repository:base/go:pull no-rule`},
		{"public images, not signed in", anonymous(), "repository:public/go:pull,push", `
repository:public/go:pull allowed [the world reads public images]
repository:public/go:push no-rule`},
		{"public images, signed in", alice, "repository:public/go:pull", `
repository:public/go:pull allowed [the world reads public images]`},
		{"the list for auditors", user("directory:eve", "directory:audit"), "registry:catalog:*", `
registry:catalog:* allowed [auditors may list everything]`},
		{"the list for others", alice, "registry:catalog:*", `
registry:catalog:* no-rule`},
		{"nothing asked", alice, "", ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := show(compile(t, manual()...).Decide(tt.subject, scopes(t, strings.Fields(tt.ask)...)))
			if want := strings.TrimPrefix(tt.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestAccess(t *testing.T) {
	p := compile(t,
		rule("all", authenticated, on("**"), allow("*")),
		rule("list", authenticated, allow("catalog")),
		rule("not secrets", authenticated, on("secret/**"), deny("*")),
	)
	for _, tt := range []struct{ name, ask, want string }{
		{"sorted by name, actions too", "repository:b/x:push,pull repository:a/x:pull", "repository:a/x:pull repository:b/x:pull,push"},
		{"merged by name", "repository:a/x:pull repository:b/x:pull repository:a/x:pull,push", "repository:a/x:pull,push repository:b/x:pull"},
		{"duplicates merged", "repository:a/x:pull,pull repository:a/x:pull", "repository:a/x:pull"},
		{"a star is never echoed", "repository:a/x:*", "repository:a/x:delete,pull,push"},
		{"a star beside others", "repository:a/x:push,*,pull", "repository:a/x:delete,pull,push"},
		{"a class is left out", "repository(plugin):a/x:pull repository:a/x:push", "repository:a/x:pull,push"},
		{"a host with a port", "repository:registry.test:5000/a/x:pull", "repository:registry.test:5000/a/x:pull"},
		{"entries with nothing are left out", "repository:secret/x:pull repository:a/x:pull", "repository:a/x:pull"},
		{"unknown actions are dropped", "repository:a/x:pull,admin", "repository:a/x:pull"},
		{"unknown types are dropped", "artifact:a/x:pull repository:a/x:pull", "repository:a/x:pull"},
		{"the catalog keeps its star", "registry:catalog:* repository:a/x:pull", "registry:catalog:* repository:a/x:pull"},
		{"the catalog has no other action", "registry:catalog:pull registry:catalog:catalog", ""},
		{"the registry has no other name", "registry:a/x:*", ""},
		{"catalog is no action on a repository", "repository:a/x:catalog", ""},
		{"a repository may be called catalog", "repository:catalog:*", "repository:catalog:delete,pull,push"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := granted(p.Decide(user("local:ci"), scopes(t, strings.Fields(tt.ask)...))); got != tt.want {
				t.Errorf("granted %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAccessInJSON(t *testing.T) {
	p := compile(t, rule("all", authenticated, on("**"), allow("pull")))
	for _, tt := range []struct{ name, ask, want string }{
		{"granted", "repository:a/x:pull,push", `[{"type":"repository","name":"a/x","actions":["pull"]}]`},
		{"nothing granted", "repository:a/x:push", `[]`},
		{"nothing asked", "", `[]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(p.Decide(user("local:ci"), scopes(t, strings.Fields(tt.ask)...)).Access)
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

// A Scope that never went through ParseScope is refused where ParseScope would
// have refused it.
func TestScopesOfOthersMaking(t *testing.T) {
	p := compile(t, rule("all", authenticated, on("**", "*", "**/*"), allow("*")), rule("list", authenticated, allow("catalog")))
	for _, name := range []string{"", "*", "**", "/", "a//b", "a/", "/a", "..", "a/../b", "Ops", "a b", "a/**", "a\x00b", "a:b", "a/b:5000", strings.Repeat("a", 256), strings.Repeat("a/", 200) + "a"} {
		d := p.Decide(user("local:ci"), []policy.Scope{{Type: "repository", Name: name, Actions: []string{"pull", "", "*"}}, {Type: "registry", Name: name, Actions: []string{"*"}}, {}})
		if len(d.Access) != 0 {
			t.Errorf("%q: granted %v", name, d.Access)
		}
	}
}

func TestFirstRuleInTheFileIsNamed(t *testing.T) {
	rules := []policy.Rule{
		rule("allow 1", authenticated, on("a/*"), allow("pull")),
		rule("allow 2", anyone, on("a/**"), allow("pull", "push")),
		rule("deny 1", groups("directory:x"), on("**"), deny("push")),
		rule("deny 2", users("directory:*"), on("a/b"), deny("push")),
	}
	for _, tt := range []struct {
		name  string
		order []int
		want  string
	}{
		{"as written", []int{0, 1, 2, 3}, "repository:a/b:pull allowed [allow 1]\nrepository:a/b:push denied [deny 1]"},
		{"reversed", []int{3, 2, 1, 0}, "repository:a/b:pull allowed [allow 2]\nrepository:a/b:push denied [deny 2]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ordered := make([]policy.Rule, len(rules))
			for i, from := range tt.order {
				ordered[i] = rules[from]
			}
			d := compile(t, ordered...).Decide(user("directory:alice", "directory:x"), scopes(t, "repository:a/b:pull,push"))
			if got := show(d); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestAllowsAnonymous(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rules []policy.Rule
		want  bool
	}{
		{"no rules", nil, false},
		{"signed-in people alone", []policy.Rule{rule("r", authenticated, on("**"), allow("pull"))}, false},
		{"anyone", []policy.Rule{rule("r", anyone, on("public/**"), allow("pull"))}, true},
		{"anyone is denied", []policy.Rule{rule("r", anyone, on("**"), deny("push"))}, false},
		{"the manual", manual(), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := compile(t, tt.rules...).AllowsAnonymous(); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestEmptyPolicyGrantsNothing(t *testing.T) {
	for name, p := range map[string]*policy.Policy{"compiled": compile(t), "zero": {}} {
		d := p.Decide(user("directory:alice", "directory:platform"), scopes(t, "repository:a:*", "registry:catalog:*"))
		want := "registry:catalog:* no-rule\nrepository:a:delete no-rule\nrepository:a:pull no-rule\nrepository:a:push no-rule"
		if got := show(d); got != want || len(d.Access) != 0 {
			t.Errorf("%s: got\n%s", name, got)
		}
	}
}

// One policy serves all requests at once.
func TestDecideInParallel(t *testing.T) {
	p, asked := compile(t, manual()...), scopes(t, "repository:platform/app:*", "repository:home/alice/x:pull", "registry:catalog:*")
	subject := user("directory:alice", "directory:platform", "directory:Registry")
	want := show(p.Decide(subject, asked))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if got := show(p.Decide(subject, asked)); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}
