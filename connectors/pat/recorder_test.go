package pat_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

// TestOneTransaction holds that what a minute has shown of many owners is written at once,
// and that one of whom it cannot be read whether he has tokens keeps none of the others out.
func TestOneTransaction(t *testing.T) {
	in(t, func(w *world) {
		w.ledger.become(func() { w.ledger.blind = true })
		w.LoggedIn(person(bob, "bob"), time.Now()) // whether he has tokens is asked
		for i := range 100 {
			w.LoggedIn(person(pat.Account{Connector: "sso", ID: fmt.Sprint(i)}, fmt.Sprintf("user%d", i)), time.Now())
		}
		pass(time.Second)
		before := w.ledger.saved()
		for i := range 100 { // nothing of them is new but the time
			w.LoggedIn(person(pat.Account{Connector: "sso", ID: fmt.Sprint(i)}, fmt.Sprintf("user%d", i)), time.Now())
		}
		seen := time.Now()
		pass(time.Minute)
		if n := w.ledger.saved() - before; n != 1 {
			t.Errorf("it took %d transactions", n)
		}
		for i := range 100 {
			if o := w.ledger.owner(pat.Account{Connector: "sso", ID: fmt.Sprint(i)}); !o.Seen.Equal(seen) {
				t.Fatalf("user%d was seen %v, which is written as %v", i, seen, o.Seen)
			}
		}
		w.ledger.become(func() { w.ledger.blind = false })
	})
}

// TestCloseIsBounded holds that a database which takes no writes does not keep the process
// from ending.
func TestCloseIsBounded(t *testing.T) {
	in(t, func(w *world) {
		w.wants(w.issue(alice), "platform", "audit")
		pass(time.Second)
		w.ledger.become(func() { w.ledger.takes = time.Hour })
		w.LoggedIn(person(carol, "carol", "new"), time.Now())
		synctest.Wait() // it is being written
		w.within(3*time.Second, func() {
			if err := w.Close(); err == nil {
				t.Error("what could not be written is not told of")
			}
		})
		w.ledger.become(func() { w.ledger.takes = 0 })
		w.open()
	})
}

// TestNewWhileWriting holds that what is learned while the database writes is written, too.
func TestNewWhileWriting(t *testing.T) {
	in(t, func(w *world) {
		w.ledger.become(func() { w.ledger.takes = time.Second })
		w.LoggedIn(person(carol, "carol", "first"), time.Now())
		pass(500 * time.Millisecond)
		w.LoggedIn(person(carol, "carol", "second"), time.Now())
		pass(2 * time.Minute)
		if o := w.ledger.owner(carol); !slices.Equal(o.Groups, []string{"second"}) {
			t.Errorf("what is kept: %+v", o)
		}
	})
}

// TestUrgentStaysUrgent holds that what has changed and could not be written is not put off
// by a later login which shows nothing new.
func TestUrgentStaysUrgent(t *testing.T) {
	in(t, func(w *world) {
		w.ledger.setDown(true)
		w.LoggedIn(person(carol, "carol", "new"), time.Now())
		pass(time.Second)
		w.ledger.setDown(false)
		w.LoggedIn(person(carol, "carol", "new"), time.Now())
		w.LoggedIn(person(pat.Account{Connector: "sso", ID: "dave"}, "dave"), time.Now())
		pass(time.Millisecond)
		if o := w.ledger.owner(carol); o.Username != "carol" {
			t.Error("it waits for the minute")
		}
	})
}

// TestKnownToHaveTokens holds that an owner who was looked up for a token is written
// without asking whether there are tokens.
func TestKnownToHaveTokens(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.ledger.become(func() { w.ledger.blind = true })
		w.LoggedIn(person(alice, "alice", "login"), time.Now())
		for range 14 {
			_, _ = w.login(secret)
			pass(time.Minute)
		}
		if o := w.ledger.owner(alice); !slices.Equal(o.Groups, []string{"platform", "audit"}) {
			t.Errorf("what is kept: %+v", o)
		}
	})
}

// TestUsesOutliveFailures holds that a use is kept until it is written, and that an older
// one takes no newer one's place.
func TestUsesOutliveFailures(t *testing.T) {
	in(t, func(w *world) {
		once, again := w.issue(alice), w.issue(bob)
		w.wants(once, "platform", "audit")
		w.wants(again)
		first := time.Now()
		w.ledger.become(func() { w.ledger.down, w.ledger.takes = true, 5*time.Second })
		pass(time.Minute + time.Second) // it is being written, in vain
		w.ledger.become(func() { w.ledger.down = false })
		w.wants(again)
		second := time.Now()
		w.ledger.become(func() { w.ledger.down = true })
		pass(5 * time.Second)
		w.ledger.become(func() { w.ledger.down, w.ledger.takes = false, 0 })
		pass(time.Minute)
		for secret, want := range map[connectors.Secret]time.Time{once: first, again: second} {
			text, _ := pat.ParseText(secret)
			if got := w.ledger.lastUse(text.ID()); !got.At.Equal(want.Truncate(time.Second)) {
				t.Errorf("the last use was at %v, not %v", got.At, want)
			}
		}
	})
}

// TestLastUseOfAMinute holds that of several uses the last one is written.
func TestLastUseOfAMinute(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		var last time.Time
		for range 3 {
			last = time.Now()
			w.wants(secret, "platform", "audit")
			pass(5 * time.Second)
		}
		pass(time.Minute)
		text, _ := pat.ParseText(secret)
		if got := w.ledger.lastUse(text.ID()); !got.At.Equal(last.Truncate(time.Second)) {
			t.Errorf("the last use was at %v, not %v", got.At, last)
		}
	})
}

// TestWrittenAgain holds that the log says that all is written down again when it is, and
// not when a part of it was.
func TestWrittenAgain(t *testing.T) {
	in(t, func(w *world) {
		w.wants(w.issue(alice), "platform", "audit")
		pass(time.Second)
		w.ledger.become(func() { w.ledger.noUses = true })
		pass(time.Minute)
		w.LoggedIn(person(carol, "carol", "new"), time.Now()) // which is written at once
		pass(time.Second)
		const failing, again = "is not written down", "is written down again"
		if o := w.ledger.owner(carol); o.Username != "carol" || w.log.count(failing) != 1 || w.log.count(again) != 0 {
			t.Errorf("%+v; the log says %d times that it fails, %d that it is over", o, w.log.count(failing), w.log.count(again))
		}
		w.ledger.become(func() { w.ledger.noUses = false })
		pass(time.Minute)
		if w.log.count(again) != 1 {
			t.Errorf("the log says %d times that it is over", w.log.count(again))
		}
	})
}

// TestUseFrom holds that addresses are recorded in one form.
func TestUseFrom(t *testing.T) {
	for from, want := range map[string]string{"10.0.0.1": "10.0.0.1", "::ffff:10.0.0.1": "10.0.0.1", "fe80::1%eth0": "fe80::1"} {
		in(t, func(w *world) {
			secret := w.issue(alice)
			if _, err := w.Authenticate(w.Context(), connectors.Credentials{Password: secret, RemoteIP: netip.MustParseAddr(from)}); err != nil {
				t.Fatal(err)
			}
			pass(2 * time.Minute)
			text, _ := pat.ParseText(secret)
			if got := w.ledger.lastUse(text.ID()).From.String(); got != want {
				t.Errorf("from %s, written as %s", from, got)
			}
		})
	}
}

// lastUse is what was last written of a token's uses.
func (l *ledger) lastUse(id string) (last pat.Use) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, batch := range l.uses {
		for _, u := range batch {
			if u.ID == id {
				last = u
			}
		}
	}
	return last
}
