package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// budget is how many wrong passwords the guards let through to the directory, by default.
const budget = 3

// guesses are so many logins with different passwords, none of them right.
func (p target) guesses(from string, n int) []attempt {
	var all []attempt
	for i := range n {
		all = append(all, p.at(from, fmt.Sprintf("a-guess-%d", i)))
	}
	return all
}

// wantSpent sends one more password that is new to everybody, and wants it not to be tried.
func (g *guarded) wantSpent(t *testing.T, what string, a attempt) {
	t.Helper()
	for name, send := range ways {
		a.password = "one-more-by-" + name
		answer := send(g, t, a)
		wantStatus(t, what+" by "+name, answer, http.StatusTooManyRequests)
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 15*60 {
			t.Errorf("%s by %s: Retry-After is %q, want a number of seconds within the window", what, name, answer.Header.Get("Retry-After"))
		}
	}
}

// TestStalePasswords holds that passwords which clients have saved, and which are right no
// longer, are sent to the directory once, however often they are used.
func TestStalePasswords(t *testing.T) {
	t.Parallel()
	g := startGuarded(t, atOnce()...)

	t.Run("two hundred at once", func(t *testing.T) {
		t.Parallel()
		p := g.person(t)
		stale := p.at(p.away, "her-old-password")
		if got := g.atOnce(t, 200, stale); got[http.StatusUnauthorized] != 200 {
			t.Errorf("statuses %v, want 401 alone", got)
		}
		for range 3 {
			for name, send := range ways {
				wantStatus(t, "again by "+name, send(g, t, stale), http.StatusUnauthorized)
			}
		}
		g.wantBinds(t, "one stale password", p.name, 1)
		g.wantFailures(t, p.name, 1)
		wantStatus(t, "the right one", g.get(t, p.at(p.away, p.password)), http.StatusOK)
		g.wantFailures(t, p.name, 0) // as the directory has it after a right one
		wantStatus(t, "the stale one after the right one", g.get(t, stale), http.StatusUnauthorized)
		g.wantBinds(t, "in all", p.name, 2)
	})

	t.Run("of several machines", func(t *testing.T) {
		t.Parallel()
		p := g.person(t)
		var all sync.WaitGroup
		for i := range budget {
			all.Go(func() {
				if got := g.atOnce(t, 60, p.at(fmt.Sprintf("203.0.113.%d", i), fmt.Sprintf("old-password-%d", i))); got[http.StatusUnauthorized] != 60 {
					t.Errorf("statuses %v, want 401 alone", got)
				}
			})
		}
		all.Wait()
		g.wantBinds(t, "three stale passwords", p.name, budget)
		g.wantFailures(t, p.name, budget)
		g.wantUnlocked(t, p)
	})
}

// TestGuessedPasswords has somebody guess from an address where nobody has signed in.
func TestGuessedPasswords(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)

	t.Run("forty at once", func(t *testing.T) {
		t.Parallel()
		p := g.person(t)
		wantStatus(t, "the owner", g.get(t, p.at(p.home, p.password)), http.StatusOK)
		ok(t, g.broker.Command(t, "", "cache", "clear", "--user", p.name)) // so that the owner's next login reaches the directory
		before := g.binds(t, p.name)

		var all sync.WaitGroup
		answers := make([]stack.Answer, 40)
		for i, guess := range p.guesses(p.away, len(answers)) {
			all.Go(func() { answers[i] = g.get(t, guess) })
		}
		all.Wait()
		tried := 0
		for _, a := range answers {
			if a.Status == http.StatusUnauthorized {
				tried++
				continue
			}
			wantStatus(t, "a guess", a, http.StatusTooManyRequests)
		}
		if tried > budget {
			t.Errorf("%d guesses look as if they were tried, want %d at most", tried, budget)
		}
		if n := g.binds(t, p.name) - before; n > budget || n == 0 {
			t.Errorf("the directory was sent %d of 40 guesses, want 1 to %d", n, budget)
		}
		g.wantUnlocked(t, p)

		g.wantSpent(t, "another guess", p.at(p.away, ""))
		wantStatus(t, "the right password, from there", g.get(t, p.at(p.away, p.password)), http.StatusTooManyRequests)
		wantStatus(t, "the right password, from the owner's address", g.get(t, p.at(p.home, p.password)), http.StatusOK)
		g.wantFailures(t, p.name, 0)
		wantStatus(t, "the right password, where the guesses of a day are spent", g.get(t, p.at(p.away, p.password)), http.StatusTooManyRequests)
		before = g.binds(t, p.name)
		wantStatus(t, "a password that nobody has tried yet", g.get(t, p.at(p.home, "never-tried")), http.StatusUnauthorized)
		g.wantBinds(t, "since the owner's login", p.name, before+1)
	})

	t.Run("every way", func(t *testing.T) {
		t.Parallel()
		p := g.person(t)
		i := 0
		for name, send := range ways { // three, as the budget
			wantStatus(t, "by "+name, send(g, t, p.at(p.away, "a-guess-by-"+name)), http.StatusUnauthorized)
			i++
		}
		g.wantBinds(t, "guesses", p.name, budget)
		g.wantSpent(t, "another", p.at(p.away, ""))
		for name, send := range ways { // one's look is what it was, whichever way it comes
			wantStatus(t, "the same guess again", send(g, t, p.at(p.away, "a-guess-by-"+name)), http.StatusUnauthorized)
		}
		g.wantBinds(t, "guesses and repeats", p.name, budget)
		g.wantUnlocked(t, p)
	})

	t.Run("in two realms", func(t *testing.T) {
		t.Parallel()
		p := g.person(t)
		for i, guess := range p.guesses(p.away, 10) {
			if i%2 == 1 {
				guess = guess.to(brief)
			}
			want := http.StatusUnauthorized
			if i >= budget {
				want = http.StatusTooManyRequests
			}
			wantStatus(t, fmt.Sprintf("guess %d", i), g.get(t, guess), want)
		}
		g.wantBinds(t, "guesses in both realms", p.name, budget)
		g.wantUnlocked(t, p)
	})

	t.Run("in other letters", func(t *testing.T) {
		t.Parallel()
		p := g.person(t)
		for i, guess := range p.guesses(p.away, 10) {
			if i%2 == 1 {
				guess.name = strings.ToUpper(guess.name)
			}
			g.get(t, guess)
		}
		g.wantBinds(t, "guesses", p.name, budget)
	})

	t.Run("the owner's own mistakes", func(t *testing.T) {
		t.Parallel()
		p := g.person(t)
		wantStatus(t, "the owner", g.get(t, p.at(p.home, p.password)), http.StatusOK)
		for _, guess := range p.guesses(p.home, 10) {
			g.get(t, guess)
		}
		if n := g.binds(t, p.name); n > 1+budget+1 {
			t.Errorf("%d binds, want the right one, the budget and one more at most", n)
		}
		g.wantUnlocked(t, p)
		wantStatus(t, "what is remembered", g.get(t, p.at(p.home, p.password)), http.StatusOK)
	})

	t.Run("ended by hand", func(t *testing.T) {
		t.Parallel()
		p := g.person(t)
		for _, guess := range p.guesses(p.away, budget) {
			g.get(t, guess)
		}
		wantStatus(t, "the right password", g.get(t, p.at(p.away, p.password)), http.StatusTooManyRequests)
		list := ok(t, g.broker.Command(t, "", "lockouts", "list"))
		if !strings.Contains(list, p.name) || !strings.Contains(list, p.away) {
			t.Errorf("shorepass lockouts list tells nothing of %s and %s:\n%s", p.name, p.away, list)
		}
		ok(t, g.broker.Command(t, "", "lockouts", "clear", "--user", p.name))
		if list := ok(t, g.broker.Command(t, "", "lockouts", "list")); strings.Contains(list, p.name) {
			t.Errorf("after lockouts clear, %s is still in the list:\n%s", p.name, list)
		}
		wantStatus(t, "the right password, after lockouts clear", g.get(t, p.at(p.away, p.password)), http.StatusOK)
		g.wantUnlocked(t, p)
	})
}

// said is the answer but for what differs from one to the next.
func said(a stack.Answer, p target) string {
	h := constantHeaders(a.Header)
	if h.Get("Retry-After") != "" {
		h.Set("Retry-After", "*")
	}
	return fmt.Sprint(strings.NewReplacer(p.name, "NAME", a.Header.Get("X-Request-Id"), "ID").Replace(a.Body), h)
}

// TestGuessedNames holds that answers do not tell who there is, once guesses are refused
// without being tried.
func TestGuessedNames(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	known := g.person(t)
	locked := g.person(t)
	g.slapd.Modify(t, "dn: "+dnOf(locked.name)+"\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n")
	people := []target{known, locked, {name: "nobody", away: "198.51.100.250"}, {name: "breakglass", away: "198.51.100.251"}} // in the directory, not there, in the file
	last := make([]span, len(people))
	for i := range 3 * budget {
		way := slices.Sorted(maps.Keys(ways))[i%len(ways)]
		var all sync.WaitGroup // refusals take their time
		answers := make([]stack.Answer, len(people))
		for n, p := range people {
			all.Go(func() {
				when := span{sent: time.Now()}
				answers[n] = ways[way](g, t, p.at(p.away, fmt.Sprintf("guess-%d", i)))
				when.answered = time.Now()
				if i < budget { // it is refused as wrong
					last[n] = when
					return
				}
				seconds, _ := strconv.Atoi(answers[n].Header.Get("Retry-After"))
				last[n].ends(t, fmt.Sprintf("guess %d of %s", i, p.name), time.Duration(seconds)*time.Second, when)
			})
		}
		all.Wait()
		first := answers[0]
		for n, a := range answers {
			if a.Status != first.Status || said(a, people[n]) != said(first, people[0]) {
				t.Errorf("guess %d by %s, %s: %d %s\n%s is answered %d %s", i, way, people[n].name, a.Status, said(a, people[n]), people[0].name, first.Status, said(first, people[0]))
			}
		}
		if want := map[bool]int{true: http.StatusUnauthorized, false: http.StatusTooManyRequests}[i < budget]; first.Status != want {
			t.Errorf("guess %d by %s is answered with %d, want %d", i, way, first.Status, want)
		}
	}
	g.wantBinds(t, "nine guesses", known.name, budget)
}
