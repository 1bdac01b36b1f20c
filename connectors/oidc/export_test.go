package oidc

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/shorepass/shorepass/connectors"
)

// Why a login does not wait.
var (
	ErrCrowd = errCrowd
	ErrMany  = errMany
)

// Keeper is a keeper of metadata that is told apart by its token endpoint.
type Keeper struct{ keeper *keeper }

// NewKeeper returns a keeper that fetches with fetch.
func NewKeeper(fetch func(context.Context) (string, error), logger *slog.Logger) Keeper {
	return Keeper{newKeeper(func(ctx context.Context) (*metadata, error) {
		url, err := fetch(ctx)
		if err != nil {
			return nil, err
		}
		return &metadata{tokenURL: url}, nil
	}, logger)}
}

// Get returns what is kept.
func (k Keeper) Get(ctx context.Context) (string, error) { return show(k.keeper.get(ctx)) }

// Miss returns what is newer than what is kept, as after a token with an unknown key.
func (k Keeper) Miss(ctx context.Context) (string, error) {
	m, err := k.keeper.get(ctx)
	if err != nil {
		return "", err
	}
	return show(k.keeper.newerThan(ctx, m))
}

// Close closes the keeper.
func (k Keeper) Close() { k.keeper.close() }

func show(m *metadata, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return m.tokenURL, nil
}

// Logins are the logins under way.
type Logins struct{ logins *logins }

// NewLogins returns none, of a provider of their own.
func NewLogins() Logins { return LoginsOf("https://sso.example", NewAccounts()) }

// LoginsOf returns those of a connector of an issuer.
func LoginsOf(issuer string, accounts *Accounts) Logins { return Logins{newLogins(issuer, accounts)} }

// Do logs in.
func (l Logins) Do(ctx context.Context, name, password string, ask func(context.Context) error) error {
	_, err := l.As(ctx, connectors.Identity{}, name, password, ask)
	return err
}

// As logs in, and is that identity if it succeeds.
func (l Logins) As(ctx context.Context, id connectors.Identity, name, password string, ask func(context.Context) error) (connectors.Identity, error) {
	return l.logins.do(ctx, name, connectors.NewSecret(password), func(ctx context.Context) (connectors.Identity, error) {
		return id, ask(ctx)
	})
}

// Forget has logins of a name count no more, or all.
func (l Logins) Forget(name string) { l.logins.forget(name) }

// ErrNoAnswer is that of a provider which did not answer in time.
func ErrNoAnswer() error { return errNoAnswer }

// Unanswered is that of a provider which was sent a login, and did not answer in time.
func Unanswered() error { return unanswered{errNoAnswer} }

// Close ends them.
func (l Logins) Close() { l.logins.end() }

// Bound sets how many logins the provider is asked for at a time.
func (l Logins) Bound(asked int) { l.logins.bound(asked) }

// Kept returns how much is kept: what logins under way need, the logins that count, and
// the passwords that go first.
func (l Logins) Kept() (underway, good, proven int) {
	a := l.logins.accounts
	a.mu.Lock()
	defer a.mu.Unlock()
	l.logins.mu.Lock()
	defer l.logins.mu.Unlock()
	return len(a.turns) + len(l.logins.flights), len(l.logins.good), len(l.logins.proven)
}

// Doubts returns about how many accounts there are doubts, those that are over included.
func (l Logins) Doubts() int {
	l.logins.accounts.mu.Lock()
	defer l.logins.accounts.mu.Unlock()
	return len(l.logins.accounts.doubts)
}

// ReadGroups returns the groups at a path of a JSON object.
func ReadGroups(document []byte, path string) (groups []string, found bool, err error) {
	var c claims
	if err := json.Unmarshal(document, &c); err != nil {
		return nil, false, err
	}
	c.hasOverage(path)
	return c.groups(path)
}

// Canonical returns the user name that a claim stands for.
func Canonical(form connectors.UsernameForm, claim, strip string) (string, error) {
	return canonical(form, claim, strip)
}

// ParseKeys returns how many usable keys are in a key set.
func ParseKeys(document []byte) (int, error) {
	k, err := parseKeys(document)
	return len(k), err
}
