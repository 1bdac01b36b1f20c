package pat_test

import (
	"slices"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

// succeed has another connector of the same memory take over, and returns the one before,
// which is still used.
func (w *world) succeed() *world {
	before := *w
	w.Connector = w.connector(w.memory)
	w.TakeOver()
	return &before
}

// TestTakeOver holds that the directory is asked anew about owners by a connector that takes
// over from another, and by the first one of a process.
func TestTakeOver(t *testing.T) {
	for name, next := range map[string]func(w *world){
		"of the same process": func(w *world) { _ = w.succeed().Connector.Close() },
		"of the next":         func(w *world) { w.restart(); w.TakeOver() },
	} {
		for leave, tt := range leaves {
			t.Run(name+", "+leave, func(t *testing.T) {
				in(t, func(w *world) {
					w.TakeOver()
					secret := w.issue(alice)
					w.wants(secret, "platform", "audit")
					pass(5 * time.Second)
					w.directory.become(func() { tt.change(w.directory) })
					w.wants(secret, "platform", "audit")
					next(w)
					before := w.directory.count()
					tt.then(w, secret)
					_, _ = w.login(secret)
					if n := w.directory.count() - before; n != 1 {
						t.Errorf("the directory was asked %d times", n)
					}
				})
			})
		}
		t.Run(name+", in an outage", func(t *testing.T) {
			in(t, func(w *world) {
				w.TakeOver()
				secret := w.issue(alice)
				w.wants(secret, "platform", "audit")
				pass(time.Second)
				w.directory.become(func() { w.directory.state = "down" })
				next(w)
				w.wants(secret, "platform", "audit")
				pass(w.config.OutageGrace)
				w.fails(secret)
			})
		})
	}
}

// TestTakeOverBesideAnother holds that what the connector before learns of the directory as it
// knows it counts for less than what the one of now does.
func TestTakeOverBesideAnother(t *testing.T) {
	in(t, func(w *world) {
		w.TakeOver()
		secret := w.issue(alice)
		pass(time.Second)
		before := w.succeed()
		defer before.Connector.Close()
		pass(time.Second)
		before.wants(secret, "platform", "audit")
		pass(time.Second)
		w.directory.become(func() { w.directory.people[alice.ID] = person(alice, "alice", "new") })
		w.wants(secret, "new")
		pass(time.Second)
		w.directory.become(func() { w.directory.people[alice.ID] = person(alice, "alice", "other") })
		before.Forget("alice")
		pass(time.Second)
		before.wants(secret, "new")
		w.directory.become(func() { w.directory.state = "down" })
		w.wants(secret, "new")
	})
}

// TestLoginOfTheOneBefore holds that a login counts for tokens that was under way when another
// connector took over, be the owner one who can be asked about or not.
func TestLoginOfTheOneBefore(t *testing.T) {
	in(t, func(w *world) {
		w.TakeOver()
		secret := w.issue(carol)
		w.LoggedIn(person(carol, "carol", "oncall"), time.Now())
		w.wants(secret, "oncall")
		pass(time.Second)
		begun := time.Now()
		pass(time.Second)
		before := w.succeed()
		defer before.Connector.Close()
		w.wants(secret, "oncall")
		before.LoggedIn(person(carol, "carol"), begun)
		w.wants(secret)
		pass(time.Second)
		before.LoggedIn(person(carol, "carol", "late"), time.Now()) // it began with the one before
		w.wants(secret, "late")
	})
}

// TestUnwrittenIsTakenOver holds that what the database did not take is not lost, and is written
// later on.
func TestUnwrittenIsTakenOver(t *testing.T) {
	in(t, func(w *world) {
		w.TakeOver()
		secret := w.issue(alice)
		w.wants(secret, "platform", "audit")
		pass(time.Second)
		w.ledger.become(func() { w.ledger.takes = time.Hour })
		w.directory.become(func() { delete(w.directory.people, alice.ID) })
		w.Forget("")
		w.refuses(secret, connectors.ReasonOwnerGone)
		before := w.succeed()
		_ = before.Connector.Close()
		w.directory.become(func() { w.directory.state = "down" })
		w.refuses(secret, connectors.ReasonOwnerGone)
		w.ledger.become(func() { w.ledger.takes = 0 })
		pass(2 * time.Minute)
		if o := w.ledger.owner(alice); !o.Gone {
			t.Errorf("what is kept of a gone owner: %+v", o)
		}
		text, _ := pat.ParseText(secret)
		if !slices.ContainsFunc(slices.Concat(w.ledger.uses...), func(u pat.Use) bool { return u.ID == text.ID() }) {
			t.Error("the use before is not written")
		}
	})
}
