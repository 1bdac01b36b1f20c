package access

import (
	"cmp"
	"context"
	"slices"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors/pat"
)

// Revoke takes a token back, at once and for good. It fails with [Conflict] where that
// was done before. Where it returns the token with an error, it is revoked, and the error
// says what else could not be done.
func (s *Service) Revoke(ctx context.Context, by Actor, realm, id string) (Token, error) {
	e := by.entry(actRevoke, realm)
	t, err := s.revoke(ctx, by, realm, id, &e)
	return t, s.recordDone(ctx, e, err)
}

func (s *Service) revoke(ctx context.Context, by Actor, realm, id string, e *broker.Entry) (Token, error) {
	t, err := s.get(ctx, by, realm, id, e)
	if err != nil {
		return Token{}, err
	}
	rows, err := s.config.Keeper.Revoke(ctx, realm, []string{id}, s.now(), by.name())
	switch {
	case len(rows) == 0 && err != nil:
		return Token{}, unavailable(err)
	case len(rows) == 0:
		return Token{}, fault(Conflict, "id", "revoked-before", "the access token %s is revoked already", id)
	}
	return view(rows[0], t.Owner, s.now()), halfRevoked(err)
}

// RevokeAll takes back all tokens of an owner that still count, and returns them. One that
// is being made just then may come after it. It fails with [NotFound] where there is none,
// and as [Service.Revoke] does.
func (s *Service) RevokeAll(ctx context.Context, by Actor, realm, owner string) ([]Token, error) {
	e := by.entry(actRevokeAll, realm)
	tokens, err := s.revokeAll(ctx, by, realm, owner, &e)
	return tokens, s.recordDone(ctx, e, err)
}

func (s *Service) revokeAll(ctx context.Context, by Actor, realm, owner string, e *broker.Entry) ([]Token, error) {
	if by.Identity == nil && owner == "" {
		return nil, invalid("owner", "whose tokens are to be revoked is missing: name their owner as connector:username")
	}
	var nobody broker.Entry
	live, err := s.list(ctx, by, Filter{Realm: realm, Owner: owner}, &nobody)
	e.Owner = nobody.Owner
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(live))
	for i, t := range live {
		ids[i] = t.ID
	}
	var rows []pat.Token
	if len(ids) > 0 {
		if rows, err = s.config.Keeper.Revoke(ctx, realm, ids, s.now(), by.name()); err != nil && len(rows) == 0 {
			return nil, unavailable(err)
		}
	}
	for _, row := range rows {
		e.Tokens = append(e.Tokens, row.ID)
	}
	if len(rows) == 0 {
		return nil, fault(NotFound, "owner", "nothing-to-revoke", "%s has no access token that counts in realm %s", cmp.Or(e.Owner, owner), realm)
	}
	slices.Sort(e.Tokens)
	tokens := make([]Token, len(rows))
	for i, row := range rows {
		tokens[i] = view(row, e.Owner, s.now())
	}
	return tokens, halfRevoked(err)
}

// halfRevoked says what was revoked, and might not be after a loss of power. The tokens
// come with it.
func halfRevoked(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: Unavailable, Reason: "database", Message: "revoked, but not yet for good: revoke again when the database can be used", Cause: err}
}
