package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/store"
)

// A database that cannot be used is not kept open: it is tried often.
func TestNothingIsLeftOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), store.FileName)
	if err := openAt(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	c, leave := other(t, path)
	exec(t, c, fmt.Sprintf("INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, 1)", store.Version+1))
	leave()
	descriptors := func() (open int) {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, path) {
				open++
			}
		}
		return open
	}
	for range 5 {
		_, err := store.Open(t.Context(), path, store.Options{})
		wantKind(t, "Open", err, store.Foreign, path)
		_, err = store.Verify(t.Context(), path)
		wantKind(t, "Verify", err, store.Foreign, path)
	}
	if n := descriptors(); n != 0 {
		t.Errorf("%d files of it are open", n)
	}
}
