package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/store"
)

// What a store logs of a revocation that is in the log alone, and when it is no more.
const (
	inLogAlone = "is in the write-ahead log alone as yet"
	inFile     = "what was last written is in the database's own file, too"
)

// lines collects what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count is how often something was logged.
func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// unsettled makes a database with a revocation that a long reader keeps from its own file,
// and closes it.
func unsettled(t *testing.T) (path, id string, leave func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), store.FileName)
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	id = create(t, s, token("one")).ID
	if err := s.SaveOwners(t.Context(), []pat.Owner{owner()}); err != nil { // so that there is something in the log
		t.Fatal(err)
	}
	c, leave := other(t, path)
	exec(t, c, "BEGIN")
	var n int
	if err := c.QueryRowContext(t.Context(), "SELECT count(*) FROM tokens").Scan(&n); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // enough to write, whatever the disk has to do
	defer cancel()
	if _, err := s.Revoke(ctx, "corp", []string{id}, now, "administrator"); !errors.Is(err, pat.ErrUnsettled) {
		t.Fatalf("error %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if withoutLog(t, path, id) {
		t.Fatal("the database's own file has what the reader keeps from it")
	}
	return path, id, leave
}

// What a process left in the log alone when it ended, the next that opens the database moves
// to its own file, as soon as that may be, whether or not it could open it at once.
func TestSettlesWhatWasLeft(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		before, after func(t *testing.T, path string) // the database is opened
	}{
		{"at once", func(*testing.T, string) {}, func(*testing.T, string) {}},
		{"later", func(t *testing.T, path string) {
			t.Helper()
			if err := os.Rename(path, path+".away"); err != nil {
				t.Fatal(err)
			}
			write(t, path, nil)
		}, func(t *testing.T, path string) {
			t.Helper()
			if err := os.Rename(path+".away", path); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path, id, leave := unsettled(t)
			tt.before(t, path)
			var told lines
			s, _ := store.Open(t.Context(), path, store.Options{Logger: slog.New(slog.NewTextHandler(&told, nil))})
			defer s.Close()
			tt.after(t, path)
			recovers(t, s)
			if told.count(inLogAlone) != 1 || told.count(inFile) != 0 {
				t.Errorf("logged: %s", &told.text)
			}
			leave()
			for deadline := time.Now().Add(30 * time.Second); told.count(inFile) == 0; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the revocation is in the log alone, though nobody reads any more")
				}
			}
			if !withoutLog(t, path, id) {
				t.Error("the revocation is in the log alone")
			}
			if told.count(inLogAlone) != 1 || told.count(inFile) != 1 {
				t.Errorf("logged: %s", &told.text)
			}
		})
	}
}

// A store that is closed tries no more, and does not wait for those who read.
func TestCloseUnsettled(t *testing.T) {
	t.Parallel()
	path, _, _ := unsettled(t)
	var told lines
	s, err := store.Open(t.Context(), path, store.Options{Logger: slog.New(slog.NewTextHandler(&told, nil))})
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if told.count(inLogAlone) != 1 || told.count(inFile) != 0 {
		t.Errorf("logged: %s", &told.text)
	}
}

// A database with nothing in the log alone is opened without a word.
func TestNothingToSettle(t *testing.T) {
	path := filepath.Join(t.TempDir(), store.FileName)
	create(t, openAt(t, path), token("one"))
	var told lines
	s, err := store.Open(t.Context(), path, store.Options{Logger: slog.New(slog.NewTextHandler(&told, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if told.text.Len() > 0 {
		t.Errorf("logged: %s", &told.text)
	}
}
