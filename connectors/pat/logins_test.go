package pat_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

func contextOf(w *world) (context.Context, context.CancelFunc) {
	return context.WithCancel(w.Context())
}

// fixed gives a token its owner's groups.
func fixed(groups ...string) func(*pat.Token) {
	return func(t *pat.Token) { t.GroupsFixed, t.Groups = true, groups }
}

// panics is a broken connector.
type panics struct{ provider }

// Probe panics, too.
func (panics) Probe(context.Context) error { panic("hunter2") }

func (panics) Resolve(context.Context, string) (connectors.Identity, error) { panic("broken") }

// unsupporting is a connector that can look people up only in its type's name.
type unsupporting struct {
	provider
	asked *atomic.Int32 // how often; nil: nobody counts
}

func (u unsupporting) Resolve(context.Context, string) (connectors.Identity, error) {
	if u.asked != nil {
		u.asked.Add(1)
	}
	return connectors.Identity{}, errUnsupported
}

// Probe finds nothing wrong.
func (unsupporting) Probe(context.Context) error { return nil }

// TestLastLogin holds that the groups of the last login count for max_login_age where
// nobody can be looked up.
func TestLastLogin(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(carol)
		w.refuses(secret, connectors.ReasonOwnerUnseen)
		w.LoggedIn(person(carol, "carol", "oncall"), time.Now())
		w.wants(secret, "oncall")
		pass(w.config.MaxLoginAge)
		w.wants(secret, "oncall")
		pass(time.Second)
		w.refuses(secret, connectors.ReasonOwnerUnseen)
		w.LoggedIn(person(carol, "carol.x", "platform"), time.Now())
		if id := w.wants(secret, "platform"); id.Username != "carol.x" {
			t.Errorf("the name is %q", id.Username)
		}
		pass(w.config.MaxLoginAge - time.Second)
		w.restart()
		w.wants(secret, "platform")
		pass(2 * time.Second)
		known := w.refuses(secret, connectors.ReasonOwnerUnseen).Known
		if known.Username != "carol.x" {
			t.Errorf("for the record: %+v", known)
		}
	})
}

// TestFirstLoginIsKeptAtOnce holds that a token can be made right after a login.
func TestFirstLoginIsKeptAtOnce(t *testing.T) {
	in(t, func(w *world) {
		w.LoggedIn(person(carol, "carol", "oncall"), time.Now())
		pass(time.Millisecond)
		if o := w.ledger.owner(carol); o.Username != "carol" || !slices.Equal(o.Groups, []string{"oncall"}) {
			t.Errorf("what is kept: %+v", o)
		}
		for range 100 { // nothing new
			w.LoggedIn(person(carol, "carol", "oncall"), time.Now())
			pass(time.Second)
		}
		if n := w.ledger.saved(); n > 3 {
			t.Errorf("in a hundred seconds it was written %d times", n)
		}
	})
}

// TestLoginsOfTheDirectory holds that a login shows an owner to be there, and is kept of
// those alone who have tokens.
func TestLoginsOfTheDirectory(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.LoggedIn(person(alice, "alice", "new"), time.Now())
		w.LoggedIn(person(bob, "bob", "new"), time.Now())
		w.within(0, func() { w.wants(secret, "new") }) // though it is not written down yet
		pass(2 * time.Minute)
		if o := w.ledger.owner(alice); !slices.Equal(o.Groups, []string{"new"}) {
			t.Errorf("of an owner, there is kept %+v", o)
		}
		if o := w.ledger.owner(bob); o.Username != "" {
			t.Errorf("of somebody without tokens, there is kept %+v", o)
		}
		w.within(0, func() { w.wants(secret, "new") })
		w.directory.become(func() { delete(w.directory.people, alice.ID) })
		pass(w.config.MaxGroupAge)
		w.refuses(secret, connectors.ReasonOwnerGone)
		w.LoggedIn(person(alice, "alice", "back"), time.Now())
		w.within(0, func() { w.wants(secret, "back") })
	})
}

// TestNewestWins holds that an answer which was asked for before a login does not undo it.
func TestNewestWins(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.directory.become(func() { w.directory.takes = time.Second })
		go func() { _, _ = w.login(secret) }()
		pass(500 * time.Millisecond)
		w.LoggedIn(person(alice, "alice", "newest"), time.Now())
		w.directory.become(func() { w.directory.people[alice.ID] = person(alice, "alice", "older") })
		pass(2 * time.Minute)
		w.wants(secret, "newest")
		if o := w.ledger.owner(alice); !slices.Equal(o.Groups, []string{"newest"}) {
			t.Errorf("what is kept: %+v", o)
		}
	})
}

func TestFixedGroups(t *testing.T) {
	in(t, func(w *world) {
		a := pat.Account{Connector: "sso", ID: "username:dave"}
		secret := w.issue(a, fixed("oncall", "platform"))
		w.refuses(secret, connectors.ReasonOwnerUnseen) // nothing is known of the account
		w.ledger.owners[a] = pat.Owner{Realm: realm, Account: a, Username: "dave"}
		if id := w.wants(secret, "oncall", "platform"); id.Username != "dave" || id.Connector != "sso" {
			t.Errorf("%+v", id)
		}
		pass(29 * 24 * time.Hour)
		w.wants(secret, "oncall", "platform")
		w.LoggedIn(person(a, "dave", "other"), time.Now())
		w.wants(secret, "oncall", "platform") // till it ends
	})
}

// TestCannotResolve holds that a connector which says only when asked that it can look
// nobody up is one that cannot.
func TestCannotResolve(t *testing.T) {
	in(t, func(w *world) {
		w.siblings["sso"] = unsupporting{}
		secret := w.issue(carol)
		w.refuses(secret, connectors.ReasonOwnerUnseen)
		w.LoggedIn(person(carol, "carol", "oncall"), time.Now())
		pass(time.Hour)
		w.wants(secret, "oncall")
		if n := w.log.count("cannot be looked up"); n != 0 {
			t.Error("it is taken for an outage")
		}
	})
}

// TestNoPerson holds that what is nobody's account is not kept.
func TestNoPerson(t *testing.T) {
	in(t, func(w *world) {
		id := person(carol, "carol")
		id.Kind = connectors.Workload
		w.LoggedIn(id, time.Now())
		stranger := person(pat.Account{Connector: "elsewhere", ID: "x"}, "x")
		w.LoggedIn(stranger, time.Now())
		pass(2 * time.Minute)
		if n := w.ledger.saved(); n != 0 {
			t.Errorf("%d were kept", n)
		}
	})
}

// TestUses holds that uses are written once a minute, the last of each token, and at the
// end.
func TestUses(t *testing.T) {
	in(t, func(w *world) {
		one, two := w.issue(alice), w.issue(bob)
		for range 300 { // five minutes
			w.wants(one, "platform", "audit")
			w.wants(two)
			pass(time.Second)
		}
		w.refuses(connectors.NewSecret("srp_"), connectors.ReasonBadToken)
		if n := len(w.ledger.uses); n < 4 || n > 5 {
			t.Errorf("in five minutes uses were written %d times", n)
		}
		last := time.Now()
		w.wants(one, "platform", "audit")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		batch := w.ledger.uses[len(w.ledger.uses)-1]
		text, _ := pat.ParseText(one)
		i := slices.IndexFunc(batch, func(u pat.Use) bool { return u.ID == text.ID() })
		if i < 0 || !batch[i].At.Equal(last.Truncate(time.Second)) || batch[i].From != home || batch[i].Realm != realm {
			t.Errorf("the last use is written as %+v", batch)
		}
		w.open()
	})
}

// TestWritesFail holds that a database which takes nothing refuses nobody, is logged once,
// and loses nothing but for what it had no time for.
func TestWritesFail(t *testing.T) {
	in(t, func(w *world) {
		w.issue(carol)
		w.ledger.setDown(true)
		w.LoggedIn(person(carol, "carol", "oncall"), time.Now())
		pass(10 * time.Minute)
		if n := w.log.count("is not written down"); n != 1 {
			t.Errorf("%d lines about it", n)
		}
		w.ledger.setDown(false)
		pass(2 * time.Minute)
		if o := w.ledger.owner(carol); o.Username != "carol" {
			t.Errorf("what is kept: %+v", o)
		}
		if n := w.log.count("is written down again"); n != 1 {
			t.Errorf("%d lines about its end", n)
		}
	})
}

// TestWriteFailsBehindLogins holds that a full disk keeps nobody out whose token can be read.
func TestWriteFailsBehindLogins(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		readOnly := &readOnly{w.ledger}
		m := pat.NewMemory(readOnly, readOnly, w.logger())
		c := w.connector(m)
		defer c.Close()
		for range 100 {
			if _, err := c.Authenticate(w.Context(), connectors.Credentials{Password: secret, RemoteIP: home}); err != nil {
				t.Fatal(err)
			}
			pass(time.Minute)
		}
		if err := m.Close(); err == nil {
			t.Error("what could not be written is not told of at the end")
		}
		if n := w.log.count("is not written down"); n != 1 {
			t.Errorf("%d lines about it", n)
		}
	})
}

// readOnly takes nothing.
type readOnly struct{ *ledger }

func (readOnly) RecordUses(context.Context, []pat.Use) error   { return errDown }
func (readOnly) SaveOwners(context.Context, []pat.Owner) error { return errDown }
