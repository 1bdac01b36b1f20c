package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Check fails while tokens cannot be read, or could not be changed. It writes nothing
// unless the last write failed. Of a database that is only looked at, reading will do; where
// there is none yet, the first start makes it.
func (s *Store) Check(ctx context.Context) error {
	if _, err := os.Stat(s.path); s.options.ReadOnly && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return s.run(ctx, func(h *handles) error {
		if _, err := await(ctx, func() (some bool, err error) {
			return some, h.readers.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM tokens)`).Scan(&some)
		}); err != nil {
			return err
		}
		if s.options.ReadOnly {
			return nil
		}
		if err := mayWrite(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %w", errReadOnly, err)
		}
		// This takes the lock, and gives it back.
		return h.transaction(ctx, func(ctx context.Context, q queryer) error {
			if !h.failing.Load() {
				return nil
			}
			if isFull(s.path) { // what little is written here may find room where more does not
				return syscall.ENOSPC
			}
			_, err := q.ExecContext(ctx, `PRAGMA application_id = 0`) // written, though nothing changes
			return err
		})
	})
}

// checkpoint moves all of the write-ahead log to the database's own file. Whoever reads
// just then is waited for, and it is tried until the context ends.
func (s *Store) checkpoint(ctx context.Context) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	return s.run(ctx, func(h *handles) error {
		var inUse error
		for {
			var busy, logged, moved int
			err := h.writer.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &logged, &moved)
			if err != nil {
				return errors.Join(err, inUse)
			}
			if busy == 0 {
				return nil
			}
			inUse = errInUse
			time.Sleep(10 * time.Millisecond)
		}
	})
}
