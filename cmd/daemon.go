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
	"sync/atomic"
	"syscall"
	"time"

	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/internal/audit"
	"github.com/shorepass/shorepass/internal/backup"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/internal/keypair"
)

// daemon is what serve has open for as long as it lives, and the generation that serves.
type daemon struct {
	program     *program
	cfg         *config.Config // that of the start, of which the keys of [heldKeys] hold on
	logger      *slog.Logger
	level       *slog.LevelVar // of the logger
	audit       *audit.Log
	record      *audit.Bounded // into audit, of what clients ask
	monitor     *server.Monitor
	public      *server.Switch
	admin       *server.Switch
	certificate *keypair.Pair // nil: plain HTTP
	tasks       []*task
	closers     []func() error // closed last to first, when no generation is left
	backups     sync.Mutex     // held while one is taken

	current   atomic.Pointer[generation]
	keys      sync.RWMutex // of the signing keys: held for writing while others are opened, for reading while somebody acts on them
	storeOpen bool

	mu      sync.Mutex
	retired map[*generation]bool // in which requests are still under way
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
// connectors, the keys.
func (p *program) openDaemon(ctx context.Context, cfg *config.Config, logger *slog.Logger, level *slog.LevelVar) (_ *daemon, err error) {
	d := &daemon{program: p, cfg: cfg, logger: logger, level: level, retired: map[*generation]bool{}}
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
	p.openShield(cfg)
	first, err := d.open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	d.current.Store(first)
	first.takeOver()
	if err := d.openRings(first, nil); err != nil {
		return nil, err
	}
	if err := d.handlers(first); err != nil {
		return nil, err
	}
	d.prepare(first)
	return d, nil
}

// openStore opens the database if a realm takes access tokens, and it is not open yet.
func (d *daemon) openStore(ctx context.Context, cfg *config.Config) error {
	if d.storeOpen || !keepsTokens(cfg) {
		return nil
	}
	err := d.program.openDatabase(ctx, cfg, d.logger)
	database := d.program.database
	switch {
	case err != nil && database == nil:
		return err
	case err != nil: // what needs no database is answered
		d.logger.Error("access tokens are answered with 503 until the database can be used", slog.Any("error", err))
	}
	d.storeOpen = true
	d.closers = append(d.closers, d.program.close, d.keepHouse(database.Prune))
	return nil
}

// prepare makes the servers: the public one, the monitor, the admin socket.
func (d *daemon) prepare(first *generation) {
	d.public, d.admin, d.certificate = server.NewSwitch(first.public), server.NewSwitch(first.admin), first.certificate
	gate := server.Gate{AtOnce: d.cfg.Limits.Requests.AtOnce, TrustedProxies: d.cfg.TrustedProxies, Counter: d.record, Logger: d.logger}
	d.monitor = server.NewMonitor(
		server.Check{Name: "database", Run: func(ctx context.Context) error { return d.current.Load().checkDatabase(ctx) }},
		server.Check{Name: "signing", Run: func(ctx context.Context) error { return d.current.Load().checkSigning(ctx) }},
		server.Check{Name: "audit", Run: d.audit.Check},
	)
	d.tasks = []*task{
		{name: "the token endpoint", key: "listen", network: "tcp", address: d.cfg.Listen, server: server.HTTP(gate.Before(d.public), d.certificate, d.logger), connections: clientConnections(d.cfg, d.logger)},
		{name: "the monitor", key: "monitor", network: "tcp", address: d.cfg.Monitor, server: server.MonitorHTTP(d.monitor, d.logger), connections: monitorConnections()},
		{name: "the admin API", key: "admin_socket", network: "unix", address: d.cfg.AdminSocket, server: server.AdminHTTP(d.admin, d.logger)},
	}
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

// close closes what is open: the listeners, the generations, and the rest last to first.
func (d *daemon) close() error {
	for _, t := range d.tasks {
		if t.listener != nil {
			_ = t.listener.Close() // its server may have closed it already
		}
	}
	errs := []error{d.closeGenerations()}
	for i := len(d.closers) - 1; i >= 0; i-- {
		errs = append(errs, d.closers[i]())
	}
	d.closers = nil
	return errors.Join(errs...)
}

// rotateDue makes new signing keys where the old ones are due.
func (d *daemon) rotateDue() {
	for name, ring := range d.current.Load().rings {
		if _, err := ring.RotateIfDue(); err != nil {
			d.logger.Error("the signing key was not rotated", slog.String("realm", name), slog.Any("error", err))
		}
	}
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
