package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

const (
	refused  = string(connectors.ReasonWrongPassword)
	known    = string(connectors.ReasonKnownWrong)
	disabled = string(connectors.ReasonDisabled)
)

func wantSent(t *testing.T, v *vault, want ...string) {
	t.Helper()
	if got := v.take(); !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestTheSamePasswordIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		d := door(t, v, lockout(), nil)
		logins{
			{"alice", "old", elsewhere, refused},
			{"alice", "old", elsewhere, known},
			{"ALICE", "old", home, known},
			{"alice@corp", "old", home, known}, // located first
			{"bob", "old", home, refused},      // another account
		}.run(t, d)
		wantSent(t, v, "alice:old", "bob:old")
		if v.located != 3 {
			t.Errorf("located %d times, want once for each name", v.located)
		}
		time.Sleep(15*time.Minute - time.Second)
		logins{{"alice", "old", home, known}}.run(t, d)
		wantSent(t, v)
		time.Sleep(time.Second)
		logins{{"alice", "old", home, refused}, {"alice", "old", home, known}}.run(t, d)
		wantSent(t, v, "alice:old")
	})
}

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		d := door(t, v, lockout(), nil)
		logins{{"alice", "1", elsewhere, refused}}.run(t, d)
		time.Sleep(time.Minute)
		logins{
			{"alice", "2", elsewhere, refused},
			{"alice@corp", "3", home, refused},
			{"alice", "4", elsewhere, "429 lockout 15m0s"},
			{"alice", "right", home, "429 lockout 15m0s"},
			{"alice", "1", elsewhere, known}, // as it was
			{"bob", "right", elsewhere, "ok"},
		}.run(t, d)
		wantSent(t, v, "alice:1", "alice:2", "alice:3", "bob:right")
		time.Sleep(14 * time.Minute) // all count as long as the last
		logins{
			{"alice", "1", elsewhere, known},
			{"alice", "5", elsewhere, "429 lockout 1m0s"},
		}.run(t, d)
		time.Sleep(time.Minute)
		logins{{"alice", "right", elsewhere, "ok"}}.run(t, d)
		wantSent(t, v, "alice:right")
	})
}

func TestBudgetOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		s := lockout()
		s.Lockout.Budget = 0
		d := door(t, v, s, nil)
		for i := range 10 {
			logins{{"alice", fmt.Sprint(i), elsewhere, refused}, {"alice", fmt.Sprint(i), elsewhere, known}}.run(t, d)
		}
		if sent := v.take(); len(sent) != 10 {
			t.Errorf("sent %q", sent)
		}
		v = &vault{}
		d = door(t, v, guard.Settings{}, nil) // every guard is off
		for range 10 {
			logins{{"alice", "no", elsewhere, refused}}.run(t, d)
		}
		if sent := v.take(); len(sent) != 10 {
			t.Errorf("sent %q", sent)
		}
	})
}

// TestNoLockForWhoTakesTheirTime has somebody try a new password every few minutes for a
// day, and an old one being sent all the time, at a directory that forgets wrong passwords
// when none has come for half an hour, and locks at more than the budget.
func TestNoLockForWhoTakesTheirTime(t *testing.T) {
	for _, every := range []time.Duration{time.Minute, 7 * time.Minute, 14 * time.Minute, 29 * time.Minute} {
		t.Run(every.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const within = 30 * time.Minute
				var (
					count, most int
					last        time.Time
				)
				v := &vault{during: func(context.Context, string, string) {
					if time.Since(last) >= within {
						count = 0
					}
					count, last = count+1, time.Now()
					most = max(most, count)
				}}
				s := lockout()
				s.Lockout.Window = within
				d := door(t, v, s, nil)
				for i := range int(24 * time.Hour / every) {
					login(t.Context(), d, "alice", "old", elsewhere)
					login(t.Context(), d, "alice", fmt.Sprint(i), elsewhere)
					time.Sleep(every)
				}
				if most != s.Lockout.Budget {
					t.Errorf("the directory has counted up to %d, want the budget, %d", most, s.Lockout.Budget)
				}
			})
		})
	}
}

// TestReservation has two hundred different passwords tried at once.
func TestReservation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{during: func(context.Context, string, string) { time.Sleep(time.Second) }}
		d := door(t, v, lockout(), nil)
		var mu sync.Mutex
		outcomes := map[string]int{}
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				got := login(t.Context(), d, "alice", fmt.Sprint("no", i), elsewhere)
				mu.Lock()
				outcomes[got]++
				mu.Unlock()
			})
		}
		all.Wait()
		if sent := v.take(); len(sent) != 3 {
			t.Errorf("sent %q", sent)
		}
		if outcomes[refused] != 3 || outcomes["429 lockout 15m0s"] != 197 {
			t.Errorf("outcomes %v", outcomes)
		}
	})
}

// TestAWrongPasswordAfterASuccess has a wrong password under way by two names, which turn out to
// be one account's when somebody signs in between the two answers: the second counts, at the
// directory too.
func TestAWrongPasswordAfterASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		within := func(d time.Duration) *vault {
			return &vault{space: "one", noIDs: true, vouch: []string{"alice@corp"}, during: func(_ context.Context, _, password string) {
				if password == "slow" {
					time.Sleep(d)
				}
			}}
		}
		shield := guard.NewShield(guard.Limits{})
		a, b := door(t, within(time.Second), lockout(), shield), door(t, within(3*time.Second), lockout(), shield)
		var all sync.WaitGroup
		all.Go(func() { logins{{"alice", "slow", elsewhere, refused}}.run(t, a) })
		all.Go(func() { logins{{"alice@corp", "slow", elsewhere, refused}}.run(t, b) })
		time.Sleep(2 * time.Second)
		logins{{"alice", "right", home, "ok"}}.run(t, a)
		if list := shield.List(); len(list) != 1 || list[0].Counted != 0 {
			t.Errorf("after the success: %+v", list)
		}
		all.Wait()
		if list := shield.List(); len(list) != 1 || list[0].Counted != 1 {
			t.Errorf("after the second answer: %+v", list)
		}
	})
}

// TestARightPasswordIsNoLongerWrong has a password become the right one while it is under way by
// two names, which turn out to be one account's.
func TestARightPasswordIsNoLongerWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changed atomic.Bool
		within := func(d time.Duration) *vault {
			return &vault{space: "one", noIDs: true, vouch: []string{"alice"}, during: func(context.Context, string, string) { time.Sleep(d) }, answer: func(string, string) error {
				if !changed.Load() {
					return connectors.Reject(connectors.ReasonWrongPassword)
				}
				return nil
			}}
		}
		shield := guard.NewShield(guard.Limits{})
		a, b := door(t, within(time.Second), lockout(), shield), door(t, within(3*time.Second), lockout(), shield)
		var all sync.WaitGroup
		all.Go(func() { logins{{"alice", "new", elsewhere, refused}}.run(t, a) })
		all.Go(func() { logins{{"alice@corp", "new", elsewhere, "ok"}}.run(t, b) })
		time.Sleep(2 * time.Second)
		changed.Store(true)
		all.Wait()
		logins{{"alice", "new", elsewhere, "ok"}}.run(t, a)
	})
}

// TestPlacesUnderWay holds that logins under way do not get 401 together where there is one
// left: those of an account that is disabled, say, of which the budget bounds none.
func TestPlacesUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{
			during: func(context.Context, string, string) { time.Sleep(time.Second) },
			answer: func(string, string) error { return connectors.Reject(connectors.ReasonDisabled) },
		}
		d := door(t, v, lockout(), nil)
		logins{{"alice", "1", elsewhere, disabled}, {"alice", "2", elsewhere, disabled}}.run(t, d)
		var all sync.WaitGroup
		var mu sync.Mutex
		var outcomes []string
		for _, password := range []string{"3", "4"} {
			all.Go(func() {
				got := look(login(t.Context(), d, "alice", password, elsewhere))
				mu.Lock()
				outcomes = append(outcomes, got[:3])
				mu.Unlock()
			})
		}
		all.Wait()
		if slices.Sort(outcomes); !slices.Equal(outcomes, []string{"401", "429"}) {
			t.Errorf("outcomes %q", outcomes)
		}
	})
}

func TestFamiliar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		d := door(t, v, lockout(), nil)
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		for i := range 40 {
			want := "429 lockout 15m0s"
			if i < 3 {
				want = refused
			}
			logins{{"alice", fmt.Sprint(i), elsewhere, want}}.run(t, d)
		}
		wantSent(t, v, "alice:right", "alice:0", "alice:1", "alice:2")
		logins{
			{"alice", "right", elsewhere, "429 lockout 15m0s"},
			{"alice", "right", home.Next(), "429 lockout 15m0s"},
			{"bob", "right", home, "ok"},
			{"alice", "right", home, "ok"},
			{"alice", "right", elsewhere, "ok"}, // it has cleared what counted
		}.run(t, d)
		wantSent(t, v, "bob:right", "alice:right", "alice:right")
	})
}

// TestFamiliarBudget holds that those at home may have one more, and no more than that, and
// that what the client sees does not tell.
func TestFamiliarBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		d := door(t, v, lockout(), nil)
		logins{
			{"alice", "right", home, "ok"},
			{"alice", "1", home, refused},
			{"alice", "2", elsewhere, refused},
			{"alice", "3", elsewhere, refused},
			{"alice", "4", elsewhere, "429 lockout 15m0s"},
			{"alice", "5", home, "429 lockout 15m0s"}, // sent
			{"alice", "6", home, "429 lockout 15m0s"},
			{"alice", "5", home, "429 lockout 15m0s"},
			{"alice", "5", elsewhere, "429 lockout 15m0s"},
			{"alice", "right", home, "429 lockout 15m0s"},
		}.run(t, d)
		wantSent(t, v, "alice:right", "alice:1", "alice:2", "alice:3", "alice:5")
		time.Sleep(15 * time.Minute)
		logins{{"alice", "right", home, "ok"}}.run(t, d)
	})
}

// TestFamiliarFromMemory holds that a place is familiar from where the right password was
// answered from memory, or was waited for with others.
func TestFamiliarFromMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{during: func(context.Context, string, string) { time.Sleep(time.Second) }}
		s := lockout()
		s.Cache.TTL = time.Minute
		d := door(t, v, s, nil)
		farm, desk := home.Next(), home.Next().Next()
		var all sync.WaitGroup
		all.Go(func() { logins{{"alice", "right", home, "ok"}}.run(t, d) })
		synctest.Wait()
		all.Go(func() { logins{{"alice", "right", farm, "ok"}}.run(t, d) })
		all.Wait()
		logins{{"alice", "right", desk, "ok"}}.run(t, d)
		wantSent(t, v, "alice:right")
		for _, from := range []netip.Addr{home, farm, desk} {
			time.Sleep(time.Hour)
			for _, password := range []string{"1", "2", "3"} {
				logins{{"alice", password, elsewhere, refused}}.run(t, d)
			}
			logins{{"alice", "right", elsewhere, "429 lockout 15m0s"}, {"alice", "right", from, "ok"}}.run(t, d)
		}
	})
}

func TestFamiliarIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		d := door(t, v, lockout(), nil)
		spend := logins{{"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, refused}, {"alice", "3", elsewhere, refused}}
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		time.Sleep(30*24*time.Hour - time.Second)
		spend.run(t, d)
		logins{{"alice", "right", home, "ok"}}.run(t, d) // which is learnt anew
		time.Sleep(30 * 24 * time.Hour)
		spend.run(t, d)
		logins{{"alice", "right", home, "429 lockout 15m0s"}}.run(t, d)
	})
}

// TestNobodyIsFamiliarWithoutAnAddress wants one slot less of clients whose address is not
// known.
func TestNobodyIsFamiliarWithoutAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door(t, &vault{}, lockout(), nil)
		nowhere := netip.Addr{}
		logins{
			{"alice", "right", nowhere, "ok"},
			{"alice", "1", nowhere, refused},
			{"alice", "2", nowhere, refused},
			{"alice", "3", nowhere, refused},
			{"alice", "right", nowhere, "429 lockout 15m0s"},
		}.run(t, d)
	})
}

func TestASuccessClears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		d := door(t, v, lockout(), nil)
		logins{
			{"alice", "1", elsewhere, refused},
			{"alice", "2", elsewhere, refused},
			{"alice", "right", home, "ok"},
			{"alice", "1", elsewhere, known}, // still, and costs nothing
			{"alice", "3", elsewhere, refused},
			{"alice", "4", elsewhere, refused},
			{"alice", "2", elsewhere, known},
			{"alice", "5", elsewhere, refused},
			{"alice", "6", elsewhere, "429 lockout 15m0s"},
			{"alice", "1", elsewhere, known},
		}.run(t, d)
		wantSent(t, v, "alice:1", "alice:2", "alice:right", "alice:3", "alice:4", "alice:5")
	})
}

// TestACachedLoginClearsNothing holds that the directory's own count is not cleared by what
// does not reach it.
func TestACachedLoginClearsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		s := lockout()
		s.Cache.TTL = time.Hour
		d := door(t, v, s, nil)
		logins{
			{"alice", "right", home, "ok"},
			{"alice", "1", elsewhere, refused},
			{"alice", "2", elsewhere, refused},
			{"alice", "right", home, "ok"},
			{"alice", "3", elsewhere, refused},
			{"alice", "4", elsewhere, "429 lockout 15m0s"},
			{"alice", "right", home, "ok"}, // by the cache, all the same
		}.run(t, d)
		wantSent(t, v, "alice:right", "alice:1", "alice:2", "alice:3")
	})
}

// TestWhatDoesNotCount holds that outages, panics and names that are another's give back
// what was set aside for them.
func TestWhatDoesNotCount(t *testing.T) {
	for name, answer := range map[string]func(string, string) error{
		"outage":   func(string, string) error { return errors.New("out of order") },
		"panic":    func(string, string) error { panic("oh") },
		"not mine": func(string, string) error { return connectors.ErrNotMine },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{answer: answer}
				shield := guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 1, Per: time.Hour}, Account: guard.Rate{Burst: 1, Per: time.Hour}, Overall: guard.Rate{Burst: 1, Per: time.Hour}})
				d := door(t, v, lockout(), shield)
				want := "outage"
				if name == "not mine" {
					want = name
				}
				for i := range 10 {
					logins{{"alice", fmt.Sprint(i), elsewhere, want}}.run(t, d)
				}
				if sent := v.take(); len(sent) != 10 {
					t.Errorf("sent %q", sent)
				}
				if list := shield.List(); len(list) != 0 {
					t.Errorf("listed: %+v", list)
				}
				v.answer = nil
				logins{{"alice", "1", elsewhere, refused}, {"alice", "1", elsewhere, known}}.run(t, d)
			})
		})
	}
}

// TestLocateThatFailsCountsNothing likewise, where the account is not even located.
func TestLocateThatFailsCountsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{locate: func(string) error { return errors.New("out of order") }}
		shield := guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 1, Per: time.Hour}, Overall: guard.Rate{Burst: 1, Per: time.Hour}})
		d := door(t, v, lockout(), shield)
		for i := range 10 {
			logins{{"alice", fmt.Sprint(i), elsewhere, "outage"}, {"nobody", fmt.Sprint(i), elsewhere, "outage"}}.run(t, d)
		}
		v.locate = nil
		for i := range 10 {
			logins{{"nobody", fmt.Sprint(i), elsewhere, "not mine"}}.run(t, d)
		}
		logins{{"alice", "1", elsewhere, refused}}.run(t, d)
	})
}

// TestOtherReasons holds that an account that may not sign in, whatever the password, loses
// nothing by trying: it can when that is over.
func TestOtherReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		off := true
		v := &vault{answer: func(_, password string) error {
			switch {
			case off:
				return connectors.Reject(connectors.ReasonDisabled)
			case password != "right":
				return connectors.Reject(connectors.ReasonWrongPassword)
			}
			return nil
		}}
		d := door(t, v, lockout(), nil)
		logins{
			{"alice", "1", elsewhere, disabled},
			{"alice", "1", elsewhere, disabled},
			{"alice", "2", elsewhere, disabled},
			{"alice", "3", elsewhere, disabled},
			{"alice", "4", elsewhere, "429 lockout 15m0s"},
			{"alice", "right", elsewhere, "429 lockout 15m0s"},
		}.run(t, d)
		wantSent(t, v, "alice:1", "alice:1", "alice:2", "alice:3", "alice:4", "alice:right")
		off = false
		logins{
			{"alice", "1", elsewhere, refused},
			{"alice", "right", elsewhere, "ok"},
			{"alice", "2", elsewhere, refused},
		}.run(t, d)
	})
}

// TestALockedAccountLearnsNothing holds that a right password is not known to be wrong by a
// refusal of its account.
func TestALockedAccountLearnsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locked := false
		v := &vault{answer: func(_, password string) error {
			switch {
			case locked:
				return connectors.Reject(connectors.ReasonLocked)
			case password != "right":
				return connectors.Reject(connectors.ReasonWrongPassword)
			}
			return nil
		}}
		d := door(t, v, lockout(), nil)
		locked = true
		for range 5 {
			logins{{"alice", "right", elsewhere, string(connectors.ReasonLocked)}}.run(t, d)
		}
		locked = false
		logins{{"alice", "right", elsewhere, "ok"}}.run(t, d)
	})
}

// TestTwoRealms holds that two connectors of one directory share what is counted, and
// others do not.
func TestTwoRealms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shield := guard.NewShield(guard.Limits{})
		of := func(space, realm string) connectors.Connector {
			return closing(t, guard.Password(&vault{space: space}, guard.Config{Settings: lockout(), Shield: shield, Realm: realm, Name: "vault"}))
		}
		a, b, other := of("one", "a"), of("one", "b"), of("two", "c")
		logins{{"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, refused}}.run(t, a)
		logins{{"alice", "1", elsewhere, known}, {"alice", "3", elsewhere, refused}, {"alice", "4", elsewhere, "429 lockout 15m0s"}}.run(t, b)
		logins{{"alice", "4", elsewhere, "429 lockout 15m0s"}}.run(t, a)
		logins{{"alice", "1", elsewhere, refused}, {"alice", "right", elsewhere, "ok"}}.run(t, other)
		logins{{"alice", "4", elsewhere, "429 lockout 15m0s"}}.run(t, a) // neither cleared by that, nor familiar
	})
}

// TestAnUpstreamOfItsOwn holds that directories that do not say which they are share
// nothing.
func TestAnUpstreamOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shield := guard.NewShield(guard.Limits{})
		for _, place := range []guard.Place{{Realm: "a", Connector: "x"}, {Realm: "a", Connector: "y"}, {Realm: "b", Connector: "x"}} {
			c := closing(t, guard.Password(&book{}, guard.Config{Settings: lockout(), Shield: shield, Realm: place.Realm, Name: place.Connector}))
			logins{{"alice", "1", elsewhere, refused}, {"alice", "1", elsewhere, known}}.run(t, c)
		}
	})
}

// TestByName is of a directory that knows whose a name is when somebody has signed in.
func TestByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{space: "sso", noIDs: true}
		shield := guard.NewShield(guard.Limits{})
		d := door(t, v, lockout(), shield)
		logins{
			{"alice", "1", elsewhere, refused},
			{"alice", "1", elsewhere, known},
			{"alice@corp", "1", elsewhere, refused}, // who could know
			{"alice", "2", elsewhere, refused},
			{"alice@corp", "2", elsewhere, refused},
			{"alice", "right", home, "ok"},
			{"alice", "1", elsewhere, known}, // it is the account's now
			{"alice@corp", "right", home, "ok"},
			{"alice", "3", elsewhere, refused},
			{"alice@corp", "3", elsewhere, known},
			{"alice@corp", "4", elsewhere, refused},
			{"alice", "5", elsewhere, refused},
			{"alice@corp", "6", elsewhere, "429 lockout 15m0s"},
			{"alice@corp", "2", elsewhere, known},
			{"alice@corp", "right", home, "ok"},
		}.run(t, d)
		if v.located != 10 { // not where the budget is spent
			t.Errorf("located %d times", v.located)
		}
		if list := shield.List(); len(list) != 1 || list[0].ID != "id-alice" || list[0].Username != "alice" || list[0].Refused != 5 || list[0].Counted != 0 {
			t.Errorf("listed: %+v", list)
		}
	})
}

// TestByNameUnderWay has somebody sign in by a second name while guesses by it are under
// way: they count for the account.
func TestByNameUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{space: "sso", noIDs: true, during: func(_ context.Context, _, password string) {
			if strings.HasPrefix(password, "slow") {
				time.Sleep(time.Second)
			}
		}}
		d := door(t, v, lockout(), nil)
		logins{{"alice", "right", home, "ok"}, {"alice", "0", home, refused}}.run(t, d)
		var all sync.WaitGroup
		for _, password := range []string{"slow1", "slow2"} {
			all.Go(func() { logins{{"alice@corp", password, elsewhere, refused}}.run(t, d) })
		}
		synctest.Wait()
		logins{{"alice@corp", "right", elsewhere, "ok"}, {"alice", "1", home, refused}, {"alice", "2", netip.Addr{}, "429 lockout 15m0s"}}.run(t, d)
		all.Wait()
		logins{{"alice", "slow1", elsewhere, known}, {"alice@corp", "slow2", elsewhere, known}, {"alice", "2", netip.Addr{}, "429 lockout 15m0s"}}.run(t, d)
	})
}

// TestAnotherClientWaits has somebody at home wait for a login that another client, whom
// the budget keeps out, has begun with the same password.
func TestAnotherClientWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{during: func(_ context.Context, name, _ string) {
			if name == "slow" {
				time.Sleep(time.Second / 2)
			}
		}}
		s := lockout()
		s.Bulkhead.Max = 1
		d := door(t, v, s, nil)
		logins{{"alice", "right", home, "ok"}, {"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, refused}, {"alice", "3", elsewhere, refused}}.run(t, d)
		var all sync.WaitGroup
		all.Go(func() { logins{{"slow", "right", elsewhere, "ok"}}.run(t, d) }) // the others wait for the place
		synctest.Wait()
		all.Go(func() { logins{{"alice", "right", elsewhere, "429 lockout 15m0s"}}.run(t, d) })
		synctest.Wait()
		all.Go(func() { logins{{"alice", "right", elsewhere, "429 lockout 15m0s"}}.run(t, d) })
		all.Go(func() { logins{{"alice", "right", home, "ok"}}.run(t, d) })
		all.Wait()
		wantSent(t, v, "alice:right", "alice:1", "alice:2", "alice:3", "slow:right", "alice:right")
	})
}

// TestStrangersAreNotJoinedTwice is the same with machines in other networks, which the budget
// keeps out, too: whoever begins anew first, the one at home is not refused with them.
func TestStrangersAreNotJoinedTwice(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			v := &vault{during: func(_ context.Context, name, _ string) {
				if strings.HasPrefix(name, "slow") {
					time.Sleep(time.Second / 5)
				}
			}}
			s := lockout()
			s.Bulkhead.Max = 1
			d := door(t, v, s, nil)
			logins{{"alice", "right", home, "ok"}, {"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, refused}, {"alice", "3", elsewhere, refused}}.run(t, d)
			var all sync.WaitGroup
			begins := func(name string, from netip.Addr) {
				all.Go(func() {
					if got := login(t.Context(), d, name, "right", from); from == home && got != "ok" {
						t.Errorf("at home: %s", got)
					}
				})
				synctest.Wait()
			}
			begins("slow1", elsewhere) // has the place
			begins("alice", elsewhere)
			begins("alice", home)
			for i := range 5 {
				begins("alice", of(10+i))
			}
			begins("slow2", elsewhere) // has the next
			all.Wait()
		})
	}
}

// TestWrongPasswordsDuringASuccess holds that a right password clears nothing of what was
// refused while the directory was at work on it: that may have come there after it.
func TestWrongPasswordsDuringASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{during: func(_ context.Context, _, password string) {
			if password == "right" {
				time.Sleep(time.Second) // with the groups
			}
		}}
		shield := guard.NewShield(guard.Limits{})
		d := door(t, v, lockout(), shield)
		logins{{"alice", "0", elsewhere, refused}}.run(t, d)
		var all sync.WaitGroup
		all.Go(func() { logins{{"alice", "right", home, "ok"}}.run(t, d) })
		synctest.Wait()
		logins{{"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, "429 lockout 15m0s"}}.run(t, d)
		all.Wait()
		if list := shield.List(); len(list) != 1 || list[0].Refused != 2 || list[0].Counted != 1 {
			t.Errorf("listed %+v", list)
		}
		logins{
			{"alice", "3", elsewhere, refused},
			{"alice", "4", elsewhere, refused},
			{"alice", "5", elsewhere, "429 lockout 15m0s"},
			{"alice", "0", elsewhere, known},
			{"alice", "1", elsewhere, known},
		}.run(t, d)
		wantSent(t, v, "alice:0", "alice:right", "alice:1", "alice:3", "alice:4")
	})
}

// TestAnAccountMadeAnew holds that a name which has come to another account, where only a
// login tells, is that one's: what counts, and what is familiar.
func TestAnAccountMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{space: "sso", noIDs: true}
		shield := guard.NewShield(guard.Limits{})
		d := door(t, v, lockout(), shield)
		logins{{"alice", "right", home, "ok"}, {"alice", "1", elsewhere, refused}}.run(t, d)
		v.id = "second"
		logins{{"alice", "right", elsewhere, "ok"}, {"alice", "1", elsewhere, known}, {"alice", "2", elsewhere, refused}}.run(t, d)
		if list := shield.List(); len(list) != 1 || list[0].ID != "second" || list[0].Refused != 2 || list[0].Counted != 1 {
			t.Errorf("listed %+v", list)
		}
		logins{
			{"alice", "3", elsewhere, refused},
			{"alice", "4", elsewhere, refused},
			{"alice", "right", home, "429 lockout 15m0s"}, // where the first one was at home
			{"alice", "right", elsewhere, "ok"},
			{"alice@corp", "5", elsewhere, refused}, // of which nobody knows whose it is
			{"alice@corp", "right", home, "ok"},
			{"alice", "5", elsewhere, known},
		}.run(t, d)
	})
}

// TestAliases holds that a success by one name tells whose the others are that the directory
// vouches for, with what was counted by them before, or is under way.
func TestAliases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{space: "sso", noIDs: true, vouch: []string{"alice", "alice@corp"}}
		v.during = func(_ context.Context, _, password string) {
			if password == "slow" {
				time.Sleep(time.Minute)
			}
		}
		shield := guard.NewShield(guard.Limits{})
		d := door(t, v, lockout(), shield)
		logins{{"alice@corp", "1", elsewhere, refused}}.run(t, d)
		var all sync.WaitGroup
		all.Go(func() { logins{{"alice@corp", "slow", elsewhere, refused}}.run(t, d) })
		synctest.Wait()
		logins{{"alice", "right", home, "ok"}, {"alice", "1", elsewhere, known}, {"alice", "2", elsewhere, refused}}.run(t, d)
		all.Wait()
		logins{
			{"alice", "slow", elsewhere, known},
			{"alice@corp", "2", elsewhere, known},
			{"alice@corp", "3", elsewhere, refused},
			{"alice@corp", "4", elsewhere, "429 lockout 15m0s"},
			{"alice", "4", elsewhere, "429 lockout 15m0s"},
			{"alice@corp", "right", home, "ok"}, // a usual place, by whatever name
		}.run(t, d)
		wantSent(t, v, "alice@corp:1", "alice@corp:slow", "alice:right", "alice:2", "alice@corp:3", "alice@corp:right")
		if list := shield.List(); len(list) != 1 || list[0].Username != "alice" {
			t.Errorf("listed %+v", list)
		}
	})
}

// TestAliasesOfOthers holds that nobody gets a name by which somebody else has signed in:
// clearing one's own count would clear what was guessed at that one.
func TestAliasesOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{space: "sso", noIDs: true}
		d := door(t, v, lockout(), guard.NewShield(guard.Limits{}))
		logins{
			{"alice@corp", "right", home, "ok"},
			{"alice@corp", "1", elsewhere, refused},
			{"alice@corp", "2", elsewhere, refused},
			{"alice@corp", "3", elsewhere, refused},
		}.run(t, d)
		v.vouch = []string{"mallory", "alice@corp"}
		logins{{"mallory", "right", elsewhere, "ok"}, {"alice@corp", "4", elsewhere, "429 lockout 15m0s"}}.run(t, d)
	})
}
