package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/policy"
)

// A hundredfold of rules may cost a few more lookups, and no more.
func TestDecisionsDoNotSlowDownWithTheRules(t *testing.T) {
	for _, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			few, many := s.quickest(t, 100), s.quickest(t, 10_000)
			if many > 20*few {
				t.Errorf("%v under 100 rules, %v under 10,000", few, many)
			}
		})
	}
}

// quickest returns the shortest time of many that ten decisions took: the one that
// nothing else on the machine disturbed.
func (s shape) quickest(t *testing.T, n int) time.Duration {
	p, subject, asked := s.compile(t, n), s.subject(n/2), scopes(t, s.scope(n/2))
	if got := p.Decide(subject, asked); len(got.Access) != 1 {
		t.Fatalf("got %s", show(got))
	}
	return fastest(50, func() {
		for range 10 {
			p.Decide(subject, asked)
		}
	})
}

func fastest(of int, do func()) time.Duration {
	best := time.Duration(1 << 62)
	for range of {
		start := time.Now()
		do()
		best = min(best, time.Since(start))
	}
	return best
}

// Every subject of a shape asks for what is for every other one.
func TestShapesAgreeWithNaiveEvaluator(t *testing.T) {
	const n = 25
	for _, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			doc := s.document(n)
			p := compile(t, doc.Rules...)
			for i := range n {
				for j := range n {
					d := p.Decide(s.subject(i), scopes(t, s.scope(j)))
					for _, o := range d.Outcomes {
						if reason, by := naive(doc, s.subject(i), o.Name, o.Action); o.Reason != reason || o.Rule != by {
							t.Fatalf("subject %d got %+v, the naive evaluator says %s by %q", i, o, reason, by)
						}
					}
				}
			}
		})
	}
}

// A matcher that goes back to try again would not end in the life of the test.
func TestHostilePatternsAreMatchedAtOnce(t *testing.T) {
	deepest := strings.Repeat("a/", 127) + "a"
	longest := strings.Repeat("a", 255)
	for _, tt := range []struct{ name, pattern, repository string }{
		{"runs of **", "a/" + strings.Repeat("**/", 60) + "b", deepest},
		{"many **", strings.Repeat("**/a/", 40) + "b", deepest},
		{"many ** and templates", strings.Repeat("**/{user}/*/", 20) + "**/b", deepest},
		{"many ** that are found", strings.Repeat("**/a/", 60) + "**/b/**", deepest},
		{"many ** and globs that are found", strings.Repeat("**/*a*/", 60) + "**/b/**", deepest},
		{"many stars that are found", strings.Repeat("*a", 100) + "*b*", longest},
		{"many stars that are found, of many lengths", strings.Repeat("*a*aa*aaa", 15) + "*b*", longest},
		{"many stars", strings.Repeat("*a", 100) + "*b", longest},
		{"many stars in many segments", strings.Repeat("*a*a*b/**/", 20) + "b", deepest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := compile(t, rule("r", users("directory:*a*a*", "directory:"+strings.Repeat("*a", 100)+"*", "directory:"+strings.Repeat("*a", 100)+"*b*"), on(tt.pattern), allow("pull")))
			if pulls(p, user("directory:"+longest), tt.repository) {
				t.Error("matches")
			}
		})
	}
}

// The index finds a rule by each of its subjects and patterns, and only by them.
func TestEveryWayToARule(t *testing.T) {
	var rules []policy.Rule
	subjects := map[string]policy.Subject{
		"sso:u1": user("sso:u1"), "sso:u2*": user("sso:u2x"), "*:u3": user("sso:u3"), "s*:*u4": user("sso:xu4"),
	}
	names := map[string]string{
		"a/b": "a/b", "c/*": "c/x", "d-*/e": "d-x/e", "**/f": "x/y/f", "g/**": "g/x/y", "h/**/i-*": "h/x/y/i-z", "*/j/**/k/**/l": "x/j/y/k/z/l", "{user}/m": "m/m",
	}
	for s := range subjects {
		for n := range names {
			rules = append(rules, rule(s+" "+n, users(s), on(n), allow("pull")))
		}
	}
	p := compile(t, rules...)
	for s, subject := range subjects {
		for n, name := range names {
			if strings.HasPrefix(n, "{user}") {
				name = strings.TrimPrefix(subject.User, "sso:") + "/m"
			}
			want := fmt.Sprintf("repository:%s:pull allowed [%s %s]", name, s, n)
			if got := show(p.Decide(subject, scopes(t, "repository:"+name+":pull"))); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
}
