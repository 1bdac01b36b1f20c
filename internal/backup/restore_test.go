package backup_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/backup"
	"github.com/shorepass/shorepass/internal/store"
)

// killed makes what a restore leaves that was killed just before, or while, things were put
// in their place: a folder that is checked, with what is not in its place yet.
func killed(t *testing.T, content []byte, placed ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	ready, to := filepath.Join(t.TempDir(), "ready"), into(dir)
	to.Check = func(folder string, _ backup.Manifest) error { // the folder as it is then, less its manifest
		return os.CopyFS(ready, os.DirFS(folder))
	}
	if _, err := backup.Restore(t.Context(), bytes.NewReader(content), to); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{store.FileName, "keys"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(ready, filepath.Join(dir, "restore.ready")); err != nil {
		t.Fatal(err)
	}
	m, err := backup.Verify(t.Context(), bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "restore.ready", "manifest.json"), manifest(t, m))
	for _, name := range placed {
		if err := os.Rename(filepath.Join(dir, "restore.ready", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := backup.CheckFinished(dir); err == nil || !strings.Contains(err.Error(), `run "shorepass restore" with the same file again`) {
		t.Errorf("half of a backup is taken for whole: %v", err)
	}
	return dir
}

// What was killed while things were put in their place is ended by the next restore of the
// same backup.
func TestResumes(t *testing.T) {
	from := dataDir(t)
	content := archive(t, from)
	for name, placed := range map[string][]string{"nothing": nil, "database": {store.FileName}, "all": {store.FileName, "keys"}} {
		t.Run(name, func(t *testing.T) {
			dir := killed(t, content, placed...)
			if m, err := backup.Restore(t.Context(), bytes.NewReader(content), into(dir)); err != nil || len(m.Files) != 4 {
				t.Fatalf("%d files, %v", len(m.Files), err)
			}
			got := below(t, dir)
			if len(got) != 4 || got["keys/corp/ca-key.pem"] != "the CA" || !strings.HasPrefix(got[store.FileName], "SQLite format 3") {
				t.Errorf("%d files", len(got))
			}
			if err := backup.CheckFinished(dir); err != nil {
				t.Error(err)
			}
		})
	}
}

// Whatever a restore that was killed has left: keys and a database that are there are never
// removed, and neither is anything by a file that is no backup.
func TestNothingThatIsThereIsLost(t *testing.T) {
	content := archive(t, dataDir(t))
	otherDir := dataDir(t)
	write(t, filepath.Join(otherDir, "keys", "corp", "ca-key.pem"), "another CA")
	other := archive(t, otherDir)
	for _, tt := range []struct {
		name    string
		folder  string // what is left
		restore []byte
		want    string
	}{
		{"unpacking", "restore.new", content, "is there: a backup is never restored over a database"},
		{"unpacking, of no file", "restore.new", nil, "is there: a backup is never restored over a database"},
		{"done", "restore.done", content, "is there: a backup is never restored over a database"},
		{"placing", "restore.ready", content, "has come there while"},
		{"placing, of another", "restore.ready", other, "the restore of another backup, made 20"},
		{"placing, of no file", "restore.ready", []byte("no backup"), "it is no backup of shorepass"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := killed(t, content)
			if tt.folder != "restore.ready" {
				if err := os.Rename(filepath.Join(dir, "restore.ready"), filepath.Join(dir, tt.folder)); err != nil {
					t.Fatal(err)
				}
			}
			write(t, filepath.Join(dir, store.FileName), "precious")
			write(t, filepath.Join(dir, "keys", "corp", "ca-key.pem"), "precious, too")
			before := below(t, dir)
			_, err := backup.Restore(t.Context(), bytes.NewReader(tt.restore), into(dir))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			after := below(t, dir)
			for name, content := range before {
				if after[name] != content {
					t.Errorf("%s was %q and is %q", name, content, after[name])
				}
			}
		})
	}
}

// A restore that was killed while it unpacked has put nothing in its place, and is begun
// anew.
func TestBeginsAnew(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "restore.new", "keys", "corp", "ca-key.pem"), "half")
	if err := backup.CheckFinished(dir); err == nil || !strings.Contains(err.Error(), "of which nothing is in its place") {
		t.Errorf("%v", err)
	}
	if _, err := backup.Restore(t.Context(), bytes.NewReader(archive(t, dataDir(t))), into(dir)); err != nil {
		t.Fatal(err)
	}
	if got := below(t, dir); len(got) != 4 || got["keys/corp/ca-key.pem"] != "the CA" {
		t.Errorf("%v", got)
	}
}

// The database alone comes back beside keys that are there.
func TestDatabaseAlone(t *testing.T) {
	from := dataDir(t)
	content := archive(t, from)
	to := into(t.TempDir())
	to.DatabaseOnly = true
	write(t, filepath.Join(to.DataDir, "keys", "corp", "ca-key.pem"), "newer")
	m, err := backup.Restore(t.Context(), bytes.NewReader(content), to)
	if err != nil || len(m.Files) != 1 || m.Files[0].Name != store.FileName {
		t.Fatalf("%+v, %v", m, err)
	}
	if got := below(t, to.DataDir); len(got) != 2 || got["keys/corp/ca-key.pem"] != "newer" {
		t.Errorf("%d files, the key is %q", len(got), got["keys/corp/ca-key.pem"])
	}
	if _, err := backup.Restore(t.Context(), bytes.NewReader(content), to); err == nil || !strings.Contains(err.Error(), "never restored over a database") {
		t.Errorf("over a database: %v", err)
	}
	keys := source(from)
	keys.KeysOnly = true
	to.DataDir = t.TempDir()
	if _, err := backup.Restore(t.Context(), bytes.NewReader(taken(t, keys)), to); err == nil || !strings.Contains(err.Error(), "there is no database in it; nothing was restored") {
		t.Errorf("of keys: %v", err)
	}
}

// A restore whose context ends leaves nothing.
func TestRestoreEnded(t *testing.T) {
	content := archive(t, dataDir(t))
	ctx, end := context.WithCancel(t.Context())
	end()
	dir := t.TempDir()
	if _, err := backup.Restore(ctx, bytes.NewReader(content), into(dir)); err == nil {
		t.Error("restored")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
