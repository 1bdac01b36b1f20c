package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

const (
	// operationTime is what a directory has for an operation. A login that has waited for
	// others until less is left is not sent there.
	operationTime = 2 * time.Second

	// fairTime is what a directory has for a login at least, where it is blamed for what
	// the end of the flight has cut off: it has two operations to do.
	fairTime = 2 * operationTime

	// crowdedEvery is how often it is said that there was no place.
	crowdedEvery = time.Minute
)

// upstream is the way to the directory: so many logins at once, and none while the directory
// does not answer.
type upstream struct {
	places  connectors.Turns // one for each login that is there; nil: any number, or the directory sees to it
	bounded bool             // it does, and says when it sends a login
	breaker *breaker
	logger  *slog.Logger
	crowded atomic.Int64 // Unix time at which it was last said that there was no place
	burst   connectors.Burst
}

func newUpstream(d connectors.Directory, s Settings, logger *slog.Logger) *upstream {
	u := &upstream{breaker: newBreaker(s.Breaker, logger), logger: logger}
	if bounded, ok := d.(connectors.Bounded); ok {
		bounded.Bound(s.Bulkhead.Max)
		u.bounded = true
	} else if s.Bulkhead.Max > 0 {
		u.places = connectors.NewTurns(s.Bulkhead.Max)
	}
	return u
}

// do has login ask the directory. It fails with [connectors.ErrResting], or with
// [connectors.ErrBusy] where there is no place soon enough, or the directory had little time
// after our own waits.
func (u *upstream) do(f *flight, login func(context.Context) (connectors.Identity, error)) (connectors.Identity, error) {
	done, err := u.breaker.allow()
	if err != nil {
		return connectors.Identity{}, err
	}
	if err := u.enter(f.queue); err != nil {
		done(errUntold)
		return connectors.Identity{}, err
	}
	defer u.leave()
	said := errUntold             // also of a panic
	defer func() { done(said) }() // before the next has the place
	if err := u.breaker.opened(); err != nil {
		return connectors.Identity{}, err
	}
	ctx, err := u.send(f)
	if err != nil {
		return connectors.Identity{}, err
	}
	begun := time.Now()
	id, err := login(ctx)
	said = outcome(f.ctx, err)
	if !errors.Is(said, connectors.ErrUnreachable) {
		return id, err
	}
	if had := time.Since(begun); f.ctx.Err() != nil && had < fairTime { // cut off by our own waits
		silent := said
		said = errUntold
		return id, fmt.Errorf("%w: the directory had no more than %v: %w", connectors.ErrBusy, had.Round(time.Millisecond), silent)
	}
	return id, said
}

// send returns the context for the directory, which is sent the login next, or sends it by itself
// when it has a place for it. It fails with [connectors.ErrBusy] where it is too late for that.
func (u *upstream) send(f *flight) (context.Context, error) {
	switch {
	case f.queue.Err() != nil:
		return nil, connectors.ErrBusy
	case u.bounded:
		return connectors.WithSending(f.ctx, f.send), nil
	}
	return f.ctx, f.send()
}

// enter waits for a place.
func (u *upstream) enter(queue context.Context) error {
	if u.places == nil {
		return nil
	}
	if u.places.Try() {
		u.burst.Free()
		return nil
	}
	defer connectors.Waited(queue, time.Now())
	queue, cancel := context.WithTimeout(queue, u.burst.Patience(queue, queueTime))
	defer cancel()
	switch err := u.places.Wait(queue); {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled): // the connector is closed, or everybody gone
		return connectors.ErrBusy
	}
	if now, last := time.Now().Unix(), u.crowded.Load(); now-last >= int64(crowdedEvery/time.Second) && u.crowded.CompareAndSwap(last, now) {
		u.logger.Warn("logins are turned away, because the directory works at as many as it may at once: see whether it is slow, or raise guard.bulkhead.max",
			slog.Int("max", cap(u.places)))
	}
	return fmt.Errorf("%w: the directory works at %d already", connectors.ErrBusy, cap(u.places))
}

// leave gives the place to the next.
func (u *upstream) leave() {
	if u.places != nil {
		u.places.End()
	}
}
