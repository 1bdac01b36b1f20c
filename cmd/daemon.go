package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/audit"
	"github.com/shorepass/shorepass/internal/backup"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/internal/keypair"
)

// daemon is everything that serve has open.
type daemon struct {
	cfg     *config.Config
	logger  *slog.Logger
	audit   *audit.Log
	record  *audit.Bounded // into audit, of what clients ask
	rings   map[string]*token.Ring
	tokens  map[string]access.Realm
	guards  guards
	checks  []server.Check // what it cannot do without, besides keys and audit log
	monitor *server.Monitor
	tasks   []*task
	closers []func() error // closed last to first
	backups sync.Mutex     // held while one is taken
}

// task is one listener and the server on it.
type task struct {
	name, key string // for messages: what it is, and the configuration key
	network   string
	address   string
	server    *http.Server
	listener  net.Listener

	connections int // that may be open at once; 0: any number
}

// openDaemon opens what needs no port: the data folder, the audit log, the database, the
// keys, the connectors.
func (p *program) openDaemon(ctx context.Context, cfg *config.Config, logger *slog.Logger) (_ *daemon, err error) {
	d := &daemon{cfg: cfg, logger: logger, rings: map[string]*token.Ring{}, tokens: map[string]access.Realm{}, guards: guards{realms: map[string]guarded{}}}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	unlock, err := lockToServe(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	d.closers = append(d.closers, unlock)
	backup.Tidy(cfg.DataDir)
	if d.audit, err = openAudit(cfg, os.Stdout, logger); err != nil {
		return nil, err
	}
	d.record = audit.Bound(d.audit)
	d.closers = append(d.closers, d.audit.Close, d.record.Close)
	switch err := p.openDatabase(ctx, cfg, logger); {
	case err != nil && p.database == nil:
		return nil, err
	case err != nil: // what needs no database is answered
		logger.Error("access tokens are answered with 503 until the database can be used", slog.Any("error", err))
	}
	if p.database != nil {
		d.closers = append(d.closers, p.database.Close, d.keepHouse(p.database.Prune))
		d.checks = append(d.checks, server.Check{Name: "database", Run: p.database.Check})
	}
	p.openShield(cfg)
	d.guards.shield = p.shield
	realms, err := p.openRealms(d)
	if err != nil {
		return nil, err
	}
	b, err := broker.New(realms, d.record, logger)
	if err != nil {
		return nil, err
	}
	return d, d.prepare(b, p.accessService(d.tokens, d.audit, logger))
}

// openRealms makes what the broker needs of each realm.
func (p *program) openRealms(d *daemon) ([]broker.Realm, error) {
	var realms []broker.Realm
	owners := keyOwners{}
	for _, r := range d.cfg.Realms {
		members, closeMembers, err := p.openMembers(r, d.logger)
		if err != nil {
			return nil, err
		}
		d.closers = append(d.closers, closeMembers)
		d.tokens[r.Name] = p.accessRealm(r, members)
		d.guards.realms[r.Name] = guarded{r.Usernames, members}
		ring, err := d.openRing(r)
		if err != nil {
			return nil, fmt.Errorf("realm %s: %w", r.Name, err)
		}
		if err := owners.add(r.Name, ring); err != nil {
			return nil, err
		}
		d.rings[r.Name] = ring
		realms = append(realms, broker.Realm{
			Name: r.Name, Services: serviceNames(r), Issuer: r.Issuer,
			TokenTTL: r.TokenTTL, PushTokenTTL: r.PushTokenTTL,
			Connectors: connectors.NewChain(r.Usernames, members...), Policy: r.Policy, Signer: ring,
		})
	}
	return realms, nil
}

// prepare makes the servers: the public one, the monitor, the admin socket.
func (d *daemon) prepare(b *broker.Broker, tokens *access.Service) error {
	var certificate *keypair.Pair
	if tls := d.cfg.TLS; tls != nil {
		var err error
		if certificate, err = keypair.Load(tls.CertFile, tls.KeyFile, d.logger); err != nil {
			return fmt.Errorf("tls: %w", err)
		}
	}
	public := server.Config{
		Tokens: b, Realms: map[string]server.Trust{}, SelfService: d.selfService(b, tokens), TrustedProxies: d.cfg.TrustedProxies,
		AtOnce: d.cfg.Limits.Requests.AtOnce, Counter: d.record, Logger: d.logger,
	}
	admin := &server.Admin{Realms: map[string]server.Keys{}, Trust: public.Realms, Tokens: tokens, Guards: d.guards, Backup: d.backup, Auditor: d.audit, Logger: d.logger}
	for name, ring := range d.rings {
		public.Realms[name], admin.Realms[name] = ring, ring
	}
	d.monitor = server.NewMonitor(append(d.checks, server.Check{Name: "signing", Run: d.signs}, server.Check{Name: "audit", Run: d.audit.Check})...)
	d.tasks = []*task{
		{name: "the token endpoint", key: "listen", network: "tcp", address: d.cfg.Listen, server: server.HTTP(server.New(public), certificate, d.logger), connections: clientConnections(d.cfg, d.logger)},
		{name: "the monitor", key: "monitor", network: "tcp", address: d.cfg.Monitor, server: server.MonitorHTTP(d.monitor, d.logger), connections: monitorConnections()},
		{name: "the admin API", key: "admin_socket", network: "unix", address: d.cfg.AdminSocket, server: server.AdminHTTP(admin, d.logger)},
	}
	return nil
}

// listen takes the ports and the socket.
func (d *daemon) listen() error {
	for _, t := range d.tasks {
		if t.network == "unix" {
			if err := removeSocket(t.address); err != nil {
				return fmt.Errorf("%s: %w", t.key, err)
			}
		}
		l, err := net.Listen(t.network, t.address) //nolint:noctx // takes no time that a context could cut short
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%s (%s) cannot listen on %s: another program has that port; stop it, or change %q in %s", t.name, t.key, t.address, t.key, d.cfg.File)
		}
		if err != nil {
			return fmt.Errorf("%s (%s): %w", t.name, t.key, err)
		}
		d.closers = append(d.closers, closeQuietly(l))
		t.listener = l
		if t.connections > 0 {
			t.listener = server.Bound(l, t.connections, d.cfg.TrustedProxies, t.server, d.logger)
		}
		if t.network == "unix" {
			if err := os.Chmod(t.address, 0o600); err != nil {
				return fmt.Errorf("%s: %w", t.key, err)
			}
		}
	}
	return nil
}

// start serves in the background. The channel gets the error of a server that ended
// by itself.
func (d *daemon) start() <-chan error {
	failed := make(chan error, len(d.tasks))
	for _, t := range d.tasks {
		go func() {
			serve := func() error { return t.server.Serve(t.listener) }
			if t.server.TLSConfig != nil {
				serve = func() error { return t.server.ServeTLS(t.listener, "", "") }
			}
			if err := serve(); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("%s: %w", t.name, err)
			}
		}()
	}
	return failed
}

// shutdown takes no new requests and waits for those under way. The monitor answers
// to the end.
func (d *daemon) shutdown(ctx context.Context) error {
	var errs []error
	for _, i := range [...]int{0, 2, 1} {
		errs = append(errs, d.tasks[i].server.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// close closes what is open, last to first.
func (d *daemon) close() error {
	var errs []error
	for i := len(d.closers) - 1; i >= 0; i-- {
		errs = append(errs, d.closers[i]())
	}
	d.closers = nil
	return errors.Join(errs...)
}

// signs fails while a realm could not sign a token.
func (d *daemon) signs(context.Context) error {
	for name, ring := range d.rings {
		if err := ring.Ready(); err != nil {
			return fmt.Errorf("realm %s: %w", name, err)
		}
	}
	return nil
}

// rotateDue makes new signing keys where the old ones are due.
func (d *daemon) rotateDue() {
	for name, ring := range d.rings {
		if _, err := ring.RotateIfDue(); err != nil {
			d.logger.Error("the signing key was not rotated", slog.String("realm", name), slog.Any("error", err))
		}
	}
}

// openRing loads the keys of a realm, or makes them on the first start, and has what it
// does by itself recorded.
func (d *daemon) openRing(r config.Realm) (*token.Ring, error) {
	c := ringConfig(d.cfg, r, d.logger)
	c.Changed = func(a token.Act, info token.KeyInfo) {
		if err := d.audit.Record(context.Background(), broker.KeyChange(r.Name, a, info)); err != nil {
			d.logger.Error("a change of keys was not recorded", slog.String("realm", r.Name), slog.String("act", string(a)), slog.String("kid", info.KID), slog.Any("error", err))
		}
	}
	return token.Open(c)
}

// openAudit opens the audit log where the configuration says; stdout is what stands
// for standard output.
func openAudit(cfg *config.Config, stdout *os.File, logger *slog.Logger) (*audit.Log, error) {
	if cfg.Audit.Stdout {
		return audit.To(stdout), nil
	}
	if err := os.MkdirAll(filepath.Dir(cfg.Audit.File), 0o700); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return audit.Open(cfg.Audit.File, cfg.Audit.Sync, logger)
}

// closeQuietly closes a listener that its server may have closed already.
func closeQuietly(l net.Listener) func() error {
	return func() error {
		_ = l.Close()
		return nil
	}
}

// removeSocket removes a socket that a dead process left, and nothing else.
func removeSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return os.MkdirAll(filepath.Dir(path), 0o700)
	case err != nil:
		return err
	case info.Mode().Type() != os.ModeSocket:
		return fmt.Errorf("%s is there and is no socket: remove it, or name another path", path)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil { //nolint:noctx // has a timeout
		_ = c.Close()
		return fmt.Errorf("%s is in use by another process: name another path", path)
	}
	return os.Remove(path)
}
