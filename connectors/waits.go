package connectors

import (
	"context"
	"sync/atomic"
	"time"
)

type waitsKey struct{}

// CountWaits returns a context that adds up how long a login waits for bounds of our own, so
// that what the upstream did not answer for that alone is not taken for its fault. A context
// that does so already is returned as it is.
func CountWaits(ctx context.Context) context.Context {
	if _, ok := ctx.Value(waitsKey{}).(*atomic.Int64); ok {
		return ctx
	}
	return context.WithValue(ctx, waitsKey{}, new(atomic.Int64))
}

// Waited adds that the login of a context has waited since then.
func Waited(ctx context.Context, since time.Time) {
	if sum, ok := ctx.Value(waitsKey{}).(*atomic.Int64); ok {
		sum.Add(int64(time.Since(since)))
	}
}

// CutShort reports whether the upstream has less time than its due, of which it would have
// had all, had the login of the context not waited before.
func CutShort(ctx context.Context, has, due time.Duration) bool {
	sum, ok := ctx.Value(waitsKey{}).(*atomic.Int64)
	return ok && has < due && has+time.Duration(sum.Load()) >= due
}
