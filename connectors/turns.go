package connectors

import (
	"context"
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
// there for 600 ms, as [Arriving] says. Then it fails with [ErrBusy], and with the context
// when that ends before.
func (t Turns) Take(ctx context.Context) error {
	if t.Try() {
		return nil
	}
	late := time.NewTimer(max(turnAtLeast, turnsWithin-age(ctx)))
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

// End gives a turn back.
func (t Turns) End() { <-t }

type arrivalKey struct{}

// Arriving returns a context that knows that its request arrives now; one that knows of an
// arrival already is returned as it is.
func Arriving(ctx context.Context) context.Context {
	if _, known := ctx.Value(arrivalKey{}).(time.Time); known {
		return ctx
	}
	return context.WithValue(ctx, arrivalKey{}, time.Now())
}

// age is how long the request has been there, as far as it is known.
func age(ctx context.Context) time.Duration {
	if arrived, known := ctx.Value(arrivalKey{}).(time.Time); known {
		return time.Since(arrived)
	}
	return 0
}
