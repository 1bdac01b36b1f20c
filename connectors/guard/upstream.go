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
	// placeTime bounds the wait for a place at the directory. What is left of a flight then
	// is enough for a directory that answers: an operation has two seconds.
	placeTime = 2 * time.Second

	// crowdedEvery is how often it is said that there was no place.
	crowdedEvery = time.Minute
)

// upstream is the way to the directory: so many logins at once, and none while the directory
// does not answer.
type upstream struct {
	places  chan struct{} // one for each login that is there; nil: any number, or the directory sees to it
	breaker *breaker
	life    context.Context // of the connector
	logger  *slog.Logger
	crowded atomic.Int64 // Unix time at which it was last said that there was no place
}

func newUpstream(life context.Context, d connectors.Directory, s Settings, logger *slog.Logger) *upstream {
	u := &upstream{breaker: newBreaker(s.Breaker, logger), life: life, logger: logger}
	if bounded, ok := d.(connectors.Bounded); ok {
		bounded.Bound(s.Bulkhead.Max)
	} else if s.Bulkhead.Max > 0 {
		u.places = make(chan struct{}, s.Bulkhead.Max)
	}
	return u
}

// do has login ask the directory. It fails with [connectors.ErrResting], or with
// [connectors.ErrBusy] where there is no place soon enough.
func (u *upstream) do(ctx context.Context, login func(context.Context) (connectors.Identity, error)) (connectors.Identity, error) {
	done, err := u.breaker.allow()
	if err != nil {
		return connectors.Identity{}, err
	}
	if err := u.enter(ctx); err != nil {
		done(errUntold)
		return connectors.Identity{}, err
	}
	defer u.leave()
	said := errUntold             // also of a panic
	defer func() { done(said) }() // before the next has the place
	if err := u.breaker.opened(); err != nil {
		return connectors.Identity{}, err
	}
	if u.life.Err() != nil { // who had the place before may have learnt of it sooner
		return connectors.Identity{}, connectors.ErrBusy
	}
	id, err := login(ctx)
	if said = outcome(ctx, err); said != nil && !errors.Is(said, errUntold) {
		err = said
	}
	return id, err
}

// enter waits for a place.
func (u *upstream) enter(ctx context.Context) error {
	if u.places == nil {
		return nil
	}
	select {
	case u.places <- struct{}{}:
		return nil
	default:
	}
	late := time.NewTimer(placeTime)
	defer late.Stop()
	select {
	case u.places <- struct{}{}:
		if ctx.Err() == nil {
			return nil
		}
		u.leave() // both at once
		return connectors.ErrBusy
	case <-late.C:
	case <-ctx.Done(): // the connector is closed
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
		<-u.places
	}
}
