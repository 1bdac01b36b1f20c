package ldap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// Directory is an LDAP directory. It is safe for concurrent use.
type Directory struct {
	finder
	servers  *servers
	account  *account // that searches
	searches *pool    // bound as it
	binds    *pool    // for users' binds alone
}

var (
	_ connectors.Directory  = (*Directory)(nil)
	_ connectors.Resolver   = (*Directory)(nil)
	_ connectors.Domained   = (*Directory)(nil)
	_ connectors.Upstreamed = (*Directory)(nil)
)

// New returns a directory. It reads the files that cfg names, and never dials.
func New(cfg *Config, deps connectors.Deps) (*Directory, error) {
	if problems := cfg.Validate(); len(problems) > 0 {
		return nil, fmt.Errorf("%s %s", problems[0].Field, problems[0].Message)
	}
	if cfg.EndsChain() {
		return nil, errors.New("users.dn_template is for NewTemplate: this directory is searched")
	}
	d := &Directory{}
	logger := cmp.Or(deps.Logger, slog.New(slog.DiscardHandler))
	dialers, err := newDialers(cfg, logger)
	if err != nil {
		return nil, err
	}
	d.servers = newServers(dialers, deps.Hung, logger)
	d.account = &account{config: &d.config, client: dialers[0].client, logger: logger}
	each := connections(deps.AtOnce)
	d.searches = newPool(d.servers, each, d.dialToSearch)
	d.binds = newPool(d.servers, each, func(ctx context.Context, to *server) (*session, error) { return to.dial(ctx) })
	d.binds.run = func(ctx context.Context, s *session, op func(*ldap.Conn) error) error {
		return s.server.bind(ctx, s, op, d.withoutPassword)
	}
	d.servers.works, d.servers.moved = d.works, d.moved
	if d.finder, err = newFinder(cfg, deps, d.searches.do); err != nil {
		return nil, err
	}
	return d, nil
}

// Close closes the connections, those at work when they are done.
func (d *Directory) Close() error {
	d.servers.close()
	d.searches.close()
	d.binds.close()
	return nil
}

// Domain is the domain of the accounts.
func (d *Directory) Domain() connectors.Domain { return connectors.Domain(d.config.Domain) }

// Upstream is the servers with the kind of the ids, and where these are not told apart
// world-wide with where people are.
func (d *Directory) Upstream() string { return d.config.upstream() }

// Locate finds the one entry that has the user name in one of login_attributes, the
// username_attribute first.
func (d *Directory) Locate(ctx context.Context, username string) (connectors.Account, error) {
	ctx, cancel := callContext(ctx)
	defer cancel()
	found, err := d.named(ctx, username)
	if err == nil {
		err = d.alone(ctx, found, username)
	}
	if err != nil {
		return connectors.Account{}, outage(err)
	}
	return connectors.Account{ID: found.id, Username: found.username, Detail: found}, nil
}

// Verify binds as the account's entry, then reads its groups.
func (d *Directory) Verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	if password.Blank() {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonEmptyPassword)
	}
	if err := sendable(password); err != nil {
		return connectors.Identity{}, err
	}
	found, ok := a.Detail.(*entry)
	if !ok {
		return connectors.Identity{}, fmt.Errorf("the account of %q was not located by this connector", a.Username)
	}
	ctx, cancel := callContext(ctx)
	defer cancel()
	if err := d.bind(ctx, found.dn, password); err != nil {
		return connectors.Identity{}, outage(err)
	}
	return d.identity(ctx, found)
}

// Resolve finds the entry with the stable id, among those that may sign in, and
// reads its groups.
func (d *Directory) Resolve(ctx context.Context, id string) (connectors.Identity, error) {
	value, ok := d.config.Users.valueOf(id)
	if !ok {
		return connectors.Identity{}, connectors.ErrGone
	}
	ctx, cancel := callContext(ctx)
	defer cancel()
	found, err := d.find(ctx, []string{d.config.Users.IDAttribute}, value)
	var rejected *connectors.Rejection
	switch {
	case errors.Is(err, connectors.ErrNotMine):
		return connectors.Identity{}, connectors.ErrGone
	case errors.As(err, &rejected) && rejected.Reason == connectors.ReasonAmbiguous:
		return connectors.Identity{}, fmt.Errorf("two entries share one %s: id_attribute must be unique", d.config.Users.IDAttribute)
	case errors.As(err, &rejected):
		return connectors.Identity{}, connectors.ErrGone // could not sign in under its name either
	case err != nil:
		return connectors.Identity{}, outage(err)
	}
	if err := d.alone(ctx, found, ""); errors.Is(err, connectors.ErrRejected) {
		return connectors.Identity{}, connectors.ErrGone // likewise
	} else if err != nil {
		return connectors.Identity{}, outage(err)
	}
	if err := d.mayBind(ctx, found); err != nil {
		return connectors.Identity{}, err
	}
	return d.identity(ctx, found)
}

// callContext returns the context of Locate, Verify or Resolve.
func callContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(connectors.CountWaits(ctx), callTimeout, errNoAnswer)
}

// bind checks a user's password.
func (d *Directory) bind(ctx context.Context, dn string, password connectors.Secret) error {
	b := accountBind{dn: dn, password: password}
	end := step(ctx, "password")
	err := b.verdict(d.binds.do(ctx, b.run))
	if end != nil && !isReported(err) {
		end(err, "as "+dn)
	}
	return err
}

// withoutPassword binds with nobody's password on a connection for the binds of people: as the
// service account, or anonymously where there is none.
func (d *Directory) withoutPassword(ctx context.Context, s *session, to *server) error {
	if d.config.AnonymousSearch {
		return anonymously(ctx, s, to)
	}
	return d.account.signIn(ctx, s, to)
}

// dialToSearch is dialService for logins, which do not wait for a connection on which
// the service account would not sign in.
func (d *Directory) dialToSearch(ctx context.Context, to *server) (*session, error) {
	if err := d.account.refusal(); err != nil {
		return nil, err
	}
	return d.dialService(ctx, to)
}

// dialService opens a connection that is bound as the service account.
func (d *Directory) dialService(ctx context.Context, to *server) (*session, error) {
	s, err := to.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.account.signIn(ctx, s, to); err != nil {
		s.close()
		return nil, &reportedError{err}
	}
	return s, nil
}

// works fails while a server is of no use: where it cannot be reached, or does not
// answer a search.
func (d *Directory) works(ctx context.Context, to *server) error {
	ctx, cancel := context.WithTimeoutCause(ctx, operationTimeout, errNoAnswer)
	defer cancel()
	s, err := d.dialService(ctx, to)
	if err == nil {
		defer s.close()
		err = s.do(ctx, func(c *ldap.Conn) error {
			_, err := c.Search(&ldap.SearchRequest{BaseDN: d.config.Users.BaseDN, Scope: ldap.ScopeBaseObject, Filter: "(objectClass=*)", Attributes: []string{"1.1"}})
			return err
		})
	}
	if isServerFault(err) {
		return err
	}
	return nil
}

// moved closes the connections to servers that work no longer goes to.
func (d *Directory) moved() {
	first := d.servers.first()
	d.searches.keep(first)
	d.binds.keep(first)
}
