package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// staling has logins be stale for ten minutes.
func staling() guard.Settings {
	s := guard.DefaultSettings()
	s.Cache.Stale = 10 * time.Minute
	return s
}

// two is a rate of two in an hour.
func two() guard.Rate { return guard.Rate{Burst: 2, Per: time.Hour} }

// TestGuessesAtOnce holds that guesses which come at once get no further than one by one, be
// they compared with what is remembered while the directory is asked, or when it does not
// answer: while they are under way the right one is answered as when they are over.
func TestGuessesAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		age     time.Duration
		outcome error
	}{
		"with a stale login":          {2 * time.Minute, errDown},
		"with a remembered one":       {0, connectors.ErrBusy},
		"of a directory that is well": {0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{}
				s := staling()
				s.Lockout.Budget = 0
				d := door(t, v, s, guard.NewShield(guard.Limits{Account: two()}))
				logins{{"alice", "right", home, "ok"}}.run(t, d)
				time.Sleep(c.age)
				v.locate = func(string) error { time.Sleep(time.Second); return c.outcome }
				var compared atomic.Int64
				var all sync.WaitGroup
				for i := range 150 {
					all.Go(func() {
						if got := login(t.Context(), d, "alice", fmt.Sprint(i), of(i)); !strings.HasPrefix(got, "429 account-limit") {
							compared.Add(1)
						}
					})
				}
				synctest.Wait()
				logins{{"alice", "right", of(200), "429 account-limit 30m0s"}, {"alice", "right", home, "ok"}}.run(t, d)
				all.Wait()
				if n := compared.Load(); n != 2 {
					t.Errorf("%d are compared, want 2", n)
				}
				if got := login(t.Context(), d, "alice", "right", of(201)); !strings.HasPrefix(got, "429 account-limit") {
					t.Errorf("the right one: %s", got)
				}
			})
		})
	}
}

// TestOtherRightPasswordsTakeNothing holds that a password which is not the one that is
// remembered takes nothing of the limits where the directory lets it pass.
func TestOtherRightPasswordsTakeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{answer: func(string, string) error { return nil }}
		shield := guard.NewShield(guard.Limits{Account: two(), Network: two(), Overall: two()})
		d := door(t, v, staling(), shield)
		for i := range 9 {
			logins{{"alice", fmt.Sprint(i), of(i), "ok"}, {fmt.Sprint("user", i), "1", elsewhere, "ok"}, {fmt.Sprint("user", i), "2", home, "ok"}}.run(t, d)
		}
		v.answer = nil
		logins{{"alice", "wrong", elsewhere, refused}, {"alice", "wrong too", elsewhere, refused}}.run(t, d)
		if list := shield.List(); len(list) != 3 { // the account, its network, and all
			t.Errorf("listed: %+v", list)
		}
	})
}

// TestMemoryBesideItsOwnPassword holds that a login which is remembered is not kept out by
// others with the same password that are under way: only by guesses, and what is sent is
// bounded in either case.
func TestMemoryBesideItsOwnPassword(t *testing.T) {
	for name, c := range map[string]struct {
		passwords [3]string
		want      string
		sent      int
	}{
		"two of others": {[3]string{"1", "2", "right"}, "ok", 4},
		"others":        {[3]string{"1", "2", "3"}, "429 lockout 15m0s", 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, shield := &vault{space: "the same"}, guard.NewShield(guard.Limits{})
				realm := func(name string) connectors.Connector {
					return closing(t, guard.Password(v, guard.Config{Settings: guard.DefaultSettings(), Shield: shield, Realm: name, Name: "vault"}))
				}
				first := realm("first")
				logins{{"alice", "right", home, "ok"}}.run(t, first)
				v.during = func(context.Context, string, string) { time.Sleep(time.Second) }
				v.take()
				var all sync.WaitGroup
				for i, password := range c.passwords {
					all.Go(func() { login(t.Context(), realm(fmt.Sprint(i)), "alice", password, elsewhere) })
				}
				synctest.Wait()
				logins{{"alice", "right", of(1), c.want}, {"alice", "more", elsewhere, "429 lockout 15m0s"}}.run(t, first)
				logins{{"alice", "right", of(2), c.want}}.run(t, realm("where it is sent"))
				all.Wait()
				if sent := v.take(); len(sent) != c.sent {
					t.Errorf("sent %q, want %d", sent, c.sent)
				}
			})
		})
	}
}

// TestStaleInAnotherRealm holds that a password is not stale any more when its account has
// signed in by another one since, at whichever connector of the same directory.
func TestStaleInAnotherRealm(t *testing.T) {
	for name, c := range map[string]struct{ space, want string }{
		"of the same directory": {"the same", "outage"},
		"of another":            {"another", "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shield := guard.NewShield(guard.Limits{})
				right := "old"
				v := &vault{space: "the same", answer: func(_, password string) error {
					if password != right {
						return connectors.Reject(connectors.ReasonWrongPassword)
					}
					return nil
				}}
				other := &vault{space: c.space, answer: v.answer}
				d := door(t, v, staling(), shield)
				logins{{"alice", "old", home, "ok"}}.run(t, d)
				right = "new"
				logins{{"alice", "new", home, "ok"}}.run(t, closing(t, guard.Password(other, guard.Config{Settings: staling(), Shield: shield, Realm: "other", Name: "vault"})))
				time.Sleep(2 * time.Minute)
				v.locate = func(string) error { return errDown }
				logins{{"alice", "old", home, c.want}}.run(t, d)
			})
		})
	}
}

// TestUnknownUnderAllNames holds that nothing is stale of an account when the directory does
// not know one of its names any more.
func TestUnknownUnderAllNames(t *testing.T) {
	for name, c := range map[string]struct{ login, unknown, want string }{
		"the user name":             {"alice@corp", "alice", "outage"},
		"another name":              {"alice", "alice@corp", "ok"}, // whose that is nobody has said
		"another one, signed in by": {"alice", "alice@home", "outage"},
		"another's":                 {"alice", "bob", "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{}
				d := door(t, v, staling(), nil)
				logins{{"alice@home", "right", home, "ok"}, {c.login, "right", home, "ok"}}.run(t, d)
				time.Sleep(2 * time.Minute)
				v.locate = func(string) error { return connectors.ErrNotMine }
				logins{{c.unknown, "1", home, "not mine"}}.run(t, d)
				v.locate = func(string) error { return errDown }
				logins{{c.login, "right", home, c.want}}.run(t, d)
			})
		})
	}
}

// TestStaleAtHome holds that a neighbour of hers compares no more passwords with a stale login
// than the limit of her familiar networks lets him, and that nobody else keeps her out.
func TestStaleAtHome(t *testing.T) {
	for name, c := range map[string]struct {
		before, guesses logins
		want            string
	}{
		"guesses from there": {guesses: logins{
			{"alice", "1", home, "outage"},
			{"alice", "2", home, "outage"},
			{"alice", "3", home, "outage"},
			{"alice", "3", home, "outage"},
			{"alice", "4", home, "outage"},
			{"alice", "5", home, "429 account-limit 15m0s"},
		}, want: "429 account-limit 15m0s"},
		"as many as there may be": {guesses: logins{
			{"alice", "1", home, "outage"}, {"alice", "2", home, "outage"}, {"alice", "3", home, "outage"},
		}, want: "ok"},
		"guesses from elsewhere": {guesses: logins{
			{"alice", "1", elsewhere, "outage"}, {"alice", "2", elsewhere, "outage"}, {"alice", "3", elsewhere, "429 account-limit 30m0s"},
		}, want: "ok"},
		"wrong ones before, when it is left alone": {before: logins{
			{"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, refused}, {"alice", "3", home, "429 lockout 15m0s"},
		}, guesses: logins{
			{"bob", "1", of(1), "outage"}, {"bob", "2", of(2), "outage"}, {"bob", "3", of(3), "outage"}, {"bob", "4", of(4), "outage"}, {"bob", "5", of(5), "outage"},
		}, want: "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{}
				s := staling()
				s.Lockout.Budget, s.Lockout.Familiar = 2, 1
				d := door(t, v, s, guard.NewShield(guard.Limits{Account: two()}))
				logins{{"alice", "right", home, "ok"}}.run(t, d)
				time.Sleep(2 * time.Minute)
				c.before.run(t, d)
				v.locate = func(string) error { return errDown }
				c.guesses.run(t, d)
				logins{{"alice", "right", home, c.want}}.run(t, d)
			})
		})
	}
}

// TestStaleMakesNothingFamiliar holds that a network is familiar by the directory's word, and
// by what it has said a moment ago.
func TestStaleMakesNothingFamiliar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		d := door(t, v, staling(), nil)
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		time.Sleep(2 * time.Minute)
		v.locate = func(string) error { return errDown }
		logins{{"alice", "right", elsewhere, "ok"}}.run(t, d)
		v.locate = nil
		logins{
			{"alice", "1", of(1), refused},
			{"alice", "2", of(1), refused},
			{"alice", "3", of(1), refused},
			{"alice", "right", elsewhere, "429 lockout 15m0s"},
		}.run(t, d)
	})
}

// TestTooManyAreNotFreeLater holds that guesses which come when nothing is left of the limit
// of an account take of it when there is more.
func TestTooManyAreNotFreeLater(t *testing.T) {
	for _, name := range []string{"alice", "nobody"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := chainOf(t, lockout(), guard.NewShield(guard.Limits{Account: guard.Rate{Burst: 3, Per: 300 * time.Hour}}), peopled())
				answered := map[int]bool{}
				for round := range 20 {
					for i := range 8 { // each comes first at some time
						guess := (round + i) % 8
						if look(login(t.Context(), c, name, fmt.Sprint(guess), elsewhere)) == "401" {
							answered[guess] = true
						}
					}
					time.Sleep(15 * time.Minute)
				}
				if len(answered) != 3 {
					t.Errorf("answered are %v, want 3", answered)
				}
			})
		})
	}
}

// TestRefusedBesideMemory holds that a password which is not compared with anything, since there
// were too many, sets nothing aside.
func TestRefusedBesideMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door(t, &vault{}, staling(), guard.NewShield(guard.Limits{Account: two(), Network: five()}))
		logins{{"alice", "right", home, "ok"}, {"alice", "1", of(1), refused}, {"alice", "2", of(2), refused}}.run(t, d)
		for i := range 9 {
			logins{{"alice", fmt.Sprint("more", i), elsewhere, "429 account-limit 30m0s"}, {"alice", "right", elsewhere, "429 account-limit 30m0s"}}.run(t, d)
		}
		logins{{"bob", "right", elsewhere, "ok"}}.run(t, d)
	})
}

// TestWaitsBesideMemory holds that a login which has waited to be compared has the rest of its
// time at the directory, and no more.
func TestWaitsBesideMemory(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		places int
		slow   []netip.Addr // whose logins take a second and a half each
		after  time.Duration
		want   error
	}{
		"at the directory": {slow: []netip.Addr{elsewhere}, after: 4250 * ms, want: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{}
				s := staling()
				s.Bulkhead.Max = c.places
				d := door(t, v, s, guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 1, Per: time.Hour}}))
				logins{{"alice", "right", home, "ok"}}.run(t, d)
				v.during = func(ctx context.Context, name, _ string) {
					if name == "alice" {
						<-ctx.Done()
						return
					}
					time.Sleep(1500 * ms)
				}
				v.answer = func(name, _ string) error {
					if name == "alice" {
						return context.DeadlineExceeded
					}
					return nil
				}
				var all sync.WaitGroup
				for i, from := range c.slow {
					all.Go(func() { logins{{fmt.Sprint("slow", i), "right", from, "ok"}}.run(t, d) })
					synctest.Wait()
				}
				begun := time.Now()
				_, err := d.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret("other"), RemoteIP: elsewhere})
				if took := time.Since(begun); took != c.after || !errors.Is(err, c.want) {
					t.Errorf("%v after %v, want %v after %v", err, took, c.want, c.after)
				}
				all.Wait()
			})
		})
	}
}

// TestWhoJoinsWaitsNoLonger holds that who has joined a login of somebody else, which was long,
// waits no longer for the limit of the network than others do.
func TestWhoJoinsWaitsNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{during: func(_ context.Context, name, _ string) {
			time.Sleep(map[string]time.Duration{"alice": 3 * time.Second, "bob": 4 * time.Second}[name])
		}}
		d := door(t, v, lockout(), guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 1, Per: time.Hour}}))
		var all sync.WaitGroup
		all.Go(func() { logins{{"alice", "right", home, "ok"}}.run(t, d) })
		all.Go(func() { logins{{"bob", "right", elsewhere, "ok"}}.run(t, d) })
		synctest.Wait()
		begun := time.Now()
		logins{{"alice", "right", elsewhere, "outage"}}.run(t, d)
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("after %v, want 3s", took)
		}
		all.Wait()
	})
}
