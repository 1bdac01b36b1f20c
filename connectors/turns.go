package connectors

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// How long a request waits for its turns. Who has waited for longer is behind more work than
// can be done before clients give up, and would be the later the more others wait.
const (
	turnsWithin = 600 * time.Millisecond // of when it arrived
	turnAtLeast = 100 * time.Millisecond // but this for each turn: its time may have gone by elsewhere, as at a slow directory
)

// Turns bounds what is done at once, such as what keeps a processor busy, and lets nobody
// wait for long.
type Turns chan struct{}

// NewTurns returns turns of which n may be taken at once.
func NewTurns(n int) Turns { return make(Turns, n) }

// Try takes a turn if there is one, which is to be given back by [Turns.End].
func (t Turns) Try() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

// Take takes a turn, and waits for it if need be: until the request of the context has been
// there for 600 ms, as its [Visit] says. Then it fails with [ErrBusy], and with the context
// when that ends before.
func (t Turns) Take(ctx context.Context) error {
	if t.Try() {
		if len(t) == cap(t) {
			letCome()
		}
		return nil
	}
	late := time.NewTimer(patience(ctx))
	defer late.Stop()
	select {
	case t <- struct{}{}:
		letCome()
		return nil
	case <-late.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

// letCome lets others run first: the scheduler would have each request that has a turn go through
// to its end, and then the one that takes its turn, and the others would wait before anybody knows
// that they are there.
func letCome() { runtime.Gosched() }

// patience is how long the request of a context waits for a turn.
func patience(ctx context.Context) time.Duration {
	return max(turnAtLeast, turnsWithin-visitOf(ctx).age())
}

// Wait takes a turn, and waits for it as long as the context lasts, with which it fails.
func (t Turns) Wait(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// End gives a turn back.
func (t Turns) End() { <-t }

// burstTime is how long a queue may last and be taken for a burst.
const burstTime = 600 * time.Millisecond

// Burst tells a burst of logins, of which each waits for an upstream as long as there is time
// for it, from a queue that lasts: there more come than the upstream can do, and all would
// wait for so long.
type Burst struct {
	free atomic.Int64 // when there last was a place for the asking, in nanoseconds since 1970
}

// Free notes that there is a place for the asking.
func (b *Burst) Free() { b.free.Store(time.Now().UnixNano()) }

// Patience is how long the request of a context waits for a place, of which there is none:
// for the time that is left for that in a burst, else as long as for its turns.
func (b *Burst) Patience(ctx context.Context, left time.Duration) time.Duration {
	if time.Now().UnixNano()-b.free.Load() < int64(burstTime) {
		return max(left, patience(ctx))
	}
	return patience(ctx)
}
