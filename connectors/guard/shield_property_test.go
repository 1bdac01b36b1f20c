package guard_test

import (
	"context"
	"maps"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// ledger is what is known of one account by writing everything down.
type ledger struct {
	guard.LockoutSettings
	last   time.Time               // when a password was refused for the first time in the series
	series map[string]entry        // the passwords that were refused, each not longer than the window after the one before
	stale  map[string]entry        // those that were wrong before somebody has signed in
	homes  map[netip.Addr]struct{} // that have signed in
	right  string                  // the password of the last who has
}

type entry struct {
	wrong int       // how often
	shown bool      // by 401
	until time.Time // of a stale one
	last  time.Time // when it was wrong
}

// turn forgets what is over.
func (l *ledger) turn(now time.Time) {
	if now.Sub(l.last) >= l.Window {
		clear(l.series)
	}
	maps.DeleteFunc(l.stale, func(_ string, e entry) bool { return !now.Before(e.until) })
}

// sends reports whether the directory is to be asked.
func (l *ledger) sends(password string, from netip.Addr, now time.Time) bool {
	limit := l.Budget
	if _, ok := l.homes[from]; ok {
		limit += l.Familiar
	}
	wrong, e := l.count(func(e entry) int { return e.wrong }), l.series[password]
	again := password == l.right && now.Sub(e.last) >= 15*time.Minute && wrong < l.Budget-1
	return (e.wrong == 0 || again) && l.stale[password].wrong == 0 && wrong < limit
}

// shows reports whether a password is refused by 401: as before, or as one of the first.
func (l *ledger) shows(password string) bool {
	return l.series[password].shown || l.stale[password].shown || l.count(func(e entry) int {
		if e.shown {
			return 1
		}
		return 0
	}) < l.Budget
}

func (l *ledger) count(of func(entry) int) (n int) {
	for _, e := range l.series {
		n += of(e)
	}
	return n
}

// note writes down what came of a login.
func (l *ledger) note(s step, sent bool, outcome string, now time.Time) {
	e, known := l.series[s.password]
	wrong := sent && (s.state == "" && s.password != "right" || s.state == connectors.ReasonWrongPassword)
	switch {
	case outcome == "200":
		l.homes[s.from], l.right = struct{}{}, s.password
		for password, e := range l.series {
			if e.until = l.last.Add(l.Window); e.wrong > 0 && password != s.password {
				l.stale[password] = e
			}
		}
		clear(l.series)
	case wrong:
		l.series[s.password] = entry{wrong: e.wrong + 1, shown: e.shown || outcome == "401", last: now}
		l.last = now
	case sent && !known && outcome == "401":
		l.series[s.password] = entry{shown: true}
		l.last = now
	case !sent && l.stale[s.password].wrong > 0 && outcome == "401":
		l.stale[s.password] = entry{wrong: 1, shown: true, until: l.stale[s.password].until}
	}
}

// TestShieldByTheLedger compares what is sent, and what clients see, with a ledger, for any
// sequence of logins of one account.
func TestShieldByTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range 300 {
			checkLedger(t, rapid.Custom(func(rt *rapid.T) []step {
				return rapid.SliceOfN(rapid.Custom(drawStep), 1, 80).Draw(rt, "steps")
			}).Example(seed))
		}
	})
}

// step is a login after a while, while the directory says something.
type step struct {
	after    time.Duration
	password string
	from     netip.Addr
	state    connectors.Reason // of the account, whatever the password; "outage"; empty: it is sound
}

func drawStep(rt *rapid.T) step {
	return step{
		after:    time.Duration(rapid.IntRange(0, 6).Draw(rt, "minutes")) * time.Minute,
		password: rapid.SampledFrom([]string{"right", "1", "2", "3", "4", "5", "6", "7"}).Draw(rt, "password"),
		from:     rapid.SampledFrom([]netip.Addr{home, elsewhere}).Draw(rt, "from"),
		state:    rapid.SampledFrom([]connectors.Reason{"", "", "", "", connectors.ReasonLocked, connectors.ReasonWrongPassword, "outage"}).Draw(rt, "state"),
	}
}

func checkLedger(t *testing.T, steps []step) {
	t.Helper()
	var state connectors.Reason
	v := &vault{answer: func(_, password string) error {
		switch {
		case state == "outage":
			return context.DeadlineExceeded
		case state != "":
			return connectors.Reject(state)
		case password != "right":
			return connectors.Reject(connectors.ReasonWrongPassword)
		}
		return nil
	}}
	d := guard.Password(v, guard.Config{Settings: lockout()})
	l := &ledger{LockoutSettings: lockout().Lockout, series: map[string]entry{}, stale: map[string]entry{}, homes: map[netip.Addr]struct{}{}}
	for i, s := range steps {
		time.Sleep(s.after)
		now := time.Now()
		state = s.state
		l.turn(now)
		sends, want := l.sends(s.password, s.from, now), "429"
		switch {
		case sends && state == "outage":
			want = "503"
		case sends && state == "" && s.password == "right":
			want = "200"
		case l.shows(s.password) && (sends || l.series[s.password].shown || l.stale[s.password].wrong > 0):
			want = "401"
		}
		got := login(t.Context(), d, "alice", s.password, s.from)
		if sent := len(v.take()) > 0; sent != sends || look(got)[:3] != want {
			t.Fatalf("step %d of %v: sent %v, %s, want %v, %s", i+1, steps, sent, got, sends, want)
		}
		l.note(s, sends, want, now)
	}
	if err := d.(interface{ Close() error }).Close(); err != nil {
		t.Error(err)
	}
}
