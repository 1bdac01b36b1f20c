package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shorepass/shorepass/broker"
)

// Log writes entries. It is safe for concurrent use.
type Log struct {
	file   *os.File
	every  time.Duration
	logger *slog.Logger

	writing sync.Mutex
	torn    bool  // the last write left half a line
	written int64 // count of lines handed to the kernel

	syncing sync.Mutex
	synced  int64                 // count of lines known to be on the disk
	broken  atomic.Pointer[error] // the last fsync failed: what it lost cannot be known

	stop chan struct{}
	done chan struct{}
}

var _ broker.Auditor = (*Log)(nil)

// Open opens or creates the file, for its owner alone, and appends to it. Lines are
// on the disk within every; zero means before Record returns.
func Open(path string, every time.Duration, logger *slog.Logger) (*Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	l := &Log{file: f, every: every, logger: logger, stop: make(chan struct{}), done: make(chan struct{})}
	if l.torn, err = endsTorn(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("audit: %w", err)
	}
	go l.syncInBackground()
	return l, nil
}

// To writes to f, such as standard output; it is neither synced nor closed.
func To(f *os.File) *Log { return &Log{file: f} }

// Record appends one line.
func (l *Log) Record(_ context.Context, e broker.Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	n, err := l.write(append(line, '\n'))
	if err != nil {
		return err
	}
	if l.stop != nil && l.every == 0 {
		return l.syncUpTo(n)
	}
	return l.health()
}

// Close writes everything to the disk and closes the file.
func (l *Log) Close() error {
	if l.stop == nil {
		return nil
	}
	close(l.stop)
	<-l.done
	return errors.Join(l.sync(), l.file.Close())
}

// write hands a line to the kernel and returns its number. Half a line, as a full
// disk leaves it, is ended before the next, so that it spoils no other.
func (l *Log) write(line []byte) (int64, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := l.file.Write(line)
	if err != nil {
		if l.torn {
			l.torn = n != 1 // one byte is the newline that ends the torn line
		} else {
			l.torn = n > 0
		}
		return 0, fmt.Errorf("audit: %w", err)
	}
	l.torn = false
	l.written++
	return l.written, nil
}

// syncUpTo returns once line n is on the disk. Whoever comes first syncs for all
// that wait behind it.
func (l *Log) syncUpTo(n int64) error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.synced >= n {
		return nil
	}
	return l.syncLocked()
}

// sync writes what there is to the disk.
func (l *Log) sync() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	return l.syncLocked()
}

func (l *Log) syncLocked() error {
	l.writing.Lock()
	upTo := l.written
	l.writing.Unlock()
	if upTo == l.synced && l.broken.Load() == nil {
		return nil
	}
	if err := l.file.Sync(); err != nil {
		err = fmt.Errorf("audit: %w", err)
		l.broken.Store(&err)
		return err
	}
	l.synced = upTo
	l.broken.Store(nil)
	return nil
}

// health is the fault of the last background sync, until one succeeds.
func (l *Log) health() error {
	if fault := l.broken.Load(); fault != nil {
		return *fault
	}
	return nil
}

func (l *Log) syncInBackground() {
	defer close(l.done)
	if l.every == 0 {
		<-l.stop
		return
	}
	tick := time.NewTicker(l.every)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
			if err := l.sync(); err != nil {
				l.logger.Error("the audit log is not on the disk: nothing is granted until it is", slog.Any("error", err))
			}
		}
	}
}

// endsTorn reports whether the file ends in half a line.
func endsTorn(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil {
		return false, err
	}
	return last[0] != '\n', nil
}
