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

// What comes into the data folder while a backup is checked is not written over, and once it
// is gone, the restore is ended by another.
func TestSomethingComesMeanwhile(t *testing.T) {
	content := archive(t, dataDir(t))
	for name, files := range map[string]int{"all": 4, "the database alone": 1} {
		t.Run(name, func(t *testing.T) {
			to := into(t.TempDir())
			to.DatabaseOnly = files == 1
			at := filepath.Join(to.DataDir, store.FileName)
			to.Check = func(string, backup.Manifest) error {
				write(t, at, "precious")
				return nil
			}
			if _, err := backup.Restore(t.Context(), bytes.NewReader(content), to); err == nil || !strings.Contains(err.Error(), "has come there while") {
				t.Errorf("%v", err)
			}
			if got := below(t, to.DataDir); got[store.FileName] != "precious" {
				t.Errorf("it is gone: %d files", len(got))
			}
			if err := os.Remove(at); err != nil {
				t.Fatal(err)
			}
			if m, err := backup.Restore(t.Context(), bytes.NewReader(content), to); err != nil || len(m.Files) != files {
				t.Errorf("again: %d files, %v", len(m.Files), err)
			}
			if got := below(t, to.DataDir); len(got) != files {
				t.Errorf("%d files", len(got))
			}
		})
	}
}

// Without the manifest of what was checked, nobody can tell what it is.
func TestUnknownRestore(t *testing.T) {
	content := archive(t, dataDir(t))
	for name, spoil := range map[string]func(at string) error{
		"restore.ready/manifest.json does not exist": os.Remove,
		"manifest.json cannot be read":               func(at string) error { return os.WriteFile(at, []byte("{"), 0o600) },
	} {
		dir := killed(t, content)
		if err := spoil(filepath.Join(dir, "restore.ready", "manifest.json")); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Restore(t.Context(), bytes.NewReader(content), into(dir)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
}

// A backup of keys alone comes back without a database.
func TestKeysAlone(t *testing.T) {
	from := source(dataDir(t))
	from.KeysOnly = true
	dir, err := restore(t, taken(t, from))
	if got := below(t, dir); err != nil || len(got) != 3 || got["keys/corp/ca-key.pem"] != "the CA" {
		t.Errorf("%v, %v", got, err)
	}
}

// A restore that cannot go on says so, and is not taken for one that ended.
func TestRestoreFails(t *testing.T) {
	content := archive(t, dataDir(t))
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, dir, folder string) error // the data folder, and what is checked in it
		left  bool                                         // what was checked is still there
		want  string
	}{
		{"its manifest cannot be written", func(_ *testing.T, _, folder string) error {
			return os.Mkdir(filepath.Join(folder, "manifest.json"), 0o700)
		}, false, "nothing was restored"},
		{"what is checked is gone", func(_ *testing.T, _, folder string) error { return os.RemoveAll(folder) }, false, "nothing was restored"},
		{"its folder's next name is another's", func(t *testing.T, dir, _ string) error {
			t.Helper()
			write(t, filepath.Join(dir, "restore.ready", "of"), "somebody's")
			return nil
		}, true, "restore.ready"},
		{"its folder's last name is another's", func(t *testing.T, dir, _ string) error {
			t.Helper()
			write(t, filepath.Join(dir, "restore.done", "of"), "somebody's")
			return nil
		}, true, "restore.done"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			to := into(t.TempDir())
			to.Check = func(folder string, _ backup.Manifest) error { return tt.spoil(t, to.DataDir, folder) }
			_, err := backup.Restore(t.Context(), bytes.NewReader(content), to)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if (backup.CheckFinished(to.DataDir) != nil) != tt.left {
				t.Errorf("left: %v", below(t, to.DataDir))
			}
		})
	}
	gone := into(filepath.Join(t.TempDir(), "nowhere"))
	if _, err := backup.Restore(t.Context(), bytes.NewReader(content), gone); err == nil || !strings.HasPrefix(err.Error(), "mkdir ") {
		t.Errorf("into a folder that is not there: %v", err)
	}
}

// What a restore has left that was killed at its very end goes with the next.
func TestLeftWhenDone(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "restore.done", "manifest.json"), "{}")
	if _, err := backup.Restore(t.Context(), bytes.NewReader(archive(t, dataDir(t))), into(dir)); err != nil {
		t.Fatal(err)
	}
	if got := below(t, dir); len(got) != 4 {
		t.Errorf("%v", got)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "restore*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
