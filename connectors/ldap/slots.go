package ldap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// leastTime is what a directory is given at least to answer in, where nobody has waited.
const leastTime = 50 * time.Millisecond

// slots has one token for each connection that may work at once.
type slots chan struct{}

// do runs work as soon as there is a slot for it. What was not answered for the wait alone
// fails with [connectors.ErrBusy]; where too little time is left, nothing is sent.
func (s slots) do(ctx context.Context, work func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx) // not worth a connection
	}
	began := time.Now()
	select {
	case s <- struct{}{}:
		defer func() { <-s }()
	case <-ctx.Done():
	}
	connectors.Waited(ctx, began)
	if !worthwhile(ctx) { // also where there is one in the last moment: the directory is not to be blamed
		return tooLate(ctx, fmt.Sprintf("waiting for one of %d busy connections", cap(s)))
	}
	began = time.Now()
	err := work()
	silent := isUnreachable(err) || errors.Is(err, context.DeadlineExceeded)
	if silent && ctx.Err() != nil && connectors.CutShort(ctx, time.Since(began), operationTimeout) {
		return fmt.Errorf("%w: there was little time left to answer in: %w", connectors.ErrBusy, err)
	}
	return err
}

// worthwhile reports whether there is time for a directory to answer: for who has waited, a
// fair share.
func worthwhile(ctx context.Context) bool {
	end, bounded := ctx.Deadline()
	left := time.Until(end)
	return ctx.Err() == nil && (!bounded || left >= leastTime && !connectors.CutShort(ctx, left, fairShare))
}

// tooLate is the error of who has waited until there was no time left.
func tooLate(ctx context.Context, what string) error {
	cause := context.Cause(ctx)
	if cause == nil {
		cause = errNoAnswer
	}
	return fmt.Errorf("%w: %s: %w", connectors.ErrBusy, what, cause)
}
