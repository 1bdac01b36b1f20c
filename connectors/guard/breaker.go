package guard

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/shorepass/shorepass/connectors"
)

// errUntold is the outcome of a login that says nothing of the directory.
var errUntold = errors.New("the directory was not asked, or nobody waited for it")

// breaker leaves a directory alone that was unreachable again and again: logins fail at
// once, and every while one is let through that finds out. Whether that one may sign in is
// the same: what counts is that there is an answer.
type breaker struct {
	switches *gobreaker.TwoStepCircuitBreaker[struct{}]
	probe    time.Duration
	logger   *slog.Logger

	mu    sync.Mutex
	cause error     // of the last failure
	again time.Time // when the next login is let through
}

// newBreaker returns a breaker; nil, which lets everything through, where it is never to
// open.
func newBreaker(s BreakerSettings, logger *slog.Logger) *breaker {
	if s.Failures == 0 {
		return nil
	}
	b := &breaker{probe: s.Probe, logger: logger}
	b.switches = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:       s.Probe,
		ReadyToTrip:   func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= s.Failures },
		IsExcluded:    func(err error) bool { return errors.Is(err, errUntold) },
		OnStateChange: b.changed,
	})
	return b
}

// allow lets a login through, which is to end with a call of done with its outcome; or it
// fails with [connectors.Resting].
func (b *breaker) allow() (done func(outcome error), err error) {
	if b == nil {
		return func(error) {}, nil
	}
	count, err := b.switches.Allow()
	if err != nil {
		return nil, b.resting()
	}
	return func(outcome error) {
		if outcome != nil && !errors.Is(outcome, errUntold) {
			b.mu.Lock()
			b.cause = outcome
			b.mu.Unlock()
		}
		count(outcome)
	}, nil
}

// opened fails where the directory has come to be left alone since a login was let through.
func (b *breaker) opened() error {
	if b == nil || b.switches.State() != gobreaker.StateOpen {
		return nil
	}
	return b.resting()
}

func (b *breaker) resting() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &connectors.Resting{Cause: b.cause, RetryAfter: max(time.Until(b.again), 0)}
}

// changed notes and tells what the switches do. They wait for it.
func (b *breaker) changed(_ string, from, to gobreaker.State) {
	b.mu.Lock()
	cause := b.cause
	if to == gobreaker.StateOpen {
		b.again = time.Now().Add(b.probe)
	}
	b.mu.Unlock()
	switch {
	case from == gobreaker.StateClosed:
		b.logger.Error("the directory does not answer, and is left alone: logins fail at once until one that is let through finds it back; see to it",
			slog.Duration("tried_every", b.probe), slog.Any("error", cause))
	case to == gobreaker.StateClosed:
		b.logger.Info("the directory answers again")
	}
}

// told is an answer of our own, and what the directory has said until then: nil, or
// errUntold where it was not asked.
type told struct {
	error
	said error
}

// Unwrap returns the answer.
func (t *told) Unwrap() error { return t.error }

// outcome is what a login that ended with err says of the directory: nil, it answers;
// errUntold, nothing; any other, that it does not, marked with [connectors.ErrUnreachable]. ctx is what the directory was given.
func outcome(ctx context.Context, err error) error {
	var own *told
	var throttled *connectors.Throttled
	switch {
	case errors.As(err, &own):
		return own.said
	case err == nil, errors.Is(err, connectors.ErrNotMine), errors.Is(err, connectors.ErrRejected):
		return nil
	case errors.As(err, &throttled) && throttled.Asked:
		return nil
	case errors.Is(err, connectors.ErrBusy), throttled != nil, errors.Is(ctx.Err(), context.Canceled):
		return errUntold
	}
	silent := errors.Is(err, connectors.ErrUnreachable) || errors.Is(ctx.Err(), context.DeadlineExceeded)
	switch {
	case silent && errors.Is(err, connectors.ErrOneAccount):
		return errUntold // the password was taken, and then there was no answer
	case silent:
		return connectors.Unreachable(err)
	}
	return nil // about one account
}
