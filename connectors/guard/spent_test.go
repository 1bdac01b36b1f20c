package guard_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// searches returns how often names were looked for since it was last asked.
func (v *vault) searches() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.located
	v.located = 0
	return n
}

// TestGuessesCostNoSearch holds that a name is not looked for where no wrong password of its
// account may be sent any more, and else is.
func TestGuessesCostNoSearch(t *testing.T) {
	tooMany := "429 lockout 15m0s"
	spend := logins{{"alice", "right", home, "ok"}, {"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, refused}, {"alice", "3", elsewhere, refused}}
	for name, tt := range map[string]struct {
		then     logins
		searches int
	}{
		"from elsewhere":                  {logins{{"alice", "4", elsewhere, tooMany}, {"ALICE", "5", elsewhere, tooMany}, {"alice", "right", elsewhere, tooMany}}, 0},
		"at home, where there is one":     {logins{{"alice", "4", home, tooMany}, {"alice", "5", home, tooMany}}, 1}, // the first was sent
		"the owner at home":               {logins{{"alice", "right", home, "ok"}, {"alice", "4", elsewhere, refused}}, 2},
		"by another name, the first time": {logins{{"alice@corp", "4", elsewhere, tooMany}, {"alice@corp", "5", elsewhere, tooMany}}, 1},
		"another account":                 {logins{{"bob", "1", elsewhere, refused}, {"nobody", "1", elsewhere, "not mine"}}, 2},
	} {
		for _, noIDs := range []bool{false, true} {
			if noIDs && name == "by another name, the first time" {
				continue // whose it is shows when somebody signs in
			}
			t.Run(fmt.Sprint(name, ", without ids: ", noIDs), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v := &vault{noIDs: noIDs}
					v.answer = func(name, password string) error {
						switch {
						case name == "nobody":
							return connectors.ErrNotMine
						case password != "right":
							return connectors.Reject(connectors.ReasonWrongPassword)
						}
						return nil
					}
					d := door(t, v, lockout(), nil)
					spend.run(t, d)
					v.searches()
					tt.then.run(t, d)
					if n := v.searches(); n != tt.searches {
						t.Errorf("looked for %d times, want %d", n, tt.searches)
					}
				})
			})
		}
	}
}

// TestSpentForOthersOnly holds that what one connector may not send any more is looked for, and
// sent, where another may.
func TestSpentForOthersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, shield := &vault{space: "the same"}, guard.NewShield(guard.Limits{})
		connector := func(realm string, budget int) connectors.Connector {
			s := lockout()
			s.Lockout.Budget = budget
			return closing(t, guard.Password(v, guard.Config{Settings: s, Shield: shield, Realm: realm, Name: "vault"}))
		}
		strict, lenient, any := connector("strict", 1), connector("lenient", 3), connector("any", 0)
		logins{{"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, "429 lockout 15m0s"}}.run(t, strict)
		if n := v.searches(); n != 1 {
			t.Errorf("looked for %d times, want once", n)
		}
		logins{{"alice", "2", elsewhere, refused}, {"alice", "3", elsewhere, refused}, {"alice", "4", elsewhere, "429 lockout 15m0s"}}.run(t, lenient)
		logins{{"alice", "4", elsewhere, refused}, {"alice", "5", elsewhere, refused}, {"alice", "right", elsewhere, "ok"}}.run(t, any)
		if n := v.searches(); n != 5 {
			t.Errorf("looked for %d times, want 5", n)
		}
	})
}

// TestSpentByThoseUnderWay holds that no name is looked for while all that may be wrong is under
// way; nor is what is right then forgotten.
func TestSpentByThoseUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{during: func(_ context.Context, _, _ string) { time.Sleep(time.Second) }}
		d := door(t, v, lockout(), nil)
		logins{{"alice", "right", elsewhere, "ok"}}.run(t, d)
		for i := range 3 {
			go login(t.Context(), d, "alice", fmt.Sprint(i), elsewhere)
		}
		synctest.Wait()
		v.searches()
		logins{{"alice", "one more", netaddr(7), "429 lockout 15m0s"}}.run(t, d)
		if n := v.searches(); n != 0 {
			t.Errorf("looked for %d times", n)
		}
		time.Sleep(time.Second)
		time.Sleep(15 * time.Minute)
		logins{{"alice", "right", netaddr(7), "ok"}}.run(t, d)
	})
}
