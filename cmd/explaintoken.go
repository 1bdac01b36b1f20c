package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
)

// tokenRights is implemented by the connector that takes access tokens.
type tokenRights interface {
	// Rights returns who a login with the token of a public id would be.
	Rights(ctx context.Context, id string, from netip.Addr) (connectors.Identity, error)
}

// rightsOf returns who a login with an access token would be now, by the token's id.
func (p *program) rightsOf(ctx context.Context, o explainOptions, cfg *config.Config, realm config.Realm, addr netip.Addr) (*connectors.Identity, error) {
	var t access.Token
	err := p.withTokens(ctx, tokenOptions{config: o.config, realm: realm.Name}, false, false, func(all tokens) (err error) {
		t, err = all.show(ctx, o.token)
		return err
	})
	if err != nil {
		return nil, err
	}
	if _, _, err := split(t.Owner, realm); err != nil {
		return nil, fmt.Errorf("the owner of the access token is %s: %w", t.Owner, err)
	}
	p.lookAtDatabase(cfg)                                                         // to explain changes nothing
	members, closeAll, err := p.openMembers(realm, slog.New(slog.DiscardHandler)) // the error says it all
	if err != nil {
		return nil, err
	}
	defer closeAll() //nolint:errcheck // the process ends next
	ctx, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	for _, m := range members {
		if c, ok := m.Connector.(tokenRights); ok {
			id, err := c.Rights(ctx, t.ID, addr)
			return &id, refusedToken(t, addr, err)
		}
	}
	return nil, fmt.Errorf("realm %s takes no access tokens", realm.Name)
}

// refusedToken says why a login with a token would fail, if it would.
func refusedToken(t access.Token, addr netip.Addr, err error) error {
	who := fmt.Sprintf("the access token %s, %q, of %s, is refused: ", t.ID, t.Name, t.Owner)
	var rejection *connectors.Rejection
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &rejection):
		return fmt.Errorf("what the access token may do cannot be told: %w", err)
	}
	switch rejection.Reason {
	case connectors.ReasonTokenRevoked:
		return fmt.Errorf("%sit was revoked at %s by %s", who, minute(t.Revoked), t.RevokedBy)
	case connectors.ReasonTokenExpired:
		return fmt.Errorf("%sit expired at %s", who, minute(t.Expires))
	case connectors.ReasonTokenNetwork:
		if !addr.IsValid() {
			return fmt.Errorf("the access token %s may be used from %s alone: say with --from where the client is", t.ID, strings.Join(t.Networks, ", "))
		}
		return fmt.Errorf("%s%s is not in its networks, %s", who, addr, strings.Join(t.Networks, ", "))
	}
	return fmt.Errorf("%s%s: %s", who, rejection.Reason, rejectionFix(rejection.Reason))
}
