package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/shorepass/shorepass/connectors"
)

// Directory is an OpenID provider. It is safe for concurrent use.
type Directory struct {
	name     string
	form     connectors.UsernameForm
	config   Config
	client   *http.Client
	keeper   *keeper
	logins   *logins
	verifier *oidc.IDTokenVerifier
	logger   *slog.Logger

	silent     atomic.Bool // the provider has not answered a login, and nothing since
	grouped    atomic.Bool // whether the groups claim has ever been there
	ungrouped  seldom      // the warning that it has not
	restricted seldom      // the warning that the provider forbids a login
}

var (
	_ connectors.Directory  = (*Directory)(nil)
	_ connectors.Upstreamed = (*Directory)(nil)
	_ connectors.Bounded    = (*Directory)(nil)
	_ connectors.Forgetter  = (*Directory)(nil)
)

// New returns a directory, one of those that share the accounts. It reads ca_file, and never
// dials.
func New(cfg *Config, deps connectors.Deps, accounts *Accounts) (*Directory, error) {
	if problems := cfg.Validate(); len(problems) > 0 {
		return nil, fmt.Errorf("%s %s", problems[0].Field, problems[0].Message)
	}
	d := &Directory{name: deps.Name, form: deps.Form, config: cfg.withDefaults(), logger: deps.Logger}
	if d.logger == nil {
		d.logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if d.client, err = newClient(&d.config); err != nil {
		return nil, err
	}
	f := &fetcher{client: d.client, issuer: d.config.Issuer, plain: d.config.allowsPlain}
	d.keeper = newKeeper(f.fetch, d.logger)
	d.logins = newLogins(d.config.Issuer, accounts)
	algorithms := make([]jose.SignatureAlgorithm, len(d.config.Algorithms))
	for i, a := range d.config.Algorithms {
		algorithms[i] = jose.SignatureAlgorithm(a)
	}
	d.verifier = oidc.NewVerifier(d.config.Issuer, &verifier{d.keeper, algorithms}, &oidc.Config{
		ClientID:             d.config.ClientID,
		SupportedSigningAlgs: d.config.Algorithms,
	})
	return d, nil
}

// Bound has the provider be asked for so many logins at once at most; 0: for as many as
// may be under way. It is to be called before the first.
func (d *Directory) Bound(atOnce int) { d.logins.bound(atOnce) }

// Forget has the provider asked anew about the account of a user name, or about all where that
// is empty.
func (d *Directory) Forget(username string) { d.logins.forget(username) }

// Close ends the logins that are under way and the fetches in the background, and closes
// the connections.
func (d *Directory) Close() error {
	d.logins.end()
	d.keeper.close()
	d.client.CloseIdleConnections()
	return nil
}

// Upstream is the issuer.
func (d *Directory) Upstream() string { return d.config.Issuer }

// Locate answers with the name: only a login can tell whose it is.
func (d *Directory) Locate(_ context.Context, username string) (connectors.Account, error) {
	return connectors.Account{Username: username}, nil
}

// Verify asks the provider for an ID token with the password, and reads who it is for.
func (d *Directory) Verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	switch {
	case password.Blank():
		return connectors.Identity{}, connectors.Reject(connectors.ReasonEmptyPassword)
	case strings.Contains(password.Reveal(), "\x00"):
		// Nobody types one, and to a provider that hashes by PBKDF2 a password with
		// NULs at its end is the same as without.
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	}
	return d.logins.do(ctx, a.Username, password, func(ctx context.Context) (connectors.Identity, error) {
		return d.login(ctx, a.Username, password)
	})
}

// current is what the provider publishes of itself. Where it has not answered a login, that
// is fetched anew: what hangs is sent no other password, since it may count them all when it
// goes on.
func (d *Directory) current(ctx context.Context) (*metadata, error) {
	if !d.silent.Load() {
		return d.keeper.get(ctx)
	}
	m, err := d.keeper.renew(ctx)
	if err != nil {
		return nil, err
	}
	d.silent.Store(false)
	if end, ok := ctx.Deadline(); ok && time.Until(end) < fairShare {
		return nil, errNoAnswer // in time for a login
	}
	return m, nil
}

// login asks for an ID token, and for what it lacks.
func (d *Directory) login(ctx context.Context, username string, password connectors.Secret) (connectors.Identity, error) {
	m, err := d.metadata(ctx)
	if err != nil {
		return connectors.Identity{}, connectors.Unreachable(err)
	}
	answer, err := d.grant(ctx, m, username, password)
	if err != nil {
		if errors.As(err, new(unanswered)) {
			d.silent.Store(true)
		}
		return connectors.Identity{}, err
	}
	subject, c, err := d.verify(ctx, answer)
	if err != nil {
		return connectors.Identity{}, err
	}
	p := &person{config: &d.config}
	if err := d.read(ctx, p, c, subject); err != nil {
		return connectors.Identity{}, err
	}
	if p.isPartial() && m.userinfoURL != "" {
		more, err := d.userinfo(ctx, m, answer.AccessToken, subject)
		if err != nil {
			return connectors.Identity{}, err
		}
		if err := d.read(ctx, p, more, subject); err != nil {
			return connectors.Identity{}, err
		}
	}
	return d.identity(ctx, subject, p)
}
