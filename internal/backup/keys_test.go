package backup_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/backup"
)

// keysOf is a data folder that has these files of keys alone.
func keysOf(t *testing.T, names ...string) backup.Source {
	t.Helper()
	from := source(t.TempDir())
	from.Database = false
	for _, name := range names {
		write(t, filepath.Join(from.DataDir, "keys", name), name)
	}
	return from
}

// What lies beside the keys and is none of them is no part of a backup, and no obstacle.
func TestNoKeys(t *testing.T) {
	from := keysOf(t, "corp/ca-key.pem", "README", "corp/.hidden", "corp/of somebody", "corp/leaf-key.pem/of-another")
	m, err := backup.Verify(t.Context(), bytes.NewReader(taken(t, from)))
	if err != nil || len(m.Files) != 1 || m.Files[0].Name != "keys/corp/ca-key.pem" {
		t.Errorf("%+v, %v", m.Files, err)
	}
}

// Keys that cannot be read are told of: a backup without them would be noticed too late.
func TestUnreadableKeys(t *testing.T) {
	for name, spoil := range map[string]func(keys string) error{
		"a file in the place of their folder": func(keys string) error { return errors.Join(os.RemoveAll(keys), os.WriteFile(keys, nil, 0o600)) },
		"a folder that is a link to itself":   func(keys string) error { return errors.Join(os.RemoveAll(keys), os.Symlink("keys", keys)) },
		"a realm's":                           func(keys string) error { return os.Symlink("other", filepath.Join(keys, "other")) },
	} {
		t.Run(name, func(t *testing.T) {
			from := keysOf(t, "corp/ca-key.pem")
			if err := spoil(filepath.Join(from.DataDir, "keys")); err != nil {
				t.Fatal(err)
			}
			if _, err := backup.Take(t.Context(), from); err == nil || !strings.Contains(err.Error(), "the keys cannot be read: ") || strings.Contains(err.Error(), "they change") {
				t.Errorf("%v", err)
			}
		})
	}
}

// Where there are neither keys nor a database, there is nothing to back up.
func TestNothingThere(t *testing.T) {
	if _, err := backup.Take(t.Context(), keysOf(t)); err == nil || !strings.Contains(err.Error(), "holds neither keys nor a database") {
		t.Errorf("%v", err)
	}
}

// Keys that are changed while they are read are read again, until they are of one moment.
func TestKeysThatChange(t *testing.T) {
	from := keysOf(t, "corp/ca-key.pem")
	changes, checks := 0, 0
	from.Check = func() error {
		checks++
		if checks <= changes {
			write(t, filepath.Join(from.DataDir, "keys", "corp", "ca-key.pem"), fmt.Sprint("the key ", checks))
		}
		return nil
	}
	changes = 2
	content := taken(t, from)
	if dir, err := restore(t, content); err != nil || checks != 3 || below(t, dir)["keys/corp/ca-key.pem"] != "the key 2" {
		t.Errorf("after %d checks: %v, %v", checks, below(t, dir), err)
	}
	changes, checks = 1000, 0
	if _, err := backup.Take(t.Context(), from); err == nil || !strings.Contains(err.Error(), "the keys cannot be read: they change all the time: try again") {
		t.Errorf("that never stay: %v", err)
	}
}
