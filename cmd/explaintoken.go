package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/policy"
)

// explainToken explains what an access token may do now, by its id: its owner is looked
// up, and its ceiling applied.
func (p *program) explainToken(ctx context.Context, o explainOptions, realm config.Realm, service string, addr netip.Addr, asked []policy.Scope) error {
	var t access.Token
	err := p.withTokens(ctx, tokenOptions{config: o.config, realm: realm.Name}, false, func(all tokens) (err error) {
		t, err = all.show(ctx, o.token)
		return err
	})
	if err == nil {
		err = countsFrom(t, addr)
	}
	if err != nil {
		return err
	}
	owner, err := p.ownerNow(ctx, realm, t)
	if err != nil {
		return err
	}
	owner.Ceiling = connectors.Limited(t.Scopes...)
	subject := broker.Subject(&owner, service, addr)
	return p.printExplanation(policy.Explain(subject, realm.Policy.Decide(subject, asked)), nil, o.json)
}

// countsFrom says why a token is refused at an address, whatever it is to do there.
func countsFrom(t access.Token, addr netip.Addr) error {
	who := fmt.Sprintf("the access token %s, %q, of %s, is refused: ", t.ID, t.Name, t.Owner)
	switch {
	case t.Status == access.Revoked:
		return fmt.Errorf("%sit was revoked at %s by %s", who, minute(t.Revoked), t.RevokedBy)
	case t.Status == access.Expired:
		return fmt.Errorf("%sit expired at %s", who, minute(t.Expires))
	case len(t.Networks) == 0 || slices.ContainsFunc(t.Networks, func(n string) bool {
		network, err := netip.ParsePrefix(n)
		return err == nil && network.Contains(addr.Unmap())
	}):
		return nil
	case !addr.IsValid():
		return fmt.Errorf("the access token %s may be used from %s alone: say with --from where the client is", t.ID, strings.Join(t.Networks, ", "))
	}
	return fmt.Errorf("%s%s is not in its networks, %s", who, addr, strings.Join(t.Networks, ", "))
}

// ownerNow looks a token's owner up, as logins with the token do.
func (p *program) ownerNow(ctx context.Context, realm config.Realm, t access.Token) (connectors.Identity, error) {
	c, username, err := split(t.Owner, realm)
	if err != nil {
		return connectors.Identity{}, fmt.Errorf("the owner of the access token is %s: %w", t.Owner, err)
	}
	if t.Groups != nil {
		return connectors.Identity{Connector: c.Name, Username: username, Groups: t.Groups}, nil
	}
	opened, err := p.openConnector(realm, c, nil, p.quiet())
	if err != nil {
		return connectors.Identity{}, err
	}
	defer closeConnector(opened)
	ctx, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	var id connectors.Identity
	err = errors.ErrUnsupported
	if finder, ok := opened.(connectors.Finder); ok {
		id, err = finder.Find(ctx, username)
	}
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return id, fmt.Errorf("connector %s cannot look up %s: name the groups with --user and --group, or sign in with the token (--login)", c.Name, username)
	case err != nil:
		return id, fmt.Errorf("the owner of the access token, %s, cannot be looked up: %w; \"shorepass check --connect --user %s\" says more", t.Owner, err, username)
	}
	return id, nil
}
