package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Copy writes a copy of the database at path to a file that it makes, as the database was
// at one moment; others may read and write meanwhile. What is in the copy was checked. It
// fails with [fs.ErrNotExist] where there is no database, and leaves no file then.
func Copy(ctx context.Context, path, to string) (version int64, err error) {
	if _, err := os.Stat(path); err != nil {
		return 0, err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, private) // SQLite would make it for others to read
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(to)
		}
	}()
	if err := f.Close(); err != nil {
		return 0, err
	}
	err = vacuum(ctx, dataSource(path, "rw"), to) // the last that reads alone would leave the log and its index behind
	if err != nil && isStill(path, kindOf(err, path)) {
		if err := os.Truncate(to, 0); err != nil {
			return 0, err
		}
		err = vacuum(ctx, dataSource(path, "ro")+"&immutable=1", to)
	}
	if err != nil {
		return 0, (&Store{path: path}).failed(err)
	}
	return Verify(ctx, to)
}

// isStill reports whether a database that failed like that cannot change: nobody has it
// open, and no log can be made beside it.
func isStill(path string, failed Kind) bool {
	_, err := os.Stat(path + "-wal")
	return (failed == ReadOnly || failed == Denied) && errors.Is(err, fs.ErrNotExist)
}

// vacuum copies a database to a file that is empty.
func vacuum(ctx context.Context, source, to string) error {
	db, err := pool(source, 1)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, to)
	return errors.Join(err, db.Close())
}

// Verify checks all of a database that nobody works on, and returns the version of its
// schema. It fails where that is newer than what this program knows, or there is none.
func Verify(ctx context.Context, path string) (version int64, err error) {
	s := &Store{path: path}
	db, err := pool(dataSource(path, "ro"), 1)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := known().checkNotNewer(ctx, db); err != nil {
		return 0, s.failed(err)
	}
	if version, err = schemaVersion(ctx, db); err == nil && version == 0 {
		err = errEmpty
	}
	if err != nil {
		return 0, s.failed(err)
	}
	var found string
	err = db.QueryRowContext(ctx, `SELECT coalesce((SELECT 'table ' || "table" || ' has rows whose owner is missing' FROM pragma_foreign_key_check LIMIT 1),
		(SELECT integrity_check FROM pragma_integrity_check LIMIT 1))`).Scan(&found)
	if err == nil && found != "ok" {
		err = fmt.Errorf("%w: %s", errRow, found)
	}
	if err != nil {
		return 0, s.failed(err)
	}
	return version, nil
}
