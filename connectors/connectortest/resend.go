package connectortest

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/shorepass/shorepass/connectors"
)

// AllowResends returns a context in which a password may be sent once more so often, as
// [connectors.MayResend] says, and the count of how often that was asked.
func AllowResends(ctx context.Context, most int64) (context.Context, *atomic.Int64) {
	asked := new(atomic.Int64)
	return connectors.WithResend(ctx, func() bool { return asked.Add(1) <= most }), asked
}

// Numb is a connection that nothing can be written to while Now is set: what somebody sends
// over it was not sent.
type Numb struct {
	net.Conn
	Now *atomic.Bool
}

// Write writes, or fails with [net.ErrClosed].
func (n Numb) Write(p []byte) (int, error) {
	if n.Now.Load() {
		return 0, net.ErrClosed
	}
	return n.Conn.Write(p)
}
