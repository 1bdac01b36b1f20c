package store

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"sync/atomic"

	"modernc.org/sqlite"
)

// readers is how many connections read at once.
const readers = 4

// queryer is what an operation works on: a transaction, or the readers.
type queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// handles are the connections of an open database.
type handles struct {
	readers *sql.DB
	writer  *sql.DB // one connection; nil where the database is only looked at

	failing atomic.Bool // the last transaction failed by the database
}

// connect opens the database at path.
func connect(ctx context.Context, path string, o Options) (_ *handles, err error) {
	h := new(handles)
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if !o.ReadOnly {
		if err := prepareFile(path); err != nil {
			return nil, err
		}
		if h.writer, err = pool(dataSource(path, "rw", "journal_mode(wal)", "synchronous(full)"), 1); err != nil {
			return nil, err
		}
		if err := migrate(ctx, h.writer, path, o.Logger); err != nil {
			return nil, err
		}
	}
	mode := "rw" // even what only reads has to keep the index of the log
	if o.ReadOnly {
		mode = "ro"
	}
	if h.readers, err = pool(dataSource(path, mode, "query_only(1)"), readers); err != nil {
		return nil, err
	}
	return h, checkVersion(ctx, h.readers)
}

// dataSource names the database for the driver. mode is SQLite's: rw and ro make no file.
func dataSource(path, mode string, pragmas ...string) string {
	values := url.Values{
		"mode":       {mode},
		"_txlock":    {"immediate"},
		"_defensive": {"1"},
		"_dqs":       {"0"},
		"_error_rc":  {"1"},
		"_pragma": append([]string{
			"busy_timeout(2000)", "foreign_keys(1)", "trusted_schema(0)", "cell_size_check(1)", "cache_size(-1024)",
		}, pragmas...),
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: values.Encode()}).String()
}

// pool opens at most the given number of connections, when they are needed.
func pool(source string, size int) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(source)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// transaction runs do in a transaction that writes.
func (h *handles) transaction(ctx context.Context, do func(context.Context, queryer) error) error {
	if h.writer == nil {
		return errReadOnly
	}
	tx, err := h.writer.BeginTx(ctx, nil)
	if err == nil {
		if err = do(ctx, tx); err != nil {
			_ = tx.Rollback() // the cause is what failed before
		} else {
			err = tx.Commit()
		}
	}
	h.failing.Store(err != nil && !isAnswer(err))
	return err
}

// renew has the connections opened anew that are not in use: SQLite opens a file for
// reading alone where it may not write, and a connection stays as it was opened.
func (h *handles) renew() {
	for db, size := range map[*sql.DB]int{h.readers: readers, h.writer: 1} {
		if db != nil {
			db.SetMaxIdleConns(-1)
			db.SetMaxIdleConns(size)
		}
	}
}

// close closes the connections, if there are any.
func (h *handles) close() error {
	if h == nil {
		return nil
	}
	var errs []error
	for _, db := range []*sql.DB{h.readers, h.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
