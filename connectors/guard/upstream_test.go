package guard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// breaking has a breaker that opens after three outages, for two seconds.
func breaking() guard.Settings {
	return guard.Settings{Breaker: guard.BreakerSettings{Failures: 3, Probe: 2 * time.Second}}
}

// open opens it.
func (g guarded) open() {
	g.t.Helper()
	for range 3 {
		g.want("alice", "down", connectors.ErrUnreachable)
	}
}

func TestBreakerOpensAndCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		g := guardedBy(t, d, breaking())
		g.open()
		begun := time.Now()
		for range 10 {
			_, err := g.login("bob", "right")
			var resting *connectors.Resting
			if !errors.As(err, &resting) || !errors.Is(err, connectors.ErrResting) || !errors.Is(err, errDown) || !strings.Contains(err.Error(), "connection refused") {
				t.Fatalf("while it is open: %v", err)
			}
			if left := 2*time.Second - time.Since(begun); resting.RetryAfter != left {
				t.Errorf("to be tried again after %v, want %v", resting.RetryAfter, left)
			}
			time.Sleep(190 * time.Millisecond)
		}
		if n := d.asked(); n != 3 {
			t.Errorf("the directory was asked %d times, want 3", n)
		}
		time.Sleep(100*time.Millisecond + 1)
		g.want("carol", "down", connectors.ErrUnreachable) // the one that finds out
		g.want("carol", "right", connectors.ErrResting)
		time.Sleep(2*time.Second + 1)
		g.want("carol", "right", nil)
		g.want("dave", "right", nil)
		log := g.log.String()
		if strings.Count(log, "\n") != 2 || strings.Count(log, `level=ERROR msg="the directory does not answer`) != 1 ||
			!strings.Contains(log, "connection refused") || !strings.Contains(log, `level=INFO msg="the directory answers again"`) {
			t.Errorf("log:\n%s", log)
		}
	})
}

// TestBreakerLetsOneFindOut holds that of all who come at once one is let through, and that
// the rest fail at once, whatever that one meets.
func TestBreakerLetsOneFindOut(t *testing.T) {
	for password, opens := range map[string]bool{"right": false, "wrong": false, "unknown": false, "disabled": false, "odd": false, "down": true, "hangs": true} {
		t.Run(password, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk()
				d.takes(time.Second)
				g := guardedBy(t, d, breaking())
				g.open()
				before := d.asked()
				time.Sleep(2*time.Second + 1)
				var group sync.WaitGroup
				var resting, others atomic.Int64
				begun := time.Now()
				for i := range 50 {
					group.Go(func() {
						_, err := g.login(fmt.Sprintf("user-%d", i), password)
						var told *connectors.Resting
						switch {
						case !errors.As(err, &told):
							others.Add(1)
						case time.Since(begun) > 0 || told.RetryAfter != 0:
							t.Errorf("it took time to be refused, and is to be tried again after %v", told.RetryAfter)
						default:
							resting.Add(1)
						}
					})
				}
				group.Wait()
				if resting.Load() != 49 || others.Load() != 1 || d.asked() != before+1 {
					t.Errorf("%d failed at once, %d otherwise, %d were asked about", resting.Load(), others.Load(), d.asked()-before)
				}
				want := error(nil)
				if opens {
					want = connectors.ErrResting
				}
				g.want("zoe", "right", want)
			})
		})
	}
}

// TestWhatCountsForTheBreaker has something happen between two outages and a third.
func TestWhatCountsForTheBreaker(t *testing.T) {
	for password, opens := range map[string]bool{
		"down": true, "hangs": true, // outages
		"busy": true, "throttled": true, "panics": true, "is slow to read": true, "breaks off": true, // say nothing
		"right": false, "wrong": false, "unknown": false, "disabled": false, "odd": false, "cannot be read": false, // answers
	} {
		t.Run(password, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk()
				g := guardedBy(t, d, breaking())
				for range 10 {
					switch password {
					case "down", "hangs":
					default:
						_, _ = g.login("bob", password) // alone it never opens
					}
				}
				g.want("alice", "down", connectors.ErrUnreachable)
				g.want("alice", "down", connectors.ErrUnreachable)
				_, _ = g.login("bob", password)
				if password != "down" && password != "hangs" {
					g.want("alice", "down", connectors.ErrUnreachable)
				}
				want := error(nil)
				if opens {
					want = connectors.ErrResting
				}
				g.want("carol", "right", want)
			})
		})
	}
}

// TestBreakerGoesOnWithoutAVerdict holds that where the one that was let through has found
// nothing out, the next one is.
func TestBreakerGoesOnWithoutAVerdict(t *testing.T) {
	for _, password := range []string{"busy", "throttled", "panics", "is slow to read", "breaks off"} {
		synctest.Test(t, func(t *testing.T) {
			g := guardedBy(t, newDesk(), breaking())
			g.open()
			time.Sleep(2*time.Second + 1)
			for range 3 {
				if _, err := g.login("bob", password); err == nil || errors.Is(err, connectors.ErrResting) {
					t.Errorf("%s: %v", password, err)
				}
			}
			g.want("bob", "down", connectors.ErrUnreachable)
			g.want("bob", "right", connectors.ErrResting)
		})
	}
}

// TestLateOutcomes holds that what began before the breaker opened changes nothing when it
// ends: neither an answer nor an outage.
func TestLateOutcomes(t *testing.T) {
	for _, password := range []string{"right", "down"} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk()
			d.takes(3 * time.Second)
			g := guardedBy(t, d, breaking())
			var group sync.WaitGroup
			defer group.Wait()
			group.Go(func() { _, _ = g.login("slow", password) })
			synctest.Wait()
			d.takes(0)
			g.open()
			time.Sleep(time.Second)
			g.want("bob", "right", connectors.ErrResting)
			time.Sleep(2 * time.Second) // the slow one has ended
			g.want("bob", "right", nil)
		})
	}
}

// TestDeadline holds that a directory which takes as long as it likes is left in time, and
// that this counts.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		g := guardedBy(t, d, breaking())
		for range 3 {
			begun := time.Now()
			g.want("alice", "hangs", context.DeadlineExceeded)
			if took := time.Since(begun); took > 4500*time.Millisecond {
				t.Errorf("it took %v", took)
			}
		}
		g.want("alice", "right", connectors.ErrResting)
	})
}

func TestBulkhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(500 * time.Millisecond)
		g := guardedBy(t, d, guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 2}, Breaker: guard.BreakerSettings{Failures: 1, Probe: time.Second}})
		begun := time.Now()
		took := make(map[time.Duration]int) // how many passed after which time; 0: busy
		var mu sync.Mutex
		var group sync.WaitGroup
		for i := range 14 {
			group.Go(func() {
				_, err := g.login(fmt.Sprintf("user-%d", i), "right")
				after := time.Since(begun)
				if err != nil {
					if !errors.Is(err, connectors.ErrBusy) || after != 2250*time.Millisecond {
						t.Errorf("after %v: %v", after, err)
					}
					after = 0
				}
				mu.Lock()
				took[after]++
				mu.Unlock()
			})
		}
		group.Wait()
		if took[500*time.Millisecond] != 2 || took[2500*time.Millisecond] != 2 || took[0] != 4 || d.most.Load() != 2 {
			t.Errorf("logins by the time they took (0: turned away) %v, at most %d at once", took, d.most.Load())
		}
		if log := g.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "guard.bulkhead.max") || !strings.Contains(log, "max=2") {
			t.Errorf("log:\n%s", log)
		}
		g.want("zoe", "right", nil) // the places are free again, and the breaker has not opened
	})
}

// TestQueues holds how long one may wait for a place: in a burst as long as there is time for
// the login; in a queue that has lasted, until the request has been there for 0.6 s, wherever.
func TestQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(time.Second)
		g := guardedBy(t, d, guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}})
		var group sync.WaitGroup
		defer group.Wait()
		group.Go(func() { g.want("alice", "right", nil) })
		time.Sleep(500 * time.Millisecond)
		group.Go(func() { g.want("bob", "right", nil) }) // has the next
		time.Sleep(200 * time.Millisecond)
		g.turnedAway(t.Context(), "carol", 600*time.Millisecond)
		ctx, _ := connectors.Arriving(t.Context())
		time.Sleep(400 * time.Millisecond) // somewhere else
		g.turnedAway(ctx, "dave", 200*time.Millisecond)
		time.Sleep(time.Second)
		g.want("erin", "right", nil) // there is nobody any more
		group.Go(func() { g.want("frank", "right", nil) })
		synctest.Wait()
		g.want("grace", "right", nil) // another burst
	})
}

// turnedAway has somebody wait in vain.
func (g guarded) turnedAway(ctx context.Context, name string, after time.Duration) {
	g.t.Helper()
	begun := time.Now()
	if _, err := g.loginIn(ctx, name, "right"); !errors.Is(err, connectors.ErrBusy) || time.Since(begun) != after {
		g.t.Errorf("%s: after %v: %v", name, time.Since(begun), err)
	}
}

// TestWhoJoinsMayWait holds that who sends what another has sent may wait as long as if he had
// been alone.
func TestWhoJoinsMayWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(1300 * time.Millisecond)
		g := guardedBy(t, d, guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}})
		var group sync.WaitGroup
		defer group.Wait()
		group.Go(func() { g.want("first", "right", nil) })
		time.Sleep(600 * time.Millisecond)
		arriving, _ := connectors.Arriving(t.Context())
		group.Go(func() { g.turnedAway(arriving, "alice", 600*time.Millisecond) })
		time.Sleep(500 * time.Millisecond)
		joining, _ := connectors.Arriving(t.Context())
		if _, err := g.loginIn(joining, "alice", "right"); err != nil {
			t.Errorf("who joined later: %v", err)
		}
	})
}

// TestNoTimeForMoreWaits holds that who has no more time while waiting for a place is told that
// it was for that, and who has none while the directory works is not.
func TestNoTimeForMoreWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(2 * time.Second)
		g := guardedBy(t, d, guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}})
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var group sync.WaitGroup
		defer group.Wait()
		group.Go(func() {
			if _, err := g.loginIn(ctx, "first", "right"); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, connectors.ErrBusy) {
				t.Errorf("who was sent: %v", err)
			}
		})
		synctest.Wait()
		g.turnedAway(ctx, "alice", 500*time.Millisecond)
	})
}

// impatient is a directory that has its due of a login's time, or says so.
type impatient struct{ *desk }

func (d impatient) Verify(ctx context.Context, a connectors.Account, p connectors.Secret) (connectors.Identity, error) {
	if end, _ := ctx.Deadline(); connectors.CutShort(ctx, time.Until(end), 4*time.Second) {
		return connectors.Identity{}, errTold
	}
	return d.desk.Verify(ctx, a, p)
}

var errTold = errors.New("it was told of the wait")

// TestDirectoryIsToldOfTheWait holds that a directory can tell that the wait for a place has
// taken of its time.
func TestDirectoryIsToldOfTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(500 * time.Millisecond)
		g := guardedBy(t, impatient{d}, guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}})
		var group sync.WaitGroup
		group.Go(func() { g.want("alice", "right", nil) })
		synctest.Wait()
		g.want("bob", "right", errTold)
		group.Wait()
	})
}

// TestTurnedAwayIsNoAnswer holds that who finds no place says nothing of the directory.
func TestTurnedAwayIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		s := breaking()
		s.Bulkhead.Max = 1
		g := guardedBy(t, d, s)
		g.want("alice", "down", connectors.ErrUnreachable)
		g.want("alice", "down", connectors.ErrUnreachable)
		var group sync.WaitGroup
		group.Go(func() { g.want("alice", "hangs", context.DeadlineExceeded) }) // the third
		synctest.Wait()
		g.want("bob", "right", connectors.ErrBusy)
		group.Wait()
		g.want("bob", "right", connectors.ErrResting)
	})
}

// TestBulkheadAfterPanics holds that a place is given back whatever happens there.
func TestBulkheadAfterPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guardedBy(t, newDesk(), guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}})
		for range 3 {
			if _, err := g.login("alice", "panics"); err == nil || strings.Contains(err.Error(), "at the desk") || !strings.Contains(err.Error(), "panic") {
				t.Errorf("error %v", err)
			}
			g.want("alice", "right", nil)
		}
	})
}

// TestOpenedWhileTheyWait holds that those who wait for a place when the directory comes to
// be left alone do not ask it.
func TestOpenedWhileTheyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(500 * time.Millisecond)
		g := guardedBy(t, d, guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}, Breaker: guard.BreakerSettings{Failures: 1, Probe: time.Second}})
		var group sync.WaitGroup
		group.Go(func() { g.want("alice", "down", connectors.ErrUnreachable) })
		synctest.Wait()
		for i := range 5 {
			group.Go(func() { g.want(fmt.Sprintf("later-%d", i), "right", connectors.ErrResting) })
		}
		group.Wait()
		if n := d.asked(); n != 1 {
			t.Errorf("the directory was asked %d times, want once", n)
		}
	})
}

// TestOff holds that the zero settings bound nothing.
func TestOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(time.Second)
		g := guardedBy(t, d, guard.Settings{})
		var group sync.WaitGroup
		for i := range 500 {
			group.Go(func() { g.want(fmt.Sprintf("user-%d", i), "down", connectors.ErrUnreachable) })
		}
		group.Wait()
		g.want("alice", "right", nil)
		if n := d.most.Load(); n != 500 {
			t.Errorf("%d at once", n)
		}
	})
}

// TestFindGoesPast holds that an administrator's question is asked whatever the breaker says.
func TestFindGoesPast(t *testing.T) {
	g := guardedBy(t, newDesk(), breaking())
	g.open()
	if id, err := g.Connector.(connectors.Finder).Find(t.Context(), "alice"); err != nil || id.Username != "alice" {
		t.Errorf("Find() = %+v, %v", id, err)
	}
}

// bounding is a directory that bounds itself.
type bounding struct {
	*desk
	bound int
}

func (b *bounding) Bound(atOnce int) { b.bound = atOnce }

// TestBoundedByItself holds that a directory with bounds of its own is told what is
// configured, and has no others before it.
func TestBoundedByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &bounding{desk: newDesk(), bound: -1}
		d.takes(time.Second)
		g := guardedBy(t, d, guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 2}})
		if d.bound != 2 {
			t.Errorf("it was told %d, want 2", d.bound)
		}
		var group sync.WaitGroup
		for i := range 10 {
			group.Go(func() { g.want(fmt.Sprintf("user-%d", i), "right", nil) })
		}
		group.Wait()
		if n := d.most.Load(); n != 10 {
			t.Errorf("%d at once, want 10", n)
		}
	})
}

// TestNULsSayNothing holds that passwords which are refused without asking do not pass for an
// answer of the directory.
func TestNULsSayNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		g := guardedBy(t, d, breaking())
		for range 3 {
			g.want("alice", "down", connectors.ErrUnreachable)
			g.want("bob", "right\x00", connectors.ErrRejected)
		}
		g.want("carol", "right", connectors.ErrResting)
		if n := d.asked(); n != 3 {
			t.Errorf("the directory was asked %d times, want 3", n)
		}
	})
}
