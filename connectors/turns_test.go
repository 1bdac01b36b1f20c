package connectors_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

func TestTurns(t *testing.T) {
	const within, least = 600 * time.Millisecond, 100 * time.Millisecond
	for _, tt := range []struct {
		name  string
		age   time.Duration // of the request, when it comes for a turn
		ends  time.Duration // until a turn ends; 0: none does
		hangs time.Duration // until the client does; 0: it does not
		waits time.Duration
		want  error
	}{
		{"no turn ends", 0, 0, 0, within, connectors.ErrBusy},
		{"one ends in time", 0, within - 1, 0, within - 1, nil},
		{"one ends too late", 0, within + 1, 0, within, connectors.ErrBusy},
		{"it has waited elsewhere", 400 * time.Millisecond, 0, 0, within - 400*time.Millisecond, connectors.ErrBusy},
		{"it was long at a directory", 3 * time.Second, 0, 0, least, connectors.ErrBusy},
		{"it was, and one ends", 3 * time.Second, least - 1, 0, least - 1, nil},
		{"the client hangs up", 0, 0, time.Millisecond, time.Millisecond, context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				turns := connectors.NewTurns(1)
				if err := turns.Take(t.Context()); err != nil {
					t.Fatal(err)
				}
				ctx, visit := connectors.Arriving(t.Context())
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				time.Sleep(tt.age)
				if again, same := connectors.Arriving(ctx); again != ctx || same != visit {
					t.Error("a request arrives twice")
				}
				if tt.ends > 0 {
					time.AfterFunc(tt.ends, turns.End)
				}
				if tt.hangs > 0 {
					time.AfterFunc(tt.hangs, cancel)
				}
				began := time.Now()
				if err := turns.Take(ctx); !errors.Is(err, tt.want) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				if waited := time.Since(began); waited != tt.waits {
					t.Errorf("waited %s, want %s", waited, tt.waits)
				}
				synctest.Wait()
			})
		})
	}
}

// TestTurnsComeBack holds that who gives up leaves no turn taken, and that nobody overtakes.
func TestTurnsComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := connectors.NewTurns(2)
		if free := takeAll(turns); free != 2 {
			t.Fatalf("%d are free", free)
		}
		for range 5 {
			go func() { _ = turns.Take(t.Context()) }()
		}
		synctest.Wait()
		turns.End()
		synctest.Wait()
		if turns.Try() {
			t.Error("somebody was overtaken")
		}
		time.Sleep(time.Second) // four have given up
		turns.End()
		turns.End()
		if free := takeAll(turns); free != 2 {
			t.Errorf("%d are free afterwards", free)
		}
	})
}

// TestPatience holds how long one waits for a place: in a burst for the time that is left, but
// no less than for a turn.
func TestPatience(t *testing.T) {
	const within, burst = 600 * time.Millisecond, 600 * time.Millisecond
	for _, tt := range []struct {
		name       string
		full       time.Duration // since when there has been no place
		left, want time.Duration
	}{
		{"a burst", burst - 1, 2 * time.Second, 2 * time.Second},
		{"a burst, and little is left", 0, time.Millisecond, within},
		{"a burst, and nothing is left", 0, -time.Second, within},
		{"a queue that lasts", burst, 2 * time.Second, within},
		{"a queue that lasts, and nothing is left", burst, -time.Second, within},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b connectors.Burst
				b.Free()
				time.Sleep(tt.full)
				ctx, _ := connectors.Arriving(t.Context())
				if got := b.Patience(ctx, tt.left); got != tt.want {
					t.Errorf("patience %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// TestVisitEndsOnce holds that a place is given back once, by whoever is the first.
func TestVisitEndsOnce(t *testing.T) {
	places := connectors.NewTurns(2)
	_, visit := connectors.Arriving(t.Context())
	visit.End() // has none
	if free := takeAll(places); free != 2 {
		t.Fatalf("%d are free", free)
	}
	visit.Has(&places)
	visit.End()
	visit.End()
	if free := takeAll(places); free != 1 {
		t.Errorf("one visit gave back %d places", free)
	}
}

// takeAll takes all turns, and returns how many were free.
func takeAll(turns connectors.Turns) (free int) {
	for turns.Try() {
		free++
	}
	return free
}

// TestOthersComeFirst holds that who has waited for a turn, or has the last, lets those run first who are about to
// come, and may have to be told that there is none: else turns would go from one to the next.
func TestOthersComeFirst(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for name, before := range map[string]func(*testing.T) int64{"after a wait": cameBefore, "the last turn": cameBeforeTheLast} {
		t.Run(name, func(t *testing.T) {
			for range 10 { // one time in sixty the scheduler has the one go first all the same
				if before(t) > 0 {
					return
				}
			}
			t.Error("who had the turn went on before all others")
		})
	}
}

// cameBeforeTheLast is how many run before one goes on who has taken the last turn, without a wait.
func cameBeforeTheLast(t *testing.T) (before int64) {
	t.Helper()
	turns := connectors.NewTurns(1)
	var group sync.WaitGroup
	var came atomic.Int64
	for range 50 {
		group.Go(func() { came.Add(1) })
	}
	if err := turns.Take(t.Context()); err != nil {
		t.Error(err)
	}
	before = came.Load()
	group.Wait()
	return before
}

// cameBefore is how many run before one goes on who has waited for a turn.
func cameBefore(t *testing.T) (before int64) {
	t.Helper()
	turns := connectors.NewTurns(1)
	if !turns.Try() {
		t.Fatal("there is no turn")
	}
	var group sync.WaitGroup
	var came atomic.Int64
	waits := make(chan struct{})
	group.Go(func() {
		close(waits)
		if err := turns.Take(t.Context()); err != nil {
			t.Error(err)
		}
		before = came.Load()
	})
	<-waits
	time.Sleep(10 * time.Millisecond) // until it waits
	for range 50 {
		group.Go(func() { came.Add(1) })
	}
	turns.End()
	group.Wait()
	return before
}
