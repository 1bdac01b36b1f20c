package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"modernc.org/sqlite"

	"github.com/shorepass/shorepass/internal/files"
)

const (
	readers = 4     // how many connections read at once
	private = 0o600 // the mode of the database's file
)

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

	path string
	file os.FileInfo // what is open
	log  os.FileInfo // its write-ahead log; nil: not known

	failing atomic.Bool // the last transaction failed by the database
}

// connect opens the database.
func (s *Store) connect(ctx context.Context) (_ *handles, err error) {
	h := &handles{path: s.path}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	mode := "ro"
	if !s.options.ReadOnly {
		mode = "rw" // also for those that only read: they keep the index of the log
		if err := s.openWriter(ctx, h); err != nil {
			return nil, err
		}
	}
	if h.readers, err = pool(dataSource(s.path, mode, "query_only(1)"), readers); err != nil {
		return nil, err
	}
	if err := s.schema.check(ctx, h.readers); err != nil {
		return nil, err
	}
	if h.writer != nil { // whoever worked on it before may have ended while something was in the log alone
		if all, err := h.moveLog(ctx); err == nil && !all {
			s.settle()
		}
	}
	h.log, _ = os.Stat(s.path + "-wal") // there is none where nothing can be written
	h.file, err = os.Stat(s.path)
	return h, err
}

// openWriter opens the connection that writes, and brings the schema up to date.
func (s *Store) openWriter(ctx context.Context, h *handles) (err error) {
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) && !s.found {
		if err = s.make(ctx); err == nil {
			info, err = os.Stat(s.path)
		}
	}
	if err == nil && info.Size() == 0 {
		err = errEmpty
	}
	if err != nil {
		return err
	}
	// SQLite gives the files beside it the same mode. It is not opened for this: to close
	// it would give up the locks that SQLite holds on it.
	if info.Mode().Perm() != private {
		if err := os.Chmod(s.path, private); err != nil && !errors.Is(err, syscall.EROFS) {
			return err
		}
	}
	if h.writer, err = pool(dataSource(s.path, "rw", durable...), 1); err != nil {
		return err
	}
	version, err := schemaVersion(ctx, h.writer)
	if err == nil && version == 0 {
		err = errEmpty
	}
	if err != nil {
		return err
	}
	return s.schema.migrate(ctx, h.writer, s.path, s.options.Logger)
}

// make makes the database, under another name until it is whole: one that is empty was
// never made like that.
func (s *Store) make(ctx context.Context) error {
	unfinished := s.path + ".new"
	for _, left := range []string{unfinished, unfinished + "-wal", unfinished + "-shm"} {
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := os.OpenFile(unfinished, os.O_CREATE|os.O_EXCL|os.O_WRONLY, private)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	db, err := pool(dataSource(unfinished, "rw", durable...), 1)
	if err != nil {
		return err
	}
	if err := errors.Join(s.schema.migrate(ctx, db, s.path, s.options.Logger), db.Close()); err != nil {
		return err
	}
	if err := os.Rename(unfinished, s.path); err != nil {
		return err
	}
	return files.SyncFolder(filepath.Dir(s.path))
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

// durable are the pragmas of a connection that writes.
var durable = []string{"journal_mode(wal)", "synchronous(full)"} //nolint:gochecknoglobals // never changed

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
		if err = h.inPlace(); err == nil {
			err = do(ctx, tx)
		}
		if err != nil {
			_ = tx.Rollback() // the cause is what failed before
		} else {
			err = tx.Commit()
		}
	}
	h.failing.Store(err != nil && !isAnswer(err))
	return err
}

// inPlace fails where the file that is open is not the one that the next process would
// open: what is written to it would be lost then.
func (h *handles) inPlace() error {
	file, err := os.Stat(h.path)
	if err == nil && !os.SameFile(file, h.file) {
		err = errMoved
	}
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

// abandon closes the connections for others to be opened. Where another file is in the
// place of the database's, it removes the log that is left: what is in it belongs to the
// old one, and SQLite would take it for the new one's.
func (h *handles) abandon() {
	if h == nil {
		return
	}
	_ = h.close() // it failed: what it says now tells nothing more
	log, err := os.Stat(h.path + "-wal")
	if errors.Is(h.inPlace(), errMoved) && err == nil && h.log != nil && os.SameFile(log, h.log) {
		_ = os.Remove(h.path + "-shm")
		_ = os.Remove(h.path + "-wal")
	}
}

// close closes the connections.
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
