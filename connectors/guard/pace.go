package guard

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/shorepass/shorepass/connectors"
)

const (
	maxRefusals = 256             // that are remembered
	lately      = 20              // of them: by these alone a directory may have become slow
	recent      = time.Hour       // for how long one counts
	assumed     = time.Second / 4 // what a refusal is taken for at least until there are as many as lately
	longest     = time.Second     // what it is taken for at most
	maxProven   = 8192
)

// pace is how long a directory takes to refuse a wrong password, from locating the account
// to the answer, its waits among them. Other refusals do not count: those of accounts that
// are locked may be quicker, and whoever sends enough of them could have wrong passwords
// stand out. Where only a password shows whether there is such an account, those of names
// count that have signed in before, for the same reason.
type pace struct {
	proven *lru.Cache[string, struct{}] // names of accounts without an id that have signed in

	mu       sync.Mutex
	refusals []refusal // the oldest first
}

// refusal is a wrong password that the directory has refused.
type refusal struct {
	at   time.Time
	took time.Duration
}

func newPace() *pace {
	p := &pace{}
	p.proven, _ = lru.New[string, struct{}](maxProven) // fails for a size of 0 alone
	return p
}

// note takes note of what the directory said of an account's password, and how long that
// took.
func (p *pace) note(name string, a connectors.Account, err error, took time.Duration) {
	var rejection *connectors.Rejection
	switch {
	case err == nil && a.ID == "":
		p.proven.Add(name, struct{}{})
	case errors.As(err, &rejection) && rejection.Reason == connectors.ReasonWrongPassword && (a.ID != "" || p.proven.Contains(name)):
		p.add(refusal{at: time.Now(), took: took})
	}
}

func (p *pace) add(r refusal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.refusals) == maxRefusals {
		p.refusals = slices.Delete(p.refusals, 0, 1)
	}
	p.refusals = append(p.refusals, r)
}

// took returns how long the refusals took that count, the oldest first.
func (p *pace) took() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	since := time.Now().Add(-recent)
	list := make([]time.Duration, 0, len(p.refusals))
	for _, r := range p.refusals {
		if r.at.After(since) {
			list = append(list, r.took)
		}
	}
	return list
}

// now is how long a refusal takes at present: the 95th percentile of those that count, or
// of the last few where that is longer, since the directory has slowed down. One refusal in
// twenty does take longer: so does this, by the time that any of them took.
func (p *pace) now() time.Duration {
	took := p.took()
	if len(took) == 0 {
		return assumed
	}
	whole := assumed
	if len(took) >= lately {
		whole = took[rand.IntN(len(took))] //nolint:gosec // nobody gains by guessing it
	}
	last := percentile95(took[max(0, len(took)-lately):]) // which puts these alone in order
	return min(longest, max(whole, last, percentile95(took)))
}

// percentile95 sorts the list and returns what 95 of 100 do not exceed.
func percentile95(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[(len(list)*95+99)/100-1]
}

// RefusalTime is how long it takes the directory at present to refuse a password.
func (p *password) RefusalTime() time.Duration { return p.pace.now() }
