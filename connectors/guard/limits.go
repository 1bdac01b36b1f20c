package guard

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/shorepass/shorepass/connectors"
)

// Limits bound the failed logins of a process: the key limits.failed_logins of a
// configuration. The zero Limits bound none.
//
// A login counts when it has failed for the first time: a password that was refused for an
// account before is no guess, however often a client sends it. Logins that the cache
// answers do not count either, but are let pass as others are where the account has not signed
// in from there. From where the account has signed in before, what is left to
// a network or to all keeps nobody out, and the account has a limit of its own, twice as high.
type Limits struct {
	Network Rate `yaml:"network"` // of one client network: see connectors.ClientNetwork
	Account Rate `yaml:"account"` // of one account, or of one name that nobody knows; a right password does not clear it
	Overall Rate `yaml:"overall"` // of all together
}

// Rate is how many there may be at once, and as many again in the time.
type Rate struct {
	Burst int           `yaml:"burst"` // 0: any number
	Per   time.Duration `yaml:"per"`
}

// DefaultLimits are beyond what people and machines get wrong who mean no harm, also where
// a company of thousands comes from one address: each stale password counts once.
func DefaultLimits() Limits {
	return Limits{
		Network: Rate{Burst: 600, Per: 10 * time.Minute},
		Account: Rate{Burst: 30, Per: 24 * time.Hour},
		Overall: Rate{Burst: 6000, Per: 10 * time.Minute},
	}
}

// The bounds of a rate.
const (
	maxBurst = 1_000_000
	minPer   = time.Second
	maxPer   = 30 * 24 * time.Hour
)

// Validate returns what is wrong.
func (l *Limits) Validate() []connectors.FieldProblem {
	var problems []connectors.FieldProblem
	for _, r := range []struct {
		field string
		Rate
	}{{"network", l.Network}, {"account", l.Account}, {"overall", l.Overall}} {
		if r.Burst < 0 || r.Burst > maxBurst {
			problems = append(problems, connectors.FieldProblem{Field: r.field + ".burst", Message: fmt.Sprintf("want a number from 0 to %d", maxBurst)})
		}
		if r.Per < minPer || r.Per > maxPer {
			problems = append(problems, connectors.FieldProblem{Field: r.field + ".per", Message: "want a duration from 1s to 30d"})
		}
	}
	return problems
}

// bucket holds what is left of a rate. Whoever uses it holds the lock of the Shield.
type bucket struct {
	limiter *rate.Limiter // nil: there is no bound
	pending int           // how much of it is set aside for logins that are under way
	room    chan struct{} // holds something when one who waits may look again
	waiting atomic.Int64  // how many do
}

// maxCrowd is how many wait for one limit at once: others than its network's are to find room
// among those who wait for the directory.
const maxCrowd = 256

// minAwait is how long they wait at least: what is set aside may be all there ever is.
const minAwait = 100 * time.Millisecond

// errCrowd is the answer to those who wait in vain, or are too many.
var errCrowd = fmt.Errorf("%w: from one network, or together", connectors.ErrBusy)

func newBucket(r Rate) *bucket {
	b := &bucket{room: make(chan struct{}, 1)}
	if r.Burst > 0 {
		b.limiter = rate.NewLimiter(rate.Limit(float64(r.Burst)/r.Per.Seconds()), r.Burst)
	}
	return b
}

// wait returns how long it is until there is one more; zero: there is, unless it was set
// aside.
func (b *bucket) wait(now time.Time) time.Duration { return b.until(now, 1) }

// waitHeld is wait where nothing of what was set aside is given back.
func (b *bucket) waitHeld(now time.Time) time.Duration { return b.until(now, 1+b.pending) }

// until returns how long it is until there are n.
func (b *bucket) until(now time.Time, n int) time.Duration {
	if b.limiter == nil {
		return 0
	}
	missing := float64(n) - b.limiter.TokensAt(now)
	return max(0, time.Duration(missing/float64(b.limiter.Limit())*float64(time.Second)))
}

// hold sets one aside.
func (b *bucket) hold() { b.pending++ }

// await waits until there may be room, or the time has passed in which there is more.
func (b *bucket) await(ctx context.Context, wait time.Duration) error {
	defer b.waiting.Add(-1)
	if b.waiting.Add(1) > maxCrowd {
		return errCrowd
	}
	more := time.NewTimer(max(wait, minAwait))
	defer more.Stop()
	select {
	case <-b.room:
	case <-more.C:
	case <-ctx.Done():
		return errCrowd
	}
	return nil
}

// tell has one of those look again who wait, or the next one who will. Of no bucket, nobody
// waits.
func (b *bucket) tell() {
	if b == nil {
		return
	}
	select {
	case b.room <- struct{}{}:
	default:
	}
}

// settle takes what was set aside, or gives it back.
func (b *bucket) settle(now time.Time, taken bool) {
	b.pending--
	if taken && b.limiter != nil {
		b.limiter.AllowN(now, 1) // it is there, since it was set aside
	}
	b.tell()
}

// isFull reports whether nothing was taken that is still missing.
func (b *bucket) isFull(now time.Time) bool {
	return b.limiter == nil || b.limiter.TokensAt(now) >= float64(b.limiter.Burst())
}
