package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/config"
)

// realmKeys are the keys of a realm, reached over the admin socket or on disk.
type realmKeys interface {
	keys(ctx context.Context) ([]token.KeyInfo, error)
	do(ctx context.Context, act token.Act, force bool) (token.KeyInfo, error)
	file(ctx context.Context, name string) ([]byte, error) // by the names of [server.File]
}

// keyOptions are the flags of the commands about keys.
type keyOptions struct {
	config, realm string
	json          bool
}

func (o *keyOptions) flags(c *cobra.Command) {
	configFlag(c, &o.config)
	realmFlag(c, &o.realm)
	jsonFlag(c, &o.json)
}

// withKeys reaches a realm's keys: over the admin socket of the process that serves,
// or, when none does, on the files, under the lock.
func (p *program) withKeys(o keyOptions, do func(realmKeys, *config.Config, config.Realm) error) error {
	cfg, realm, err := loadKeys(o.config, o.realm)
	if err != nil {
		return err
	}
	unlock, err := lockUnlessServed(cfg, lockExisting)
	if errors.Is(err, errLocked) {
		return do(adminKeys{adminRealm{socket: cfg.AdminSocket, realm: realm.Name}}, cfg, realm)
	}
	if err != nil {
		return err
	}
	defer unlock() //nolint:errcheck // the lock ends with the process
	ring, err := p.openFiles(cfg, realm)
	if err != nil {
		return err
	}
	return do(fileKeys{program: p, ring: ring, realm: realm.Name, cfg: cfg}, cfg, realm)
}

// openFiles opens the keys on disk, and changes none: that is for the process that
// serves.
func (p *program) openFiles(cfg *config.Config, realm config.Realm) (*token.Ring, error) {
	ring, err := token.Load(ringConfig(cfg, realm, p.quiet()))
	if err != nil {
		return nil, fmt.Errorf("realm %s: %w", realm.Name, err)
	}
	return ring, nil
}

// fileKeys works on the files.
type fileKeys struct {
	program *program
	ring    *token.Ring
	realm   string
	cfg     *config.Config
}

func (f fileKeys) keys(context.Context) ([]token.KeyInfo, error) { return f.ring.Keys(), nil }

func (f fileKeys) file(_ context.Context, name string) ([]byte, error) {
	content := server.File(f.ring, name)
	if len(content) == 0 {
		return nil, fmt.Errorf("realm %s has no %s yet: \"shorepass serve\" makes it when it starts next", f.realm, name)
	}
	return content, nil
}

// do writes to the audit log, too. Only the whole configuration tells that its file is none
// which somebody reads, such as one of users.
func (f fileKeys) do(ctx context.Context, act token.Act, force bool) (info token.KeyInfo, err error) {
	if _, err := f.program.load(f.cfg.File); err != nil {
		return info, err
	}
	log, err := openAudit(f.cfg, os.Stderr, f.program.quiet()) // standard output has the command's answer
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	return broker.KeyAct{Realm: f.realm, Act: act, Force: force, UID: ownUID()}.Do(ctx, f.ring, log)
}
