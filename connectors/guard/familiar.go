package guard

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// What is remembered of where accounts have signed in from.
const (
	maxFamiliar  = 65536 // places of all accounts
	maxOfAccount = 256   // places of one
	familiarTime = 30 * 24 * time.Hour
)

// home is a client network that an account has signed in from.
type home struct {
	network netip.Prefix
	until   time.Time
}

// homes are where accounts have signed in from: an attacker elsewhere keeps nobody out who
// comes from there. An account that moves about forgets its own oldest place for a new one;
// when there are too many in all, those are forgotten of the account that signed in longest
// ago. They have a lock of their own, that logins from memory wait for nothing longer.
type homes struct {
	mu     sync.Mutex
	of     *simplelru.LRU[key, []home] // of an account the latest last
	places int
}

func newHomes() *homes {
	h := &homes{}
	h.of, _ = simplelru.NewLRU(maxFamiliar, func(_ key, gone []home) { h.places -= len(gone) }) // fails for a size of 0 alone
	return h
}

// know reports whether the account has signed in from the network.
func (h *homes) know(k key, network netip.Prefix, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	places, _ := h.of.Peek(k)
	return slices.ContainsFunc(places, func(p home) bool { return p.network == network && now.Before(p.until) })
}

// learn notes that the account has signed in from the network. An address that is not known
// says nothing of where that was.
func (h *homes) learn(k key, network netip.Prefix, now time.Time) {
	if !network.IsValid() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	places, _ := h.of.Peek(k)
	h.places -= len(places)
	places = slices.DeleteFunc(places, func(p home) bool { return p.network == network || !now.Before(p.until) })
	if len(places) == maxOfAccount {
		places = slices.Delete(places, 0, 1)
	}
	places = append(places, home{network, now.Add(familiarTime)})
	h.places += len(places)
	h.of.Add(k, places)
	for h.places > maxFamiliar {
		h.of.RemoveOldest()
	}
}
