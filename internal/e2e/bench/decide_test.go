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

// BenchmarkDecide measures decisions beside a scan of the same rules: a namespace for
// each of so many teams, asked for by a member of three groups.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			document := policy.Document{Connectors: []policy.Connector{{Name: "directory", GroupForm: strings.ToLower}}}
			var rules []scanned
			for i := range n {
				team := fmt.Sprintf("team-%d", i)
				rules = append(rules, scanned{"directory:" + team, team + "/", []string{"pull", "push"}})
				document.Rules = append(document.Rules, policy.Rule{
					Name: policy.Text{Value: team}, Groups: []policy.Text{{Value: "directory:" + team}},
					Repositories: []policy.Text{{Value: team + "/**"}}, Allow: []policy.Text{{Value: "pull"}, {Value: "push"}},
				})
			}
			p, err := policy.Compile(document)
			if err != nil {
				b.Fatal(err)
			}
			team := fmt.Sprintf("team-%d", n/2)
			subject := policy.Subject{User: "directory:alice", Groups: []string{"directory:staff", "directory:office-7", "directory:" + team}, Ceiling: policy.Unlimited()}
			scope, err := policy.ParseScope("repository:" + team + "/app:pull,push")
			if err != nil {
				b.Fatal(err)
			}
			asked := []policy.Scope{scope}
			ours := func() { p.Decide(subject, asked) }
			floor := func() { scan(rules, subject.Groups, scope.Name, scope.Actions) }
			var decisions, scans []float64
			for b.Loop() {
				decisions, scans = append(decisions, each(ours)), append(scans, each(floor))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(decisions)*1000, "ns/decision")
			report.add(ofDecisions, fmt.Sprintf("a decision under %s rules, µs (floor: a scan)", count(float64(n))),
				fmt.Sprintf("%.2f", median(decisions)), fmt.Sprintf("%.2f", median(scans)), spread(ratios(scans, decisions)))
			if n == 10_000 {
				report.add(ofDecisions, "its allocations", count(testing.AllocsPerRun(1000, ours)), count(testing.AllocsPerRun(1000, floor)), "")
			}
		})
	}
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
