package oidc_test

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/oidc"
)

// answers are how long logins took, and how many came to nothing.
type answers struct {
	mu     sync.Mutex
	served []time.Duration
	busy   []time.Duration
}

// note notes a login that began then.
func (a *answers) note(t *testing.T, begun time.Time, err error) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil:
		a.served = append(a.served, time.Since(begun))
	case errors.Is(err, connectors.ErrBusy):
		a.busy = append(a.busy, time.Since(begun))
	default:
		t.Errorf("error %v", err)
	}
}

// TestOverload has twice as many people log in as the provider can do, half of whom have
// before: it is kept at work, and nobody waits for long.
func TestOverload(t *testing.T) {
	const takes, wait = 320 * time.Millisecond, 600 * time.Millisecond // so that it does 100 a second
	loggingIn(t, takes, func(t *testing.T, l oidc.Logins, p *asking) {
		name := func(i int) string { return "name" + strconv.Itoa(i%1000) }
		for i := 0; i < 1000; i += 2 {
			if err := l.Do(t.Context(), name(i), "right", p.ask); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(3 * time.Second) // until none of these counts any more
		var first, lasting answers
		var all sync.WaitGroup
		for i := range 2000 { // 200 a second
			all.Go(func() {
				time.Sleep(time.Duration(i) * 5 * time.Millisecond)
				ctx, _ := connectors.Arriving(t.Context())
				begun := time.Now()
				err := l.Do(ctx, name(i), "right", p.ask)
				if i < 400 { // those of a burst are among them
					first.note(t, begun, err)
				} else {
					lasting.note(t, begun, err)
				}
			})
		}
		all.Wait()
		if n := len(lasting.served); n < 780 || slices.Max(lasting.served) > wait+takes {
			t.Errorf("%d of 1600 were served, within %v; want at least 780 within %v", n, slices.Max(lasting.served), wait+takes)
		}
		if slices.Max(lasting.busy) > wait {
			t.Errorf("waited in vain for %v, want %v at most", slices.Max(lasting.busy), wait)
		}
		if slices.Max(append(first.served, first.busy...)) > 2*time.Second+takes {
			t.Errorf("those of the burst took %v", slices.Max(append(first.served, first.busy...)))
		}
	})
}

// TestBurst has many people come at once, to a provider that had nothing to do: all wait who
// can be served in two seconds.
func TestBurst(t *testing.T) {
	loggingIn(t, 100*time.Millisecond, func(t *testing.T, l oidc.Logins, p *asking) {
		var burst answers
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() {
				ctx, _ := connectors.Arriving(t.Context())
				begun := time.Now()
				burst.note(t, begun, l.Do(ctx, strconv.Itoa(i), "right", p.ask))
			})
		}
		all.Wait()
		if n := len(burst.served); n < 19*32 || n > 21*32 {
			t.Errorf("%d were served, want what the provider does in two seconds, 640", n)
		}
		if slices.Min(burst.busy) != 2*time.Second || slices.Max(burst.busy) != 2*time.Second {
			t.Errorf("the others waited for %v to %v, want 2s", slices.Min(burst.busy), slices.Max(burst.busy))
		}
	})
}

// TestLateForThePlace has a login wait for another one of its account for longer than for a
// place at the provider: it has a moment for that all the same.
func TestLateForThePlace(t *testing.T) {
	loggingIn(t, time.Second, func(t *testing.T, l oidc.Logins, p *asking) {
		l.Bound(1)
		var all sync.WaitGroup
		defer all.Wait()
		for _, login := range []struct {
			name, password string
			comes, takes   time.Duration
			want           error
		}{
			{"alice", "one", 0, time.Second, nil},
			{"alice", "other", 300 * time.Millisecond, 850 * time.Millisecond, connectors.ErrBusy}, // it is alice's turn after 1.05 s
			{"bob", "right", 800 * time.Millisecond, 1200 * time.Millisecond, nil},
		} {
			all.Go(func() {
				time.Sleep(login.comes)
				ctx, _ := connectors.Arriving(t.Context())
				begun := time.Now()
				if err := l.Do(ctx, login.name, login.password, p.ask); !errors.Is(err, login.want) || time.Since(begun) != login.takes {
					t.Errorf("%s, %s: error %v after %v, want %v after %v", login.name, login.password, err, time.Since(begun), login.want, login.takes)
				}
			})
		}
	})
}
