package guard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// waiting has somebody wait for the only place at the desk, and returns how to hang up.
func waiting(g guarded, group *sync.WaitGroup, name string) context.CancelFunc {
	ctx, hangUp := context.WithCancel(g.t.Context())
	group.Go(func() {
		if _, err := g.loginIn(ctx, name, "right"); !errors.Is(err, context.Canceled) {
			g.t.Errorf("%s, who hung up, got %v", name, err)
		}
	})
	synctest.Wait()
	return hangUp
}

// narrow runs a test with a desk at which an answer takes half a second, and which has one
// place, be it that it sees to that itself.
func narrow(t *testing.T, test func(t *testing.T, d *desk, g guarded)) {
	t.Helper()
	for _, itself := range []bool{false, true} {
		t.Run(fmt.Sprintf("bounded by itself: %v", itself), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk()
				d.takes(time.Second / 2)
				s := guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}}
				if itself {
					test(t, d, guardedBy(t, &lining{bounding: bounding{desk: d}}, s))
				} else {
					test(t, d, guardedBy(t, d, s))
				}
			})
		})
	}
}

// lining is a directory where those wait in line who are more than its bound.
type lining struct {
	bounding
	places connectors.Turns
}

func (l *lining) Bound(atOnce int) { l.places = connectors.NewTurns(atOnce) }

func (l *lining) Verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	if err := l.places.Wait(ctx); err != nil {
		return connectors.Identity{}, err
	}
	defer l.places.End()
	if err := connectors.Sending(ctx); err != nil {
		return connectors.Identity{}, err
	}
	return l.desk.Verify(ctx, a, password)
}

// TestNobodyQueuesForTheGone holds that a login which the directory was not sent ends with the
// last who waits for it, and leaves the queue to the living.
func TestNobodyQueuesForTheGone(t *testing.T) {
	narrow(t, func(t *testing.T, d *desk, g guarded) {
		var group sync.WaitGroup
		group.Go(func() { g.want("first", "right", nil) })
		synctest.Wait()
		begun := time.Now()
		for i := range 5000 { // more than there may be at once
			waiting(g, &group, fmt.Sprint("gone-", i))()
			synctest.Wait()
		}
		g.want("alice", "right", nil)
		if took := time.Since(begun); took != time.Second || d.asked() != 2 {
			t.Errorf("it took %v, and %d were asked about", took, d.asked())
		}
		group.Wait()
	})
}

// TestWhoComesAfterTheGone joins logins that some hang up of, or all.
func TestWhoComesAfterTheGone(t *testing.T) {
	narrow(t, func(t *testing.T, d *desk, g guarded) {
		d.takes(time.Second / 4)
		var group sync.WaitGroup
		group.Go(func() { g.want("first", "right", nil) })
		synctest.Wait()
		one, other := waiting(g, &group, "alice"), waiting(g, &group, "alice")
		one()
		synctest.Wait()
		group.Go(func() { g.want("alice", "right", nil) }) // one is left: joined
		synctest.Wait()
		other()
		waiting(g, &group, "bob")()
		group.Go(func() { g.want("bob", "right", nil) }) // nobody may be, and is not answered for that
		group.Wait()
		if n := d.asked(); n != 3 {
			t.Errorf("asked %d times, want once for each", n)
		}
		hangUp := waiting(g, &group, "carol") // has the place
		hangUp()
		synctest.Wait()
		g.want("carol", "right", nil) // joined, since it goes on
		if n := d.asked(); n != 4 {
			t.Errorf("asked %d times, want once for her", n-3)
		}
		group.Wait()
	})
}

// TestBackAtOnce has people hang up and come back before their login has ended: it is another
// login then, for them and for who comes later.
func TestBackAtOnce(t *testing.T) {
	narrow(t, func(t *testing.T, d *desk, g guarded) {
		var group sync.WaitGroup
		group.Go(func() { g.want("first", "right", nil) })
		synctest.Wait()
		d.takes(0)
		ctx, hangUp := context.WithCancel(t.Context())
		const people = 200
		for i := range people {
			group.Go(func() {
				name := fmt.Sprint("user-", i)
				_, _ = g.loginIn(ctx, name, "right")
				g.want(name, "right", nil)
			})
		}
		synctest.Wait()
		hangUp()
		synctest.Wait()
		for i := range people {
			group.Go(func() { g.want(fmt.Sprint("user-", i), "right", nil) })
		}
		group.Wait()
		if n := d.asked(); n != 1+people {
			t.Errorf("asked %d times, want once for each of %d", n-1, people)
		}
	})
}

// unhurried is a directory with bounds of its own that notices nobody's going before it sends.
type unhurried struct {
	bounding
	sends chan struct{} // closed when it does
}

func (u *unhurried) Verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	<-u.sends
	if err := connectors.Sending(ctx); err != nil {
		return connectors.Identity{}, err
	}
	return u.desk.Verify(ctx, a, password)
}

// TestSendingForTheGone holds that a directory which says when it sends a login is told where
// nobody waits for that any more, and that what it has sent goes on.
func TestSendingForTheGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &unhurried{bounding{desk: newDesk()}, make(chan struct{})}
		u.takes(time.Second)
		g := guardedBy(t, u, guard.Settings{})
		var group sync.WaitGroup
		for name, sent := range map[string]bool{"alice": true, "bob": false} {
			ctx, hangUp := context.WithCancel(t.Context())
			group.Go(func() {
				if _, err := g.loginIn(ctx, name, "right"); !errors.Is(err, context.Canceled) || errors.Is(err, connectors.ErrBusy) == sent {
					t.Errorf("%s, who hung up, got %v", name, err)
				}
			})
			synctest.Wait()
			if sent {
				defer hangUp()
				time.AfterFunc(time.Second/2, hangUp)
			} else {
				hangUp()
			}
		}
		synctest.Wait()
		close(u.sends)
		time.Sleep(time.Second / 4 * 3)
		group.Wait()
		g.want("alice", "right", nil) // joined
		if !slices.Equal(u.verified, []string{"alice"}) {
			t.Errorf("sent for %q", u.verified)
		}
	})
}

// TestGoneBeforeItIsSent holds that what has come through to the directory is not sent where
// nobody waits for it.
func TestGoneBeforeItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		g := guardedBy(t, d, guard.Settings{})
		ctx, hangUp := context.WithCancel(t.Context())
		hangUp()
		for i := range 1000 {
			_, _ = g.loginIn(ctx, fmt.Sprint("user-", i), "right")
		}
		synctest.Wait()
		if n := d.asked(); n > 500 { // some are sent before it is seen that nobody is there
			t.Errorf("%d of 1000 were asked about", n)
		}
	})
}

// TestTheGoneGiveBack holds that what was set aside for a login of whom nobody waits is free for
// others at once, and that nothing is lost or made up where people hang up at any time.
func TestTheGoneGiveBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{during: func(context.Context, string, string) { time.Sleep(10 * time.Millisecond) }}
		s := lockout()
		s.Bulkhead.Max = 1
		const burst = 5
		d := door(t, v, s, guard.NewShield(guard.Limits{Network: guard.Rate{Burst: burst, Per: 1000 * time.Hour}}))
		for range 50 {
			var group sync.WaitGroup
			for i := range 20 {
				group.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i/2)*10*time.Millisecond)
					defer cancel()
					_ = login(ctx, d, fmt.Sprint("user-", i%15), "right", elsewhere)
				})
			}
			group.Wait()
			synctest.Wait()
		}
		time.Sleep(time.Second)
		v.take()
		var list logins
		for i := range burst {
			list = append(list, logins{{fmt.Sprint("new-", i), "wrong", elsewhere, refused}}...)
		}
		list.run(t, d)
		if got := look(login(t.Context(), d, "one-more", "wrong", elsewhere)); got[:3] != "429" {
			t.Errorf("one more: %s", got)
		}
	})
}

// TestTheSentAreBounded holds that logins which go on though nobody waits for them are bounded.
func TestTheSentAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guardedBy(t, newDesk(), guard.Settings{})
		var group sync.WaitGroup
		ctx, hangUp := context.WithCancel(t.Context())
		for i := range 2048 {
			group.Go(func() { _, _ = g.loginIn(ctx, fmt.Sprint("user-", i), "hangs") })
		}
		synctest.Wait()
		hangUp()
		group.Wait()
		g.want("one-too-many", "right", connectors.ErrBusy)
		time.Sleep(5 * time.Second)
		g.want("one-too-many", "right", nil)
	})
}

// TestPanicOfTheGone has the desk panic when nobody is there any more to be told: the only
// place is free again.
func TestPanicOfTheGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(time.Second / 2)
		g := guardedBy(t, d, guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}})
		ctx, hangUp := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if _, err := g.loginIn(ctx, "alice", "panics"); !errors.Is(err, context.Canceled) {
					t.Errorf("who hung up got %v", err)
				}
			})
		}
		synctest.Wait()
		if d.asked() != 1 {
			t.Errorf("asked %d times, want once", d.asked())
		}
		hangUp()
		group.Wait()
		begun := time.Now()
		g.want("alice", "right", nil)
		if took := time.Since(begun); took != time.Second {
			t.Errorf("took %s, want half a second until the panic, and another", took)
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
		for i := range 2048 {
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
	for range 10 {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk()
			g := guardedBy(t, d, guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}, Breaker: guard.BreakerSettings{Failures: 1, Probe: time.Second}})
			var group sync.WaitGroup
			group.Go(func() { g.want("alice", "hangs, and is blamed", context.Canceled) })
			synctest.Wait()
			for i := range 50 { // who wait for a place: now and then one has it before it knows that all is over
				group.Go(func() { g.want(fmt.Sprint("zoe", i), "right", connectors.ErrBusy) })
			}
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
}
