package connectors

import (
	"context"
	"fmt"
)

type sendingKey struct{}

// WithSending returns a context in which [Sending] is what send says.
func WithSending(ctx context.Context, send func() error) context.Context {
	return context.WithValue(ctx, sendingKey{}, send)
}

// Sending is called by a [Bounded] directory when the login of a context has waited for all that
// it waits for there, and right before the upstream is sent it. From then on the login goes to its
// end, whoever hangs up. It fails with [ErrBusy] where nobody waits for the login any more: it is
// not to be sent then.
func Sending(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrBusy, context.Cause(ctx))
	}
	if send, ok := ctx.Value(sendingKey{}).(func() error); ok {
		return send()
	}
	return nil
}
