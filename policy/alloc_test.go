package policy_test

import "testing"

// TestDecideAllocations holds a decision to a handful of allocations, however many
// rules there are.
func TestDecideAllocations(t *testing.T) {
	const rules, most = 500, 8
	for _, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			p, subject, asked := s.compile(t, rules), s.subject(rules/2), scopes(t, s.scope(rules/2))
			if d := p.Decide(subject, asked); len(d.Access) != 1 {
				t.Fatalf("access = %v", d.Access)
			}
			if n := testing.AllocsPerRun(100, func() { p.Decide(subject, asked) }); n > most {
				t.Errorf("%v allocations, want at most %d", n, most)
			}
		})
	}
}
