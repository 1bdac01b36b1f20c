package server

import (
	"net/netip"
	"sync"
)

// shares counts what each client network has of something, of which one may have so much.
type shares struct {
	most int

	mu sync.Mutex
	of map[netip.Prefix]int
}

// newShares returns the shares of so much: three quarters for any network.
func newShares(all int) *shares {
	return &shares{most: all - all/4, of: map[netip.Prefix]int{}}
}

// enter counts one more of the network, if there may be one. The zero Prefix stands for many
// networks, or one that cannot be told, and may have all.
func (s *shares) enter(network netip.Prefix) bool {
	if !network.IsValid() {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[network] >= s.most {
		return false
	}
	s.of[network]++
	return true
}

// leave takes one off the count.
func (s *shares) leave(network netip.Prefix) {
	if !network.IsValid() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[network]--; s.of[network] == 0 {
		delete(s.of, network)
	}
}
