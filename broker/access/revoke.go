package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors/pat"
)

// RevokedToken is a token that is revoked.
type RevokedToken struct {
	Token
	Warnings []string `json:"warnings,omitempty"` // what else there is to know, such as that it was revoked before
}

// Revoke takes a token back, at once and for good. The realm is as for [Service.Get]. To do
// so again changes nothing, and a warning says since when it is revoked. Where it returns the
// token with an error, it is revoked, and the error says what else could not be done.
func (s *Service) Revoke(ctx context.Context, by Actor, realm, id string) (RevokedToken, error) {
	e := by.entry(actRevoke, realm)
	t, err := s.revoke(ctx, by, realm, id, &e)
	e.Warnings = t.Warnings
	return t, s.recordDone(ctx, e, err)
}

func (s *Service) revoke(ctx context.Context, by Actor, realm, id string, e *broker.Entry) (RevokedToken, error) {
	t, err := s.get(ctx, by, realm, id, e)
	if err != nil {
		return RevokedToken{}, err
	}
	revoked, warnings, err := s.takeBack(ctx, by, t.Realm, []string{id})
	switch {
	case err != nil:
		return RevokedToken{}, err
	case len(revoked) > 0:
		return RevokedToken{view(revoked[0], t.Owner, s.now()), warnings}, nil
	case t.Status != Revoked: // by somebody else, since it was read
		if t, err = s.get(ctx, by, t.Realm, id, e); err != nil {
			return RevokedToken{}, err
		}
	}
	before := fmt.Sprintf("the access token %s was revoked before, at %s by %s", id, t.Revoked.Format("2006-01-02 15:04Z"), t.RevokedBy)
	return RevokedToken{t, append([]string{before}, warnings...)}, nil
}

// RevokeAll takes back all tokens of an owner that still count, and lists them. One that is
// being made just then may come after it. There may be none left; it fails with [broker.NotFound]
// where the owner has not even one that was revoked or has expired: the name may be
// mistyped. With an error it is as [Service.Revoke] says.
func (s *Service) RevokeAll(ctx context.Context, by Actor, realm, owner string) (List, error) {
	e := by.entry(actRevokeAll, realm)
	list, err := s.revokeAll(ctx, by, realm, owner, &e)
	e.Warnings = list.Warnings
	return list, s.recordDone(ctx, e, err)
}

func (s *Service) revokeAll(ctx context.Context, by Actor, realm, owner string, e *broker.Entry) (List, error) {
	if by.Identity == nil && owner == "" {
		return List{}, invalid("owner", "whose tokens are to be revoked is missing: name their owner as connector:username")
	}
	query, notes, err := s.query(ctx, by, Filter{Realm: realm, Owner: owner}, e)
	if err != nil {
		return List{}, err
	}
	live, err := s.config.Keeper.Tokens(ctx, query)
	if err != nil {
		return List{}, unavailable(err)
	}
	if len(live) == 0 {
		if err := s.hasAny(ctx, query, e.Owner); err != nil {
			return List{}, err
		}
	}
	shown, err := s.views(ctx, realm, live)
	if err != nil {
		return List{}, err
	}
	owners := map[string]string{}
	for _, t := range shown {
		e.Tokens = append(e.Tokens, t.ID) // where it fails, too: they may be revoked
		owners[t.ID] = t.Owner
	}
	revoked, warnings, err := s.takeBack(ctx, by, realm, e.Tokens)
	if err != nil {
		return List{}, err
	}
	if len(revoked) == 0 {
		notes = append(notes, fmt.Sprintf("%s has no access token that counts in realm %s", e.Owner, realm))
	}
	e.Tokens = nil
	tokens := make([]Token, len(revoked))
	for i, row := range revoked {
		e.Tokens = append(e.Tokens, row.ID)
		tokens[i] = view(row, owners[row.ID], s.now())
	}
	slices.Sort(e.Tokens)
	return List{Tokens: tokens, Warnings: append(notes, warnings...)}, nil
}

// hasAny fails where there is not even a token that does not count.
func (s *Service) hasAny(ctx context.Context, query pat.Filter, owner string) error {
	query.Live, query.Limit = false, 1
	rows, err := s.config.Keeper.Tokens(ctx, query)
	switch {
	case err != nil:
		return unavailable(err)
	case len(rows) == 0:
		return fault(broker.NotFound, "owner", "nothing-to-revoke", "%s has no access token in realm %s, not even one that does not count any more: list them all, to see whose there are", owner, query.Realm)
	}
	return nil
}

// takeBack revokes tokens, and returns those that had not been before. It comes with a
// warning where that might be undone by the loss of a file.
func (s *Service) takeBack(ctx context.Context, by Actor, realm string, ids []string) (revoked []pat.Token, warnings []string, err error) {
	revoked, err = s.config.Keeper.Revoke(ctx, realm, ids, s.now(), by.name())
	switch {
	case errors.Is(err, pat.ErrUnsettled):
		s.config.Logger.WarnContext(ctx, "access tokens are revoked, but not yet for good", slog.String("realm", realm), slog.Any("tokens", ids), slog.Any("error", err))
		return revoked, []string{"revoked, and refused from now on, but not yet for good: another program keeps the database from writing it where no loss of a file undoes it; \"shorepass serve\" tries that again, while it runs, until it is done"}, nil
	case err != nil:
		return nil, nil, unavailable(err)
	}
	return revoked, nil, nil
}
