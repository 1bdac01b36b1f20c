package guard_test

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// netaddr is an address in a network of its own.
func netaddr(i int) netip.Addr {
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, byte(i >> 16), byte(i >> 8), byte(i), 15: 1})
}

// isAtHome reports whether an account of which the budget is spent is let pass from there.
func isAtHome(t *testing.T, d connectors.Connector, shield *guard.Shield, name string, from netip.Addr) bool {
	t.Helper()
	shield.Clear(guard.Filter{})
	d.(interface{ Forget(string) int }).Forget("")
	for i := range 3 {
		logins{{name, fmt.Sprint("wrong-", i), elsewhere, refused}}.run(t, d)
	}
	return login(t.Context(), d, name, "right", from) == "ok"
}

// TestOneAccountIsNotEverywhere has one account sign in from more places than are remembered in
// all: it keeps the last of them, and all others keep theirs.
func TestOneAccountIsNotEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := lockout()
		s.Cache.TTL = guard.DefaultSettings().Cache.TTL // answers from memory count
		for name, s := range map[string]guard.Settings{"asked": lockout(), "from memory": s} {
			shield := guard.NewShield(guard.Limits{})
			d := door(t, &vault{}, s, shield)
			logins{{"owner", "right", home, "ok"}}.run(t, d)
			const most = 65536
			for i := range most {
				login(t.Context(), d, "mallory", "right", netaddr(i))
			}
			if !isAtHome(t, d, shield, "owner", home) {
				t.Errorf("%s: the owner is a newcomer", name)
			}
			for i, want := range map[int]bool{most - 1: true, most - 256: true, most - 257: false, 0: false} {
				if got := isAtHome(t, d, shield, "mallory", netaddr(i)); got != want {
					t.Errorf("%s: place %d is familiar: %v, want %v", name, i, got, want)
				}
			}
		}
	})
}

// TestPlacesAreBounded has more places signed in from than are remembered: those of the accounts
// that signed in longest ago go.
func TestPlacesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shield := guard.NewShield(guard.Limits{})
		d := door(t, &vault{}, lockout(), shield)
		logins{{"gone", "right", home, "ok"}, {"owner", "right", home, "ok"}}.run(t, d)
		for account := range 256 {
			logins{{"owner", "right", home, "ok"}}.run(t, d)
			for i := range 256 {
				login(t.Context(), d, fmt.Sprint("user-", account), "right", netaddr(i))
			}
		}
		if !isAtHome(t, d, shield, "owner", home) || isAtHome(t, d, shield, "gone", home) {
			t.Error("want the owner at home, and who signed in longest ago not")
		}
	})
}
