package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/internal/strictyaml"
)

// reload takes up what the configuration says now, and every file that it names, or nothing
// of it: then all goes on as before, and the log and the audit log say why. No directory is
// asked anything: one that is down keeps nothing from being taken up.
func (d *daemon) reload(ctx context.Context) {
	began, before := time.Now(), d.current.Load()
	g, err := d.next(ctx, before)
	if err != nil {
		d.refused(ctx, err)
		return
	}
	for _, w := range g.cfg.Warnings() {
		d.logger.Warn(w.String())
	}
	if left := clientConnections(g.cfg, d.logger); left < d.tasks[0].connections {
		d.logger.Warn("with this configuration fewer connections of clients would be taken, which a restart does: until then they and the directories may use up the file descriptors",
			slog.Int("connections", d.tasks[0].connections), slog.Int("after_restart", left))
	}
	added, removed := difference(g.cfg, before.cfg), difference(before.cfg, g.cfg)
	d.logger.Info("reloaded", slog.String("config", g.cfg.File), slog.Int("realms", len(g.cfg.Realms)), slog.Any("added", added), slog.Any("removed", removed),
		slog.Duration("took", time.Since(began)))
}

// next makes the next generation and has it take the place of the one before.
func (d *daemon) next(ctx context.Context, before *generation) (_ *generation, err error) {
	cfg, err := config.Load(d.cfg.File, d.program.types)
	if err != nil {
		return nil, err
	}
	if keys := heldKeys(d.cfg, cfg); len(keys) > 0 {
		return nil, needsRestartError{keys}
	}
	g, err := d.open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	return g, d.replace(ctx, g, before)
}

// loadRings fails where keys could not be opened that are to be, and makes none: what another
// realm may yet fail with is known before.
func (d *daemon) loadRings(g, before *generation) error {
	owners := keyOwners{}
	for _, r := range g.cfg.Realms {
		if before.ringFor(g.cfg, r) != nil {
			continue
		}
		ring, err := token.Load(ringConfig(g.cfg, r, nil))
		switch {
		case errors.Is(err, token.ErrNoKeys):
			continue
		case err != nil:
			return fmt.Errorf("realm %s: %w", r.Name, err)
		}
		if err := owners.add(r.Name, ring); err != nil {
			return err
		}
	}
	return nil
}

// replace has a generation take the place of the one before, once it is sure that it can
// sign, and that this is in the audit log. Who acts on keys waits meanwhile.
func (d *daemon) replace(ctx context.Context, g, before *generation) error {
	d.keys.Lock()
	defer d.keys.Unlock()
	if err := d.loadRings(g, before); err != nil {
		return err
	}
	if err := d.openRings(g, before); err != nil {
		return err
	}
	for name, ring := range g.rings {
		if ring == before.rings[name] {
			continue // that it cannot sign is nothing new, and maybe what is being mended elsewhere
		}
		if err := ring.Ready(); err != nil {
			return fmt.Errorf("realm %s could not sign: %w", name, err)
		}
	}
	if err := d.handlers(g); err != nil {
		return err
	}
	if err := d.audit.Record(context.WithoutCancel(ctx), reloadEntry(nil)); err != nil {
		return fmt.Errorf("it could not be recorded in the audit log: %w", err)
	}
	g.follow(before)
	d.current.Store(g)
	g.takeOver()
	waitPublic, waitAdmin := d.public.Replace(g.public), d.admin.Replace(g.admin)
	if d.certificate != nil {
		d.certificate.Replace(g.certificate)
	}
	d.level.Set(levelOf(g.cfg))
	d.retire(before, func() { waitPublic(); waitAdmin() })
	return nil
}

// retire closes a generation in the background once nothing uses it any more.
func (d *daemon) retire(g *generation, wait func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.retired[g] = true
	go func() {
		wait()
		g.finish()
		if err := g.close(); err != nil {
			d.logger.Error("what the configuration before had open was not closed well", slog.Any("error", err))
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.retired, g)
	}()
}

// closeGenerations closes all there are: also one in which somebody still waits for an answer.
func (d *daemon) closeGenerations() error {
	d.mu.Lock()
	open := make([]*generation, 0, len(d.retired)+1)
	for g := range d.retired {
		open = append(open, g)
	}
	d.mu.Unlock()
	if g := d.current.Load(); g != nil {
		open = append(open, g)
	}
	var errs []error
	for _, g := range open {
		errs = append(errs, g.close())
	}
	return errors.Join(errs...)
}

// needsRestartError says that keys changed which hold for as long as the process.
type needsRestartError struct{ keys []string }

func (e needsRestartError) Error() string {
	return strings.Join(e.keys, ", ") + ": a change needs a restart"
}

// heldKeys are the keys by which two configurations differ, and which hold for as long as the
// process. What is in data_dir by default is where that is.
func heldKeys(before, after *config.Config) (keys []string) {
	inData := func(c *config.Config, path string) string {
		if inside, err := filepath.Rel(c.DataDir, path); err == nil && filepath.IsLocal(inside) {
			return inside
		}
		return path
	}
	samePath := func(a, b string) bool { return a == b || inData(before, a) == inData(after, b) }
	for _, k := range []struct {
		key  string
		same bool
	}{
		{"listen", before.Listen == after.Listen},
		{"monitor", before.Monitor == after.Monitor},
		{"admin_socket", samePath(before.AdminSocket, after.AdminSocket)},
		{"tls", (before.TLS == nil) == (after.TLS == nil)},
		{"data_dir", before.DataDir == after.DataDir},
		{"log.format", before.Log.Format == after.Log.Format},
		{"audit.stdout", before.Audit.Stdout == after.Audit.Stdout},
		{"audit.file", before.Audit.Stdout != after.Audit.Stdout || samePath(before.Audit.File, after.Audit.File)},
		{"audit.sync", before.Audit.Sync == after.Audit.Sync},
		{"trusted_proxies", reflect.DeepEqual(before.TrustedProxies, after.TrustedProxies)},
		{"limits.requests", before.Limits.Requests == after.Limits.Requests},
		{"limits.connections", before.Limits.Connections == after.Limits.Connections},
		{"limits.failed_logins", before.Limits.FailedLogins == after.Limits.FailedLogins},
	} {
		if !k.same {
			keys = append(keys, k.key)
		}
	}
	return keys
}

// refused says why nothing was taken up: each fault of the configuration in a line of its own.
func (d *daemon) refused(ctx context.Context, err error) {
	const nothing = "not reloaded: nothing was taken up, and what was served before is served on"
	var faults strictyaml.Problems
	if errors.As(err, &faults) && len(faults) > 1 {
		for _, f := range faults {
			d.logger.Error("the configuration has a fault", slog.String("fault", f.String()))
		}
		err = fmt.Errorf("the configuration has %d faults; the first: %s", len(faults), faults[0])
	}
	d.logger.Error(nothing, slog.Any("error", err))
	if err := d.audit.Record(context.WithoutCancel(ctx), reloadEntry(err)); err != nil {
		d.logger.Error("that was not recorded in the audit log", slog.Any("error", err))
	}
}

// Why a reload was refused.
const (
	reasonBadConfiguration = "bad-configuration"
	reasonNeedsRestart     = "needs-restart"
)

// reloadEntry is the line of the audit log for a reload; err is why nothing was taken up.
func reloadEntry(err error) broker.Entry {
	e := broker.Act("", "", "reload", nil)
	if err == nil {
		return e
	}
	e.Outcome, e.Reason, e.Cause = broker.OutcomeConflict, reasonBadConfiguration, err.Error()
	if errors.As(err, new(needsRestartError)) {
		e.Reason = reasonNeedsRestart
	}
	return e
}

// difference are the names of the realms that one configuration has and another has not.
func difference(of, without *config.Config) []string {
	names := []string{}
	for _, r := range of.Realms {
		if _, err := realmOf(without, r.Name); err != nil {
			names = append(names, r.Name)
		}
	}
	return names
}
