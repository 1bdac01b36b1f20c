package oidc

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/shorepass/shorepass/connectors"
)

// maxOwners is of how many names it is known whose they are.
const maxOwners = 10_000

// Accounts has the logins of one account be one after the other, whichever connector of the
// process they come to and by whatever name, once somebody has signed in by it or the provider
// has vouched for it: of logins at once, Keycloak refuses the right ones, too.
type Accounts struct {
	mu     sync.Mutex
	turns  turns                      // of the accounts that have logins under way
	doubts doubts                     // about accounts
	owners *lru.Cache[string, string] // which account a name is of, by the issuer and the name
}

// NewAccounts returns none. All connectors of a process are to have the same.
func NewAccounts() *Accounts {
	owners, _ := lru.New[string, string](maxOwners) // fails for sizes below 1 alone
	return &Accounts{turns: turns{}, doubts: doubts{}, owners: owners}
}

// take returns the turn of the account of a name, which is to be given back; nil where too
// many have it or wait for it, unless that does not matter.
func (a *Accounts) take(issuer, name string, always bool) *turn {
	a.mu.Lock()
	defer a.mu.Unlock()
	account := nameOf(issuer, name) // the name's own, while nobody knows better
	if owner, ok := a.owners.Get(account); ok {
		account = owner
	}
	if t := a.turns[account]; !always && t != nil && t.users >= maxPerName {
		return nil
	}
	return a.turns.of(account)
}

// back gives a turn back.
func (a *Accounts) back(t *turn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turns.back(t)
}

// settle learns from what came of a login whose turn it was, and returns what it means.
func (a *Accounts) settle(t *turn, issuer, name string, id connectors.Identity, err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil && id.ID != "" {
		a.owners.Add(nameOf(issuer, name), id.ID)
		for _, alias := range id.Aliases { // by which somebody else may have signed in
			_, _ = a.owners.ContainsOrAdd(nameOf(issuer, alias), id.ID)
		}
		a.turns.move(t, id.ID)
	}
	return a.doubts.settle(t.account, err, time.Now())
}

// nameOf is no account's id: it holds a NUL.
func nameOf(issuer, name string) string { return issuer + "\x00" + name }
