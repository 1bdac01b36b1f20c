package cmd

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/internal/keypair"
	"github.com/shorepass/shorepass/internal/store"
)

// generation is what a configuration makes: all that a reload makes anew. Each request is
// answered by one alone.
type generation struct {
	cfg         *config.Config
	database    *store.Store // nil: no realm takes access tokens
	tokens      map[string]access.Realm
	guards      guards
	certificate *keypair.Pair // nil: plain HTTP
	rings       map[string]*token.Ring
	public      http.Handler
	admin       http.Handler

	closers []func() error
	once    sync.Once // of close
	closed  error
}

// open opens what a configuration names, but for the signing keys: nothing of it is seen by
// anybody yet.
func (d *daemon) open(ctx context.Context, cfg *config.Config) (_ *generation, err error) {
	g := &generation{
		cfg: cfg, tokens: map[string]access.Realm{}, guards: guards{shield: d.program.shield, realms: map[string]guarded{}}, rings: map[string]*token.Ring{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	if err := d.openStore(ctx, cfg); err != nil {
		return nil, err
	}
	if keepsTokens(cfg) {
		g.database = d.program.database
	}
	if tls := cfg.TLS; tls != nil {
		if g.certificate, err = keypair.Load(tls.CertFile, tls.KeyFile, d.logger); err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
	}
	for _, r := range cfg.Realms {
		members, closeMembers, err := d.program.openMembers(r, d.logger)
		if err != nil {
			return nil, err
		}
		g.closers = append(g.closers, closeMembers)
		g.tokens[r.Name] = d.program.accessRealm(r, members)
		g.guards.realms[r.Name] = guarded{r.Usernames, members}
	}
	return g, nil
}

// openRings gives each realm its signing keys: those that it has already, where the
// configuration says the same of them as before. They belong to the process, which keeps
// them when a generation ends.
func (d *daemon) openRings(g, before *generation) error {
	owners := keyOwners{}
	for _, r := range g.cfg.Realms {
		ring := before.ringFor(g.cfg, r)
		if ring == nil {
			var err error
			if ring, err = d.openRing(g.cfg, r); err != nil {
				return fmt.Errorf("realm %s: %w", r.Name, err)
			}
		}
		if err := owners.add(r.Name, ring); err != nil {
			return err
		}
		g.rings[r.Name] = ring
	}
	return nil
}

// ringFor returns the ring of a realm for which another configuration has the same keys; nil
// where it has not. Files that were brought may have changed.
func (g *generation) ringFor(cfg *config.Config, r config.Realm) *token.Ring {
	if g == nil || r.Signing.KeyFile != "" {
		return nil
	}
	for _, own := range g.cfg.Realms {
		if own.Name == r.Name && reflect.DeepEqual(ringConfig(g.cfg, own, nil), ringConfig(cfg, r, nil)) {
			return g.rings[r.Name]
		}
	}
	return nil
}

// openRing loads the keys of a realm, or makes them on the first start, and has what it
// does by itself recorded.
func (d *daemon) openRing(cfg *config.Config, r config.Realm) (*token.Ring, error) {
	c := ringConfig(cfg, r, d.logger)
	c.Changed = func(a token.Act, info token.KeyInfo) {
		if err := d.audit.Record(context.Background(), broker.KeyChange(r.Name, a, info)); err != nil {
			d.logger.Error("a change of keys was not recorded", slog.String("realm", r.Name), slog.String("act", string(a)), slog.String("kid", info.KID), slog.Any("error", err))
		}
	}
	return token.Open(c)
}

// handlers makes what answers on the listener and on the admin socket.
func (d *daemon) handlers(g *generation) error {
	b, err := broker.New(g.brokerRealms(), d.record, d.logger)
	if err != nil {
		return err
	}
	tokens := d.program.accessService(g.tokens, d.audit, d.logger)
	public := server.Config{
		Tokens: b, Realms: map[string]server.Trust{}, SelfService: g.selfService(b, tokens), TrustedProxies: d.cfg.TrustedProxies, Logger: d.logger,
	}
	admin := &server.Admin{Realms: map[string]server.Keys{}, Trust: public.Realms, Tokens: tokens, Guards: g.guards, Backup: d.backup, Auditor: d.audit, Logger: d.logger}
	for name, ring := range g.rings {
		public.Realms[name], admin.Realms[name] = ring, actedOn{ring, d, name}
	}
	g.public, g.admin = server.New(public), admin.Handler()
	return nil
}

// brokerRealms are what the broker needs of each realm.
func (g *generation) brokerRealms() []broker.Realm {
	realms := make([]broker.Realm, len(g.cfg.Realms))
	for i, r := range g.cfg.Realms {
		realms[i] = broker.Realm{
			Name: r.Name, Services: serviceNames(r), Issuer: r.Issuer,
			TokenTTL: r.TokenTTL, PushTokenTTL: r.PushTokenTTL,
			Connectors: connectors.NewChain(r.Usernames, g.guards.realms[r.Name].members...), Policy: r.Policy, Signer: g.rings[r.Name],
		}
	}
	return realms
}

// connectors are those of all realms.
func (g *generation) connectors() iter.Seq2[guard.Place, connectors.Connector] {
	return func(yield func(guard.Place, connectors.Connector) bool) {
		for realm, r := range g.guards.realms {
			for _, m := range r.members {
				if !yield(guard.Place{Realm: realm, Connector: m.Name}, m.Connector) {
					return
				}
			}
		}
	}
}

// upstreams are those of the connectors that have one.
func (g *generation) upstreams() map[guard.Place]string {
	of := map[guard.Place]string{}
	for place, c := range g.connectors() {
		if u, ok := c.(connectors.Upstreamed); ok {
			of[place] = u.Upstream()
		}
	}
	return of
}

// follow has the failed logins of a connector's accounts count on where it has another upstream
// than before, such as one more server: those of an upstream that nobody has any more, at one
// that nobody had.
func (g *generation) follow(before *generation) {
	now, then := g.upstreams(), before.upstreams()
	used, had := slices.Collect(maps.Values(now)), slices.Collect(maps.Values(then))
	moved := map[string]string{} // by where to
	for place, to := range now {
		if from, ok := then[place]; ok && !slices.Contains(used, from) && !slices.Contains(had, to) {
			moved[to] = from
		}
	}
	for to, from := range moved {
		g.guards.shield.Moved(from, to)
	}
}

// finish waits for logins whose clients have hung up, when there are no others any more.
func (g *generation) finish() {
	for _, c := range g.connectors() {
		if f, ok := c.(interface{ Finish() }); ok {
			f.Finish()
		}
	}
}

// takeOver has connectors serve that tell what they learn from what those before them did.
func (g *generation) takeOver() {
	for _, c := range g.connectors() {
		if of, ok := c.(interface{ TakeOver() }); ok {
			of.TakeOver()
		}
	}
}

// close closes the connectors. It may be called more than once, and waits each time until
// they are closed.
func (g *generation) close() error {
	g.once.Do(func() {
		var errs []error
		for i := len(g.closers) - 1; i >= 0; i-- {
			errs = append(errs, g.closers[i]())
		}
		g.closed = errors.Join(errs...)
	})
	return g.closed
}

// checkSigning fails while a realm could not sign a token.
func (g *generation) checkSigning(context.Context) error {
	for name, ring := range g.rings {
		if err := ring.Ready(); err != nil {
			return fmt.Errorf("realm %s: %w", name, err)
		}
	}
	return nil
}

// checkDatabase fails while the database cannot be used, where there is to be one.
func (g *generation) checkDatabase(ctx context.Context) error {
	if g.database == nil {
		return nil
	}
	return g.database.Check(ctx)
}

// actedOn shows the keys of a generation's realm, and acts on those that the realm has by
// then: two rings on the same files would undo what the other has done.
type actedOn struct {
	*token.Ring
	daemon *daemon
	realm  string
}

// Do acts on the keys.
func (a actedOn) Do(act token.Act, force bool) (token.KeyInfo, error) {
	a.daemon.keys.RLock()
	defer a.daemon.keys.RUnlock()
	ring, ok := a.daemon.current.Load().rings[a.realm]
	if !ok {
		return token.KeyInfo{}, token.Refusal(fmt.Sprintf("the realm %s has just been taken out of the configuration", a.realm))
	}
	return ring.Do(act, force)
}
