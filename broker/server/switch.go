package server

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
)

// Switch is a handler whose place another takes between two requests: each is answered by
// one of the two, from its beginning to its end, and none is turned away.
type Switch struct{ now atomic.Pointer[shift] }

// shift is a handler for the time that it is the current one.
type shift struct {
	handler handler

	// inside is held for reading by each request that is being answered. Who has it for
	// writing knows that there is none any more, and that none will come: it is never let go.
	inside sync.RWMutex
}

// NewSwitch returns a handler that is h, until it is replaced.
func NewSwitch(h http.Handler) *Switch {
	s := new(Switch)
	s.now.Store(&shift{handler: asHandler(h)})
	return s
}

// Replace has h answer what comes from now on. The returned function waits until the last
// request of the handler before it is answered; nothing uses that one afterwards.
func (s *Switch) Replace(h http.Handler) (wait func()) {
	return s.now.Swap(&shift{handler: asHandler(h)}).inside.Lock
}

// ServeHTTP has the current handler answer.
func (s *Switch) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(r.Context(), w, r) }

func (s *Switch) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	current := s.now.Load()
	for !current.inside.TryRLock() { // it has just been replaced
		current = s.now.Load()
	}
	defer current.inside.RUnlock()
	current.handler(ctx, w, r)
}
