package guard_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// TestJoinUnderWay has two names turn out to be one account's while the same password is
// under way by both, of which nothing comes.
func TestJoinUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := connectors.ReasonDisabled
		v := &vault{space: "sso", noIDs: true, during: func(_ context.Context, name, password string) {
			switch {
			case password == "slow" && name == "alice":
				time.Sleep(time.Second)
			case password == "slow":
				time.Sleep(3 * time.Second)
			}
		}, answer: func(_, password string) error {
			switch password {
			case "right":
				return nil
			case "slow":
				return errors.New("out of order")
			}
			return connectors.Reject(other)
		}}
		shield := guard.NewShield(guard.Limits{})
		d := door(t, v, lockout(), shield)
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		var all sync.WaitGroup
		for _, name := range []string{"alice", "alice@corp"} {
			all.Go(func() { logins{{name, "slow", elsewhere, "outage"}}.run(t, d) })
		}
		synctest.Wait()
		logins{{"alice@corp", "right", home, "ok"}}.run(t, d)
		time.Sleep(2 * time.Second) // one of them is over
		logins{
			{"alice", "1", elsewhere, disabled},
			{"alice", "2", elsewhere, disabled},
			{"alice", "3", elsewhere, "429 lockout 15m0s"},
		}.run(t, d)
		all.Wait()
		time.Sleep(15 * time.Minute)
		v.take()
		other = connectors.ReasonWrongPassword
		logins{
			{"alice", "1", elsewhere, refused},
			{"alice", "2", elsewhere, refused},
			{"alice", "3", elsewhere, refused},
			{"alice", "4", elsewhere, "429 lockout 15m0s"},
		}.run(t, d)
		wantSent(t, v, "alice:1", "alice:2", "alice:3")
		if shield.Clear(guard.Filter{}) != 1 {
			t.Error("there is more than the account")
		}
	})
}

// TestJoinCounts has two names turn out to be one account's, by a login during which the same
// password was refused by both: the directory may have counted it twice since.
func TestJoinCounts(t *testing.T) {
	for name, tt := range map[string]struct {
		before  logins
		during  []string
		counted int // at least
	}{
		"refused by both":            {nil, []string{"alice@corp", "alice"}, 2},
		"refused by the other first": {logins{{"alice@corp", "x", elsewhere, refused}}, []string{"alice"}, 1},
		"refused and cleared before": {logins{{"alice", "x", elsewhere, refused}, {"alice", "right", home, "ok"}}, []string{"alice@corp"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{space: "sso", noIDs: true, during: func(_ context.Context, name, password string) {
					if password == "right" && strings.HasSuffix(name, "@corp") {
						time.Sleep(time.Second)
					}
				}}
				shield := guard.NewShield(guard.Limits{})
				d := door(t, v, lockout(), shield)
				logins{{"alice", "right", home, "ok"}}.run(t, d)
				tt.before.run(t, d)
				var all sync.WaitGroup
				all.Go(func() { logins{{"alice@corp", "right", home, "ok"}}.run(t, d) })
				synctest.Wait()
				for _, name := range tt.during {
					logins{{name, "x", elsewhere, refused}}.run(t, d)
				}
				all.Wait()
				if list := shield.List(); len(list) != 1 || list[0].Refused != 1 || list[0].Counted < tt.counted {
					t.Errorf("listed %+v, want it counted %d times", list, tt.counted)
				}
			})
		})
	}
}

// TestJoinRemembers has a password refused by two names at different times: that of the last
// is what holds.
func TestJoinRemembers(t *testing.T) {
	for name, names := range map[string][2]string{"the account's": {"alice@corp", "alice"}, "the other": {"alice", "alice@corp"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := door(t, &vault{space: "sso", noIDs: true}, lockout(), nil)
				logins{{"alice", "right", home, "ok"}, {names[0], "x", elsewhere, refused}}.run(t, d)
				time.Sleep(10 * time.Minute)
				logins{{names[1], "x", elsewhere, refused}, {"alice@corp", "right", home, "ok"}}.run(t, d)
				time.Sleep(15*time.Minute - time.Second)
				logins{
					{"alice", "1", elsewhere, refused},
					{"alice", "2", elsewhere, refused},
					{"alice", "3", elsewhere, refused},
					{"alice", "x", elsewhere, known}, // and goes on looking so
				}.run(t, d)
				time.Sleep(time.Second)
				logins{{"alice", "x", elsewhere, "429 lockout 14m59s"}}.run(t, d)
			})
		})
	}
}

// TestJoinInDoubt has a password be in doubt by one name, and wrong by the other: it is wrong.
func TestJoinInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{space: "sso", noIDs: true, answer: func(name, password string) error {
			switch {
			case password == "right":
				return nil
			case name == "alice":
				return connectors.Reject(connectors.ReasonWrongPassword)
			}
			return connectors.InDoubt(errors.New("somebody else is under way"))
		}}
		d := door(t, v, lockout(), nil)
		logins{
			{"alice", "right", home, "ok"},
			{"alice", "x", elsewhere, refused},
			{"alice@corp", "x", elsewhere, "outage"},
			{"alice@corp", "right", home, "ok"},
			{"alice@corp", "x", elsewhere, known},
		}.run(t, d)
	})
}

// TestJoinOfAnAccountMadeAnew has the name of one account turn out to be another's, of which
// the password counts that of the first does no more.
func TestJoinOfAnAccountMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := false
		v := &vault{space: "sso", noIDs: true, during: func(_ context.Context, _, password string) {
			if slow && password == "right" {
				time.Sleep(time.Second)
			}
		}}
		shield := guard.NewShield(guard.Limits{})
		d := door(t, v, lockout(), shield)
		logins{{"alice", "right", home, "ok"}, {"alice", "x", elsewhere, refused}, {"alice", "right", home, "ok"}}.run(t, d)
		v.id = "second"
		logins{{"alice@corp", "right", home, "ok"}}.run(t, d)
		slow = true
		var all sync.WaitGroup
		all.Go(func() { logins{{"alice", "right", home, "ok"}}.run(t, d) })
		synctest.Wait()
		logins{{"alice@corp", "x", elsewhere, refused}}.run(t, d)
		all.Wait()
		if list := shield.List(); len(list) != 1 || list[0].ID != "second" || list[0].Counted == 0 {
			t.Errorf("listed %+v", list)
		}
	})
}

// TestJoinLooks has a password be one of the first by one name, and too many by the other: it
// goes on being one of the first.
func TestJoinLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{space: "sso", noIDs: true}
		d := closing(t, guard.Password(v, guard.Config{Settings: lockout(), Look: guard.Look{Budget: 1, Window: 15 * time.Minute}, Realm: "corp", Name: "vault"}))
		logins{
			{"alice", "right", home, "ok"},
			{"alice", "x", elsewhere, refused},
			{"alice@corp", "1", elsewhere, refused},
			{"alice@corp", "x", elsewhere, "429 lockout 15m0s"},
			{"alice@corp", "right", home, "ok"},
			{"alice", "2", elsewhere, refused},
			{"alice", "x", elsewhere, known},
		}.run(t, d)
	})
}

// TestJoinKeepsWhatWasTried holds that an old password of a name takes nothing of the limits
// again when the name turns out to be an account's, and that the account was asked for where
// the name was.
func TestJoinKeepsWhatWasTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{space: "sso", noIDs: true}
		shield := guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 3, Per: 24 * time.Hour}})
		corp := door(t, v, lockout(), shield)
		lab := closing(t, guard.Password(v, guard.Config{Settings: lockout(), Shield: shield, Realm: "lab", Name: "vault"}))
		logins{{"alice@corp", "old", elsewhere, refused}}.run(t, lab)
		time.Sleep(16 * time.Minute)
		logins{{"alice@corp", "later", elsewhere, refused}}.run(t, lab)
		logins{{"alice", "1", elsewhere, refused}, {"alice", "right", home, "ok"}}.run(t, corp)
		logins{{"alice@corp", "right", home, "ok"}}.run(t, lab)
		logins{{"alice", "old", elsewhere, refused}, {"alice", "new", elsewhere, "429 network-limit 7h44m0s"}}.run(t, corp)
		if list := shield.List(guard.Filter{Realm: "lab"}); len(list) != 1 || list[0].ID != "id-alice" {
			t.Errorf("listed of lab: %+v", list)
		}
	})
}

// fickle is a directory that knows only by a login whose a name is, and to which one name is
// several people's: of each by his password.
type fickle struct {
	answers map[string]chan struct{} // when it answers, by the password
	ids     map[string]string        // whose they are
}

func (f *fickle) Locate(_ context.Context, name string) (connectors.Account, error) {
	return connectors.Account{Username: name}, nil
}

func (f *fickle) Verify(_ context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	if answers := f.answers[password.Reveal()]; answers != nil {
		<-answers
	}
	id, ok := f.ids[password.Reveal()]
	if !ok {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	}
	return connectors.Identity{Connector: "fickle", Via: "fickle", ID: id, Username: a.Username, Ceiling: connectors.Unlimited()}, nil
}

// TestOneNameOfMany holds that logins at once by one name that turn out to be several people's
// leave each with a record of his own, and the Shield at work.
func TestOneNameOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fickle{
			answers: map[string]chan struct{}{"one": make(chan struct{}), "other": make(chan struct{}), "again": make(chan struct{})},
			ids:     map[string]string{"one": "1", "again": "1", "other": "2", "others": "2"},
		}
		d := closing(t, guard.Password(f, guard.Config{Settings: lockout(), Realm: "corp", Name: "fickle"}))
		logins{{"other", "others", home, "ok"}, {"other", "1", elsewhere, refused}, {"other", "2", elsewhere, refused}, {"other", "3", elsewhere, refused}}.run(t, d)
		for _, password := range []string{"one", "other", "again"} {
			done := make(chan string, 1)
			go func() { done <- login(t.Context(), d, "shared", password, home) }()
			defer func() {
				if got := <-done; got != "ok" {
					t.Errorf("%s: %s", password, got)
				}
			}()
			synctest.Wait()
		}
		close(f.answers["one"])
		synctest.Wait()
		logins{{"other", "4", elsewhere, "429 lockout 15m0s"}}.run(t, d) // one's login forgives nothing that is another's
		close(f.answers["other"])
		synctest.Wait()
		close(f.answers["again"])
		synctest.Wait()
		logins{
			{"shared", "wrong", elsewhere, refused},
			{"shared", "one", elsewhere, "ok"},
			{"shared", "other", elsewhere, "ok"},
			{"shared", "again", elsewhere, "ok"},
			{"somebody", "wrong", elsewhere, refused},
		}.run(t, d)
	})
}

// TestOneNameForgivesItsOwn holds that of two people by one name, whose logins are under way at
// once, the one who is let in last forgives nothing of what counts for the other.
func TestOneNameForgivesItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fickle{
			answers: map[string]chan struct{}{"one": make(chan struct{}), "other": make(chan struct{})},
			ids:     map[string]string{"before": "1", "one": "1", "other": "2"},
		}
		d := closing(t, guard.Password(f, guard.Config{Settings: lockout(), Realm: "corp", Name: "fickle"}))
		logins{{"first", "before", home, "ok"}}.run(t, d)
		var all sync.WaitGroup
		defer all.Wait()
		begin := func(password string) {
			all.Go(func() { logins{{"shared", password, home, "ok"}}.run(t, d) })
			synctest.Wait()
		}
		begin("one")
		logins{{"shared", "1", elsewhere, refused}}.run(t, d) // after the one, and before the other was asked for
		begin("other")
		close(f.answers["one"])
		synctest.Wait()
		close(f.answers["other"])
		synctest.Wait()
		logins{
			{"first", "2", elsewhere, refused},
			{"first", "3", elsewhere, refused},
			{"first", "4", elsewhere, "429 lockout 15m0s"},
		}.run(t, d)
	})
}
