package broker

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// ReasonOverloaded is why a request was turned away that came with too many others.
const ReasonOverloaded = "overloaded"

// textOverloaded is what whoever sent it is told.
const textOverloaded = "too many requests at the moment, which says nothing about your password: try again in a few seconds"

// When those who were turned away are to try again: not all of them at once.
const (
	soonest = 2 * time.Second
	latest  = 10 * time.Second
)

// Overloaded returns the failure of a request that is turned away since there are too many
// others.
func Overloaded() *Error {
	return &Error{Kind: Unavailable, Reason: ReasonOverloaded, Message: textOverloaded, RetryAfter: scattered()}
}

// scattered is when one of many who were turned away is to try again.
func scattered() time.Duration { return soonest + rand.N(latest-soonest) } //nolint:gosec // nobody gains by guessing it

// noTurn is the failure of a request whose turn did not come.
func noTurn(ctx context.Context, err error) *Error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &Error{Kind: Unavailable, Reason: reasonGone, Message: textUnavailable, Cause: err}
	}
	failure := Overloaded()
	failure.Cause = err
	return failure
}

// seldom is how often the log tells at most of what may happen at every request.
const seldom = 10 * time.Second

// Seldom counts what may happen at every request, so that the log tells of it once in a
// while. The zero value has counted nothing.
type Seldom struct {
	count atomic.Int64 // since the log told of it
	told  atomic.Int64 // when that was, in nanoseconds since 1970
}

// Add counts one, and returns how many there were if the log is to tell of them now.
func (s *Seldom) Add(now time.Time) (count int64, tell bool) {
	s.count.Add(1)
	told := s.told.Load()
	if now.UnixNano()-told < int64(seldom) || !s.told.CompareAndSwap(told, now.UnixNano()) {
		return 0, false
	}
	return s.count.Swap(0), true
}
