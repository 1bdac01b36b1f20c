package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/backup"
	"github.com/shorepass/shorepass/internal/config"
)

// stream is the FILE that stands for standard output, or input.
const stream = "-"

// backupOptions are the flags of the commands about backups.
type backupOptions struct {
	config   string
	part     bool // the keys alone, or the database alone
	json     bool
	file     string
	messages io.Writer // where the answer goes
}

func newBackup(p *program) *cobra.Command {
	o := backupOptions{messages: p.Out}
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write the keys and the database to a file",
		Long: "Write the keys that sign tokens, and the database, to a new file that \"shorepass restore\"\n" +
			"reads; while \"serve\" runs, too. FILE - is standard output. Whoever has that file can sign\n" +
			"tokens: keep it as you keep the keys.",
		Args: oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			o.file = args[0]
			ctx, stop := untilEnded(c)
			defer stop()
			return p.backup(ctx, o)
		},
	}
	configFlag(c, &o.config)
	jsonFlag(c, &o.json)
	c.Flags().BoolVar(&o.part, "keys-only", false, "leave the database out, where it is damaged, say")
	return c
}

// untilEnded is a context that ends, too, when somebody wants the command to end, so that
// it can clean up.
func untilEnded(c *cobra.Command) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(c.Context(), syscall.SIGTERM, syscall.SIGHUP)
}

// oneFile wants the name of a file.
func oneFile(c *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return usageError{fmt.Errorf("%q takes the name of one file", c.CommandPath())}
	}
	return nil
}

// backup writes a backup, and says what is in it.
func (p *program) backup(ctx context.Context, o backupOptions) error {
	cfg, err := p.load(o.config)
	if err != nil {
		return err
	}
	write := func(w io.Writer) error { return p.writeBackup(ctx, cfg, o, w) }
	var m backup.Manifest
	if o.file == stream {
		o.messages = p.Err
		m, err = backup.Stream(ctx, p.Out, write)
	} else {
		m, err = backup.Save(ctx, o.file, write)
	}
	if err != nil {
		return fmt.Errorf("no backup was made: %w", err)
	}
	return o.print(m, "backed up")
}

// writeBackup writes an archive: from the process that serves or, when none does, from
// the files, under the lock.
func (p *program) writeBackup(ctx context.Context, cfg *config.Config, o backupOptions, w io.Writer) error {
	unlock, err := lockUnlessServed(cfg, lockExisting)
	if errors.Is(err, errLocked) {
		query := url.Values{"file": {o.absolute()}}
		if o.part {
			query.Set("keys_only", "true")
		}
		return receive(ctx, cfg.AdminSocket, http.MethodPost, "backup?"+query.Encode(), w)
	}
	if err != nil {
		return err
	}
	defer unlock() //nolint:errcheck // the lock ends with the process
	archive, err := backup.Take(ctx, backupSource(cfg, o.part))
	if err == nil {
		defer func() { _ = archive.Close() }() // only read
	}
	if err := errors.Join(err, p.recordFile(ctx, cfg, o, broker.Act("", "", "backup", err))); err != nil {
		return err
	}
	_, err = archive.WriteTo(w)
	return err
}

// backupSource is what a backup is made of.
func backupSource(cfg *config.Config, keysOnly bool) backup.Source {
	return backup.Source{
		DataDir: cfg.DataDir, Program: version().Version, Database: keepsTokens(cfg), KeysOnly: keysOnly,
		Check: func() error {
			return checkOwnKeys(cfg, cfg.DataDir, func(_ config.Realm, err error) error { return err })
		},
	}
}

// checkOwnKeys wants the keys in a folder to be what the realms can sign with. missing says
// what it is that a realm has none.
func checkOwnKeys(cfg *config.Config, folder string, missing func(config.Realm, error) error) error {
	for _, r := range cfg.Realms {
		ring := ringConfig(cfg, r, slog.New(slog.DiscardHandler))
		if ring.KeyFile != "" {
			continue // brought, and not in a backup
		}
		ring.Dir = filepath.Join(folder, "keys", r.Name)
		_, err := token.Load(ring)
		if errors.Is(err, token.ErrNoKeys) {
			err = missing(r, err)
		}
		if err != nil {
			return fmt.Errorf("realm %s: %w", r.Name, err)
		}
	}
	return nil
}

// backup takes a backup for the admin API.
func (d *daemon) backup(ctx context.Context, keysOnly bool) (server.Archive, error) {
	d.backups.Lock()
	defer d.backups.Unlock()
	return backup.Take(ctx, backupSource(d.current.Load().cfg, keysOnly))
}

// recordFile records an act with a backup's file, past the process that serves.
func (p *program) recordFile(ctx context.Context, cfg *config.Config, o backupOptions, e broker.Entry) (err error) {
	log, err := openAudit(cfg, os.Stderr, p.quiet()) // standard output has the command's answer
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	e.UID, e.File = ownUID(), o.absolute()
	return log.Record(ctx, e)
}

// absolute is the whole name of the file.
func (o backupOptions) absolute() string {
	if o.file == stream {
		return stream
	}
	if path, err := filepath.Abs(o.file); err == nil {
		return path
	}
	return o.file
}

// print prints what is in a backup, and what became of it.
func (o backupOptions) print(m backup.Manifest, became string) error {
	if o.json {
		return writeJSON(o.messages, m)
	}
	files, database := len(m.Files), "no database"
	if m.Schema > 0 {
		files, database = files-1, fmt.Sprintf("the database (schema %d)", m.Schema)
	}
	keys := fmt.Sprintf("%d files of keys", files)
	switch files {
	case 0:
		keys = "no keys"
	case 1:
		keys = "1 file of keys"
	}
	_, err := fmt.Fprintf(o.messages, "%s: %s and %s, made %s by shorepass %s\n",
		became, keys, database, m.Made.Format("2006-01-02 15:04:05Z"), m.Program)
	return err
}
