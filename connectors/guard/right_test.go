package guard_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// lying is a vault that calls every password of an account wrong while that is locked, and
// says no more: Keycloak does, and slapd as it comes.
func lying() (v *vault, lock func(bool)) {
	locked := false
	v = &vault{answer: func(_, password string) error {
		if locked || password != "right" {
			return connectors.Reject(connectors.ReasonWrongPassword)
		}
		return nil
	}}
	return v, func(now bool) { locked = now }
}

// halfADay is a window for Keycloak, which counts for as long.
func halfADay() guard.Settings {
	s := lockout()
	s.Lockout.Window = 12 * time.Hour
	return s
}

// TestARightPasswordIsAskedAboutAgain holds that who was locked out for a minute gets in long
// before the window is over, by whatever name.
func TestARightPasswordIsAskedAboutAgain(t *testing.T) {
	for name, noIDs := range map[string]bool{"located": false, "by name": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, lock := lying()
				v.noIDs = noIDs
				d := door(t, v, halfADay(), nil)
				logins{{"alice", "right", home, "ok"}}.run(t, d)
				lock(true)
				logins{{"alice", "right", home, refused}, {"alice", "right", elsewhere, known}}.run(t, d)
				lock(false)
				time.Sleep(15*time.Minute - time.Second)
				logins{{"alice", "right", home, known}}.run(t, d)
				time.Sleep(time.Second)
				logins{{"alice", "right", elsewhere, "ok"}, {"alice", "1", elsewhere, refused}}.run(t, d)
				wantSent(t, v, "alice:right", "alice:right", "alice:right", "alice:1")
			})
		})
	}
}

// TestAnOldPasswordIsAskedAboutOnceMore holds that one which was changed, and goes on being
// sent, takes none of the last places; one that was never right, or not lately, is not
// asked about again at all.
func TestAnOldPasswordIsAskedAboutOnceMore(t *testing.T) {
	for name, c := range map[string]struct {
		before logins
		budget int
		sent   int // in a day
	}{
		"right before":        {logins{{"alice", "right", home, "ok"}}, 3, 4},
		"of a greater budget": {logins{{"alice", "right", home, "ok"}}, 5, 8},
		"of a small one":      {logins{{"alice", "right", home, "ok"}}, 2, 2},
		"without one":         {logins{{"alice", "right", home, "ok"}}, 0, 96},
		"never right":         {nil, 3, 2},
		"another's":           {logins{{"bob", "right", home, "ok"}}, 3, 2},
		"beside a wrong one":  {logins{{"alice", "right", home, "ok"}, {"alice", "1", home, refused}}, 3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, lock := lying()
				s := halfADay()
				s.Lockout.Budget = c.budget
				d := door(t, v, s, nil)
				c.before.run(t, d)
				v.take()
				lock(true)
				for range 24 * 60 {
					login(t.Context(), d, "alice", "right", elsewhere)
					time.Sleep(time.Minute)
				}
				if sent := v.take(); len(sent) != c.sent {
					t.Errorf("sent %d times, want %d", len(sent), c.sent)
				}
			})
		})
	}
}

// TestOnlyTheLastPasswordIsAskedAboutAgain holds that a machine with a password that was
// changed costs no more when its owner has signed in by the new one.
func TestOnlyTheLastPasswordIsAskedAboutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		right := "old"
		v := &vault{answer: func(_, password string) error {
			if password != right {
				return connectors.Reject(connectors.ReasonWrongPassword)
			}
			return nil
		}}
		d := door(t, v, halfADay(), nil)
		logins{{"alice", "old", home, "ok"}}.run(t, d)
		right = "new"
		logins{{"alice", "new", home, "ok"}, {"alice", "old", elsewhere, refused}}.run(t, d)
		for range 40 {
			time.Sleep(16 * time.Minute)
			logins{{"alice", "old", elsewhere, known}}.run(t, d)
		}
		wantSent(t, v, "alice:old", "alice:new", "alice:old")
	})
}

// TestNoAgainWhileOthersAreUnderWay holds that what is being checked counts for the places that
// are to be left.
func TestNoAgainWhileOthersAreUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, lock := lying()
		v.during = func(_ context.Context, _, password string) {
			if password == "slow" {
				time.Sleep(time.Second)
			}
		}
		d := door(t, v, halfADay(), nil)
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		lock(true)
		logins{{"alice", "right", home, refused}}.run(t, d)
		time.Sleep(time.Hour)
		var all sync.WaitGroup
		all.Go(func() { logins{{"alice", "slow", elsewhere, refused}}.run(t, d) })
		synctest.Wait()
		logins{{"alice", "right", home, known}}.run(t, d)
		all.Wait()
		wantSent(t, v, "alice:right", "alice:right", "alice:slow")
	})
}

// TestNoLockByAgain has an old password sent all the time, and new ones tried, at a directory
// that counts for half a day: what it is sent stays within the budget.
func TestNoLockByAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, lock := lying()
		d := door(t, v, halfADay(), nil)
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		v.take()
		lock(true)
		for i := range 11 * 60 / 5 {
			login(t.Context(), d, "alice", "right", netip.Addr{})
			if i%7 == 6 {
				login(t.Context(), d, "alice", fmt.Sprint(i), elsewhere)
			}
			time.Sleep(5 * time.Minute)
		}
		if sent := v.take(); len(sent) != 3 {
			t.Errorf("sent %q", sent)
		}
	})
}
