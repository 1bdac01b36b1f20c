package guard_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// TestDoubtsKeepTheirPlaces has a directory refuse what it may have counted and what may not
// be wrong: no more is sent than the budget, and what is asked again is asked in its turn.
func TestDoubtsKeepTheirPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doubtful := true
		v := &vault{noIDs: true, answer: func(_, password string) error {
			switch {
			case password == "right":
				return nil
			case doubtful:
				return connectors.InDoubt(errors.New("somebody else is under way"))
			}
			return connectors.Reject(connectors.ReasonWrongPassword)
		}}
		d := door(t, v, lockout(), nil)
		logins{
			{"alice", "old", elsewhere, "outage"},
			{"alice", "old", elsewhere, "outage"}, // not known to be wrong
			{"alice", "1", elsewhere, "outage"},
			{"alice", "2", elsewhere, "429 lockout 15m0s"},
			{"alice", "old", elsewhere, "429 lockout 15m0s"}, // which may be right
			{"bob", "right", elsewhere, "ok"},
		}.run(t, d)
		wantSent(t, v, "alice:old", "alice:old", "alice:1", "bob:right")
		time.Sleep(15 * time.Minute)
		logins{{"alice", "old", home, "outage"}, {"alice", "right", home, "ok"}}.run(t, d)
		doubtful = false
		logins{ // a right one clears them
			{"alice", "old", elsewhere, refused},
			{"alice", "1", elsewhere, refused},
			{"alice", "2", elsewhere, refused},
			{"alice", "2", elsewhere, known},
			{"alice", "3", elsewhere, "429 lockout 15m0s"},
		}.run(t, d)
		wantSent(t, v, "alice:old", "alice:right", "alice:old", "alice:1", "alice:2")
	})
}

// TestDoubtsTakeOfTheLimits holds that what is in doubt is no way round the limits, and is
// seen.
func TestDoubtsTakeOfTheLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{answer: func(string, string) error { return connectors.InDoubt(errors.New("somebody else is under way")) }}
		shield := guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 2, Per: time.Hour}})
		d := door(t, v, lockout(), shield)
		logins{
			{"alice", "1", elsewhere, "outage"},
			{"bob", "1", elsewhere, "outage"},
			{"carol", "1", elsewhere, "429 network-limit 30m0s"},
			{"carol", "1", home, "outage"},
		}.run(t, d)
		for _, l := range shield.List(guard.Filter{Username: "carol"}) {
			if l.Refused != 1 || !l.Until.IsZero() || l.Counted != 1 || l.Client != home || !l.Last.Equal(time.Now()) {
				t.Errorf("listed: %+v", l)
			}
		}
		if n := shield.Clear(guard.Filter{Username: "carol"}); n != 1 {
			t.Errorf("cleared %d", n)
		}
	})
}

// TestSentOnceMore has a directory send a password once more, for a connection that broke: each
// time takes a try of its own, which is set aside before, whatever comes of the login.
func TestSentOnceMore(t *testing.T) {
	lost := connectors.InDoubt(errors.New("the connection is lost"))
	for name, tt := range map[string]struct {
		again int   // how often it would be sent once more
		then  error // what it is answered at last
		sent  int   // how often it may be
		left  int   // how many other wrong passwords may be sent then
	}{
		"not at all, and lost":        {0, lost, 1, 2},
		"then wrong":                  {1, connectors.Reject(connectors.ReasonWrongPassword), 2, 1},
		"then lost, too":              {1, lost, 2, 1},
		"then not sent after all":     {1, errDown, 2, 2},
		"then disabled":               {1, connectors.Reject(connectors.ReasonDisabled), 2, 2},
		"then right":                  {1, nil, 2, 4}, // from where she is familiar then
		"twice, then right":           {2, nil, 3, 4},
		"more often than there is":    {3, lost, 3, 0},
		"and wrong, at the last time": {2, connectors.Reject(connectors.ReasonWrongPassword), 3, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				v := &vault{}
				v.during = func(ctx context.Context, _, password string) {
					if password != "first" {
						return
					}
					for sent = 1; sent <= tt.again && connectors.MayResend(ctx); sent++ {
					}
				}
				v.answer = func(_, password string) error {
					if password == "first" {
						return tt.then
					}
					return connectors.Reject(connectors.ReasonWrongPassword)
				}
				d := door(t, v, lockout(), nil)
				_ = login(t.Context(), d, "alice", "first", elsewhere)
				if sent != tt.sent {
					t.Errorf("sent %d times, want %d", sent, tt.sent)
				}
				v.take()
				for _, other := range []string{"1", "2", "3", "4"} {
					_ = login(t.Context(), d, "alice", other, elsewhere)
				}
				if n := len(v.take()); n != tt.left {
					t.Errorf("%d other passwords were sent, want %d", n, tt.left)
				}
				time.Sleep(15 * time.Minute)
				for _, other := range []string{"5", "6", "7"} {
					_ = login(t.Context(), d, "alice", other, elsewhere)
				}
				if n := len(v.take()); n != 3 {
					t.Errorf("%d passwords were sent when all that is over, want 3", n)
				}
			})
		})
	}
}

// TestNoneIsSentOnceMore holds that what is set aside for others who are at the directory is not
// taken, and is once they have it back.
func TestNoneIsSentOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var again atomic.Int64
		v := &vault{}
		v.during = func(ctx context.Context, _, _ string) {
			time.Sleep(time.Second)
			if connectors.MayResend(ctx) {
				again.Add(1)
			}
			time.Sleep(time.Second)
		}
		v.answer = func(string, string) error { return errDown }
		d := door(t, v, lockout(), nil)
		all := func(passwords ...string) {
			var group sync.WaitGroup
			for _, p := range passwords {
				group.Go(func() { _ = login(t.Context(), d, "alice", p, elsewhere) })
			}
			group.Wait()
		}
		all("1", "2", "3")
		if n := again.Load(); n != 0 {
			t.Errorf("%d were sent once more, with three under way", n)
		}
		all("1", "2")
		if n := again.Load(); n != 1 {
			t.Errorf("%d were sent once more, with two under way, want 1", n)
		}
	})
}
