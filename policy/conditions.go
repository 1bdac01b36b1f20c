package policy

import (
	"fmt"
	"net/netip"
	"slices"
)

func (c *compiler) services(r *rule, src *Rule) {
	if src.Services != nil && len(src.Services) == 0 {
		c.fail(src.At, "%s has an empty list of services: name one, or remove the key", src.label())
	}
	for _, text := range src.Services {
		if !slices.Contains(c.realm.services, text.Value) {
			c.fail(text.At, "unknown service %q%s", text.Value, suggest(text.Value, c.realm.services))
		}
		r.services = append(r.services, text.Value)
	}
}

func (c *compiler) networks(r *rule, src *Rule) {
	if src.Networks != nil && len(src.Networks) == 0 {
		c.fail(src.At, "%s has an empty list of networks: name one, or remove the key", src.label())
	}
	for _, text := range src.Networks {
		network, err := parseNetwork(text.Value)
		if err != nil {
			c.fail(text.At, "network %v", err)
		}
		r.networks = append(r.networks, network)
	}
}

// parseNetwork reads a CIDR. An address with bits beyond its prefix is an error:
// it may have been meant for one address as well as for the network around it.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.Prefix{}, fmt.Errorf("%q has no prefix length: for the one address write %q", text, single(addr))
	}
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return network, fmt.Errorf(`%q is not an address and a prefix length, such as "10.0.0.0/8" or "2001:db8::/32"`, text)
	case network.Addr().Is4In6():
		return network, fmt.Errorf("%q is IPv4 within IPv6, as no client address is compared: write it as IPv4", text)
	case network != network.Masked():
		return network, fmt.Errorf("%q has bits beyond its prefix: write %q, or %q for the one address", text, network.Masked(), single(network.Addr()))
	}
	return network, nil
}

// single returns the network of one address.
func single(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap()
	return netip.PrefixFrom(addr, addr.BitLen())
}
