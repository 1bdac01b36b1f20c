package connectors_test

import (
	"net/netip"
	"testing"

	"github.com/shorepass/shorepass/connectors"
)

func TestClientNetwork(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1":               "192.0.2.1/32",
		"::ffff:192.0.2.1":        "192.0.2.1/32",
		"2001:db8:1:2:3:4:5:6":    "2001:db8:1:2::/64",
		"2001:db8:1:2::":          "2001:db8:1:2::/64",
		"fe80::1%eth0":            "fe80::/64",
		"2001:db8:1:3:ffff::ffff": "2001:db8:1:3::/64",
		"64:ff9b::192.0.2.1":      "192.0.2.1/32", // RFC 6052 §2.4
		"64:ff9b::192.0.2.2%eth0": "192.0.2.2/32",
		"64:ff9b::1:192.0.2.1":    "64:ff9b::/64", // outside the /96
		"64:ff9b:1::192.0.2.1":    "64:ff9b:1::/64",
	} {
		if got := connectors.ClientNetwork(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if got := connectors.ClientNetwork(netip.Addr{}); got.IsValid() || got != (netip.Prefix{}) {
		t.Errorf("of no address: %s", got)
	}
}
