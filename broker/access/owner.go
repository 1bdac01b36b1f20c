package access

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

// lookupWithin bounds the time for looking an owner up.
const lookupWithin = 4500 * time.Millisecond

// owner is whose token is made.
type owner struct {
	pat.Account
	identity connectors.Identity // as far as it is known: the rights of now
	keep     pat.Owner           // what is to be kept of the owner; zero: as it is
	fixed    []string            // the groups that an administrator named
	seen     time.Time           // where the connector cannot look anybody up: the last login
}

// subject is connector:username.
func (o owner) subject() string { return o.identity.Connector + ":" + o.identity.Username }

// groups are those of the owner as rules name them.
func (o owner) groups() []string {
	return broker.Subject(&o.identity, "", netip.Addr{}).Groups
}

// owner finds whose the token is to be, and what that account is now.
func (s *Service) owner(ctx context.Context, by Actor, spec Spec, r Realm) (owner, error) {
	if by.Identity != nil {
		if spec.Owner != "" && spec.Owner != by.name() {
			return owner{}, fault(broker.Forbidden, "owner", "not-own", "people make access tokens for themselves alone: leave out the owner")
		}
		return s.found(spec.Realm, *by.Identity), nil
	}
	name, username, err := r.parseOwner(spec.Owner)
	if err != nil {
		return owner{}, err
	}
	i := slices.IndexFunc(r.Connectors, func(c Connector) bool { return c.Name == name && !c.Tokens })
	if i < 0 {
		return owner{}, fault(broker.NotFound, "owner", "no-connector", "realm %s has no connector %q with accounts: its connectors are %s", spec.Realm, name, strings.Join(r.names(), ", "))
	}
	c := r.Connectors[i]
	id, err := find(ctx, c, username)
	switch {
	case errors.Is(err, errors.ErrUnsupported) && len(spec.Groups) > 0:
		return s.fixed(ctx, spec, c, username, r)
	case errors.Is(err, errors.ErrUnsupported):
		return s.known(ctx, spec.Realm, r, c, username)
	case err != nil:
		return owner{}, notFound(err, c.Name, username)
	case len(spec.Groups) > 0:
		return owner{}, invalid("groups", "connector %s can be asked for the groups of %s, now and whenever the token is used: leave out the groups", c.Name, username)
	}
	return s.found(spec.Realm, id), nil
}

// find asks the connector for the owner.
func find(ctx context.Context, c Connector, username string) (connectors.Identity, error) {
	f, ok := c.Connector.(connectors.Finder)
	if !ok {
		return connectors.Identity{}, errors.ErrUnsupported
	}
	ctx, cancel := context.WithTimeout(ctx, lookupWithin)
	defer cancel()
	id, err := f.Find(ctx, username)
	if err == nil && (id.Connector != c.Name || id.ID == "" || id.Username == "") {
		return id, errors.New("broken connector: identity of another connector, or without id or user name")
	}
	return id, err
}

// notFound says why the connector did not find the owner.
func notFound(err error, connector, username string) *broker.Error {
	var rejected *connectors.Rejection
	switch {
	case errors.Is(err, connectors.ErrNotMine):
		return fault(broker.NotFound, "owner", "unknown-user", "connector %s knows nobody by the name %q: \"shorepass check --connect --user %s\" says where it looked", connector, username, username)
	case errors.Is(err, connectors.ErrGone):
		return fault(broker.NotFound, "owner", "owner-gone", "%s:%s may not sign in, being disabled, or outside what the connector is configured for: %v", connector, username, err)
	case errors.As(err, &rejected):
		return fault(broker.NotFound, "owner", string(rejected.Reason), "%s:%s may not sign in: %s", connector, username, rejected.Reason)
	}
	return &broker.Error{Kind: broker.Unavailable, Field: "owner", Reason: "outage", Message: fmt.Sprintf("connector %s cannot tell at the moment who %q is: try again", connector, username), Cause: err}
}

// found is an owner whom the connector has just vouched for.
func (s *Service) found(realm string, id connectors.Identity) owner {
	a := pat.Account{Connector: id.Connector, ID: id.ID}
	return owner{Account: a, identity: id, keep: pat.Owner{Realm: realm, Account: a, Username: id.Username, Groups: id.Groups, Seen: s.now()}}
}

// known is an owner whom the connector cannot look up, as of the last login.
func (s *Service) known(ctx context.Context, realm string, r Realm, c Connector, username string) (owner, error) {
	last, ok, err := s.lastLogin(ctx, realm, r, c.Name, username)
	if err != nil {
		return owner{}, err
	}
	if !ok {
		return owner{}, fault(broker.NotFound, "owner", "owner-unseen", "connector %s cannot look anybody up, and %q has not signed in since access tokens are kept: have them log in once, or name their groups (--group), which the token then keeps for up to %s",
			c.Name, username, duration(MaxFixed))
	}
	return owner{Account: last.Account, identity: identity(c.Name, username, last.Groups), keep: last, seen: last.Seen}, nil
}

// fixed is an owner whose groups an administrator names, since the connector never can.
func (s *Service) fixed(ctx context.Context, spec Spec, c Connector, username string, r Realm) (owner, error) {
	if !c.Connector.Handles(connectors.Credentials{Username: username, Password: connectors.NewSecret("-")}) {
		return owner{}, fault(broker.NotFound, "owner", "unknown-user", "connector %s does not take the user name %q: it is not among its usernames", c.Name, username)
	}
	groups, err := fixedGroups(spec.Groups, c, r)
	if err != nil {
		return owner{}, err
	}
	o := owner{Account: pat.Account{Connector: c.Name, ID: "username:" + username}, identity: identity(c.Name, username, groups), fixed: groups}
	last, ok, err := s.lastLogin(ctx, spec.Realm, r, c.Name, username)
	if err != nil {
		return owner{}, err
	}
	if ok {
		o.Account, o.keep = last.Account, last
		return o, leftOut(o, identity(c.Name, username, last.Groups), last.Seen, r)
	}
	o.keep = pat.Owner{Realm: spec.Realm, Account: o.Account, Username: username}
	return o, nil
}

// leftOut fails where an administrator has left out a group of the last login by which
// rules deny: the token would do what is denied to its owner.
func leftOut(o owner, last connectors.Identity, seen time.Time, r Realm) error {
	known := slices.DeleteFunc(broker.Subject(&last, "", netip.Addr{}).Groups, func(g string) bool { return slices.Contains(o.groups(), g) })
	if denied := r.Policy.DeniedGroups(known); len(denied) > 0 {
		return invalid("groups", "at the last login, %s, %s was in %s, and rules deny by that: name it, too; where that has changed, have them log in once",
			seen.UTC().Format("2006-01-02 15:04Z"), o.subject(), strings.Join(denied, ", "))
	}
	return nil
}

// lastLogin returns the account that signed in last by the name, if one has.
func (s *Service) lastLogin(ctx context.Context, realm string, r Realm, connector, username string) (last pat.Owner, ok bool, err error) {
	all, err := s.knownAs(ctx, realm, r, connector, username)
	if err != nil {
		return last, false, err
	}
	for _, o := range all {
		if !o.Gone && o.Seen.After(last.Seen) {
			last, ok = o, true
		}
	}
	return last, ok, nil
}

// fixedGroups reads groups of the connector's, bare or as connector:group.
func fixedGroups(names []string, c Connector, r Realm) ([]string, error) {
	var groups []string
	for _, name := range names {
		prefix, rest, qualified := strings.Cut(name, ":")
		switch {
		case qualified && prefix == c.Name:
			name = rest
		case qualified && slices.Contains(r.names(), prefix):
			return nil, invalid("groups", "an account of %s has no groups of %s", c.Name, prefix)
		}
		name = c.Groups.Canonical(name)
		if name == "" || strings.ContainsFunc(name, invisible) {
			return nil, invalid("groups", "%q is no name of a group", name)
		}
		if !slices.Contains(groups, name) {
			groups = append(groups, name)
		}
	}
	return groups, nil
}

func identity(connector, username string, groups []string) connectors.Identity {
	return connectors.Identity{Connector: connector, Via: connector, Kind: connectors.Person, Username: username, Groups: groups}
}

// parseOwner reads connector:username. The connector need not be there: tokens are
// listed and taken back when it is not.
func (r Realm) parseOwner(text string) (connector, username string, err error) {
	connector, username, ok := strings.Cut(text, ":")
	switch {
	case text == "":
		return "", "", invalid("owner", "whose token it is to be is missing: name the owner as connector:username")
	case !ok || connector == "" || username == "":
		return "", "", invalid("owner", "%.100q is not connector:username; the connectors of the realm are %s", text, strings.Join(r.names(), ", "))
	}
	canonical, ok := r.domain(connector).Parse(r.Usernames, username)
	if !ok {
		return "", "", invalid("owner", "%.100q is not a user name: want %s", username, r.Usernames)
	}
	return connector, canonical, nil
}

// domain is that of a connector's accounts, which may stand before their names.
func (r Realm) domain(connector string) connectors.Domain {
	for _, c := range r.Connectors {
		if d, ok := c.Connector.(connectors.Domained); ok && c.Name == connector {
			return d.Domain()
		}
	}
	return ""
}

// names are the connectors that have accounts.
func (r Realm) names() []string {
	var names []string
	for _, c := range r.Connectors {
		if !c.Tokens {
			names = append(names, c.Name)
		}
	}
	return names
}
