package audit

import (
	"runtime"
	"time"
)

// How long the writer may wait for others at most, and how long it does not after a wait
// that was longer.
const (
	shortWait  = 10 * time.Millisecond
	noCourtesy = time.Second
)

// courtesy lets those go first who are about to record, so that one write takes their lines
// along. Where so many want to run that the writer's turn comes late, it is left: then lines
// gather while others are being written.
type courtesy struct{ notBefore time.Time }

func (c *courtesy) yield() {
	asked := time.Now()
	if asked.Before(c.notBefore) {
		return
	}
	runtime.Gosched()
	if back := time.Now(); back.Sub(asked) > shortWait {
		c.notBefore = back.Add(noCourtesy)
	}
}
