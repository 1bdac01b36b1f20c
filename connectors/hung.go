package connectors

import (
	"sync"
	"sync/atomic"
)

// Hung marks the servers that have not answered somebody's password, and may count it as wrong
// when they come to themselves. It is of a process, so that a connector that is made anew knows
// what the one before it has learned.
type Hung struct {
	servers sync.Map // of *atomic.Bool, by address
}

// Of returns the mark of the server of an address; of no Hung, one of its own.
func (h *Hung) Of(address string) *atomic.Bool {
	if h == nil {
		return new(atomic.Bool)
	}
	mark, _ := h.servers.LoadOrStore(address, new(atomic.Bool))
	return mark.(*atomic.Bool) //nolint:forcetypeassert // there is nothing else
}
