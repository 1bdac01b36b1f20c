package broker

import (
	"context"
	"sync"
	"time"
)

// patience is a context that ends with another, or at a time. Its clock is set when somebody
// first waits for its end: a login that is answered from memory is over by then, and setting
// a clock takes longer than the answer.
type patience struct {
	of    context.Context
	until time.Time

	mu     sync.Mutex
	timed  context.Context // nil: nobody waits
	cancel context.CancelFunc
}

var _ context.Context = (*patience)(nil)

// waits returns the context that those who wait have in truth.
func (p *patience) waits() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timed == nil {
		p.timed, p.cancel = context.WithDeadline(p.of, p.until)
	}
	return p.timed
}

// end ends it for all who wait. Who comes later has the other context.
func (p *patience) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timed == nil {
		p.timed, p.cancel = p.of, func() {}
	}
	p.cancel()
}

func (p *patience) Deadline() (time.Time, bool) { return p.waits().Deadline() }

func (p *patience) Done() <-chan struct{} { return p.waits().Done() }

func (p *patience) Err() error { return p.waits().Err() }

// Value asks the context that those have who wait, if any does: package context looks there
// for how to end what was derived from this one.
func (p *patience) Value(key any) any {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timed != nil {
		return p.timed.Value(key)
	}
	return p.of.Value(key)
}
