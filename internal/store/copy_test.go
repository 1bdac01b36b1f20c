package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/store"
)

// Copies that are made while tokens are made and revoked are each the database of one
// moment: all that was acknowledged before it is in it.
func TestCopyWhileOthersWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, store.FileName)
	s := openAt(t, path)
	create(t, s, token("first"))
	var mu sync.Mutex
	var made []string
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				one := token(fmt.Sprint(w, "-", i))
				if err := s.Create(t.Context(), one, owner(), pat.Limits{}); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				made = append(made, one.ID)
				mu.Unlock()
			}
		})
	}
	for i := range 5 {
		mu.Lock()
		before := append([]string(nil), made...)
		mu.Unlock()
		to := filepath.Join(dir, fmt.Sprint("copy", i))
		version, err := store.Copy(t.Context(), path, to)
		if err != nil || version != store.Version {
			t.Fatalf("version %d, %v", version, err)
		}
		if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		copied := openAt(t, to)
		for _, id := range before {
			get(t, copied, id)
		}
	}
	stop()
	wg.Wait()
}

func TestCopyFails(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, store.FileName), filepath.Join(dir, "copy")
	if _, err := store.Copy(t.Context(), path, to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	s := openAt(t, path)
	create(t, s, token("one"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, nil)
	if _, err := store.Copy(t.Context(), path, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if err := os.Remove(to); err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(content); i++ {
		content[i] ^= 0x55
	}
	write(t, path, content)
	_, err = store.Copy(t.Context(), path, to)
	wantKind(t, "of a damaged one", err, store.Damaged, path)
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is left: %v", err)
	}
}

// What a copy holds is checked beyond what SQLite calls sound.
func TestVerify(t *testing.T) {
	path := filepath.Join(t.TempDir(), store.FileName)
	s := openAt(t, path)
	if err := s.Create(t.Context(), token("one"), owner(), pat.Limits{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if version, err := store.Verify(t.Context(), path); err != nil || version != store.Version {
		t.Errorf("%d, %v", version, err)
	}
	c, leave := other(t, path)
	exec(t, c, "DELETE FROM owners")
	leave()
	_, err := store.Verify(t.Context(), path)
	wantKind(t, "a token without an owner", err, store.Damaged, path)
}

// A copy that this program could not use is none.
func TestVerifyForeign(t *testing.T) {
	newer := filepath.Join(t.TempDir(), store.FileName)
	if err := openAt(t, newer).Close(); err != nil {
		t.Fatal(err)
	}
	c, leave := other(t, newer)
	exec(t, c, fmt.Sprintf("INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, 1)", store.Version+1))
	leave()
	_, err := store.Verify(t.Context(), newer)
	wantKind(t, "of a newer program", err, store.Foreign, newer)

	empty := filepath.Join(t.TempDir(), store.FileName)
	write(t, empty, nil)
	c, leave = other(t, empty)
	exec(t, c, "CREATE TABLE somebodys (id INTEGER)")
	leave()
	_, err = store.Verify(t.Context(), empty)
	wantKind(t, "of another program", err, store.Damaged, empty)
}
