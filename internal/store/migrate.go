package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
)

// Version is the newest schema that this program knows.
const Version = 1

// The migrations are run in the order of their numbers. One that was released is never
// changed again: databases out there have it behind them.
//
//go:embed migrations/*.sql
var migrations embed.FS

// schema is what a program makes of a database.
type schema struct {
	migrations fs.FS // with *.sql in the folder "migrations"
	version    int64 // the newest of them
}

// known is the schema of this program.
func known() schema { return schema{migrations, Version} }

// migrate brings the schema up to date.
func (k schema) migrate(ctx context.Context, db *sql.DB, path string, logger *slog.Logger) error {
	if err := k.checkNotNewer(ctx, db); err != nil {
		return err
	}
	folder, err := fs.Sub(k.migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, folder,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	done, err := p.Up(ctx)
	for _, m := range done {
		logger.Info("the database was brought up to date", slog.String("path", path), slog.Int64("version", m.Source.Version))
	}
	return err
}

// checkNotNewer fails where a newer program has worked on the database.
func (k schema) checkNotNewer(ctx context.Context, db *sql.DB) error {
	version, err := schemaVersion(ctx, db)
	if err == nil && version > k.version {
		return fmt.Errorf("%w: its schema is %d, and this program knows those up to %d", errNewer, version, k.version)
	}
	return err
}

// check fails where the database is not the one that this program knows.
func (k schema) check(ctx context.Context, db *sql.DB) error {
	version, err := schemaVersion(ctx, db)
	switch {
	case err != nil:
		return err
	case version > k.version:
		return k.checkNotNewer(ctx, db)
	case version < k.version:
		return fmt.Errorf("%w: its schema is %d, and this program wants %d", errOlder, version, k.version)
	}
	return nil
}

// schemaVersion returns the schema's version; 0: there is none.
func schemaVersion(ctx context.Context, db *sql.DB) (version int64, err error) {
	var there bool
	if err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'goose_db_version')`).Scan(&there); err != nil || !there {
		return 0, err
	}
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version)
	return version, err
}
