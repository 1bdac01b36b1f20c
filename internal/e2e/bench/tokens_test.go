package bench_test

import (
	"fmt"
	"testing"
	"time"
)

// path is a way to a token, measured beside one floor or more.
type path struct {
	name     string
	username string // empty: anonymous
	query    string
	round    time.Duration // how long one program is asked before the next
	floors   []floor
}

// floor is a program to compare with.
type floor struct {
	name    string // what it does, where a path has more than one floor
	program *program
}

// BenchmarkTokens measures tokens per second over HTTP. An iteration is a round of the
// broker and one of each floor, so that all meet the same machine in the same moments;
// the load comes from that machine too.
func BenchmarkTokens(b *testing.B) {
	w := newWorld(b)
	signer := startFloor(b)
	argon, bcrypt := startFloor(b, "-hash", w.hashes["argon2id"]), startFloor(b, "-hash", w.hashes["bcrypt"])
	bind := floor{"search and bind", w.floor(b, 0)}
	const quick, slow = 300 * time.Millisecond, 600 * time.Millisecond
	for _, p := range []path{
		{"anonymous", "", "?service=memberof&scope=repository:public/app:pull", quick, []floor{{"", signer}}},
		{"static, argon2id", "worker", "?service=argon2id&scope=repository:builders/app:pull,push", slow, []floor{{"", argon}}},
		{"static, bcrypt", "worker", "?service=bcrypt&scope=repository:builders/app:pull,push", slow, []floor{{"", bcrypt}}},
		{"LDAP, groups from memberOf", "worker", "?service=memberof&scope=repository:builders/app:pull,push", quick, []floor{{"", bind.program}}},
		{"LDAP, groups searched", "worker", "?service=search&scope=repository:builders/app:pull,push", quick, []floor{bind, {"and one search more", w.floor(b, 1)}}},
		{"LDAP, nested groups searched", "worker", "?service=nested&scope=repository:builders/app:pull,push", quick, []floor{bind, {"and three searches more", w.floor(b, 3)}}},
	} {
		b.Run(p.name, func(b *testing.B) { p.measure(b, w) })
	}
}

func (p path) measure(b *testing.B, w *world) {
	ours := newLoad(b, w.broker, "/token"+p.query, p.username)
	if w.before != nil {
		p.floors = append(p.floors, floor{"the build before", w.before})
	}
	floors := make([]*load, len(p.floors))
	for i, f := range p.floors {
		floors[i] = newLoad(b, f.program, "/token"+p.query, p.username)
	}
	for i := 0; b.Loop(); i++ {
		if i%2 == 0 {
			ours.run(b, p.round)
		}
		for _, f := range floors {
			f.run(b, p.round)
		}
		if i%2 == 1 { // who goes first changes, so that a machine that slows down favors nobody
			ours.run(b, p.round)
		}
	}
	b.ReportMetric(0, "ns/op") // of all rounds: it says nothing
	b.ReportMetric(median(ours.rates), "tokens/s")
	b.ReportMetric(median(ratios(ours.rates, floors[0].rates)), "ratio")
	for i, f := range floors {
		what := p.name
		if p.floors[i].name != "" {
			what += " (floor: " + p.floors[i].name + ")"
		}
		report.add(ofTokens, what+", tokens/s", count(median(ours.rates)), count(median(f.rates)), spread(ratios(ours.rates, f.rates)))
		report.add(ofTokens, what+", p99, ms", fmt.Sprintf("%.1f", ours.p99()), fmt.Sprintf("%.1f", f.p99()), "")
		report.add(ofTokens, what+", CPU of the process for each, µs", count(ours.cpuEach()), count(f.cpuEach()), "")
	}
}
