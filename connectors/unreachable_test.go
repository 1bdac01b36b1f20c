package connectors_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// TestMarks holds that a mark changes nothing else of an outage, and that an answer and
// what nobody waited for are not marked.
func TestMarks(t *testing.T) {
	down := errors.New("connection refused")
	for mark, of := range map[error]func(error) error{connectors.ErrUnreachable: connectors.Unreachable, connectors.ErrOneAccount: connectors.OneAccount, connectors.ErrInDoubt: connectors.InDoubt} {
		got := fmt.Errorf("signing in: %w", of(down))
		if !errors.Is(got, mark) || !errors.Is(got, down) || got.Error() != "signing in: connection refused" {
			t.Errorf("%v: %v", mark, got)
		}
		for other := range map[error]bool{connectors.ErrUnreachable: true, connectors.ErrOneAccount: true, connectors.ErrInDoubt: true} {
			if other != mark && errors.Is(got, other) { //nolint:errorlint // the very same
				t.Errorf("%v is %v", mark, other)
			}
		}
		if of(nil) != nil {
			t.Errorf("%v: nil became an error", mark)
		}
		for _, answer := range []error{connectors.ErrNotMine, connectors.Reject(connectors.ReasonLocked), fmt.Errorf("no: %w", connectors.ErrGone)} {
			if got := of(answer); errors.Is(got, mark) || got != answer { //nolint:errorlint // the very same
				t.Errorf("%v marks %v", mark, answer)
			}
		}
	}
	if errors.Is(connectors.Unreachable(fmt.Errorf("asking: %w", context.Canceled)), connectors.ErrUnreachable) {
		t.Error("what nobody waited for is marked")
	}
	if !errors.Is(connectors.Unreachable(context.DeadlineExceeded), connectors.ErrUnreachable) {
		t.Error("what took too long is not marked")
	}
}

func TestResting(t *testing.T) {
	down := errors.New("connection refused")
	var err error = &connectors.Resting{Cause: down, RetryAfter: time.Second}
	if !errors.Is(err, connectors.ErrResting) || !errors.Is(err, down) || errors.Is(err, connectors.ErrBusy) {
		t.Error("it is not what it says")
	}
	if want := "the directory did not answer a moment ago, and is left alone: connection refused"; err.Error() != want {
		t.Errorf("it says %q, want %q", err, want)
	}
}
