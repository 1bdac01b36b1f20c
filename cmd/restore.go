package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/backup"
	"github.com/shorepass/shorepass/internal/config"
)

func newRestore(p *program) *cobra.Command {
	var path string
	var asJSON bool
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Bring keys and database back from a file of \"backup\"",
		Long: "Bring the keys and the database back from a file that \"shorepass backup\" wrote, into a\n" +
			"data_dir that has neither, while nothing serves from it. The whole file is checked first.",
		Args: oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := p.load(path)
			if err != nil {
				return err
			}
			m, err := p.restore(c.Context(), cfg, args[0])
			if err != nil {
				return err
			}
			return p.printManifest(m, "restored: %s\n", asJSON)
		},
	}
	configFlag(c, &path)
	jsonFlag(c, &asJSON)
	return c
}

// restore brings a backup back, under the lock, and records it.
func (p *program) restore(ctx context.Context, cfg *config.Config, file string) (m backup.Manifest, err error) {
	if info, err := os.Stat(cfg.DataDir); err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
			return m, fmt.Errorf("data_dir %s belongs to the user with the number %d: run this as that user", cfg.DataDir, owner.Uid)
		}
	}
	unlock, err := lockData(cfg.DataDir)
	if errors.Is(err, errLocked) {
		err = fmt.Errorf("%w: stop it first", err)
	}
	if err != nil {
		return m, err
	}
	defer unlock() //nolint:errcheck // the lock ends with the process
	m, err = backup.Restore(ctx, file, cfg.DataDir, func(folder string) error { return p.checkRestored(cfg, folder) })
	return m, errors.Join(err, p.recordAct(ctx, cfg, broker.Act("", "", "restore", err)))
}

// checkRestored wants the keys in a folder to be what the realms can sign with.
func (p *program) checkRestored(cfg *config.Config, folder string) error {
	for _, r := range cfg.Realms {
		ring := ringConfig(cfg, r, p.quiet())
		if ring.KeyFile != "" {
			continue // brought, and not in a backup
		}
		ring.Dir = filepath.Join(folder, "keys", r.Name)
		_, err := token.Load(ring)
		if errors.Is(err, token.ErrNoKeys) {
			fmt.Fprintf(p.Err, "warning: the backup has no keys of realm %s: \"shorepass serve\" will make new ones, which registries do not know\n", r.Name)
			continue
		}
		if err != nil {
			return fmt.Errorf("realm %s: %w", r.Name, err)
		}
	}
	return nil
}
