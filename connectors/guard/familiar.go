package guard

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// What is remembered of where accounts have signed in from.
const (
	maxFamiliar  = 65536
	familiarTime = 30 * 24 * time.Hour
)

// home is an account and a client network.
type home struct {
	key
	network netip.Prefix
}

// homes are where accounts have signed in from: an attacker elsewhere keeps nobody out who
// comes from there. They have a lock of their own, that logins from memory wait for nothing
// longer.
type homes struct {
	mu    sync.Mutex
	until *simplelru.LRU[home, time.Time]
}

func newHomes() *homes {
	until, _ := simplelru.NewLRU[home, time.Time](maxFamiliar, nil) // fails for a size of 0 alone
	return &homes{until: until}
}

// know reports whether the account has signed in from the network.
func (h *homes) know(k key, network netip.Prefix, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	until, ok := h.until.Get(home{k, network})
	return ok && now.Before(until)
}

// learn notes that the account has signed in from the network. An address that is not known
// says nothing of where that was.
func (h *homes) learn(k key, network netip.Prefix, now time.Time) {
	if !network.IsValid() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.until.Add(home{k, network}, now.Add(familiarTime))
}
