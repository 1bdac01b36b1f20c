package bench_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// path is a way to a token, measured beside one floor or more.
type path struct {
	name   string
	who    who
	query  string
	round  time.Duration // how long one program is asked before the next
	floors []floor
	place  place
	behind []int // processes whose processor time counts, too
}

// tokenPath is the broker's token endpoint.
const tokenPath = "/token"

// floor is a program to compare with.
type floor struct {
	name    string // what it does, where a path has more than one floor
	program *program
	path    string // of its token endpoint, where that is not the broker's
}

// BenchmarkTokens measures tokens per second over HTTP. An iteration is a round of the
// broker and one of each floor, so that all meet the same machine in the same moments;
// the load comes from that machine too.
func BenchmarkTokens(b *testing.B) {
	w := newWorld(b)
	signer, bare := floor{program: startFloor(b)}, floor{name: "without headroom", program: startBareFloor(b)}
	argon, bcrypt := startFloor(b, "-hash", w.hashes["argon2id"]), startFloor(b, "-hash", w.hashes["bcrypt"])
	first, again := crowd(), who{name: "worker"}
	bind := floor{name: "search and bind", program: w.floor(b, 0)}
	signed := "-signed=" + strconv.Itoa(signedBytes(b, w.broker, "?service=static-again&scope=repository:builders/app:pull,push", again))
	argonAgain, ldapAgain := []string{"-remember", "-hash", w.hashes["argon2id"]}, []string{"-remember"}
	const quick, slow = 300 * time.Millisecond, 600 * time.Millisecond
	for _, p := range []path{
		{name: "anonymous", query: "?service=memberof&scope=repository:public/app:pull", round: quick, floors: []floor{signer, bare}},
		{name: "static, argon2id", who: first, query: "?service=argon2id&scope=repository:builders/app:pull,push", round: slow, floors: []floor{{program: argon}}},
		{name: "static, bcrypt", who: first, query: "?service=bcrypt&scope=repository:builders/app:pull,push", round: slow, floors: []floor{{program: bcrypt}}},
		{name: "LDAP, groups from memberOf", who: first, query: "?service=memberof&scope=repository:builders/app:pull,push", round: quick, floors: []floor{{program: bind.program}}},
		{name: "LDAP, groups searched", who: first, query: "?service=search&scope=repository:builders/app:pull,push", round: quick, floors: []floor{bind, {name: "and one search more", program: w.floor(b, 1)}}},
		{name: "LDAP, nested groups searched", who: first, query: "?service=nested&scope=repository:builders/app:pull,push", round: quick, floors: []floor{bind, {name: "and three searches more", program: w.floor(b, 3)}}},
		{name: "repeated login, static user", who: again, query: "?service=static-again&scope=repository:builders/app:pull,push", round: quick, floors: []floor{{program: startFloor(b, argonAgain...)}, {name: "and a token as long", program: startFloor(b, append(argonAgain, signed)...)}}},
		{name: "repeated login, LDAP user", who: again, query: "?service=ldap-again&scope=repository:builders/app:pull,push", round: quick, floors: []floor{{program: w.floor(b, 0, ldapAgain...)}, {name: "and a token as long", program: w.floor(b, 0, append(ldapAgain, signed)...)}}},
	} {
		b.Run(p.name, func(b *testing.B) { p.measure(b, w) })
	}
}

// signedBytes is how long a token of the broker's is without its signature.
func signedBytes(b *testing.B, broker *program, query string, w who) int {
	b.Helper()
	l := newLoad(b, broker, tokenPath+query, w)
	response, err := l.client.Do(l.requests[0].Clone(b.Context()))
	must(b, err)
	defer response.Body.Close()
	var answer struct{ Token string }
	must(b, json.NewDecoder(response.Body).Decode(&answer))
	return strings.LastIndexByte(answer.Token, '.')
}

func (p path) measure(b *testing.B, w *world) {
	if !slices.ContainsFunc(wanted, func(begin string) bool { return strings.HasPrefix(begin, p.name) }) {
		b.Fatalf("nothing holds that the page has a row of %q: see wanted", p.name)
	}
	ours := newLoad(b, w.broker, tokenPath+p.query, p.who, p.behind...)
	if w.before != nil {
		p.floors = append(p.floors, floor{name: "the build before", program: w.before})
	}
	floors := make([]*load, len(p.floors))
	for i, f := range p.floors {
		floors[i] = newLoad(b, f.program, cmp.Or(f.path, tokenPath)+p.query, p.who, p.behind...)
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
	cpuOf := "process"
	if len(p.behind) > 0 {
		cpuOf = "process and Keycloak"
	}
	for i, f := range floors {
		what := p.name
		if p.floors[i].name != "" {
			what += " (floor: " + p.floors[i].name + ")"
		}
		report.add(p.place, what+", tokens/s", count(median(ours.rates)), count(median(f.rates)), spread(ratios(ours.rates, f.rates)))
		report.add(p.place, what+", p99, ms", fmt.Sprintf("%.1f", ours.p99()), fmt.Sprintf("%.1f", f.p99()), "")
		report.add(p.place, what+", CPU of the "+cpuOf+" for each, µs", count(median(ours.cpu)), count(median(f.cpu)), spread(ratios(f.cpu, ours.cpu)))
	}
}
