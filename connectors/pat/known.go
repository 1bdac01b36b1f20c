package pat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// recall returns what is known of an account, which may be nothing but its id. An error
// says that this could not be read.
func (m *memory) recall(ctx context.Context, a Account) (Owner, error) {
	if known, ok := m.known.Get(a); ok {
		return known, nil
	}
	if learned, ok := m.recorder.pending(a); ok {
		return learned, nil
	}
	stored, err := m.kept.Owner(ctx, m.realm, a)
	if err != nil {
		nothing := Owner{Realm: m.realm, Account: a}
		if errors.Is(err, ErrNoOwner) {
			return nothing, nil
		}
		return nothing, fmt.Errorf("reading what is known of the account %s of %s: %w", a.ID, a.Connector, err)
	}
	newest, _ := m.remember(stored)
	return newest, nil
}

// remember keeps what was learned in memory, unless something newer is known, and returns
// the newest. changed says that more than the time of it is new.
func (m *memory) remember(learned Owner) (newest Owner, changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.known.Get(learned.Account)
	if !ok {
		old, ok = m.recorder.pending(learned.Account)
	}
	if ok && !learned.supersedes(old, wallTime()) {
		return old, false
	}
	m.known.Add(learned.Account, learned)
	return learned, !ok || old.Gone != learned.Gone || old.Username != learned.Username || !slices.Equal(old.Groups, learned.Groups)
}

// learn is remember for what is to be written down.
func (m *memory) learn(learned Owner) Owner {
	newest, changed := m.remember(learned)
	if newest.Seen.Equal(learned.Seen) {
		m.recorder.learned(newest, changed)
	}
	return newest
}

// dated is when something counts as learned that is learned at a time.
func (o *owners) dated(at time.Time) time.Time { return o.memory.dated(int(o.turn.Load()), at) }

// loggedIn learns from a login. Of those whose connector can be asked, it is kept where
// they have tokens.
func (o *owners) loggedIn(id connectors.Identity, begun time.Time) {
	seen := Owner{
		Realm: o.realm, Account: Account{Connector: id.Connector, ID: id.ID}, Username: id.Username,
		Groups: slices.Clone(id.Groups), Seen: o.dated(begun.UTC().Round(0)),
	}
	c, ok := o.sibling(id.Connector)
	if !ok || id.Kind != connectors.Person {
		return
	}
	if _, resolves := c.(connectors.Resolver); resolves && !o.memory.known.Contains(seen.Account) {
		o.memory.recorder.loggedIn(seen)
		return
	}
	o.memory.learn(seen)
}

// lastLogin returns what the last login has shown of an owner whom nobody can be asked
// about.
func (o *owners) lastLogin(known Owner, kept error) (Owner, error) {
	switch age, ok := age(known); {
	case kept != nil:
		return Owner{}, kept
	case !ok || age > o.config.MaxLoginAge:
		return Owner{}, connectors.Reject(connectors.ReasonOwnerUnseen)
	}
	return known, nil
}
