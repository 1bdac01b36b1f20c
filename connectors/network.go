package connectors

import "net/netip"

// The part of an address by which clients are told apart.
const (
	network4 = 32 // bits of an IPv4 address: all of it
	network6 = 64 // bits of an IPv6 address: the rest is the client's own choice (RFC 4291 §2.5.1)
)

// ClientNetwork returns what counts as one client where clients are counted: an IPv4
// address, or the /64 of an IPv6 address, of which a client may use any number of
// addresses. An IPv4 address that is written as IPv6 is the IPv4 address. Of an address
// that is not known it is the zero Prefix.
func ClientNetwork(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := network6
	if addr.Is4() {
		bits = network4
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
