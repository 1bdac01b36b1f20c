package server_test

import (
	"net/netip"
	"testing"

	"github.com/shorepass/shorepass/broker/server"
)

// TestShares holds that a network has three quarters, and is forgotten when it has left.
func TestShares(t *testing.T) {
	s := server.NewShares(8)
	one, another, many := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/64"), netip.Prefix{}
	enter := func(network netip.Prefix, want bool) {
		t.Helper()
		if got := s.Enter(network); got != want {
			t.Errorf("%s is let in: %v", network, got)
		}
	}
	for range 6 {
		enter(one, true)
	}
	enter(one, false)
	enter(another, true)
	s.Leave(one)
	enter(one, true)
	enter(one, false)
	for range 9 {
		enter(many, true)
	}
	for range 6 {
		s.Leave(one)
	}
	s.Leave(another)
	if n := s.Networks(); n != 0 {
		t.Errorf("%d networks are remembered", n)
	}
}
