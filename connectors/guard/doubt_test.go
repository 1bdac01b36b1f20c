package guard_test

import (
	"errors"
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
