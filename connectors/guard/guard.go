package guard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/shorepass/shorepass/connectors"
)

// Config says which user names reach the directory, and how it is guarded.
type Config struct {
	// Settings are those of the guards.
	Settings Settings

	// Look is that of the realm. The zero Look is that of the Settings.
	Look Look

	// Shield counts the failed logins of all connectors of the process. nil: of this one
	// alone, without limits.
	Shield *Shield

	// Realm and Name say which connector it is.
	Realm, Name string

	// Form is that of the realm's user names.
	Form connectors.UsernameForm

	// Usernames are patterns of user names, in canonical form. A name that matches none is
	// not the connector's: what is typed, before anything is sent upstream, and the name
	// that the account goes by, which may be another. What is typed may be an address,
	// alice@corp.example, and matches as such. Patterns that all have an @ are of
	// addresses, and say nothing of accounts that go by a name without one.
	Usernames connectors.UsernamePatterns

	// Logger is told what becomes of the directory: it already carries realm and connector.
	// nil: nothing is told.
	Logger *slog.Logger
}

// admits reports whether an account that goes by the name is the connector's.
func (c *Config) admits(name string) bool {
	bare := func(s string) bool { return !strings.Contains(s, "@") }
	return c.Usernames.Match(name) || bare(name) && !slices.ContainsFunc(c.Usernames, bare)
}

// Password makes a connector of a directory. The connector implements
// [connectors.Resolver] and [connectors.Decoy] where the directory does.
func Password(d connectors.Directory, cfg Config) connectors.Connector {
	cfg.Look = cmp.Or(cfg.Look, LookOf(cfg.Settings.Lockout))
	p := &password{
		directory: d, config: cfg, digests: newDigester(), cache: newCache(cfg.Settings.Cache), flights: newFlights(), pace: newPace(),
	}
	p.way = newUpstream(d, cfg.Settings, cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)))
	if domained, ok := d.(connectors.Domained); ok {
		p.domain = domained.Domain()
	}
	if p.shield = cfg.Shield; p.shield == nil {
		p.shield = NewShield(Limits{})
	}
	p.upstream = Place{cfg.Realm, cfg.Name}.names()
	if u, ok := d.(connectors.Upstreamed); ok {
		p.upstream = u.Upstream()
	}
	p.accounts = p.shield.space(p.upstream)
	resolver, resolves := d.(connectors.Resolver)
	decoy, costs := d.(connectors.Decoy)
	switch {
	case resolves && costs:
		return &struct {
			*password
			connectors.Resolver
			connectors.Decoy
		}{p, &admitting{resolver, p}, decoy}
	case resolves:
		return &struct {
			*password
			connectors.Resolver
		}{p, &admitting{resolver, p}}
	case costs:
		return &struct {
			*password
			connectors.Decoy
		}{p, decoy}
	}
	return p
}

type password struct {
	directory connectors.Directory
	config    Config
	domain    connectors.Domain // of the directory's accounts; may be empty
	digests   *digester
	cache     *cache
	flights   *flights
	pace      *pace
	shield    *Shield
	upstream  string // see [connectors.Upstreamed]
	accounts  *space // of the upstream
	way       *upstream
}

var (
	_ connectors.Connector  = (*password)(nil)
	_ connectors.Prober     = (*password)(nil)
	_ connectors.Finder     = (*password)(nil)
	_ connectors.Diagnoser  = (*password)(nil)
	_ connectors.Domained   = (*password)(nil)
	_ connectors.Paced      = (*password)(nil)
	_ connectors.Refuser    = (*password)(nil)
	_ connectors.Upstreamed = (*password)(nil)
)

// Domain is the domain of the directory's accounts; empty where it has none.
func (p *password) Domain() connectors.Domain { return p.domain }

// Upstream is the directory's, or the connector's own where it has none.
func (p *password) Upstream() string { return p.upstream }

// parse returns the canonical form of a user name, and whether it is one. What follows
// knows a name by it alone, whether the directory's domain was typed before it or not.
func (p *password) parse(typed string) (canonical string, ok bool) {
	return p.domain.Parse(p.config.Form, typed)
}

// Handles reports whether the user name has the form of one, passes the usernames
// guard, and is listed where the directory lists its names. A token of Shorepass's own is
// nobody's password.
func (p *password) Handles(c connectors.Credentials) bool {
	if c.Password.Issued() {
		return false
	}
	name, ok := p.parse(c.Username)
	if !ok || !p.config.Usernames.Match(name) {
		return false
	}
	if l, ok := p.directory.(connectors.Lister); ok {
		return l.Lists(name)
	}
	return true
}

// Usernames returns the names that the connector handles, where the directory lists
// its own; none where it does not.
func (p *password) Usernames() []string {
	l, ok := p.directory.(connectors.Lister)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(l.Usernames(), func(name string) bool { return !p.config.Usernames.Match(name) })
}

// admitting is a Resolver to which accounts that are not the connector's are gone.
type admitting struct {
	connectors.Resolver
	guards *password
}

// Resolve looks an account up. No login of one that is gone is remembered.
func (r *admitting) Resolve(ctx context.Context, id string) (connectors.Identity, error) {
	found, err := r.Resolver.Resolve(ctx, id)
	if err == nil && !r.guards.config.admits(found.Username) {
		err = fmt.Errorf("%w: %s is not among the connector's usernames", connectors.ErrGone, found.Username)
	}
	if errors.Is(err, connectors.ErrGone) {
		r.guards.cache.gone(id)
		return connectors.Identity{}, err
	}
	return found, err
}

// Probe probes the directory, if it can be probed.
func (p *password) Probe(ctx context.Context) error {
	if prober, ok := p.directory.(connectors.Prober); ok {
		return prober.Probe(ctx)
	}
	return errors.ErrUnsupported
}

// Find locates the account and looks it up again by its id, without a password. It asks the
// directory whatever that was the last time: an administrator waits for what comes of it.
func (p *password) Find(ctx context.Context, username string) (connectors.Identity, error) {
	resolver, ok := p.directory.(connectors.Resolver)
	if !ok {
		return connectors.Identity{}, errors.ErrUnsupported
	}
	if !p.Handles(connectors.Credentials{Username: username}) {
		return connectors.Identity{}, connectors.ErrNotMine
	}
	name, _ := p.parse(username) // Handles has seen it
	account, err := p.locate(ctx, name)
	if err != nil {
		return connectors.Identity{}, err
	}
	return (&admitting{resolver, p}).Resolve(ctx, account.ID)
}

// Diagnose has the directory look for a user of the connector's, if it can.
func (p *password) Diagnose(ctx context.Context, username string) {
	name, ok := p.parse(username)
	if d, can := p.directory.(connectors.Diagnoser); ok && can {
		d.Diagnose(ctx, name)
	}
}

// Finish waits, when nobody sends logins any more, for those that the directory was sent and
// nobody waits for: they are carried to their end, which takes some seconds at most.
func (p *password) Finish() { p.flights.finish() }

// Close ends the logins that are under way, and closes the directory, if it can be closed.
func (p *password) Close() error {
	p.flights.close()
	if c, ok := p.directory.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
