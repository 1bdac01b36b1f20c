package access

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors/pat"
)

// Service makes, shows and takes back tokens. It is safe for concurrent use.
type Service struct {
	config Config
	now    func() time.Time // to the second, as times are kept
}

// New returns a service.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{config: c, now: func() time.Time { return c.Now().UTC().Truncate(time.Second) }}
}

// Filter chooses tokens of a realm.
type Filter struct {
	Realm string
	Owner string // connector:username; empty: of everybody, for an administrator; a person's own in any case
	All   bool   // those too that no longer count, for as long as they are kept
	After string // a page: only those after the token of this [Token.Place], newest first
	Limit int    // and no more than so many; 0: all
}

// List is tokens, newest first; those made within the same second, by their ids.
type List struct {
	Tokens   []Token  `json:"tokens"`
	Warnings []string `json:"warnings,omitempty"` // what to know of them, such as that their owner has another name now
}

// List returns tokens.
func (s *Service) List(ctx context.Context, by Actor, f Filter) (List, error) {
	e := by.entry(actList, f.Realm)
	list, err := s.list(ctx, by, f, &e)
	if err := s.record(ctx, e, err); err != nil {
		return List{}, err
	}
	return list, nil
}

func (s *Service) list(ctx context.Context, by Actor, f Filter, e *broker.Entry) (List, error) {
	query, notes, err := s.query(ctx, by, f, e)
	if err != nil {
		return List{}, err
	}
	rows, err := s.config.Keeper.Tokens(ctx, query)
	if err != nil {
		return List{}, unavailable(err)
	}
	tokens, err := s.views(ctx, f.Realm, rows)
	return List{Tokens: tokens, Warnings: notes}, err
}

// query reads a filter, and notes in e whose tokens are meant. The notes are what there is
// to know of the owner's name.
func (s *Service) query(ctx context.Context, by Actor, f Filter, e *broker.Entry) (query pat.Filter, notes []string, err error) {
	realm, err := s.realm(by, f.Realm)
	if err != nil {
		return query, nil, err
	}
	query = pat.Filter{Realm: f.Realm, Live: !f.All, Limit: f.Limit}
	if f.After != "" {
		if query.After, err = parsePlace(f.After); err != nil {
			return query, nil, err
		}
	}
	switch {
	case by.Identity != nil:
		query.Accounts, e.Owner = accountOf(by), by.name()
	case f.Owner != "":
		connector, username, err := realm.parseOwner(f.Owner)
		if err != nil {
			return query, nil, err
		}
		e.Owner = connector + ":" + username
		query.Accounts, notes, err = s.accounts(ctx, f.Realm, realm, connector, username)
		return query, notes, err
	}
	return query, nil, nil
}

// Get returns one token. An administrator may leave out the realm: it is then that of the
// token.
func (s *Service) Get(ctx context.Context, by Actor, realm, id string) (Token, error) {
	e := by.entry(actShow, realm)
	t, err := s.get(ctx, by, realm, id, &e)
	if err := s.record(ctx, e, err); err != nil {
		return Token{}, err
	}
	return t, nil
}

// get finds a token that is the actor's to see.
func (s *Service) get(ctx context.Context, by Actor, realm, id string, e *broker.Entry) (Token, error) {
	if realm == "" && by.Identity == nil {
		var err error
		if realm, err = s.realmOf(ctx, by, id); err != nil {
			return Token{}, err
		}
		e.Realm = realm
	}
	if _, err := s.realm(by, realm); err != nil {
		return Token{}, err
	}
	if err := CheckID(id); err != nil {
		return Token{}, err
	}
	e.Token = id
	query := pat.Filter{Realm: realm, ID: id} // which knows the last use, as what logins are answered from may not
	if by.Identity != nil {
		query.Accounts = accountOf(by)
	}
	rows, err := s.config.Keeper.Tokens(ctx, query)
	switch {
	case err != nil:
		return Token{}, unavailable(err)
	case len(rows) == 0:
		return Token{}, fault(broker.NotFound, "id", "no-such-token", "realm %s has no access token with the id %s: list the tokens, those too that no longer count", realm, id)
	}
	shown, err := s.views(ctx, realm, rows)
	if err != nil {
		return Token{}, err
	}
	e.Owner = shown[0].Owner
	return shown[0], nil
}

// realmOf finds the realm that a token is of.
func (s *Service) realmOf(ctx context.Context, by Actor, id string) (string, error) {
	if err := errors.Join(by.check(), CheckID(id)); err != nil {
		return "", err
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(s.config.Realms)) {
		if _, err := s.realm(by, name); err != nil {
			continue
		}
		rows, err := s.config.Keeper.Tokens(ctx, pat.Filter{Realm: name, ID: id})
		if err != nil {
			return "", unavailable(err)
		}
		if len(rows) > 0 {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", fault(broker.NotFound, "id", "no-such-token", "no realm has an access token with the id %s: list the tokens of each, those too that no longer count", id)
	case 1:
		return found[0], nil
	}
	return "", fault(broker.Conflict, "realm", "bad-realm", "the realms %s have an access token with the id %s each: name the realm", strings.Join(found, ", "), id)
}

// realm finds a realm that has tokens, for somebody who may ask for them.
func (s *Service) realm(by Actor, name string) (Realm, error) {
	if err := by.check(); err != nil {
		return Realm{}, err
	}
	r, ok := s.config.Realms[name]
	if !ok {
		return Realm{}, fault(broker.NotFound, "realm", "unknown-realm", "there is no realm %.100q", name)
	}
	return r, r.CheckTokens(name)
}

// CheckTokens fails where the realm, whose name this is, takes no access tokens.
func (r Realm) CheckTokens(name string) error {
	if slices.ContainsFunc(r.Connectors, func(c Connector) bool { return c.Tokens }) {
		return nil
	}
	return fault(broker.NotFound, "realm", "no-token-connector", "realm %s takes no access tokens: add to its connectors in the configuration\n\n      - name: tokens\n        type: pat\n", name)
}

// accountOf is the account of a person, and no other.
func accountOf(by Actor) []pat.Account {
	return []pat.Account{{Connector: by.Identity.Connector, ID: by.Identity.ID}}
}
