package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/store"
)

// soon is within what a database that has failed must work again without a restart.
const soon = 10 * time.Second

// wantKind wants a failure that callers know for one, whose text names the file and says
// what to do.
func wantKind(t *testing.T, what string, err error, kind store.Kind, path string) {
	t.Helper()
	var failure *store.Error
	switch {
	case !errors.As(err, &failure) || !errors.Is(err, store.ErrUnavailable):
		t.Errorf("%s: %v, want a failure of the database", what, err)
	case failure.Kind != kind:
		t.Errorf("%s: %v (%s), want %s", what, err, failure.Kind, kind)
	case !strings.Contains(err.Error(), "the database "+path+" ") || !strings.Contains(err.Error(), ": "):
		t.Errorf("%s: the text is %q", what, err)
	}
}

// recovers waits until the database can be used again.
func recovers(t *testing.T, s *store.Store) {
	t.Helper()
	deadline := time.Now().Add(soon)
	for s.Check(t.Context()) != nil {
		if time.Now().After(deadline) {
			t.Fatalf("%s after the cause ended: %v", soon, s.Check(t.Context()))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// other opens the database past the store, as another program would.
func other(t *testing.T, path string, pragmas ...string) (c *sql.Conn, leave func()) {
	t.Helper()
	source := "file:" + path + "?mode=rw"
	for _, p := range pragmas {
		source += "&_pragma=" + p
	}
	db, err := sql.Open("sqlite", source)
	if err != nil {
		t.Fatal(err)
	}
	c, err = db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	leave = func() {
		_ = c.Close()
		_ = db.Close()
	}
	t.Cleanup(leave)
	return c, leave
}

func exec(t *testing.T, c *sql.Conn, query string) {
	t.Helper()
	if _, err := c.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// While another process writes, what would write waits and fails; reading goes on.
func TestLockedForWriting(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), store.FileName)
	s := openAt(t, path)
	one := create(t, s, token("one"))
	c, _ := other(t, path)
	exec(t, c, "BEGIN IMMEDIATE")
	started := time.Now()
	_, err := s.Revoke(t.Context(), "corp", []string{one.ID}, now, "administrator")
	wantKind(t, "a revocation", err, store.Locked, path)
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if got := get(t, s, one.ID); !got.Revoked.IsZero() {
		t.Error("what was refused has happened")
	}
	wantKind(t, "the check", s.Check(t.Context()), store.Locked, path)
	exec(t, c, "ROLLBACK")
	recovers(t, s)
	if len(revoke(t, s, one.ID)) != 1 {
		t.Error("not revoked")
	}
}

// Somebody who has the whole database for himself when the program starts keeps it from
// it, until he is done.
func TestLockedAtStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), store.FileName)
	first := openAt(t, path)
	one := create(t, first, token("one"))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	c, leave := other(t, path, "locking_mode(exclusive)")
	exec(t, c, "BEGIN EXCLUSIVE")
	s, err := store.Open(t.Context(), path, store.Options{})
	wantKind(t, "Open", err, store.Locked, path)
	if s == nil {
		t.Fatal("no store that could recover")
	}
	defer s.Close()
	_, err = s.Token(t.Context(), "corp", one.ID)
	wantKind(t, "a read", err, store.Locked, path)
	leave()
	recovers(t, s)
	get(t, s, one.ID)
}

// A caller's deadline, and a caller that has gone, end the wait.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), store.FileName)
	s := openAt(t, path)
	c, _ := other(t, path)
	exec(t, c, "BEGIN IMMEDIATE")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	started := time.Now()
	wantKind(t, "with little time", s.SaveOwners(ctx, []pat.Owner{owner()}), store.Slow, path)
	if took := time.Since(started); took >= 2*time.Second { // which a lock is waited for
		t.Errorf("it took %s", took)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := s.SaveOwners(gone, []pat.Owner{owner()}); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("of a caller that has gone: %v", err)
	}
	if _, err := s.Owner(gone, "corp", alice); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a read of a caller that has gone: %v", err)
	}
}

// What happens to the file while it is open is noticed, and mended without a restart.
func TestFileFails(t *testing.T) {
	t.Parallel()
	garbage := make([]byte, 1<<20)
	_, _ = rand.Read(garbage)
	overwrite := func(from, to int) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			t.Helper()
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			copy(content[from:min(to, len(content))], garbage)
			write(t, path, content)
		}
	}
	for _, tt := range []struct {
		name  string
		fail  func(t *testing.T, path string)
		kind  store.Kind
		fresh bool // what was read before is not noticed to be wrong
	}{
		{"garbage all over", overwrite(0, 1<<20), store.Damaged, false},
		{"garbage in the tables", overwrite(4096, 1<<20), store.Damaged, false},
		{"cut to nothing", func(t *testing.T, path string) { t.Helper(); write(t, path, nil) }, store.Damaged, false},
		{"removed", func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, store.Missing, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), store.FileName)
			s := openAt(t, path)
			one := create(t, s, token("one"))
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			tt.fail(t, path)
			if !tt.fresh {
				_, err = s.Token(t.Context(), "corp", one.ID)
				wantKind(t, "a read", err, tt.kind, path)
			}
			for range 2 {
				wantKind(t, "a creation", s.Create(t.Context(), token("two"), owner(), pat.Limits{}), tt.kind, path)
				wantKind(t, "the check", s.Check(t.Context()), tt.kind, path)
				time.Sleep(300 * time.Millisecond) // it is opened anew
			}
			write(t, path, whole)
			recovers(t, s)
			get(t, s, one.ID)
			create(t, s, token("two"))
		})
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A database that was put in the place of the open one is taken, with nothing of the old
// one remembered.
func TestFileReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, next := filepath.Join(dir, store.FileName), filepath.Join(dir, "next.db")
	s := openAt(t, path)
	old := create(t, s, token("old"))
	get(t, s, old.ID)
	second := openAt(t, next)
	fresh := create(t, second, token("fresh"))
	if err := errors.Join(second.Close(), os.Rename(next, path)); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a creation", s.Create(t.Context(), token("two"), owner(), pat.Limits{}), store.Missing, path)
	recovers(t, s)
	get(t, s, fresh.ID)
	if _, err := s.Token(t.Context(), "corp", old.ID); !errors.Is(err, pat.ErrNoToken) {
		t.Errorf("a token of the old database: %v", err)
	}
}

// A log full of garbage is what a torn write leaves: it counts for nothing, and a start
// finds all that was acknowledged.
func TestGarbageInTheLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), store.FileName)
	first := openAt(t, path)
	kept, gone := create(t, first, token("kept")), create(t, first, token("gone"))
	revoke(t, first, gone.ID)
	copied := filepath.Join(t.TempDir(), store.FileName) // as the end of the machine leaves it
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, copied, content)
	garbage := make([]byte, 40<<10)
	_, _ = rand.Read(garbage)
	write(t, copied+"-wal", garbage)
	s := openAt(t, copied)
	if get(t, s, gone.ID).Revoked.IsZero() || !get(t, s, kept.ID).Revoked.IsZero() {
		t.Error("the tokens are not as they were acknowledged")
	}
}

// What a start says of a file that is no database of this program's.
func TestStartWithAnotherFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		content []byte
	}{
		{"empty", nil},
		{"text", bytes.Repeat([]byte("not a database\n"), 1000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), store.FileName)
			write(t, path, tt.content)
			s, err := store.Open(t.Context(), path, store.Options{})
			wantKind(t, "Open", err, store.Damaged, path)
			if s == nil {
				t.Fatal("no store that could recover")
			}
			defer s.Close()
			if content, err := os.ReadFile(path); err != nil || !bytes.Equal(content, tt.content) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

// All files are their owner's alone, whatever the umask and the mode before.
func TestModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), store.FileName)
	first := openAt(t, path)
	create(t, first, token("one"))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	if err := s.SaveOwners(t.Context(), []pat.Owner{owner()}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// Those who look at a database at once all get an answer, though one of them opens it.
func TestReadOnlyAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), store.FileName)
	one := create(t, openAt(t, path), token("one"))
	for range 20 {
		look, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if got, err := look.Token(t.Context(), "corp", one.ID); err != nil || got.ID != one.ID {
					t.Errorf("%v, %v", got, err)
				}
			})
		}
		all.Wait()
		if err := look.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// To look at a database changes nothing, and makes none.
func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), store.FileName)
	look, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer look.Close()
	_, err = look.Token(t.Context(), "corp", "000000000000")
	wantKind(t, "where there is none", err, store.Missing, path)
	if err := look.Check(t.Context()); err != nil {
		t.Errorf("Check where there is none yet: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
	s := openAt(t, path)
	one := create(t, s, token("one"))
	time.Sleep(300 * time.Millisecond)
	get(t, look, one.ID)
	if err := look.Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}
	wantKind(t, "a creation", look.Create(t.Context(), token("two"), owner(), pat.Limits{}), store.ReadOnly, path)
	revoke(t, s, one.ID)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if get(t, after, one.ID).Revoked.IsZero() {
		t.Error("not revoked")
	}
}

// One that is only looked at fails the check where it cannot be read.
func TestReadOnlyOfADamagedOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), store.FileName)
	write(t, path, bytes.Repeat([]byte("not a database\n"), 1000))
	look, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer look.Close()
	wantKind(t, "the check", look.Check(t.Context()), store.Damaged, path)
}

// Where no database can be made, what kept it from that is told.
func TestCannotBeMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), store.FileName)
	if err := os.MkdirAll(filepath.Join(path+".new", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), path, store.Options{})
	if err == nil || !strings.Contains(err.Error(), path+".new: directory not empty") || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if s != nil {
		_ = s.Close()
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a database: %v", err)
	}
}
