package pat

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

const (
	// slots is how many questions a connector is asked at once.
	slots = 8

	// maxFlights is how many questions are under way at once, those that wait for their turn
	// included.
	maxFlights = 256

	// slowEvery is how often it is said that a connector answers too slowly.
	slowEvery = 10 * time.Minute
)

// upstream is a connector that owners are looked up with: whether it answers at all.
type upstream struct {
	name     string
	resolver connectors.Resolver
	slots    chan struct{} // of those that are asked
	flights  chan struct{} // of those that are asked and those that wait for it

	mu         sync.Mutex
	unable     bool // it can look nobody up, as it is configured
	down       bool
	probed     bool       // somebody asks it while it is down
	lastAnswer time.Time  // when it last did
	lastSlow   time.Time  // when it was last said that it is slow
	failure    error      // what it last said in place of an answer, while it is down
	wanted     Account    // whom it was last to be asked about, while it is down
	witnesses  [2]Account // whom it last answered about

	// odd are accounts that it does not answer about while it does answer: they are no sign
	// that it is down, or one of them would keep all others from being looked up.
	odd map[Account]oddity
}

// oddity is what a connector says in place of an answer about one account.
type oddity struct {
	at  time.Time
	err error
}

func newUpstream(name string, r connectors.Resolver) *upstream {
	return &upstream{
		name: name, resolver: r, slots: make(chan struct{}, slots), flights: make(chan struct{}, maxFlights),
		odd: map[Account]oddity{},
	}
}

// take waits for a turn to ask. Where too many wait already, it fails at once.
func (u *upstream) take(ctx context.Context) error {
	select {
	case u.flights <- struct{}{}:
	default:
		return errBusy
	}
	select {
	case u.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-u.flights
		return errBusy
	}
}

func (u *upstream) release() { <-u.slots; <-u.flights }

// cannot notes that the connector can look nobody up.
func (u *upstream) cannot() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.unable = true
}

// able reports whether the connector can look anybody up, as far as is known; sure, that
// it has.
func (u *upstream) able() (able, sure bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.unable, !u.lastAnswer.IsZero()
}

// resting says why the connector is not to be asked about an account now. It is nil where
// the connector is to be asked.
func (u *upstream) resting(a Account) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.down {
		u.wanted = a
		return fmt.Errorf("%w: %w", errDown, u.failure)
	}
	if odd, ok := u.odd[a]; ok && time.Since(odd.at) < probeEvery {
		return odd.err
	}
	return nil
}

// isOdd reports whether the connector does not answer about the account alone.
func (u *upstream) isOdd(a Account) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, odd := u.odd[a]
	return odd
}

// slow reports whether it is to be said that the connector answers too slowly: that what
// was known of an account was used past its time, and it is not down.
func (u *upstream) slow() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.down || time.Since(u.lastSlow) < slowEvery {
		return false
	}
	u.lastSlow = time.Now()
	return true
}

// failed notes that the connector did not answer about an account. It reports whether it
// is down from now on, and is to be probed.
func (u *upstream) failed(a Account, cause error) (probe bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if odd, ok := u.odd[a]; ok {
		odd.at = time.Now()
		u.odd[a] = odd
		return false
	}
	u.down, u.failure, u.wanted = true, cause, a
	probe = !u.probed
	u.probed = true
	return probe
}

// failedAlone notes that the connector answers, but not about an account.
func (u *upstream) failedAlone(a Account, cause error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.odd[a] = oddity{at: time.Now(), err: cause}
}

// answered notes that the connector did, about an account or, where that is the zero one,
// about others. It reports whether it was down.
func (u *upstream) answered(a Account) (was bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	was = u.down
	if a != (Account{}) {
		delete(u.odd, a)
		if u.witnesses[0] != a {
			u.witnesses = [2]Account{a, u.witnesses[0]}
		}
	}
	u.down, u.failure, u.lastAnswer = false, nil, time.Now()
	return was
}

// witness returns another account that the connector has answered about.
func (u *upstream) witness(a Account) (other Account, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	other = u.witnesses[0]
	if other == a {
		other = u.witnesses[1]
	}
	return other, other != Account{}
}

// answeredSince reports whether the connector has answered since then.
func (u *upstream) answeredSince(then time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.lastAnswer.After(then)
}

// next returns the account to ask about while the connector is down. Who probes it is to
// stop where it is not.
func (u *upstream) next() (a Account, down bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.probed = u.down
	return u.wanted, u.down
}
