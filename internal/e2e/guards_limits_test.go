package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
)

// perNetwork is how many failed logins a client network has in the test of that.
const perNetwork = 4

// TestFailedLoginsOfANetwork has clients behind a proxy guess at many names, so that no
// account's budget is spent.
func TestFailedLoginsOfANetwork(t *testing.T) {
	t.Parallel()
	g := startGuarded(t, "realms:\n", fmt.Sprintf("limits: {failed_logins: {network: {burst: %d, per: 24h}}}\nrealms:\n", perNetwork))

	for name, c := range map[string]struct {
		address func(i int) string // of the i-th guess
		other   string             // of somebody in another network
	}{
		"one address": {func(int) string { return "198.51.100.101" }, "198.51.100.102"},
		"one address, with made-up ones before it": {func(i int) string { return fmt.Sprintf("203.0.113.%d, 198.51.100.103", i) }, "198.51.100.104"},
		"one IPv6 network":                         {func(i int) string { return fmt.Sprintf("2001:db8:1:1::%x", i+1) }, "2001:db8:1:2::1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			owner := g.person(t)
			wantStatus(t, "somebody who is there", g.get(t, owner.at(c.address(0), owner.password)), http.StatusOK)
			stale := owner.at(c.address(0), "a-stale-password")
			for range 3 * perNetwork { // which cost nothing but the first time
				wantStatus(t, "a stale password", g.get(t, stale), http.StatusUnauthorized)
			}
			var last target
			for i := range perNetwork + 3 {
				last = g.person(t)
				want := http.StatusUnauthorized
				if i >= perNetwork-1 {
					want = http.StatusTooManyRequests
				}
				wantStatus(t, fmt.Sprintf("guess %d", i), g.get(t, last.at(c.address(i), "a-guess")), want)
			}
			g.wantBinds(t, "beyond the limit", last.name, 0)
			if n := g.searches(t, last.name); n != 0 {
				t.Errorf("the directory was asked %d times for a name beyond the limit", n)
			}
			wantStatus(t, "another network", g.get(t, last.at(c.other, "a-guess")), http.StatusUnauthorized)
			wantStatus(t, "the right password of somebody new", g.get(t, last.at(c.address(0), last.password)), http.StatusTooManyRequests)
			wantStatus(t, "a remembered login", g.get(t, owner.at(c.address(0), owner.password)), http.StatusOK)
			ok(t, g.broker.Command(t, "", "cache", "clear", "--user", owner.name))
			wantStatus(t, "somebody who has signed in from there", g.get(t, owner.at(c.address(0), owner.password)), http.StatusOK)
		})
	}
}
