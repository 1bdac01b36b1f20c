package access

import (
	"context"
	"errors"
	"log/slog"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors/pat"
)

// Create makes a token. Nothing is made that could not be recorded.
func (s *Service) Create(ctx context.Context, by Actor, spec Spec) (Created, error) {
	e := by.entry(actCreate, spec.Realm).Wish(spec.Name, spec.Scopes, spec.Networks)
	made, err := s.create(ctx, by, spec, &e)
	failure := s.record(ctx, e, err)
	if failure == nil {
		return made, nil
	}
	if err == nil {
		s.unmake(ctx, by, made.Token)
	}
	return Created{}, failure
}

// create makes a token and notes in e whose, and what it may do.
func (s *Service) create(ctx context.Context, by Actor, spec Spec, e *broker.Entry) (Created, error) {
	realm, err := s.realm(by, spec.Realm)
	if err != nil {
		return Created{}, err
	}
	if by.Identity != nil && !realm.SelfService.Enabled {
		return Created{}, fault(broker.Forbidden, "", "no-self-service", "the people of realm %s do not make access tokens themselves: ask an administrator for one", spec.Realm)
	}
	row, err := spec.token(s.now(), realm, by)
	if err != nil {
		return Created{}, err
	}
	e.Asked, e.Networks, e.Expires = row.Scopes, view(row, "", s.now()).Networks, row.Expires
	o, err := s.owner(ctx, by, spec, realm)
	if err != nil {
		return Created{}, err
	}
	row.Account, row.Groups = o.Account, o.fixed
	e.Owner = o.subject()
	if row.GroupsFixed {
		e.Groups = o.groups()
	}
	text := pat.NewText()
	row.ID, row.Hash = text.ID(), text.Hash()
	err = s.keep(ctx, row, o, limits(by, realm))
	if !errors.Is(err, broker.Conflict) { // where the database failed, it may have been made
		e.Token = row.ID
	}
	if err != nil {
		return Created{}, err
	}
	return Created{Token: view(row, o.subject(), s.now()), Secret: text.Secret(), Warnings: s.warnings(row, o, realm)}, nil
}

// keep keeps a token, unless its owner has as many as there may be.
func (s *Service) keep(ctx context.Context, row pat.Token, o owner, most pat.Limits) error {
	err := s.config.Keeper.Create(ctx, row, o.keep, most)
	switch {
	case errors.Is(err, pat.ErrTooMany):
		return fault(broker.Conflict, "", "too-many-tokens", "%s has %d access tokens that count, as many as there may be: revoke one first", o.subject(), most.Live)
	case errors.Is(err, pat.ErrTooFast):
		return fault(broker.Conflict, "", "too-many-made", "%d access tokens of %s were made within a day, as many as there may be, those counted that were revoked: try again tomorrow", most.Day, o.subject())
	case errors.Is(err, pat.ErrNameTaken):
		return fault(broker.Conflict, "name", "name-taken", "%s has an access token %q that counts already: choose another name, or revoke that one first", o.subject(), row.Name)
	case err != nil:
		return unavailable(err)
	}
	return nil
}

// unmake revokes a token that nobody has seen.
func (s *Service) unmake(ctx context.Context, by Actor, t Token) {
	if _, _, err := s.takeBack(context.WithoutCancel(ctx), by, t.Realm, []string{t.ID}); err != nil {
		s.config.Logger.Error("a token that could not be recorded was not taken back either: nobody has seen it; revoke it all the same",
			slog.String("realm", t.Realm), slog.String("token", t.ID), slog.Any("error", err))
	}
}

// limits are how many tokens an account may have.
func limits(by Actor, r Realm) pat.Limits {
	most := MaxTokens
	if by.Identity != nil {
		most = min(r.SelfService.MaxTokens, MaxTokens)
	}
	return pat.Limits{Live: most, Day: dayFactor * most}
}
