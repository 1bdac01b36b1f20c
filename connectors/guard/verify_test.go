package guard_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// asking has a vault take so long for each password.
func asking(d time.Duration) *vault {
	return &vault{space: "one", during: func(context.Context, string, string) { time.Sleep(d) }}
}

// generations are connectors of one directory, as a configuration has them that was read again
// and again.
func generations(t *testing.T, n int, v *vault, shield *guard.Shield) []connectors.Connector {
	t.Helper()
	all := make([]connectors.Connector, n)
	for i := range all {
		all[i] = door(t, v, lockout(), shield)
	}
	return all
}

// storm has so many logins come to each of the connectors at once, and returns how often each
// outcome was.
func storm(t *testing.T, n int, to []connectors.Connector, name, password string) map[string]int {
	t.Helper()
	var mu sync.Mutex
	outcomes := map[string]int{}
	var all sync.WaitGroup
	for i := range n * len(to) {
		all.Go(func() {
			got := login(t.Context(), to[i%len(to)], name, password, elsewhere)
			mu.Lock()
			outcomes[got]++
			mu.Unlock()
		})
	}
	all.Wait()
	return outcomes
}

// TestStormOfAWrongPassword holds that a password which many send at once is one guess, whichever
// connectors they come to, also where it was the last right one.
func TestStormOfAWrongPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := asking(time.Second)
		right := "1"
		v.answer = func(_, password string) error {
			if password != right {
				return connectors.Reject(connectors.ReasonWrongPassword)
			}
			return nil
		}
		of := generations(t, 2, v, guard.NewShield(guard.Limits{}))
		logins{{"alice", "1", home, "ok"}}.run(t, of[0])
		v.take()
		right = "another"
		if got := storm(t, 100, of, "alice", "1"); got[refused] != 100 || got[known] != 100 {
			t.Errorf("outcomes %v", got)
		}
		logins{
			{"alice", "2", elsewhere, refused},
			{"alice", "3", elsewhere, refused},
			{"alice", "4", elsewhere, "429 lockout 15m0s"},
		}.run(t, of[0])
		wantSent(t, v, "alice:1", "alice:2", "alice:3")
	})
}

// TestStormOfTheRightPassword holds that a right password is refused by no connector for being
// under way at another, where one guess is left; and that once it was right, as many ask at once
// as there may be guesses.
func TestStormOfTheRightPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := asking(700 * time.Millisecond)
		of := generations(t, 7, v, guard.NewShield(guard.Limits{}))
		logins{{"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, refused}}.run(t, of[0])
		logins{{"alice", "1", elsewhere, known}}.run(t, of[1])
		v.take()
		begun := time.Now()
		if got := storm(t, 100, of, "alice", "right"); got["ok"] != 700 {
			t.Errorf("outcomes %v", got)
		}
		if took := time.Since(begun); took != 2100*time.Millisecond { // one, four, and two
			t.Errorf("they took %v", took)
		}
		if sent := v.take(); len(sent) != 7 {
			t.Errorf("sent %q, want one for each connector", sent)
		}
	})
}

// TestWaitWhileAnotherIsRight has somebody sign in by another password meanwhile, which says nothing
// of the one that is waited for.
func TestWaitWhileAnotherIsRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{space: "one", during: func(_ context.Context, _, password string) {
			if time.Sleep(time.Second); password == "1" {
				time.Sleep(time.Second)
			}
		}}
		of := generations(t, 2, v, guard.NewShield(guard.Limits{}))
		var all sync.WaitGroup
		for i, want := range []string{refused, known} {
			all.Go(func() { logins{{"alice", "1", elsewhere, want}}.run(t, of[i]) })
			synctest.Wait()
		}
		logins{{"alice", "right", home, "ok"}}.run(t, of[0])
		all.Wait()
		wantSent(t, v, "alice:1", "alice:right")
	})
}

// TestOthersDoNotWait holds that different passwords of an account are asked about at once, and
// the same of different accounts.
func TestOthersDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		of := generations(t, 2, asking(time.Second), guard.NewShield(guard.Limits{}))
		begun := time.Now()
		var all sync.WaitGroup
		for i, l := range []logins{
			{{"alice", "1", elsewhere, refused}},
			{{"alice", "2", elsewhere, refused}},
			{{"alice", "right", elsewhere, "ok"}},
			{{"bob", "1", elsewhere, refused}},
		} {
			all.Go(func() { l.run(t, of[i%2]) })
		}
		all.Wait()
		if took := time.Since(begun); took != time.Second {
			t.Errorf("they took %v, want a second", took)
		}
	})
}

// TestWhatWaitingComesTo has a password be sent by one connector, and to another one meanwhile,
// which goes by what comes of it.
func TestWhatWaitingComesTo(t *testing.T) {
	for name, c := range map[string]struct {
		answer error // to the first
		again  int   // how often it is sent once more for that
		first  string
		second string
		sent   int
	}{
		"right":                     {nil, 0, "ok", "ok", 2},
		"wrong":                     {connectors.Reject(connectors.ReasonWrongPassword), 0, refused, known, 1},
		"disabled":                  {connectors.Reject(connectors.ReasonDisabled), 0, disabled, "ok", 2},
		"down":                      {errDown, 0, "outage", "ok", 2},
		"lost":                      {connectors.InDoubt(errDown), 0, "outage", "ok", 2},
		"lost, and nothing is left": {connectors.InDoubt(errDown), 2, "outage", "429 lockout 15m0s", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, asked := asking(0), 0
				v.during = func(ctx context.Context, _, _ string) {
					time.Sleep(time.Second)
					for range c.again {
						connectors.MayResend(ctx)
					}
				}
				v.answer = func(string, string) error {
					if asked++; asked == 1 {
						return c.answer
					}
					return nil
				}
				of := generations(t, 2, v, guard.NewShield(guard.Limits{}))
				var all sync.WaitGroup
				all.Go(func() { logins{{"alice", "it", elsewhere, c.first}}.run(t, of[0]) })
				synctest.Wait()
				logins{{"alice", "it", elsewhere, c.second}}.run(t, of[1])
				all.Wait()
				if n := len(v.take()); n != c.sent {
					t.Errorf("sent %d times, want %d", n, c.sent)
				}
			})
		})
	}
}

// TestWaitInVain holds that who waits for what comes of the same password for as long as there
// is time is turned away, and says nothing of the directory; the next one waits anew.
func TestWaitInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := asking(4 * time.Second)
		of := generations(t, 2, v, guard.NewShield(guard.Limits{}))
		var all sync.WaitGroup
		all.Go(func() { logins{{"alice", "right", elsewhere, "ok"}}.run(t, of[0]) })
		synctest.Wait()
		begun := time.Now()
		_, err := of[1].Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret("right"), RemoteIP: elsewhere})
		if !errors.Is(err, connectors.ErrBusy) || errors.Is(err, connectors.ErrUnreachable) {
			t.Errorf("in vain: %v, want busy", err)
		}
		if took := time.Since(begun); took != 2250*time.Millisecond {
			t.Errorf("turned away after %v", took)
		}
		v.during = nil
		logins{{"alice", "right", elsewhere, "ok"}}.run(t, of[1])
		if took := time.Since(begun); took != 4*time.Second {
			t.Errorf("the next one has an answer after %v, want when the first has one", took)
		}
		all.Wait()
		wantSent(t, v, "alice:right", "alice:right")
	})
}

// TestDirectoryIsToldOfTheOther holds that a directory can tell that the wait for what comes of the
// same password has taken of its time.
func TestDirectoryIsToldOfTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(500 * time.Millisecond)
		g := guardedBy(t, impatient{d}, guard.Settings{})
		var all sync.WaitGroup
		all.Go(func() { g.want("alice", "right", nil) })
		synctest.Wait()
		g.want("alice@corp.example", "right", errTold)
		all.Wait()
	})
}

// TestWaitWhereNamesAreJoined has the name that somebody waits by turn out to be that of an
// account: what comes of the password is waited for there.
func TestWaitWhereNamesAreJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{space: "sso", noIDs: true, vouch: []string{"alice@corp"}, during: func(_ context.Context, _, password string) {
			if password == "slow" {
				time.Sleep(time.Second)
			}
		}}
		of := generations(t, 2, v, guard.NewShield(guard.Limits{}))
		begun := time.Now()
		var all sync.WaitGroup
		for i, want := range []string{refused, known} {
			all.Go(func() {
				logins{{"alice@corp", "slow", elsewhere, want}}.run(t, of[i])
				if took := time.Since(begun); took != time.Second {
					t.Errorf("the %s one has an answer after %v", want, took)
				}
			})
			synctest.Wait()
		}
		logins{{"alice", "right", home, "ok"}}.run(t, of[0])
		all.Wait()
		wantSent(t, v, "alice@corp:slow", "alice:right")
	})
}

// TestWaitForWhatIsForgotten holds that who waits goes on when the password is answered, though
// what is known of the account was cleared meanwhile.
func TestWaitForWhatIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, shield := asking(time.Second), guard.NewShield(guard.Limits{})
		of := generations(t, 2, v, shield)
		var all sync.WaitGroup
		for i := range of {
			all.Go(func() { logins{{"alice", "1", elsewhere, refused}}.run(t, of[i]) })
			synctest.Wait()
		}
		shield.Clear(guard.Filter{})
		all.Wait()
		wantSent(t, v, "alice:1", "alice:1")
	})
}

// TestNothingIsLeftOfWaiting has many passwords be sent by many connectors at once, at random
// speed: each is sent once, and nobody waits for ever.
func TestNothingIsLeftOfWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{space: "one"}
		v.during = func(_ context.Context, _, password string) {
			time.Sleep(time.Duration(len(password)) * 10 * time.Millisecond)
		}
		of := generations(t, 4, v, guard.NewShield(guard.Limits{}))
		var all sync.WaitGroup
		for i := range 50 {
			name, password := fmt.Sprint("user", i%5), fmt.Sprintf("%0*d", 1+i/5, 0)
			all.Go(func() {
				for outcome := range storm(t, 5, of, name, password) {
					if outcome != refused && outcome != known && outcome != "429 lockout 15m0s" {
						t.Errorf("%s by %s: %s", name, password, outcome)
					}
				}
			})
		}
		all.Wait()
		if n := len(v.take()); n != 15 {
			t.Errorf("sent %d passwords, want three of each", n)
		}
	})
}
