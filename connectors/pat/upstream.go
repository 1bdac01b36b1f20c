package pat

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

const (
	// slots is how many questions a connector is asked at once.
	slots = 8

	// maxWaiting is how many accounts wait for a connector that does not answer.
	maxWaiting = 1000
)

// upstream is a connector that owners are looked up with: whether it answers at all.
type upstream struct {
	name     string
	resolver connectors.Resolver
	slots    chan struct{}

	mu         sync.Mutex
	down       bool
	probed     bool      // somebody asks it while it is down
	lastAnswer time.Time // when it last did
	cause      Account   // whom it did not answer about first
	waiting    []Account // who are to be asked about while it is down, each once

	// odd are accounts that it does not answer about while it does about others: they are
	// no sign that it is down, or one of them would keep all others from being looked up.
	odd map[Account]time.Time // when it last did not

	// ahead are the accounts that it is being asked about before that has to be waited for.
	ahead map[Account]time.Time
}

func newUpstream(name string, r connectors.Resolver) *upstream {
	return &upstream{name: name, resolver: r, slots: make(chan struct{}, slots), odd: map[Account]time.Time{}, ahead: map[Account]time.Time{}}
}

// take waits for a turn to ask.
func (u *upstream) take(ctx context.Context) error {
	select {
	case u.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (u *upstream) release() { <-u.slots }

// resting reports whether the connector is not to be asked about an account now; it will
// be, then, when its turn has come.
func (u *upstream) resting(a Account) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.down {
		u.wait(a)
		return true
	}
	last, odd := u.odd[a]
	return odd && time.Since(last) < probeEvery
}

// wait has an account wait for its turn.
func (u *upstream) wait(a Account) {
	if len(u.waiting) < maxWaiting && !slices.Contains(u.waiting, a) {
		u.waiting = append(u.waiting, a)
	}
}

// mayAsk reports whether the connector is to be asked about an account that is fresh still,
// which is once in a while.
func (u *upstream) mayAsk(a Account) bool {
	if u.resting(a) {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if time.Since(u.ahead[a]) < askWithin {
		return false
	}
	u.ahead[a] = time.Now()
	return true
}

// failed notes that the connector did not answer about an account. It reports whether it
// is down from now on, and is to be probed.
func (u *upstream) failed(a Account) (probe bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, odd := u.odd[a]; odd {
		u.odd[a] = time.Now()
	} else if !u.down {
		u.down, u.cause = true, a
	}
	if !u.down {
		return false
	}
	u.wait(a)
	probe = !u.probed
	u.probed = true
	return probe
}

// answered notes that the connector did. It reports whether it was down.
func (u *upstream) answered(a Account) (was bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	was = u.down
	if was && u.cause != a {
		u.odd[u.cause] = time.Now()
	}
	delete(u.odd, a)
	delete(u.ahead, a)
	u.down, u.lastAnswer, u.waiting = false, time.Now(), nil
	return was
}

// answeredSince reports whether the connector has answered since then.
func (u *upstream) answeredSince(then time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.lastAnswer.After(then)
}

// next returns the account that has waited longest, while the connector is down. Who
// probes it is to stop where it is not.
func (u *upstream) next() (a Account, down bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.down {
		u.probed = false
		return Account{}, false
	}
	if len(u.waiting) == 0 {
		return u.cause, true
	}
	a, u.waiting = u.waiting[0], u.waiting[1:]
	return a, true
}
