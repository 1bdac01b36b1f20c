package guard_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// TestOneFlight holds that the directory is asked once for all who send the same at the same
// time, and for each who sends something else.
func TestOneFlight(t *testing.T) {
	for password, want := range map[string]error{"right": nil, "wrong": connectors.ErrRejected, "down": connectors.ErrUnreachable} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk()
			d.takes(time.Second)
			g := guardedBy(t, d, guard.Settings{})
			var group sync.WaitGroup
			for range 200 {
				group.Go(func() { g.want("alice", password, want) })
			}
			group.Go(func() { g.want("alice", password+", but not quite", connectors.ErrRejected) })
			group.Go(func() { g.want("bob", password, want) })
			group.Wait()
			if n := d.asked(); n != 3 {
				t.Errorf("%s: asked %d times, want 3", password, n)
			}
			g.want("alice", password, want)
			if n := d.asked(); n != 4 {
				t.Errorf("%s: a flight that has ended answered another login", password)
			}
		})
	}
}

// TestFlightGoesOn holds that a login which the directory may count is carried to its end,
// whoever hangs up.
func TestFlightGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(time.Second)
		g := guardedBy(t, d, guard.Settings{Cache: guard.CacheSettings{TTL: time.Minute}})
		ctx, hangUp := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := g.loginIn(ctx, "alice", "right"); !errors.Is(err, context.Canceled) {
				t.Errorf("who hung up got %v", err)
			}
		})
		synctest.Wait()
		group.Go(func() { g.want("alice", "right", nil) })
		synctest.Wait()
		hangUp()
		group.Wait()
		g.passes("alice", "right", connectors.AnswerCache)
		if n := d.asked(); n != 1 {
			t.Errorf("asked %d times, want once", n)
		}
	})
}

// TestWaiting bounds how many wait.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(time.Second)
		g := guardedBy(t, d, guard.Settings{})
		var group sync.WaitGroup
		for i := range 1024 {
			group.Go(func() { g.want(fmt.Sprintf("user-%d", i), "right", nil) })
		}
		synctest.Wait()
		begun := time.Now()
		g.want("one-too-many", "right", connectors.ErrBusy)
		g.want("user-7", "right", connectors.ErrBusy)
		if time.Since(begun) > 0 {
			t.Error("it took time to be turned away")
		}
		group.Wait()
		g.want("one-too-many", "right", nil)
	})
}

// TestCloseEndsFlights holds that nothing goes on after Close, nor begins, and that what it
// ended says nothing of the directory.
func TestCloseEndsFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		g := guardedBy(t, d, guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}, Breaker: guard.BreakerSettings{Failures: 1, Probe: time.Second}})
		var group sync.WaitGroup
		group.Go(func() { g.want("alice", "hangs, and is blamed", context.Canceled) })
		synctest.Wait()
		group.Go(func() { g.want("zoe", "right", connectors.ErrBusy) }) // waits for a place
		synctest.Wait()
		begun := time.Now()
		if err := g.Connector.(interface{ Close() error }).Close(); err != nil {
			t.Error(err)
		}
		if d.here.Load() != 0 {
			t.Error("Close returns while a login is under way")
		}
		group.Wait()
		g.want("bob", "right", connectors.ErrBusy)
		if time.Since(begun) > 0 || d.asked() != 1 || g.log.Len() > 0 {
			t.Errorf("after %v, %d were asked about; log:\n%s", time.Since(begun), d.asked(), g.log)
		}
	})
}
