package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// failing is a broker whose directory is about to fail, and nothing of which is remembered.
type failing struct {
	broker    *stack.Broker
	person    string            // of the directory, with the name and -password as password
	others    map[string]string // passwords of those who need no directory, by user name
	end, mend func()
}

// login is one of the person's.
func (f failing) login(t *testing.T) stack.Answer {
	t.Helper()
	return f.broker.Token(t, f.person, f.person+"-password", service)
}

// survives fails the directory and wants people to be told to come again, within five
// seconds and never that they are wrong; after a few of them at once; others to be answered
// as usual; and logins to work again within ten seconds of the directory's return.
func (f failing) survives(t *testing.T) {
	t.Helper()
	f.recovers(t)
	before, told := len(f.broker.Audit(t)), len(f.broker.Output.String())
	f.end()
	f.crowd(t, 8)
	found := len(f.broker.Audit(t))
	f.crowd(t, 40)
	resting := 0
	for _, e := range f.broker.Audit(t)[found:] {
		if e.Reason == "breaker-open" {
			resting++
		}
	}
	if resting < 36 { // now and then one finds out
		t.Errorf("%d of 40 were answered without the directory", resting)
	}
	f.spares(t)
	f.mend()
	f.recovers(t)
	for _, e := range f.broker.Audit(t)[before:] {
		if e.Username != "" && e.Outcome != "granted" && e.Outcome != "denied" && e.Outcome != "partly" && e.Outcome != "unavailable" {
			t.Errorf("in the outage: %+v", e)
		}
	}
	log := func() string { return f.broker.Output.String()[told:] }
	f.broker.WaitFor(t, "line that it answers again", 5*time.Second, func() bool { return strings.Contains(log(), "the directory answers again") })
	for _, line := range []string{"does not answer, and is left alone", "the directory answers again"} {
		if n := strings.Count(log(), line); n != 1 {
			t.Errorf("the log says %d times %q, want once:\n%s", n, line, log())
		}
	}
}

// crowd has strangers log in at the same time.
func (f failing) crowd(t *testing.T, n int) {
	t.Helper()
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			a, err := f.broker.Ask(t.Context(), fmt.Sprintf("stranger-%d", i), "stranger-password", service)
			if err != nil || a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.Took > 5*time.Second {
				t.Errorf("status %d, Retry-After %q after %s, %v: %s", a.Status, a.Header.Get("Retry-After"), a.Took, err, a.Body)
			}
		})
	}
	group.Wait()
}

// spares wants those to be answered who need no directory: sooner than any answer of it is
// waited for.
func (f failing) spares(t *testing.T) {
	t.Helper()
	for name, password := range f.others {
		for range 10 {
			if a := f.broker.Token(t, name, password, service); a.Status != http.StatusOK || a.Took > 1500*time.Millisecond {
				t.Errorf("%s: status %d after %s: %s", name, a.Status, a.Took, a.Body)
			}
		}
	}
	if a := f.broker.Token(t, "", "", service, "repository:public/app:pull"); a.Status == http.StatusServiceUnavailable || a.Took > 1500*time.Millisecond {
		t.Errorf("anonymous: status %d after %s", a.Status, a.Took)
	}
	if got := f.broker.Ready(); got != http.StatusOK {
		t.Errorf("/readyz: status %d", got)
	}
}

// recovers waits until the person can log in; that takes ten seconds at most.
func (f failing) recovers(t *testing.T) {
	t.Helper()
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		a := f.login(t)
		switch {
		case a.Status == http.StatusOK:
			return
		case a.Status != http.StatusServiceUnavailable:
			t.Fatalf("status %d: %s", a.Status, a.Body)
		case time.Since(start) > 10*time.Second:
			t.Fatalf("after ten seconds logins do not work:\n%s", f.broker.Output)
		}
	}
}

// TestDirectoryOutages stops and hangs a real slapd under the running broker, and kills it
// while people log in.
func TestDirectoryOutages(t *testing.T) {
	t.Parallel()
	old, with := uncached("        type: ldap\n")
	local := "        type: static\n"
	w := newWorld(t, "", old, with, local, local+"        guard: {cache: {ttl: 0s}}\n", "    connectors:\n", "    connectors:\n      - {name: tokens, type: pat}\n")
	f := failing{
		broker: w.broker, person: "alice",
		others: map[string]string{"breakglass": "breakglass-password", "ci": tokenOf(t, w.broker, "directory:alice")},
	}
	f.end, f.mend = func() { w.slapd.Stop(t) }, func() { w.slapd.Start(t) }
	t.Run("stopped", f.survives)
	f.end, f.mend = func() { w.slapd.Pause(t) }, func() { w.slapd.Resume(t) }
	t.Run("hung", f.survives)
	t.Run("killed under load", func(t *testing.T) {
		var stop atomic.Bool
		var group sync.WaitGroup
		var granted, outages atomic.Int64
		for i := range 8 {
			group.Go(func() {
				name := []string{"alice", "bob", "carol"}[i%3]
				for !stop.Load() {
					switch a, err := w.broker.Ask(t.Context(), name, name+"-password", service); {
					case err == nil && a.Status == http.StatusOK:
						granted.Add(1)
					case err == nil && a.Status == http.StatusServiceUnavailable && a.Took < 5*time.Second:
						outages.Add(1)
					default:
						t.Errorf("status %d after %s, %v: %s", a.Status, a.Took, err, a.Body)
					}
				}
			})
		}
		defer group.Wait()
		defer stop.Store(true)
		for range 3 {
			awaitMore(t, "login", &granted)
			w.slapd.Stop(t)
			awaitMore(t, "outage", &outages)
			w.slapd.Start(t)
			f.recovers(t)
		}
	})
}

// TestSlowDirectory has a directory take its time: as many logins as there are places are
// there at once, and who has none is told to come again, soon.
func TestSlowDirectory(t *testing.T) {
	t.Parallel()
	const places = 2
	s := slapd.Start(t, slapd.Options{Config: "moduleload retcode\n"})
	lines := replace(t, directoryLines(s, s.TLSURL), "groups: {base_dn: '"+slapd.Groups+"', nested: true}\n", "")
	old, _ := uncached("        type: ldap\n")
	b := stack.StartBroker(t, program, replace(t, orgConfig(lines), old, old+fmt.Sprintf("        guard: {cache: {ttl: 0s}, bulkhead: {max: %d}}\n", places)), nil)
	people := []string{"alice", "bob", "carol", "jane"}
	for range 2 { // the connections are there then
		for _, name := range people {
			if a := b.Token(t, name, name+"-password", service); a.Status != http.StatusOK {
				t.Fatalf("%s: status %d: %s", name, a.Status, a.Body)
			}
		}
	}
	s.Stop(t)
	s.Configure(t, "overlay retcode\nretcode-parent ou=results,"+slapd.Suffix+"\nretcode-sleep 1")
	s.Start(t)
	var group sync.WaitGroup
	var granted, busy atomic.Int64
	for i := range 12 {
		group.Go(func() {
			name, password := people[i%len(people)], people[i%len(people)]+"-password"
			if i >= len(people) {
				name, password = fmt.Sprintf("stranger-%d", i), "stranger-password"
			}
			switch a, err := b.Ask(t.Context(), name, password, service); {
			case err == nil && a.Status == http.StatusOK:
				granted.Add(1)
			case err == nil && a.Status == http.StatusServiceUnavailable && a.Took < 5*time.Second && a.Header.Get("Retry-After") != "":
				busy.Add(1)
			case i < len(people) || err != nil || a.Status != http.StatusUnauthorized:
				t.Errorf("status %d after %s, %v: %s", a.Status, a.Took, err, a.Body)
			}
		})
	}
	group.Wait()
	reasons := map[string]int{}
	for _, e := range b.Audit(t) {
		reasons[e.Reason]++
	}
	if reasons["busy"] < 4 || !strings.Contains(b.Output.String(), "guard.bulkhead.max") {
		t.Errorf("%d were let in and %d told to come again, for %v:\n%s", granted.Load(), busy.Load(), reasons, b.Output)
	}
}
