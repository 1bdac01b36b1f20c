package server

import (
	"net"
	"net/netip"
	"sync"

	"github.com/shorepass/shorepass/connectors"
)

// shares counts the connections of each client network, of which one may have so many.
type shares struct {
	most    int
	trusted []netip.Prefix

	mu sync.Mutex
	of map[netip.Prefix]int
}

// newShares returns the shares of so many connections: three quarters for any network.
func newShares(all int, trusted []netip.Prefix) shares {
	return shares{most: all - all/4, trusted: trusted, of: map[netip.Prefix]int{}}
}

// networkOf is the client network of a connection. It is the zero Prefix for that of a
// trusted proxy, which stands for many, and where it cannot be told.
func (s *shares) networkOf(c net.Conn) netip.Prefix {
	peer, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil || among(plain(peer.Addr()), s.trusted) {
		return netip.Prefix{}
	}
	return connectors.ClientNetwork(peer.Addr())
}

// enter counts a connection of the network, if there may be one more.
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

// leave takes a connection off the count.
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
