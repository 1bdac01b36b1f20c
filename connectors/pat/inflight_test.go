package pat_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

// TestEndsWhileAsking holds that a login which waits for the directory does not pass once
// its token has ended or was taken back.
func TestEndsWhileAsking(t *testing.T) {
	for name, tt := range map[string]struct {
		end    func(*pat.Token)
		reason connectors.Reason
	}{
		"revoked": {func(t *pat.Token) { t.Revoked = time.Now() }, connectors.ReasonTokenRevoked},
		"expired": {func(*pat.Token) {}, connectors.ReasonTokenExpired},
		"lives":   {func(t *pat.Token) { t.Expires = t.Expires.Add(time.Hour) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				secret := w.issue(alice, func(t *pat.Token) { t.Expires = time.Now().Add(2 * time.Second) })
				text, _ := pat.ParseText(secret)
				w.directory.become(func() { w.directory.takes = 3 * time.Second })
				answered := make(chan error, 1)
				go func() { _, err := w.login(secret); answered <- err }()
				pass(time.Second)
				w.ledger.become(func() {
					token := w.ledger.tokens[text.ID()]
					tt.end(&token)
					w.ledger.tokens[text.ID()] = token
				})
				if err := <-answered; tt.reason != "" {
					wantReason(t, err, tt.reason)
				} else if err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestUnreadWhileAsking holds that a token which cannot be read again lets nobody in.
func TestUnreadWhileAsking(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.directory.become(func() { w.directory.takes = 3 * time.Second })
		answered := make(chan error, 1)
		go func() { _, err := w.login(secret); answered <- err }()
		pass(time.Second)
		w.ledger.setDown(true)
		if err := <-answered; err == nil || connectorsAnswer(err) {
			t.Errorf("error = %v, want an outage", err)
		}
	})
}

// TestOutageIsRecorded holds that an outage says, for the record, whose token it was about,
// and why the directory cannot be asked, be it the first login or a later one.
func TestOutageIsRecorded(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		text, _ := pat.ParseText(secret)
		w.wants(secret, "platform", "audit")
		w.directory.become(func() { w.directory.state = "down" })
		pass(w.config.OutageGrace + time.Second)
		for range 3 {
			_, err := w.login(secret)
			var outage *connectors.Outage
			if !errors.As(err, &outage) || outage.Known.Token != text.ID() || outage.Known.Username != "alice" || outage.Known.Connector != "directory" {
				t.Errorf("for the record: %+v", outage)
			}
			if err == nil || !strings.Contains(err.Error(), errDown.Error()) || connectorsAnswer(err) {
				t.Errorf("error = %v, want what the directory said", err)
			}
		}
	})
}

// TestTooMany holds that more owners than can be asked about in time take up no room: who
// is known is let in, who is not is told at once, and it is logged once.
func TestTooMany(t *testing.T) {
	in(t, func(w *world) {
		w.directory.takes = time.Second
		var secrets []connectors.Secret
		for i := range 1000 {
			a := pat.Account{Connector: "directory", ID: fmt.Sprint(i)}
			w.directory.people[a.ID] = person(a, fmt.Sprintf("user%d", i), "all")
			secrets = append(secrets, w.issue(a))
			if i%2 == 0 {
				w.ledger.owners[a] = pat.Owner{Realm: realm, Account: a, Username: fmt.Sprintf("user%d", i), Groups: []string{"old"}, Seen: time.Now().Add(-time.Hour)}
			}
		}
		crowd := func() (waited, failed int32) {
			var waits, fails atomic.Int32
			var group sync.WaitGroup
			for _, secret := range secrets {
				group.Go(func() {
					begun := time.Now()
					_, err := w.login(secret)
					if time.Since(begun) > 0 {
						waits.Add(1)
					}
					if err != nil {
						fails.Add(1)
					}
				})
			}
			group.Wait()
			pass(time.Minute)
			return waits.Load(), fails.Load()
		}
		waited, failed := crowd()
		if waited > 256 {
			t.Errorf("%d logins waited", waited)
		}
		if failed < 100 || failed > 500 {
			t.Errorf("%d of the 500 whose owners were not known failed", failed)
		}
		if n := w.log.count("too slowly"); n != 1 {
			t.Errorf("%d lines about it", n)
		}
		if n := w.log.count("cannot be looked up"); n != 0 {
			t.Errorf("%d lines about an outage", n)
		}
		if again, _ := crowd(); again < waited/2 { // who has waited in vain makes room
			t.Errorf("%d logins waited, and %d the second time", waited, again)
		}
		if n := w.log.count("too slowly"); n != 1 {
			t.Errorf("%d lines about it within ten minutes", n)
		}
		pass(10 * time.Minute)
		crowd()
		if n := w.log.count("too slowly"); n != 2 {
			t.Errorf("%d lines about it after ten minutes", n)
		}
		w.directory.become(func() { w.directory.takes = 0 })
		w.wants(w.issue(alice), "platform", "audit")
	})
}

// TestSlowOrDown holds that a connector which is down is not said to be slow.
func TestSlowOrDown(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.wants(secret, "platform", "audit")
		w.directory.become(func() { w.directory.state = "down" })
		pass(w.config.MaxGroupAge + time.Second)
		for range 3 {
			w.wants(secret, "platform", "audit")
		}
		if n := w.log.count("too slowly"); n != 0 {
			t.Errorf("%d lines about a slow directory", n)
		}
	})
}

// TestOddIsLeftAlone holds that a directory is not asked at each login about an account that it
// cannot tell of.
func TestOddIsLeftAlone(t *testing.T) {
	in(t, func(w *world) {
		odd, good := w.issue(alice), w.issue(bob)
		w.wants(good)
		w.directory.become(func() { w.directory.odd[alice.ID] = errDown })
		w.fails(odd)
		asked := w.directory.count()
		pass(2*time.Second - time.Millisecond)
		for range 20 {
			w.fails(odd)
		}
		if n := w.directory.count() - asked; n != 0 {
			t.Errorf("within two seconds the directory was asked %d times", n)
		}
		pass(time.Millisecond)
		w.fails(odd)
		if n := w.directory.count() - asked; n != 1 {
			t.Errorf("after two seconds the directory was asked %d times", n)
		}
	})
}

// TestOddKeepsNoOutageUp holds that an outage whose first account is one that the directory
// cannot tell of ends as soon as it answers about another who has tried to sign in, or a probe.
func TestOddKeepsNoOutageUp(t *testing.T) {
	for name, probed := range map[string]bool{"another tried": false, "a probe": true} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				if probed {
					w.siblings["directory"] = probing{w.directory}
				}
				odd, good := w.issue(alice), w.issue(bob)
				w.directory.become(func() { w.directory.state = "down" })
				w.fails(odd)
				if !probed {
					w.fails(good)
				}
				w.directory.become(func() { w.directory.state = ""; w.directory.odd[alice.ID] = errDown })
				pass(9 * time.Second)
				w.wants(good)
			})
		})
	}
}

// TestLookedUpAfterAll holds that groups which an administrator has named count where the
// connector can look nobody up, and what it says where it has come to be able to.
func TestLookedUpAfterAll(t *testing.T) {
	t.Run("it can", func(t *testing.T) {
		in(t, func(w *world) {
			secret := w.issue(alice, fixed("named"))
			w.ledger.owners[alice] = pat.Owner{Realm: realm, Account: alice, Username: "alice", Groups: []string{"login"}, Seen: time.Now()}
			w.wants(secret, "platform", "audit")
			w.within(0, func() { w.wants(secret, "platform", "audit") })
			w.directory.become(func() { delete(w.directory.people, alice.ID) })
			pass(w.config.MaxGroupAge + time.Second)
			w.refuses(secret, connectors.ReasonOwnerGone)
			unknown := w.issue(pat.Account{Connector: "directory", ID: "username:alice"}, fixed("named"))
			w.refuses(unknown, connectors.ReasonOwnerGone)
		})
	})
	t.Run("it cannot", func(t *testing.T) {
		in(t, func(w *world) {
			var asked atomic.Int32
			w.siblings["sso"] = unsupporting{asked: &asked}
			secret := w.issue(carol, fixed("named"))
			w.LoggedIn(person(carol, "carol", "login"), time.Now())
			for range 3 {
				w.wants(secret, "named")
				w.wants(w.issue(carol), "login")
			}
			if n := asked.Load(); n != 1 {
				t.Errorf("it was asked %d times what it cannot tell", n)
			}
		})
	})
}

// TestGroupsAreCopies holds that what is done with one login's groups is not done to the
// next one's.
func TestGroupsAreCopies(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.wants(secret, "platform", "audit").Groups[0] = "changed"
		w.wants(secret, "platform", "audit")
	})
}
