package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/internal/backup"
	"github.com/shorepass/shorepass/internal/config"
)

func newRestore(p *program) *cobra.Command {
	o := backupOptions{messages: p.Out}
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Bring keys and database back from a file of \"backup\"",
		Long: "Bring the keys and the database back from a file that \"shorepass backup\" wrote, into a\n" +
			"data_dir that has neither, while nothing serves from it. FILE - is standard input. The\n" +
			"whole file is checked first.",
		Args: oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			o.file = args[0]
			cfg, err := p.load(o.config)
			if err != nil {
				return err
			}
			ctx, stop := untilEnded(c)
			defer stop()
			m, err := p.restore(ctx, cfg, o)
			if err != nil {
				return err
			}
			return o.print(m, "restored")
		},
	}
	configFlag(c, &o.config)
	jsonFlag(c, &o.json)
	c.Flags().BoolVar(&o.part, "database-only", false, "leave the keys that are there as they are")
	return c
}

// restore brings a backup back, under the lock, and records it.
func (p *program) restore(ctx context.Context, cfg *config.Config, o backupOptions) (m backup.Manifest, err error) {
	if err := checkFolder(cfg.DataDir); err != nil {
		return m, err
	}
	unlock, err := lockUnlessServed(cfg, lockForRestore)
	if errors.Is(err, errLocked) {
		err = fmt.Errorf("%w: stop it first", err)
	}
	if err != nil {
		return m, err
	}
	defer unlock() //nolint:errcheck // the lock ends with the process
	m, err = p.restoreFrom(ctx, cfg, o)
	return m, errors.Join(err, p.recordFile(ctx, cfg, o, broker.Act("", "", "restore", err)))
}

// restoreFrom reads the file, and restores it.
func (p *program) restoreFrom(ctx context.Context, cfg *config.Config, o backupOptions) (m backup.Manifest, err error) {
	from := p.In
	if o.file != stream {
		f, err := os.OpenFile(o.file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not hold it up
		if err != nil {
			return m, err
		}
		defer func() { _ = f.Close() }() // only read
		from = f
	}
	m, err = backup.Restore(ctx, from, backup.Restoring{
		DataDir: cfg.DataDir, DatabaseOnly: o.part,
		Check: func(folder string, m backup.Manifest) error { return p.checkRestored(cfg, o, folder, m) },
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", o.file, err)
	}
	return m, err
}

// checkRestored wants the keys in a folder, or those that stay, to be what the realms can
// sign with, and says what will be missing.
func (p *program) checkRestored(cfg *config.Config, o backupOptions, folder string, m backup.Manifest) error {
	from := "the backup"
	if o.part {
		folder, from = cfg.DataDir, "data_dir"
	}
	if m.Schema == 0 && keepsTokens(cfg) {
		fmt.Fprintln(p.Err, "warning: the backup has no database: no access token signs in any more")
	}
	return checkOwnKeys(cfg, folder, func(r config.Realm, _ error) error {
		fmt.Fprintf(p.Err, "warning: %s has no keys of realm %s: \"shorepass serve\" will make new ones, which registries do not know\n", from, r.Name)
		return nil
	})
}
