package connectors

import (
	"context"
	"runtime"
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
			// The scheduler would have each request go through to its end, and the others
			// wait before anybody knows that they are there: let them come and queue here.
			runtime.Gosched()
		}
		return nil
	}
	late := time.NewTimer(max(turnAtLeast, turnsWithin-visitOf(ctx).age()))
	defer late.Stop()
	select {
	case t <- struct{}{}:
		return nil
	case <-late.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
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
