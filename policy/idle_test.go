package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shorepass/shorepass/policy"
)

func TestIdle(t *testing.T) {
	p := compile(t,
		rule("team", groups("directory:team-*"), on("{*}/**", "shared/*/x"), allow("pull", "push")),
		rule("home", users("directory:*"), on("home/{user}/**"), allow("*")),
		rule("base", authenticated, on("base/**"), services("registry.test"), allow("pull")),
		rule("frozen", authenticated, on("a/frozen/**"), deny("push")),
		rule("thawed somewhere", authenticated, on("a/thawed/**"), services("registry.test"), deny("push")),
		rule("list", groups("directory:audit"), allow("catalog")),
	)
	for _, tt := range []struct{ scope, want string }{
		{"repository:a/**:pull", ""},
		{"repository:a/**:pull,push,delete", "[delete]"},
		{"repository:*/app:push", ""},
		{"repository:**:pull", ""},
		{"repository:b/**:pull", "[pull]"},
		{"repository:a:pull", "[pull]"},
		{"repository:shared/y/x:push", ""},
		{"repository:shared/**/y:push", "[push]"},
		{"repository:shared/**/x:push", ""},
		{"repository:home/alice/app:*", ""},
		{"repository:home/bob/**:*", "[pull push delete]"},
		{"repository:home/al*/**:delete", ""},
		{"repository:base/tools:pull,push", "[push]"},
		{"repository:a/frozen/**:pull,push", "[push]"},
		{"repository:a/frozen/app:push", "[push]"},
		{"repository:a/thawed/**:push", ""},
		{"registry:catalog:*", "[*]"},
	} {
		s := user("directory:alice", "directory:team-a", "directory:team-..")
		s.Ceiling, _ = policy.ParseCeiling([]string{tt.scope})
		got := ""
		for _, idle := range p.Idle(s) {
			got += fmt.Sprint(idle.Actions)
			if idle.Scope != tt.scope {
				t.Errorf("scope %q", idle.Scope)
			}
		}
		if got != tt.want {
			t.Errorf("%s: idle is %s, want %s", tt.scope, got, tt.want)
		}
	}
	s := user("directory:alice", "directory:audit")
	s.Ceiling, _ = policy.ParseCeiling([]string{"registry:catalog:*"})
	if idle := p.Idle(s); len(idle) > 0 {
		t.Errorf("the catalog is idle: %v", idle)
	}
	if idle := p.Idle(user("directory:alice")); len(idle) > 0 {
		t.Errorf("without a ceiling, %v is idle", idle)
	}
}

// What is idle is never granted, at any service and from any address.
func TestIdleIsNeverGranted(t *testing.T) {
	idles, grants := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		p := mustCompile(t, drawDocument(t, "allow", "allow", "allow", "deny"))
		s := drawSubject(t)
		scope := drawCeilingScope(t, drawPattern(t, policy.Rule{Anyone: true}))
		var err error
		if s.Ceiling, err = policy.ParseCeiling([]string{scope}); err != nil {
			t.Fatal(err)
		}
		idle := p.Idle(s)
		for range 10 {
			asked := drawWithin(t, []string{scope})
			asked.Actions = strings.Split("pull,push,delete", ",")
			if asked.Type != "repository" {
				asked.Actions = []string{"*"}
			}
			for _, o := range p.Decide(s, []policy.Scope{asked}).Outcomes {
				for _, i := range idle {
					if o.Granted && strings.Contains(fmt.Sprint(i.Actions), o.Action) {
						t.Fatalf("%s %s is granted, and %v idle", o.Name, o.Action, i)
					}
				}
				if o.Granted {
					grants++
				}
			}
		}
		idles += len(idle)
	})
	if idles == 0 || grants == 0 {
		t.Errorf("%d idle, %d granted: nothing was tried", idles, grants)
	}
}
