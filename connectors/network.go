package connectors

import "net/netip"

// The part of an address by which clients are told apart.
const (
	network4 = 32 // bits of an IPv4 address: all of it
	network6 = 64 // bits of an IPv6 address: the rest is the client's own choice (RFC 4291 §2.5.1)
)

// ClientNetwork returns what counts as one client where clients are counted: an IPv4
// address, or the /64 of an IPv6 address, of which a client may use any number of
// addresses. An IPv4 address that is written as IPv6 is the IPv4 address, and so is one that
// a translator has put behind the prefix which all of them share, 64:ff9b::/96 (RFC 6052
// §2.1). Of an address that is not known it is the zero Prefix.
func ClientNetwork(addr netip.Addr) netip.Prefix {
	addr = untranslated(addr.Unmap().WithZone(""))
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

// untranslated is the IPv4 address that a NAT64 translator has made an IPv6 address of: its
// last four bytes. Any other address is returned as it is.
func untranslated(addr netip.Addr) netip.Addr {
	const translated = "\x00\x64\xff\x9b\x00\x00\x00\x00\x00\x00\x00\x00"
	if bytes := addr.As16(); addr.Is6() && string(bytes[:len(translated)]) == translated {
		return netip.AddrFrom4([4]byte(bytes[len(translated):]))
	}
	return addr
}
