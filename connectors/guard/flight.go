package guard

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/shorepass/shorepass/connectors"
)

const (
	// flightTime bounds a login at the directory, its wait for a place included. It ends
	// before those give up who wait for it, so that they learn what was the matter.
	flightTime = 4250 * time.Millisecond

	// maxWaiting is how many wait for logins of one connector at once.
	maxWaiting = 1024
)

// flights are the logins that are under way: one for all who send the same at the same
// time. One that has begun goes to its end whoever hangs up, since the directory may count
// it.
type flights struct {
	group   singleflight.Group
	waiting atomic.Int64

	life context.Context // ends with the connector
	end  context.CancelFunc

	mu     sync.Mutex // of work, against ended
	ended  bool
	flying sync.WaitGroup
}

func newFlights() *flights {
	f := &flights{}
	f.life, f.end = context.WithCancel(context.Background())
	return f
}

// do has login run, or waits for one that runs already.
func (f *flights) do(ctx context.Context, d digest, login func(context.Context) (connectors.Identity, error)) (connectors.Identity, error) {
	if f.waiting.Add(1) > maxWaiting {
		f.waiting.Add(-1)
		return connectors.Identity{}, connectors.ErrBusy
	}
	defer f.waiting.Add(-1)
	connectors.Elsewhere(ctx)
	flight := f.group.DoChan(string(d[:]), func() (any, error) { return f.fly(ctx, login) })
	select {
	case result := <-flight:
		id, _ := result.Val.(connectors.Identity)
		return id, result.Err
	case <-ctx.Done():
		return connectors.Identity{}, ctx.Err()
	}
}

// fly runs login with what ctx holds, but not until its end.
func (f *flights) fly(ctx context.Context, login func(context.Context) (connectors.Identity, error)) (id connectors.Identity, err error) {
	if !f.begin() {
		return id, connectors.ErrBusy
	}
	defer f.flying.Done()
	defer func() { // nobody else could: this is a goroutine of its own
		if v := recover(); v != nil {
			err = fmt.Errorf("panic of type %T\n%s", v, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTime)
	defer cancel()
	defer context.AfterFunc(f.life, cancel)()
	return login(ctx)
}

// begin reports whether a flight may begin; it is to end by flying.Done.
func (f *flights) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return false
	}
	f.flying.Add(1)
	return true
}

// close ends the flights and waits for them.
func (f *flights) close() {
	f.mu.Lock()
	f.ended = true
	f.mu.Unlock()
	f.end()
	f.flying.Wait()
}
