package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"

	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/connectors/oidc"
	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/connectors/webhook"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/internal/store"
)

// tokenType is the type of the connector that takes personal access tokens.
const tokenType = "pat"

// wiring is what connectors are made of.
type wiring struct {
	types    map[string]connectors.Type
	database *store.Store  // of the access tokens; nil where no realm has a connector for them
	memory   *pat.Memory   // of the access tokens and their owners
	shield   *guard.Shield // of all connectors; nil: each has its own
	hung     connectors.Hung
}

func newProgram(s Streams, extra map[string]connectors.Type) *program {
	p := &program{Streams: s}
	p.keep(nil, slog.New(slog.DiscardHandler))
	p.types = p.connectorTypes(extra)
	return p
}

// keep has connectors of access tokens use a database, if there is one.
func (w *wiring) keep(database *store.Store, logger *slog.Logger) {
	w.database, w.memory = database, pat.NewMemory(nil, nil, logger)
	if database != nil {
		w.memory = pat.NewMemory(database, database, logger)
	}
}

// close closes what a command may have left open, when it has closed the connectors. It may be
// called more than once.
func (w *wiring) close() error {
	err := w.memory.Close()
	if w.database != nil {
		err = errors.Join(err, w.database.Close())
	}
	return err
}

// connectorTypes is every connector type there is, by the name that configurations
// use. A type of extra takes the place of a built-in one.
func (w *wiring) connectorTypes(extra map[string]connectors.Type) map[string]connectors.Type {
	hashes := static.NewBound()
	openStatic := func(cfg *static.Config, d connectors.Deps) (*static.Directory, error) {
		return static.New(cfg, d, hashes)
	}
	accounts := oidc.NewAccounts()
	openOIDC := func(cfg *oidc.Config, d connectors.Deps) (*oidc.Directory, error) {
		return oidc.New(cfg, d, accounts)
	}
	types := map[string]connectors.Type{
		"ldap": {
			Config:    func() any { return ldap.DefaultConfig() },
			Directory: password(ldap.Open),
			Groups:    connectors.FoldedGroups,
		},
		"oidc": {
			Config:    func() any { return oidc.DefaultConfig() },
			Directory: password(openOIDC),
		},
		tokenType: {
			Config: func() any { return pat.DefaultConfig() },
			New:    w.openTokens,
			Tokens: true,
		},
		"static": {
			Config:    func() any { return new(static.Config) },
			Directory: password(openStatic),
		},
		"webhook": {
			Config:    func() any { return webhook.DefaultConfig() },
			Directory: password(webhook.Open),
		},
	}
	maps.Copy(types, extra)
	return types
}

// password makes the Directory of a connector type.
func password[C any, D connectors.Directory](open func(*C, connectors.Deps) (D, error)) func(any, connectors.Deps) (connectors.Directory, error) {
	return func(cfg any, d connectors.Deps) (connectors.Directory, error) {
		typed, ok := cfg.(*C)
		if !ok {
			return nil, fmt.Errorf("connector %s: got a configuration of type %T", d.Name, cfg)
		}
		return open(typed, d)
	}
}

// openTokens makes a connector of access tokens.
func (w *wiring) openTokens(cfg any, d connectors.Deps) (connectors.Connector, error) {
	typed, ok := cfg.(*pat.Config)
	if !ok {
		return nil, fmt.Errorf("connector %s: got a configuration of type %T", d.Name, cfg)
	}
	return pat.New(typed, d, w.memory), nil
}

// selfService is what the configuration of a connector of access tokens lets people do.
func selfService(cfg any) access.SelfService {
	if typed, ok := cfg.(*pat.Config); ok {
		return access.SelfService(typed.SelfService)
	}
	return access.SelfService{}
}

// openConnector makes one connector of a realm, which finds its siblings there.
func (p *program) openConnector(r config.Realm, c config.Connector, s siblings, logger *slog.Logger) (connectors.Connector, error) {
	deps := connectors.Deps{
		Realm:     r.Name,
		Name:      c.Name,
		Form:      r.Usernames,
		Usernames: c.Usernames,
		Logger:    logger.With(slog.String("realm", r.Name), slog.String("connector", c.Name)),
		AtOnce:    c.Guard.Bulkhead.Max,
		Hung:      &p.hung,
		Sibling:   s.find,
	}
	t := p.types[c.Type]
	if t.Directory == nil {
		return t.New(c.Config, deps)
	}
	directory, err := t.Directory(c.Config, deps)
	if err != nil {
		return nil, err
	}
	return guard.Password(directory, guard.Config{
		Settings: c.Guard, Look: p.look(r), Shield: p.shield, Realm: r.Name, Name: c.Name, Form: deps.Form, Usernames: deps.Usernames,
		Logger: deps.Logger,
	}), nil
}

// look is that of the realm's connectors that check passwords.
func (w *wiring) look(r config.Realm) guard.Look {
	var settings []guard.LockoutSettings
	for _, c := range r.Connectors {
		if w.types[c.Type].Directory != nil {
			settings = append(settings, c.Guard.Lockout)
		}
	}
	return guard.LookOf(settings...)
}

// openShield has the failed logins of all connectors counted together.
func (w *wiring) openShield(cfg *config.Config) {
	w.shield = guard.NewShield(cfg.Limits.FailedLogins)
}

// siblings are the connectors of a realm, by name, when all are open.
type siblings map[string]connectors.Connector

func (s siblings) find(name string) (connectors.Connector, bool) {
	c, ok := s[name]
	return c, ok
}

// openMembers makes the connectors of a realm. The returned function closes them.
func (p *program) openMembers(r config.Realm, logger *slog.Logger) ([]connectors.Member, func() error, error) {
	var members []connectors.Member
	var opened []connectors.Connector
	byName := siblings{}
	closeAll := func() error {
		var errs []error
		for _, o := range opened {
			if c, ok := o.(io.Closer); ok {
				errs = append(errs, c.Close())
			}
		}
		return errors.Join(errs...)
	}
	for _, c := range r.Connectors {
		one, err := p.openConnector(r, c, byName, logger)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("realm %s, connector %s: %w", r.Name, c.Name, err), closeAll())
		}
		opened = append(opened, one)
		warning, err := reach(r, c, one)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("realm %s: %w", r.Name, err), closeAll())
		}
		if warning != "" {
			logger.Warn(warning, slog.String("realm", r.Name))
		}
		byName[c.Name] = one
		members = append(members, connectors.Member{Name: c.Name, Connector: one, Tokens: p.types[c.Type].Tokens})
	}
	return members, closeAll, nil
}

// keepsTokens reports whether a realm has a connector for access tokens, so that there is
// a database.
func keepsTokens(cfg *config.Config) bool {
	return slices.ContainsFunc(cfg.Realms, func(r config.Realm) bool {
		return slices.ContainsFunc(r.Connectors, func(c config.Connector) bool { return c.Type == tokenType })
	})
}

// openDatabase opens the database for a process that holds the lock of data_dir, before
// the connectors. Where that fails by something that can be mended, there is a database
// together with the error, and it is tried again when it is needed.
func (w *wiring) openDatabase(ctx context.Context, cfg *config.Config, logger *slog.Logger) error {
	if !keepsTokens(cfg) {
		return nil
	}
	_ = w.close() // that for looking
	database, err := store.Open(ctx, databasePath(cfg), store.Options{Logger: logger})
	w.keep(database, logger)
	return err
}

// lookAtDatabase has connectors read the database, for commands that change nothing.
func (w *wiring) lookAtDatabase(cfg *config.Config) {
	if keepsTokens(cfg) {
		_ = w.close()
		database, _ := store.Open(context.Background(), databasePath(cfg), store.Options{ReadOnly: true}) // opens when asked, and fails then
		w.keep(database, slog.New(slog.DiscardHandler))
	}
}

func databasePath(cfg *config.Config) string { return filepath.Join(cfg.DataDir, store.FileName) }

func ringConfig(cfg *config.Config, r config.Realm, logger *slog.Logger) token.Config {
	trust := map[string]token.Trust{}
	for _, s := range r.Services {
		trust[s.Name] = token.Trust(s.Trust)
	}
	return token.Config{
		Dir:       filepath.Join(cfg.DataDir, "keys", r.Name),
		Realm:     r.Name,
		Algorithm: r.Signing.Algorithm,
		Trust:     trust,
		KeyFile:   r.Signing.KeyFile,
		CertFile:  r.Signing.CertFile,
		Logger:    logger,
	}
}

// closeConnector closes what a connector holds, if it holds anything.
func closeConnector(c connectors.Connector) {
	if closer, ok := c.(io.Closer); ok {
		_ = closer.Close() // nothing was sent over it
	}
}

// hashAlgorithms are the password hashes that the static connector checks, the
// default first.
func hashAlgorithms() []string { return []string{string(static.Argon2id), string(static.Bcrypt)} }

// hashPassword makes a password hash for the static connector's users.yaml.
func hashPassword(password connectors.Secret, algorithm string) (string, error) {
	return static.Hash(password, static.Algorithm(algorithm))
}
