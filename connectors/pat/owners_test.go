package pat_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

// leaves is what may happen to a person in the directory.
var leaves = map[string]struct {
	change func(d *directory)
	then   func(w *world, secret connectors.Secret)
}{
	"deleted": {
		func(d *directory) { delete(d.people, alice.ID) },
		func(w *world, secret connectors.Secret) { w.refuses(secret, connectors.ReasonOwnerGone) },
	},
	"refused": {
		func(d *directory) { d.odd[alice.ID] = connectors.Reject(connectors.ReasonDisabled) },
		func(w *world, secret connectors.Secret) { w.refuses(secret, connectors.ReasonOwnerGone) },
	},
	"known no more": {
		func(d *directory) { d.odd[alice.ID] = connectors.ErrNotMine },
		func(w *world, secret connectors.Secret) { w.refuses(secret, connectors.ReasonOwnerGone) },
	},
	"moved out of a group": {
		func(d *directory) { d.people[alice.ID] = person(alice, "alice", "audit") },
		func(w *world, secret connectors.Secret) { w.wants(secret, "audit") },
	},
	"renamed": {
		func(d *directory) { d.people[alice.ID] = person(alice, "alice.smith", "platform", "audit") },
		func(w *world, secret connectors.Secret) {
			w.Helper()
			if id := w.wants(secret, "platform", "audit"); id.Username != "alice.smith" {
				w.Errorf("the name is %q", id.Username)
			}
		},
	},
}

// TestWhatChangesCounts holds that what happens to an owner counts within max_group_age,
// be the token in use all the time or not.
func TestWhatChangesCounts(t *testing.T) {
	for name, tt := range leaves {
		for every, pause := range map[string]time.Duration{"hot": time.Second, "idle": 15 * time.Minute} {
			t.Run(name+", "+every, func(t *testing.T) {
				in(t, func(w *world) {
					secret := w.issue(alice)
					w.wants(secret, "platform", "audit")
					w.directory.become(func() { tt.change(w.directory) })
					for begun := time.Now(); time.Since(begun) <= w.config.MaxGroupAge; pass(pause) {
						_, _ = w.login(secret)
					}
					tt.then(w, secret)
				})
			})
		}
	}
}

// TestForget holds that what happens to an owner counts at once where it is wished that the
// directory is asked, of one or of all, whether it is known from memory or from the database.
func TestForget(t *testing.T) {
	for name, tt := range leaves {
		for username, forgets := range map[string]int{"alice": 1, "": 2} {
			for _, restarts := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, of %q, restarted: %v", name, username, restarts), func(t *testing.T) {
					in(t, func(w *world) {
						secret, bobs := w.issue(alice), w.issue(bob)
						w.wants(secret, "platform", "audit")
						w.wants(bobs)
						pass(5 * time.Second)
						if restarts {
							w.restart()
						}
						w.directory.become(func() { tt.change(w.directory) })
						w.wants(secret, "platform", "audit")
						w.wants(bobs)
						if n := w.Forget(username); n != forgets {
							t.Errorf("%d are forgotten, want %d", n, forgets)
						}
						if n := w.Forget(username); n != 0 {
							t.Errorf("%d are forgotten twice", n)
						}
						before := w.directory.count()
						tt.then(w, secret)
						_, _ = w.login(secret)
						w.wants(bobs)
						w.wants(bobs)
						if n := w.directory.count() - before; n != forgets {
							t.Errorf("the directory was asked %d times", n)
						}
					})
				})
			}
		}
	}
}

// TestForgottenWhileAsked holds that an answer to what was asked before counts no more.
func TestForgottenWhileAsked(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.directory.become(func() { w.directory.takes = time.Second })
		var group sync.WaitGroup
		group.Go(func() { w.wants(secret, "platform", "audit") })
		pass(500 * time.Millisecond)
		w.Forget("")
		group.Go(func() { w.wants(secret, "platform", "audit") })
		group.Wait()
		for range 2 {
			if n := w.directory.count(); n != 2 {
				t.Errorf("the directory was asked %d times, want 2", n)
			}
			w.wants(secret, "platform", "audit")
		}
	})
}

// TestForgottenDuringALogin holds that a login which began before counts for nothing that was
// forgotten: it may have read the groups before.
func TestForgottenDuringALogin(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.wants(secret, "platform", "audit")
		pass(time.Second)
		begun := time.Now()
		pass(time.Second)
		w.directory.become(func() { w.directory.people[alice.ID] = person(alice, "alice", "platform") })
		w.Forget("alice")
		w.LoggedIn(person(alice, "alice", "platform", "audit"), begun)
		w.wants(secret, "platform")
		w.LoggedIn(person(alice, "alice", "platform", "audit"), begun)
		w.wants(secret, "platform")
	})
}

// TestForgottenInAnOutage holds that what is known is used while the directory is down.
func TestForgottenInAnOutage(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.wants(secret, "platform", "audit")
		pass(time.Second)
		w.Forget("alice")
		w.directory.become(func() { w.directory.state = "down" })
		w.wants(secret, "platform", "audit")
	})
}

// TestNobodyWaits holds that the directory is asked about an owner in use once in a while
// only, and behind the logins.
func TestNobodyWaits(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.wants(secret, "platform", "audit")
		w.directory.become(func() { w.directory.takes = time.Second })
		for begun := time.Now(); time.Since(begun) < 2*time.Hour; pass(10 * time.Second) {
			w.within(0, func() { w.wants(secret, "platform", "audit") })
		}
		if n := w.directory.count(); n < 9 || n > 13 {
			t.Errorf("in two hours the directory was asked %d times", n)
		}
	})
}

// TestManyAtOnce holds that one question is asked for all who wait for the same owner,
// and that one who goes away does not take the answer along.
func TestManyAtOnce(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() { w.wants(secret, "platform", "audit") })
		}
		group.Wait()
		if n := w.directory.count(); n != 1 {
			t.Errorf("the directory was asked %d times", n)
		}
	})
}

// TestBounded holds that many owners at once do not overrun the directory.
func TestBounded(t *testing.T) {
	in(t, func(w *world) {
		var group sync.WaitGroup
		for i := range 100 {
			a := pat.Account{Connector: "directory", ID: fmt.Sprint(i)}
			w.directory.become(func() { w.directory.people[a.ID] = person(a, fmt.Sprintf("user%d", i), "all") })
			secret := w.issue(a)
			group.Go(func() { w.wants(secret, "all") })
		}
		group.Wait()
		if w.directory.most > 8 {
			t.Errorf("%d questions at once", w.directory.most)
		}
	})
}

// TestGoneAndBack holds that whoever is enabled anew is back within half a minute, and that
// the directory is not asked at every attempt meanwhile.
func TestGoneAndBack(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.wants(secret, "platform", "audit")
		p := w.directory.people[alice.ID]
		w.directory.become(func() { delete(w.directory.people, alice.ID) })
		pass(w.config.MaxGroupAge + time.Second)
		known := w.refuses(secret, connectors.ReasonOwnerGone).Known
		if known.Username != "alice" {
			t.Errorf("for the record: %+v", known)
		}
		asked := w.directory.count()
		for range 29 {
			w.refuses(secret, connectors.ReasonOwnerGone)
			pass(time.Second)
		}
		if n := w.directory.count() - asked; n != 0 {
			t.Errorf("the directory was asked %d times", n)
		}
		for range 120 { // it is asked now and then
			w.refuses(secret, connectors.ReasonOwnerGone)
			pass(time.Second)
		}
		if n := w.log.count("the owner of access tokens is gone"); n != 1 {
			t.Errorf("%d lines about it", n)
		}
		w.directory.become(func() { w.directory.people[alice.ID] = p })
		pass(30 * time.Second)
		w.wants(secret, "platform", "audit")
	})
}

// TestGoneStaysGone holds that an outage, and a restart in it, bring nobody back.
func TestGoneStaysGone(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.wants(secret, "platform", "audit")
		w.directory.become(func() { delete(w.directory.people, alice.ID) })
		pass(w.config.MaxGroupAge + time.Second)
		w.refuses(secret, connectors.ReasonOwnerGone)
		pass(time.Millisecond)
		if o := w.ledger.owner(alice); !o.Gone || len(o.Groups) != 0 {
			t.Errorf("what is kept of a gone owner: %+v", o)
		}
		w.directory.become(func() { w.directory.state = "down" })
		for range 10 {
			pass(time.Minute)
			w.refuses(secret, connectors.ReasonOwnerGone)
		}
		w.restart()
		w.refuses(secret, connectors.ReasonOwnerGone)
		pass(4 * time.Hour)
		w.fails(secret)
	})
}

// TestOutage holds that an outage is survived for outage_grace from when the last answer
// was given, and no longer, a restart in it included; and that it is over soon.
func TestOutage(t *testing.T) {
	for _, state := range []string{"down", "hangs"} {
		t.Run(state, func(t *testing.T) {
			in(t, func(w *world) {
				secret := w.issue(alice)
				w.wants(secret, "platform", "audit")
				learned := time.Now()
				w.directory.become(func() { w.directory.state = state })
				pass(w.config.MaxGroupAge + time.Second)
				w.within(2*time.Second, func() { w.wants(secret, "platform", "audit") })
				asked, begun := w.directory.count(), time.Now()
				for time.Since(begun) < time.Minute {
					w.within(0, func() { w.wants(secret, "platform", "audit") })
					pass(100 * time.Millisecond)
				}
				if n := w.directory.count() - asked; n < 5 || n > 30 {
					t.Errorf("in a minute of outage the directory was asked %d times", n)
				}
				pass(time.Hour)
				w.restart()
				w.within(2*time.Second, func() { w.wants(secret, "platform", "audit") })
				pass(w.config.OutageGrace - time.Since(learned) - time.Minute)
				w.wants(secret, "platform", "audit")
				pass(time.Minute + time.Second)
				w.fails(secret)
				w.within(0, func() { w.fails(secret) })
				w.directory.become(func() { w.directory.state = "" })
				pass(9 * time.Second)
				w.wants(secret, "platform", "audit")
				if n := w.log.count("can be looked up again"); n != 1 { // the other process was restarted
					t.Errorf("%d lines about the end of the outage", n)
				}
				if n := w.log.count("cannot be looked up"); n != 2 {
					t.Errorf("%d lines about the outage", n)
				}
			})
		})
	}
}

// TestDisabledInAnOutage holds that what happened meanwhile counts as soon as it is over.
func TestDisabledInAnOutage(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.wants(secret, "platform", "audit")
		w.directory.become(func() { w.directory.state = "hangs" })
		pass(w.config.MaxGroupAge + time.Second)
		w.wants(secret, "platform", "audit")
		w.directory.become(func() { delete(w.directory.people, alice.ID) })
		pass(time.Hour)
		w.wants(secret, "platform", "audit")
		w.directory.become(func() { w.directory.state = "" })
		pass(9 * time.Second)
		w.refuses(secret, connectors.ReasonOwnerGone)
	})
}

// TestOddAccount holds that an account which the directory fails to tell of, while it
// answers about others or a probe, counts for max_group_age and no longer, and keeps no
// other from being looked up.
func TestOddAccount(t *testing.T) {
	for name, probed := range map[string]bool{"others are asked about": false, "a probe is answered": true} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				odd, good := w.issue(alice), w.issue(bob)
				w.wants(odd, "platform", "audit")
				if probed {
					w.siblings["directory"] = probing{w.directory}
					w.restart() // so that nobody else was asked about
				} else {
					w.wants(good)
				}
				w.directory.become(func() { w.directory.odd[alice.ID] = errors.New("groups nested too deep") })
				pass(w.config.MaxGroupAge - time.Minute)
				w.wants(odd, "platform", "audit")
				pass(time.Minute + time.Second)
				w.fails(odd)
				w.wants(good)
				w.directory.become(func() { delete(w.directory.people, bob.ID) })
				for begun := time.Now(); time.Since(begun) < 2*w.config.MaxGroupAge; pass(10 * time.Second) { // both are in use
					_, _ = w.login(good)
					w.fails(odd)
				}
				w.refuses(good, connectors.ReasonOwnerGone)
				if n := w.log.count("username=alice"); n != 1 || w.log.count("nested too deep") != 1 {
					t.Errorf("%d lines about the account", n)
				}
				w.directory.become(func() { w.directory.state = "down" })
				w.fails(odd) // in an outage, too
				w.directory.become(func() { w.directory.state, w.directory.odd = "", map[string]error{} })
				pass(9 * time.Second)
				w.wants(odd, "platform", "audit")
				w.directory.become(func() { w.directory.state = "down" }) // is an outage again, for all
				pass(time.Hour)
				w.wants(odd, "platform", "audit")
			})
		})
	}
}

// TestOddForLong holds that of somebody who was not looked up for long, the old rights do
// not count once more before that is found out.
func TestOddForLong(t *testing.T) {
	in(t, func(w *world) {
		odd, good := w.issue(alice), w.issue(bob)
		w.wants(odd, "platform", "audit")
		w.wants(good)
		w.directory.become(func() { w.directory.odd[alice.ID] = errors.New("groups nested too deep") })
		pass(3 * time.Hour)
		w.fails(odd)
	})
}

// TestOneConnectionLost holds that a single failure which is over at once refuses nobody.
func TestOneConnectionLost(t *testing.T) {
	in(t, func(w *world) {
		secret, good := w.issue(alice), w.issue(bob)
		w.wants(secret, "platform", "audit")
		w.wants(good)
		w.directory.become(func() { w.directory.once = errDown; w.directory.people[alice.ID] = person(alice, "alice", "new") })
		pass(3 * time.Hour)
		begun := time.Now()
		w.wants(secret, "new")
		pass(time.Millisecond)
		if seen := w.ledger.owner(alice).Seen.Sub(begun); seen != 2*w.directory.takes { // after the failure, and what others were asked
			t.Errorf("what counts was asked %v after the login began", seen)
		}
	})
}

// TestAskedOnce holds that an answer is asked for once, and nobody else is asked about.
func TestAskedOnce(t *testing.T) {
	in(t, func(w *world) {
		secret, good := w.issue(alice), w.issue(bob)
		w.wants(good)
		before := w.directory.count()
		w.wants(secret, "platform", "audit")
		if n := w.directory.count() - before; n != 1 {
			t.Errorf("the directory was asked %d times", n)
		}
	})
}

// TestLoginAfterClose holds that nobody is asked any more by a connector that is closed.
func TestLoginAfterClose(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		closed := w.Connector
		w.restart()
		if _, err := closed.Authenticate(w.Context(), connectors.Credentials{Password: secret, RemoteIP: home}); err == nil || connectorsAnswer(err) {
			t.Errorf("error = %v, want an outage", err)
		}
		if n := w.directory.count(); n != 0 {
			t.Errorf("the directory was asked %d times", n)
		}
	})
}

// TestBusyIsNotDown holds that whoever waits in a queue says nothing of the directory.
func TestBusyIsNotDown(t *testing.T) {
	in(t, func(w *world) {
		w.directory.takes = 200 * time.Millisecond
		secrets := map[string]connectors.Secret{}
		for i := range 200 {
			a := pat.Account{Connector: "directory", ID: fmt.Sprint(i)}
			w.directory.people[a.ID] = person(a, fmt.Sprintf("user%d", i), "all")
			secrets[a.ID] = w.issue(a)
			w.ledger.owners[a] = pat.Owner{Realm: realm, Account: a, Username: fmt.Sprintf("user%d", i), Groups: []string{"old"}, Seen: time.Now().Add(-time.Hour)}
		}
		var group sync.WaitGroup
		for _, secret := range secrets {
			group.Go(func() {
				if _, err := w.login(secret); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		pass(time.Minute)
		if n := w.log.count("cannot be looked up"); n != 0 {
			t.Errorf("a busy directory was taken for one that is down: %d lines", n)
		}
	})
}

// TestClientGone holds that a client that hangs up is no sign of an outage.
func TestClientGone(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		ctx, cancel := contextOf(w)
		cancel()
		_, _ = w.Authenticate(ctx, connectors.Credentials{Password: secret, RemoteIP: home})
		pass(time.Second)
		if n := w.log.count("cannot be looked up"); n != 0 {
			t.Error("a client that hung up is taken for an outage")
		}
		w.within(0, func() { w.wants(secret, "platform", "audit") }) // the answer came all the same
	})
}

// TestClockPutBack holds that what was learned in the future is not believed, and keeps
// nothing out that was learned since.
func TestClockPutBack(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"a minute": time.Minute, "a day": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				secret := w.issue(alice)
				future := pat.Owner{Realm: realm, Account: alice, Username: "alice", Groups: []string{"old"}, Seen: time.Now().Add(ahead)}
				w.ledger.owners[alice] = future
				w.directory.become(func() { w.directory.state = "down" })
				w.fails(secret)
				w.restart()
				w.directory.become(func() { w.directory.state = ""; delete(w.directory.people, alice.ID) })
				w.refuses(secret, connectors.ReasonOwnerGone)
				pass(time.Millisecond)
				if o := w.ledger.owner(alice); !o.Gone {
					t.Errorf("what is kept of a gone owner: %+v", o)
				}
				pass(ahead)
				w.directory.become(func() { w.directory.state = "down" })
				w.restart()
				if _, err := w.login(secret); err == nil {
					t.Error("an owner who is gone is back")
				}
			})
		})
	}
}

// TestLoginAfterTheClock holds that a login counts which comes after a clock was put back.
func TestLoginAfterTheClock(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(carol)
		w.ledger.owners[carol] = pat.Owner{Realm: realm, Account: carol, Username: "carol", Groups: []string{"ahead"}, Seen: time.Now().Add(time.Hour)}
		w.refuses(secret, connectors.ReasonOwnerUnseen)
		w.LoggedIn(person(carol, "carol", "now"), time.Now())
		w.wants(secret, "now")
		pass(2 * time.Minute)
		if o := w.ledger.owner(carol); !slices.Equal(o.Groups, []string{"now"}) {
			t.Errorf("what is kept: %+v", o)
		}
	})
}

// TestClockCorrected holds that a small step back of the clock makes nobody unknown.
func TestClockCorrected(t *testing.T) {
	in(t, func(w *world) {
		secret, other := w.issue(alice), w.issue(carol)
		w.ledger.owners[alice] = pat.Owner{Realm: realm, Account: alice, Username: "alice", Groups: []string{"platform"}, Seen: time.Now().Add(3 * time.Second)}
		w.ledger.owners[carol] = pat.Owner{Realm: realm, Account: carol, Username: "carol", Groups: []string{"oncall"}, Seen: time.Now().Add(3 * time.Second)}
		w.directory.become(func() { w.directory.state = "down" })
		w.wants(secret, "platform")
		w.wants(other, "oncall")
	})
}

// TestConnectorRemoved holds that a token whose owner's connector is no more is refused.
func TestConnectorRemoved(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.wants(secret, "platform", "audit")
		w.restart()
		delete(w.siblings, "directory")
		for range 3 {
			w.refuses(secret, connectors.ReasonOwnerGone)
		}
		if n := w.log.count("owner_connector=directory"); n != 1 {
			t.Errorf("%d lines about it", n)
		}
		fixed := w.issue(alice, fixed("platform"))
		w.refuses(fixed, connectors.ReasonOwnerGone)
	})
}

// TestBrokenConnector holds that an answer about somebody else, and a panic, are outages.
func TestBrokenConnector(t *testing.T) {
	for name, identity := range map[string]connectors.Identity{
		"another account":   person(bob, "bob", "root"),
		"another connector": person(pat.Account{Connector: "sso", ID: alice.ID}, "alice", "root"),
		"nobody":            {},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				secret := w.issue(alice)
				w.directory.become(func() { w.directory.people[alice.ID] = identity })
				w.fails(secret)
			})
		})
	}
	t.Run("panic", func(t *testing.T) {
		in(t, func(w *world) {
			w.siblings["directory"] = panics{}
			w.fails(w.issue(alice))
		})
	})
	t.Run("a name in another form", func(t *testing.T) {
		in(t, func(w *world) {
			w.directory.become(func() { w.directory.people[alice.ID] = person(alice, "Alice") })
			w.refuses(w.issue(alice), connectors.ReasonOwnerGone)
		})
	})
}

// TestCloseWhileAsking holds that closing waits for nobody who does not answer.
func TestCloseWhileAsking(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.wants(secret, "platform", "audit")
		w.directory.become(func() { w.directory.state = "hangs" })
		pass(w.config.MaxGroupAge + time.Second)
		go func() { _, _ = w.login(secret) }()
		synctest.Wait()
		w.within(0, w.restart)
		if w.directory.count() < 2 {
			t.Error("nobody was asked")
		}
		if n := w.log.count("cannot be looked up"); n != 0 {
			t.Errorf("%d lines about an outage that is none", n)
		}
	})
}
