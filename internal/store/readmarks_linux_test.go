package store_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/store"
)

// A read ends with its caller's deadline also where another process holds all locks for
// reading the log's index, for which SQLite waits ten seconds.
func TestReadMarksAreLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), store.FileName)
	s := openAt(t, path)
	one := create(t, s, token("one"))
	index, err := os.OpenFile(path+"-shm", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	// A lock of the open file and not of the process: it holds against this process, too. See
	// https://sqlite.org/walformat.html#locks.
	const ofOpenFile, first, marks = 37, 123, 5
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: first, Len: marks}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if err = syscall.FcntlFlock(index.Fd(), ofOpenFile, &lock); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	for name, read := range map[string]func(context.Context) error{
		"Token":     func(ctx context.Context) error { _, err := s.Token(ctx, "corp", one.ID); return err },
		"Tokens":    func(ctx context.Context) error { _, err := s.Tokens(ctx, pat.Filter{Realm: "corp"}); return err },
		"HasTokens": func(ctx context.Context) error { _, err := s.HasTokens(ctx, "corp", alice); return err },
		"Check":     s.Check,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		began := time.Now()
		err := read(ctx)
		if took := time.Since(began); took > 4*time.Second || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: after %s: %v", name, took, err)
		}
		cancel()
	}
	lock.Type = syscall.F_UNLCK
	if err := syscall.FcntlFlock(index.Fd(), ofOpenFile, &lock); err != nil {
		t.Fatal(err)
	}
	recovers(t, s)
	get(t, s, one.ID)
}
