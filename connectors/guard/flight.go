package guard

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

const (
	// flightTime bounds a login from when it began, its waits for others included: it ends before
	// those give up who wait for it, so that they learn what was the matter. Only one that
	// begins anew after another's was in vain may take longer in all.
	flightTime = 4250 * time.Millisecond

	// queueTime bounds those waits, so that the directory has time for an operation.
	queueTime = flightTime - operationTime

	// maxFlying is how many logins of one connector are under way, and how many wait for them:
	// as many as there are connections by default. Who were turned away at once might try
	// again at once, over and over, which takes the time of those who are let in.
	maxFlying = 2048
)

// flights are the logins that are under way: one for all who send the same at the same time.
type flights struct {
	life context.Context // ends with the connector
	end  context.CancelFunc
	up   sync.WaitGroup // of those that are under way

	mu      sync.Mutex // of what follows, and of what is marked below
	flying  int
	waiting int
	open    map[digest]*flight // that others may join
}

// flight is a login that is under way. It ends when nobody waits for it any more; not so when
// the directory was sent it, which may count it: then it goes to its end whoever hangs up.
type flight struct {
	all     *flights
	ctx     context.Context    // for the directory
	queue   context.Context    // for waits of our own: it ends sooner
	giveUp  context.CancelFunc // ends both
	waiters int                // under the lock of all
	sent    bool               // likewise

	done chan struct{} // closed when the rest is filled in
	id   connectors.Identity
	err  error
}

func newFlights() *flights {
	f := &flights{open: map[digest]*flight{}}
	f.life, f.end = context.WithCancel(context.Background())
	return f
}

// do has login run, which began a while ago, or waits for one that runs already.
func (f *flights) do(ctx context.Context, d digest, begun time.Time, login func(*flight) (connectors.Identity, error)) (connectors.Identity, error) {
	one, err := f.join(ctx, d, begun, login)
	if err != nil {
		return connectors.Identity{}, err
	}
	connectors.Elsewhere(ctx)
	select {
	case <-one.done:
		f.leave(d, one)
		return one.id, one.err
	case <-ctx.Done():
	}
	if sent := f.leave(d, one); !sent {
		return connectors.Identity{}, fmt.Errorf("%w: %w", connectors.ErrBusy, ctx.Err())
	}
	return connectors.Identity{}, ctx.Err()
}

// join returns the flight of the digest. If there is none it begins one with what ctx holds,
// which does not end with ctx.
func (f *flights) join(ctx context.Context, d digest, begun time.Time, login func(*flight) (connectors.Identity, error)) (*flight, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.open[d]
	if f.life.Err() != nil || f.waiting == maxFlying || one == nil && f.flying == maxFlying {
		return nil, connectors.ErrBusy
	}
	if one == nil {
		ctx, cancel := context.WithDeadline(connectors.CountWaits(context.WithoutCancel(ctx)), begun.Add(flightTime))
		queue, late := context.WithDeadline(ctx, begun.Add(queueTime))
		one = &flight{all: f, ctx: ctx, queue: queue, giveUp: cancel, done: make(chan struct{}), err: connectors.ErrBusy}
		f.open[d] = one
		f.flying++
		f.up.Go(func() {
			defer cancel()
			defer late()
			defer context.AfterFunc(f.life, cancel)()
			defer f.land(d, one)
			one.fly(login)
		})
	}
	f.waiting++
	one.waiters++
	return one, nil
}

func (f *flight) fly(login func(*flight) (connectors.Identity, error)) {
	defer func() { // nobody else could: this is a goroutine of its own
		if v := recover(); v != nil {
			f.err = fmt.Errorf("panic of type %T\n%s", v, debug.Stack())
		}
	}()
	f.id, f.err = login(f)
}

// send is called right before the directory is sent the login. It fails with [connectors.ErrBusy]
// where nobody waits for the login any more.
func (f *flight) send() error {
	f.all.mu.Lock()
	defer f.all.mu.Unlock()
	if f.all.life.Err() != nil || f.ctx.Err() != nil { // the one ends a moment before the other
		return connectors.ErrBusy
	}
	f.sent = true
	return nil
}

// leave has one less wait for a flight. It reports whether the directory was sent that.
func (f *flights) leave(d digest, one *flight) (sent bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting--
	if one.waiters--; one.waiters == 0 && !one.sent {
		one.giveUp()
		if f.open[d] == one {
			delete(f.open, d)
		}
	}
	return one.sent
}

// land ends a flight.
func (f *flights) land(d digest, one *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flying--
	if f.open[d] == one {
		delete(f.open, d)
	}
	close(one.done)
}

// finish waits until those have landed that the directory was sent. It is to be called when
// nobody asks any more.
func (f *flights) finish() { f.up.Wait() }

// close ends the flights and waits for them.
func (f *flights) close() {
	f.mu.Lock() // none begins any more
	f.end()
	f.mu.Unlock()
	f.up.Wait()
}
