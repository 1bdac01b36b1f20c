package policy_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestDeniedGroups(t *testing.T) {
	p := compile(t,
		rule("allow", groups("local:dev"), on("**"), allow("pull")),
		rule("freeze", groups("local:ops", "local:on-*"), on("release/**"), deny("push")),
		rule("user", users("local:dev"), on("x"), deny("push")),
	)
	got := p.DeniedGroups([]string{"local:dev", "local:ops", "local:on-call", "local:other", "nonsense", ""})
	if want := []string{"local:ops", "local:on-call"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestLeavingOutGroupsNeverWidens holds that a subject without some groups is granted no
// more than with them, unless rules deny by one of those.
func TestLeavingOutGroupsNeverWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mustCompile(t, drawDocument(t, "allow", "deny"))
		whole := drawSubject(t)
		named := whole
		named.Groups = nil
		var left []string
		for _, g := range whole.Groups {
			if rapid.Bool().Draw(t, "named") {
				named.Groups = append(named.Groups, g)
			} else {
				left = append(left, g)
			}
		}
		if len(p.DeniedGroups(left)) > 0 {
			return
		}
		asked := drawAsked(t)
		if !subset(p.Decide(named, asked), p.Decide(whole, asked)) {
			t.Fatalf("without %q, more is granted", left)
		}
	})
}
