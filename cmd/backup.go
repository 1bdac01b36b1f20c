package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/internal/backup"
	"github.com/shorepass/shorepass/internal/config"
)

func newBackup(p *program) *cobra.Command {
	var path string
	var asJSON bool
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write the keys and the database to a file",
		Long: "Write the keys that sign tokens, and the database, to a new file that \"shorepass restore\"\n" +
			"reads; while \"serve\" runs, too. Whoever has that file can sign tokens: keep it as you\n" +
			"keep the keys.",
		Args: oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := p.load(path)
			if err != nil {
				return err
			}
			m, err := backup.Save(args[0], func(w io.Writer) error { return p.writeBackup(c.Context(), cfg, w) })
			if err != nil {
				return fmt.Errorf("no backup was made: %w", err)
			}
			return p.printManifest(m, "backed up: %s\n", asJSON)
		},
	}
	configFlag(c, &path)
	jsonFlag(c, &asJSON)
	return c
}

// oneFile wants the name of a file.
func oneFile(c *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return usageError{fmt.Errorf("%q takes the name of one file", c.CommandPath())}
	}
	return nil
}

// writeBackup writes an archive: from the process that serves or, when none does, from
// the files, under the lock.
func (p *program) writeBackup(ctx context.Context, cfg *config.Config, w io.Writer) error {
	unlock, err := lockExisting(cfg.DataDir)
	if errors.Is(err, errLocked) {
		return askAdmin(ctx, cfg.AdminSocket, http.MethodPost, "backup", nil, func(answer io.Reader) error {
			_, err := io.Copy(w, answer)
			return err
		})
	}
	if err != nil {
		return err
	}
	defer unlock() //nolint:errcheck // the lock ends with the process
	if err := backup.CheckFinished(cfg.DataDir); err != nil {
		return err
	}
	archive, err := backup.Take(ctx, cfg.DataDir, version().Version)
	if err == nil {
		defer func() { _ = archive.Close() }() // only read
	}
	if err := errors.Join(err, p.recordAct(ctx, cfg, broker.Act("", "", "backup", err))); err != nil {
		return err
	}
	_, err = archive.WriteTo(w)
	return err
}

// backup takes a backup for the admin API.
func (d *daemon) backup(ctx context.Context) (server.Archive, error) {
	return backup.Take(ctx, d.cfg.DataDir, version().Version)
}

// recordAct records an act, past the process that serves.
func (p *program) recordAct(ctx context.Context, cfg *config.Config, e broker.Entry) (err error) {
	log, err := openAudit(cfg, os.Stderr, p.quiet()) // standard output has the command's answer
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	return log.Record(ctx, e)
}

// printManifest prints what is in a backup; format says what became of it.
func (p *program) printManifest(m backup.Manifest, format string, asJSON bool) error {
	if asJSON {
		return p.printJSON(m)
	}
	keys := len(m.Files)
	what := "no database"
	if m.Schema > 0 {
		keys--
		what = fmt.Sprintf("the database (schema %d)", m.Schema)
	}
	_, err := fmt.Fprintf(p.Out, format, fmt.Sprintf("%d files of keys and %s, made %s by shorepass %s",
		keys, what, m.Made.Format("2006-01-02 15:04:05Z"), m.Program))
	return err
}
