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

// of returns the i-th of other places.
func of(i int) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}) }

// TestGuessesBesideMemory holds that a password which is right as far as is remembered is
// answered like any other, from where its owner has not signed in: when there were too many
// guesses, it is no more to be found out by them than one that is not remembered.
func TestGuessesBesideMemory(t *testing.T) {
	limits := guard.Limits{Network: five(), Overall: guard.Rate{Burst: 8, Per: time.Hour}, Account: five()}
	for name, c := range map[string]struct {
		limits  guard.Limits
		guesses logins
		want    string
	}{
		"no guesses": {limits: limits, want: "ok"},
		"two":        {limits: limits, guesses: logins{{"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, refused}}, want: "ok"},
		"too many for her": {guesses: logins{
			{"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, refused}, {"alice", "3", elsewhere, refused},
		}, want: "429 lockout 15m0s"},
		"too many from there": {limits: limits, guesses: logins{
			{"bob", "1", elsewhere, refused},
			{"bob", "2", elsewhere, refused},
			{"bob", "3", elsewhere, refused},
			{"carol", "1", elsewhere, refused},
			{"carol", "2", elsewhere, refused},
		}, want: "429 network-limit 12m0s"},
		"too many in all": {limits: guard.Limits{Overall: guard.Rate{Burst: 2, Per: time.Hour}}, guesses: logins{
			{"bob", "1", of(1), refused}, {"bob", "2", of(2), refused},
		}, want: "429 overall-limit 30m0s"},
		"too many for her in a day": {limits: guard.Limits{Account: guard.Rate{Burst: 2, Per: time.Hour}}, guesses: logins{
			{"alice", "1", of(1), refused}, {"alice", "2", of(2), refused},
		}, want: "429 account-limit 30m0s"},
	} {
		for what, outage := range map[string]bool{"cached": false, "stale": true} {
			t.Run(name+", "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v := &vault{}
					s := guard.DefaultSettings()
					s.Cache.Stale = 10 * time.Minute
					d := door(t, v, s, guard.NewShield(c.limits))
					logins{{"alice", "right", home, "ok"}}.run(t, d)
					if outage {
						time.Sleep(s.Cache.TTL)
					}
					c.guesses.run(t, d)
					v.take()
					if outage {
						v.locate = func(string) error { return errDown }
					}
					logins{
						{"alice", "right", elsewhere, c.want},
						{"alice", "right", home, "ok"},
					}.run(t, d)
					wantSent(t, v)
				})
			})
		}
	}
}

// TestMemoryTakesNothing holds that logins from memory take nothing of what guesses take, nor
// set anything aside that others would miss.
func TestMemoryTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		one := guard.Rate{Burst: 1, Per: time.Hour}
		s := guard.DefaultSettings()
		s.Lockout.Budget = 1
		shield := guard.NewShield(guard.Limits{Account: one, Overall: one})
		d := door(t, v, s, shield)
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		var all sync.WaitGroup
		for i := range 60 { // of whom all but one wait, where the scheduler has it so
			all.Go(func() { logins{{"alice", "right", of(i), "ok"}}.run(t, d) })
		}
		all.Wait()
		if list := shield.List(); len(list) != 0 {
			t.Errorf("listed: %+v", list)
		}
		logins{
			{"alice", "1", elsewhere, refused}, // which there was one of
			{"alice", "2", elsewhere, "429 overall-limit 1h0m0s"},
			{"alice", "right", elsewhere, "429 overall-limit 1h0m0s"},
			{"alice", "right", of(7), "ok"}, // where she has been, if by memory alone
		}.run(t, d)
		wantSent(t, v, "alice:right", "alice:1")
	})
}

// TestGuessesBesideALogin holds that who joins the login of somebody else gets no more by it.
func TestGuessesBesideALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{during: func(context.Context, string, string) { time.Sleep(time.Second) }}
		d := door(t, v, lockout(), guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 1, Per: time.Hour}}))
		logins{{"bob", "1", elsewhere, refused}}.run(t, d)
		var all sync.WaitGroup
		all.Go(func() { logins{{"alice", "right", home, "ok"}}.run(t, d) })
		synctest.Wait()
		all.Go(func() { logins{{"alice", "right", elsewhere, "429 network-limit 59m59s"}}.run(t, d) })
		all.Go(func() { logins{{"alice", "right", of(1), "ok"}}.run(t, d) })
		all.Wait()
		wantSent(t, v, "bob:1", "alice:right")
	})
}

// TestGuessesInAnOutage holds that passwords which are compared with what is stale are counted
// as if the directory had refused them, each once.
func TestGuessesInAnOutage(t *testing.T) {
	for name, c := range map[string]struct {
		limits guard.Limits
		from   func(i int) netip.Addr
		want   string
	}{
		"from one network": {guard.Limits{Network: five()}, func(int) netip.Addr { return elsewhere }, "429 network-limit 12m0s"},
		"from many":        {guard.Limits{Network: five(), Overall: five()}, of, "429 overall-limit 12m0s"},
		"for one account":  {guard.Limits{Account: five()}, of, "429 account-limit 12m0s"},
	} {
		for what, how := range map[string]struct {
			stale   time.Duration
			outcome error
		}{
			"a stale login":      {10 * time.Minute, errDown},
			"a remembered login": {0, errDown},
			"a busy directory":   {0, connectors.ErrBusy},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v := &vault{}
					s := guard.DefaultSettings()
					s.Cache.Stale = how.stale
					d := door(t, v, s, guard.NewShield(c.limits))
					logins{{"alice", "right", home, "ok"}}.run(t, d)
					if how.stale > 0 {
						time.Sleep(s.Cache.TTL)
					}
					v.locate = func(string) error { return how.outcome }
					for i := range 20 { // there is nothing of hers to compare with
						logins{{"bob", fmt.Sprint(i), c.from(i), "outage"}}.run(t, d)
					}
					for i := range 5 {
						for range 3 { // it is one guess
							logins{{"alice", fmt.Sprint(i), c.from(i), "outage"}}.run(t, d)
						}
					}
					logins{
						{"alice", "wrong", c.from(6), c.want},
						{"alice", "right", c.from(7), c.want},
						{"alice", "1", c.from(8), "outage"},
						{"alice", "right", home, "ok"},
					}.run(t, d)
				})
			})
		}
	}
}

// TestMemoryKeepsAPlaceFamiliar holds that a place is familiar from the last login there on, be
// it answered from memory.
func TestMemoryKeepsAPlaceFamiliar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := guard.DefaultSettings()
		s.Cache.TTL = time.Hour
		d := door(t, &vault{}, s, nil)
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		time.Sleep(time.Hour - 1)
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		time.Sleep(30*24*time.Hour - time.Minute)
		logins{
			{"alice", "1", elsewhere, refused},
			{"alice", "2", elsewhere, refused},
			{"alice", "3", elsewhere, refused},
			{"alice", "right", home, "ok"},
		}.run(t, d)
	})
}
