package connectors

import (
	"context"
	"sync/atomic"
	"time"
)

// Visit is what a request's context knows of the request: when it arrived, and which of few
// places it has while it is worked on.
type Visit struct {
	arrived time.Time
	place   atomic.Pointer[Turns] // nil: none, or not any more
}

type visitKey struct{}

// Arriving returns the context of a request that arrives now, and its visit; a context that
// knows of one already is returned as it is.
func Arriving(ctx context.Context) (context.Context, *Visit) {
	if v := visitOf(ctx); v != nil {
		return ctx, v
	}
	v := &Visit{arrived: time.Now()}
	return context.WithValue(ctx, visitKey{}, v), v
}

// visitOf is nil where a context knows of none.
func visitOf(ctx context.Context) *Visit {
	v, _ := ctx.Value(visitKey{}).(*Visit)
	return v
}

// Has has the visit give a turn back when it ends, which was taken before.
func (v *Visit) Has(t *Turns) { v.place.Store(t) }

// End gives back the turn that the visit has. It may end twice: first when all that is left
// to do is to wait.
func (v *Visit) End() {
	if v == nil {
		return
	}
	if t := v.place.Swap(nil); t != nil {
		t.End()
	}
}

// Elsewhere has the request of a context give back its place, if it has one: what it waits
// for is no work of ours, or has bounds of its own. What is left to do afterwards is little.
func Elsewhere(ctx context.Context) { visitOf(ctx).End() }

// age is how long the request has been there; zero where that is not known.
func (v *Visit) age() time.Duration {
	if v == nil {
		return 0
	}
	return time.Since(v.arrived)
}
