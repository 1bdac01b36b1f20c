package store

import (
	"context"
	"log/slog"
	"time"
)

// settleEvery is how often it is tried to move to the database's own file what must not
// be lost with its write-ahead log.
const settleEvery = time.Second

// settle has all of the write-ahead log moved to the database's own file in the background,
// as soon as those who read let that happen. It ends with the store.
func (s *Store) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsettled = true
	if s.closed || s.settling {
		return
	}
	s.settling = true
	s.options.Logger.Warn("what was last written, a revocation maybe, is in the write-ahead log alone as yet, since another program has the database in use: to move it is tried again every second; until then that file must not be lost",
		slog.String("path", s.path+"-wal"))
	s.work.Go(func() {
		for s.isUnsettled() {
			select {
			case <-s.life.Done():
				return
			case <-time.After(settleEvery):
				s.trySettle()
			}
		}
	})
}

// isUnsettled reports whether something is left to do. Where nothing is, settle has to
// begin anew.
func (s *Store) isUnsettled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settling = s.unsettled
	return s.unsettled
}

// trySettle moves what can be moved.
func (s *Store) trySettle() {
	s.mu.Lock()
	s.unsettled = false // unless something more comes meanwhile
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.life, within)
	defer cancel()
	if settled, err := s.moveLog(ctx); err == nil && settled {
		s.options.Logger.Info("what was last written is in the database's own file, too", slog.String("path", s.path))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsettled = true
}

// moveLog moves the log as [handles.moveLog] does.
func (s *Store) moveLog(ctx context.Context) (all bool, err error) {
	err = s.run(ctx, func(h *handles) error {
		all, err = h.moveLog(ctx)
		return err
	})
	return all, err
}

// moveLog moves what it can of the write-ahead log to the database's own file, and waits
// for nobody. It reports whether that is all: then it is on the disk. Where somebody else is
// moving it, which is busy, nothing is known of it.
func (h *handles) moveLog(ctx context.Context) (all bool, err error) {
	var busy, logged, moved int
	err = h.writer.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &logged, &moved)
	return busy == 0 && moved == logged, err
}
