package access

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

// recent is implemented by the connector of access tokens: what logins have shown is
// written down a moment after them.
type recent interface {
	// Recent returns the accounts that have just shown to go by a canonical user name.
	Recent(connector, username string) []pat.Owner
}

// accounts returns those that connector:username may mean: those that were last known by
// the name and, where the connector can tell, the one that goes by it now. The notes say
// where these differ: people are renamed, and names are given to others.
func (s *Service) accounts(ctx context.Context, realm string, r Realm, connector, username string) (list []pat.Account, notes []string, err error) {
	known, err := s.knownAs(ctx, realm, r, connector, username)
	if err != nil {
		return nil, nil, err
	}
	list = []pat.Account{}
	for _, o := range known {
		list = append(list, o.Account)
	}
	i := slices.IndexFunc(r.Connectors, func(c Connector) bool { return c.Name == connector && !c.Tokens })
	if i < 0 {
		return list, nil, nil
	}
	id, err := find(ctx, r.Connectors[i], username)
	switch {
	case err == nil:
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, connectors.ErrNotMine), errors.Is(err, connectors.ErrGone), errors.Is(err, connectors.ErrRejected):
		return list, nil, nil
	default:
		return list, []string{fmt.Sprintf("connector %s cannot tell at the moment who %q is (%v): these are the access tokens of the account that was last known by that name", connector, username, err)}, nil
	}
	now := pat.Account{Connector: connector, ID: id.ID}
	if slices.ContainsFunc(list, func(a pat.Account) bool { return a != now }) {
		notes = append(notes, fmt.Sprintf("%s:%s was last known as the name of another account than now: the access tokens of both are meant", connector, username))
	}
	if slices.Contains(list, now) {
		return list, notes, nil
	}
	before, err := s.config.Lookup.Owner(ctx, realm, now)
	switch {
	case errors.Is(err, pat.ErrNoOwner):
		return list, notes, nil // who has no tokens
	case err != nil:
		return nil, nil, unavailable(err)
	}
	notes = append(notes, fmt.Sprintf("%s:%s is the name now of the account that was last known as %s:%s", connector, username, connector, before.Username))
	return append(list, now), notes, nil
}

// knownAs returns the accounts that were last known by a canonical user name.
func (s *Service) knownAs(ctx context.Context, realm string, r Realm, connector, username string) ([]pat.Owner, error) {
	var all []pat.Owner
	for _, c := range r.Connectors { // before what is written, lest something move there meanwhile
		if tokens, ok := c.Connector.(recent); ok && c.Tokens {
			all = append(all, tokens.Recent(connector, username)...)
		}
	}
	written, err := s.config.Lookup.Owners(ctx, realm, connector, username)
	if err != nil {
		return nil, unavailable(err)
	}
	for _, o := range written {
		if !slices.ContainsFunc(all, func(newer pat.Owner) bool { return newer.Account == o.Account }) {
			all = append(all, o)
		}
	}
	return all, nil
}
