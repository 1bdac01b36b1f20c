package bench_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/policy"
)

// scanned is a rule as the floor of decisions has it: a policy language without
// patterns, templates, denies and reasons, whose rules are looked at one by one.
type scanned struct {
	group, prefix string
	actions       []string
}

func scan(rules []scanned, groups []string, name string, asked []string) (granted []string) {
	for _, r := range rules {
		if !slices.Contains(groups, r.group) || !strings.HasPrefix(name, r.prefix) {
			continue
		}
		for _, a := range asked {
			if slices.Contains(r.actions, a) {
				granted = append(granted, a)
			}
		}
	}
	return granted
}

// BenchmarkDecide measures decisions. First beside a scan of the same rules, which are
// a namespace for each of so many teams, asked for by a member of three of them; then
// for members of many teams, and last what is slowest: rules for the same people whose
// patterns differ and yet all match the same name.
func BenchmarkDecide(b *testing.B) {
	for _, rules := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprint(rules), func(b *testing.B) { decideBesideScan(b, rules) })
	}
	for _, groups := range []int{100, 1_000, 5_000} {
		b.Run(fmt.Sprint("groups=", groups), func(b *testing.B) {
			decide, _ := question(b, teamRules(10_000), member(5_000, groups), "team-5000/app")
			decideAlone(b, fmt.Sprintf("under 10,000 rules, of a member of %s groups", count(float64(groups))), decide)
		})
	}
	b.Run("overlapping", func(b *testing.B) {
		const name = "a/b/c/d/e/f/g/h/i/j/k/l/m/n"
		decide, _ := question(b, overlapping(10_000, name), member(0, 3), name+"/app")
		decideAlone(b, "under 10,000 rules whose patterns differ and all match", decide)
	})
}

func decideBesideScan(b *testing.B, n int) {
	rules, subject := teamRules(n), member(n/2, 3)
	decide, scope := question(b, rules, subject, fmt.Sprintf("team-%d/app", n/2))
	var simple []scanned
	for _, r := range rules {
		simple = append(simple, scanned{r.Groups[0].Value, strings.TrimSuffix(r.Repositories[0].Value, "**"), []string{"pull", "push"}})
	}
	floor := func() { scan(simple, subject.Groups, scope.Name, scope.Actions) }
	var decisions, scans []float64
	for b.Loop() {
		decisions, scans = append(decisions, each(decide)), append(scans, each(floor))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(decisions)*1000, "ns/decision")
	report.add(ofDecisions, fmt.Sprintf("a decision under %s rules, µs (floor: a scan)", count(float64(n))),
		fmt.Sprintf("%.2f", median(decisions)), fmt.Sprintf("%.2f", median(scans)), spread(ratios(scans, decisions)))
	if n == 10_000 {
		report.add(ofDecisions, "its allocations", count(testing.AllocsPerRun(1000, decide)), count(testing.AllocsPerRun(1000, floor)), "")
	}
}

// decideAlone measures what has no floor.
func decideAlone(b *testing.B, what string, decide func()) {
	var took []float64
	for b.Loop() {
		took = append(took, each(decide))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(took)*1000, "ns/decision")
	report.add(ofDecisions, "a decision "+what+", µs", fmt.Sprintf("%.1f", median(took)), "", "")
}

// teamRules gives each of so many teams its namespace.
func teamRules(n int) []policy.Rule {
	var rules []policy.Rule
	for i := range n {
		team := fmt.Sprintf("team-%d", i)
		rules = append(rules, policy.Rule{
			Name: policy.Text{Value: team}, Groups: []policy.Text{{Value: "directory:" + team}},
			Repositories: []policy.Text{{Value: team + "/**"}}, Allow: []policy.Text{{Value: "pull"}, {Value: "push"}},
		})
	}
	return rules
}

// member is somebody in so many teams, from the first on.
func member(first, groups int) policy.Subject {
	subject := policy.Subject{User: "directory:alice", Ceiling: policy.Unlimited()}
	for i := range groups {
		subject.Groups = append(subject.Groups, fmt.Sprintf("directory:team-%d", first+i))
	}
	return subject
}

// overlapping are rules for everybody that puts stars in place of some segments of a
// name, each of others.
func overlapping(n int, name string) []policy.Rule {
	var rules []policy.Rule
	for i := range n {
		segments := strings.Split(name, "/")
		for j := range segments {
			if i>>j&1 == 0 {
				segments[j] = "*"
			}
		}
		rules = append(rules, policy.Rule{
			Name: policy.Text{Value: fmt.Sprint(i)}, Authenticated: true,
			Repositories: []policy.Text{{Value: strings.Join(segments, "/") + "/**"}}, Allow: []policy.Text{{Value: "pull"}},
		})
	}
	return rules
}

// question compiles the rules and returns a decision of theirs, and what it asks for.
func question(b *testing.B, rules []policy.Rule, subject policy.Subject, repository string) (decide func(), asked policy.Scope) {
	b.Helper()
	p, err := policy.Compile(policy.Document{Rules: rules, Connectors: []policy.Connector{{Name: "directory", GroupForm: strings.ToLower}}})
	must(b, err)
	asked, err = policy.ParseScope("repository:" + repository + ":pull,push")
	must(b, err)
	scopes := []policy.Scope{asked}
	if d := p.Decide(subject, scopes); len(d.Access) != 1 {
		b.Fatalf("access %v", d.Access)
	}
	return func() { p.Decide(subject, scopes) }, asked
}

// each is how long one call takes, in microseconds.
func each(call func()) float64 {
	const round = 10 * time.Millisecond
	calls := 0
	started := time.Now()
	for time.Since(started) < round {
		for range 20 {
			call()
		}
		calls += 20
	}
	return float64(time.Since(started).Nanoseconds()) / float64(calls) / 1000
}
