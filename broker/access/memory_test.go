package access_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
)

// memory keeps tokens as long as the test runs.
type memory struct {
	mu     sync.Mutex
	now    func() time.Time
	tokens []pat.Token // newest first
	owners map[pat.Account]pat.Owner
	fail   error // what everything fails with
}

func (m *memory) live(t pat.Token) bool { return t.Revoked.IsZero() && m.now().Before(t.Expires) }

func (m *memory) Create(_ context.Context, t pat.Token, owner pat.Owner) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	for _, other := range m.tokens {
		if other.Realm == t.Realm && other.Account == t.Account && other.Name == t.Name && m.live(other) {
			return pat.ErrNameTaken
		}
	}
	m.tokens = slices.Insert(m.tokens, 0, t)
	if owner.Account != (pat.Account{}) {
		m.owners[owner.Account] = owner
	}
	return nil
}

func (m *memory) Tokens(_ context.Context, f pat.Filter) ([]pat.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []pat.Token
	skipping := f.After != pat.Place{}
	for _, t := range m.tokens {
		owner := m.owners[t.Account]
		switch {
		case skipping:
			skipping = t.ID != f.After.ID
		case t.Realm != f.Realm, f.Account != nil && t.Account != *f.Account, f.Live && !m.live(t),
			f.Username != "" && (owner.Username != f.Username || t.Account.Connector != f.Connector):
		case f.Limit == 0 || len(found) < f.Limit:
			found = append(found, t)
		}
	}
	return found, m.fail
}

func (m *memory) Revoke(_ context.Context, realm string, ids []string, at time.Time, by string) ([]pat.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return nil, m.fail
	}
	var revoked []pat.Token
	for i := range m.tokens {
		t := &m.tokens[i]
		if t.Realm == realm && slices.Contains(ids, t.ID) && t.Revoked.IsZero() {
			t.Revoked, t.RevokedBy = at, by
			revoked = append(revoked, *t)
		}
	}
	return revoked, nil
}

func (m *memory) Token(_ context.Context, realm, id string) (pat.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.tokens {
		if t.Realm == realm && t.ID == id {
			return t, m.fail
		}
	}
	return pat.Token{}, pat.ErrNoToken
}

func (m *memory) Owner(_ context.Context, _ string, a pat.Account) (pat.Owner, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o, ok := m.owners[a]; ok {
		return o, nil
	}
	return pat.Owner{}, pat.ErrNoOwner
}

func (m *memory) Owners(_ context.Context, _, connector, username string) ([]pat.Owner, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []pat.Owner
	for a, o := range m.owners {
		if a.Connector == connector && o.Username == username {
			found = append(found, o)
		}
	}
	return found, nil
}
