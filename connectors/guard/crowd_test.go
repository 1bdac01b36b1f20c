package guard_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// TestDirectoryIsToldOfTheCrowd holds that a directory can tell that the wait for a limit has
// taken of its time.
func TestDirectoryIsToldOfTheCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(1500 * time.Millisecond)
		shield := guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 1, Per: time.Hour}})
		c := closing(t, guard.Password(impatient{d}, guard.Config{Shield: shield}))
		g := guarded{Connector: c, t: t}
		var all sync.WaitGroup
		all.Go(func() { g.want("alice", "right", nil) })
		synctest.Wait()
		g.want("bob", "right", errTold)
		all.Wait()
	})
}

// TestCrowdsLookSeldom holds that those who wait for a limit which soon has more do not look
// all the time.
func TestCrowdsLookSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{during: func(_ context.Context, name, _ string) {
			if name == "slow" {
				time.Sleep(time.Second)
			}
		}}
		d := door(t, v, lockout(), guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 100, Per: time.Second}}))
		for i := range 99 {
			logins{{fmt.Sprint("user", i), "1", elsewhere, refused}}.run(t, d)
		}
		var all sync.WaitGroup
		all.Go(func() { logins{{"slow", "right", elsewhere, "ok"}}.run(t, d) }) // the last one is set aside for it
		synctest.Wait()
		begun := time.Now()
		logins{{"alice", "right", elsewhere, "ok"}}.run(t, d)
		if took := time.Since(begun); took != 100*time.Millisecond {
			t.Errorf("who waits for 10ms goes on after %v, want 100ms", took)
		}
		all.Wait()
	})
}

// TestWhoCannotUseItTellsOthers holds that what one who waits for the limit of all cannot use,
// for that of its network, is another's at once.
func TestWhoCannotUseItTellsOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		takes := map[string]time.Duration{"first": time.Second, "second": 2 * time.Second}
		v := &vault{during: func(_ context.Context, name, _ string) { time.Sleep(takes[name]) }}
		hourly := func(n int) guard.Rate { return guard.Rate{Burst: n, Per: time.Duration(n) * time.Hour} }
		d := door(t, v, lockout(), guard.NewShield(guard.Limits{Network: hourly(1), Overall: hourly(2)}))
		begun := time.Now()
		var all sync.WaitGroup
		for _, c := range []struct {
			name  string
			from  int
			after time.Duration
		}{
			{"first", 1, time.Second},
			{"second", 2, 2 * time.Second},
			{"third", 2, 2 * time.Second},
			{"fourth", 3, time.Second},
		} {
			all.Go(func() {
				logins{{c.name, "right", of(c.from), "ok"}}.run(t, d)
				if took := time.Since(begun); took != c.after {
					t.Errorf("%s: after %v, want %v", c.name, took, c.after)
				}
			})
			synctest.Wait()
		}
		all.Wait()
	})
}

// TestGuessesAreListed holds that who administers it sees where the last guess came from that
// was compared with a stale login.
func TestGuessesAreListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		shield := guard.NewShield(guard.Limits{Account: two()})
		d := door(t, v, staling(), shield)
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		time.Sleep(2 * time.Minute)
		v.locate = func(string) error { return errDown }
		logins{{"alice", "1", of(1), "outage"}}.run(t, d)
		time.Sleep(time.Minute)
		logins{{"alice", "2", of(2), "outage"}}.run(t, d)
		last := time.Now()
		v.locate, v.answer = nil, func(string, string) error { return nil }
		time.Sleep(time.Minute)
		logins{{"alice", "another right one", home, "ok"}}.run(t, d)
		list := shield.List()
		if len(list) != 1 || list[0].Limit != connectors.ReasonAccountLimit || list[0].Client != of(2) || !list[0].Last.Equal(last) {
			t.Errorf("listed %+v, want the limit of the account, last from %s at %s", list, of(2), last)
		}
	})
}

// TestNoNamesAreApart holds that what is no name is counted apart from other such texts.
func TestNoNamesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chainOf(t, lockout(), guard.NewShield(guard.Limits{}), peopled())
		for i := range 1000 {
			for guess := range 3 {
				logins{{fmt.Sprint("not a name ", i), fmt.Sprint(guess), elsewhere, string(connectors.ReasonBadUsername)}}.run(t, c)
			}
		}
	})
}
