package backup_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/shorepass/shorepass/internal/backup"
	"github.com/shorepass/shorepass/internal/store"
)

// dataDir makes a data folder with a database and the keys of a realm.
func dataDir(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	s, err := store.Open(tb.Context(), filepath.Join(dir, store.FileName), store.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
	write(tb, filepath.Join(dir, "keys", "corp", "ca-key.pem"), "the CA")
	write(tb, filepath.Join(dir, "keys", "corp", "leaf-key.pem"), "the leaf")
	write(tb, filepath.Join(dir, "keys", "corp", "leaf-key.pem.new"), "not finished")
	write(tb, filepath.Join(dir, "keys", "other", "ca-key.pem"), "the CA of the other realm")
	write(tb, filepath.Join(dir, "audit.jsonl"), "not of a backup")
	return dir
}

func write(tb testing.TB, path, content string) {
	tb.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		tb.Fatal(err)
	}
}

// source is a backup of all that is in a data folder.
func source(dir string) backup.Source {
	return backup.Source{DataDir: dir, Program: "v1.2.3", Database: true, Check: func() error { return nil }}
}

// into restores all into a folder, whatever the keys are.
func into(dir string) backup.Restoring {
	return backup.Restoring{DataDir: dir, Check: func(string, backup.Manifest) error { return nil }}
}

// archive is a backup of a data folder.
func archive(tb testing.TB, dir string) []byte {
	tb.Helper()
	b, err := backup.Take(tb.Context(), source(dir))
	if err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	written, err := b.WriteTo(&out)
	if err != nil || written != int64(out.Len()) {
		tb.Fatalf("%d bytes of %d, %v", written, out.Len(), err)
	}
	if err := b.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// restore restores an archive into an empty folder.
func restore(tb testing.TB, content []byte) (dir string, err error) {
	tb.Helper()
	dir = tb.TempDir()
	_, err = backup.Restore(tb.Context(), bytes.NewReader(content), into(dir))
	return dir, err
}

// below lists the files below a folder, with their content.
func below(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		found[strings.TrimPrefix(name, dir+"/")] = string(content)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

func TestComesBack(t *testing.T) {
	from := dataDir(t)
	to, err := restore(t, archive(t, from))
	if err != nil {
		t.Fatal(err)
	}
	want := below(t, from)
	delete(want, "audit.jsonl")
	delete(want, "keys/corp/leaf-key.pem.new")
	got := below(t, to)
	if len(got) != len(want) || len(got) != 4 {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
	for name, content := range want {
		if name != store.FileName && got[name] != content {
			t.Errorf("%s is %q, want %q", name, got[name], content)
		}
	}
	if version, err := store.Verify(t.Context(), filepath.Join(to, store.FileName)); err != nil || version != store.Version {
		t.Errorf("the database: version %d, %v", version, err)
	}
	if left, err := filepath.Glob(filepath.Join(from, "backup*")); err != nil || len(left) > 0 {
		t.Errorf("left in the data folder: %v, %v", left, err)
	}
}

// A backup that is cut off anywhere, or changed anywhere, is refused and leaves nothing.
func TestDamaged(t *testing.T) {
	whole := archive(t, dataDir(t))
	refused := func(t *testing.T, what string, content []byte) {
		t.Helper()
		if _, err := backup.Verify(t.Context(), bytes.NewReader(content)); err == nil {
			t.Errorf("%s: taken for whole", what)
		}
		dir, err := restore(t, content)
		if err == nil || !strings.Contains(err.Error(), "nothing was restored") {
			t.Errorf("%s: %v", what, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left, %v", what, left, err)
		}
	}
	end := len(whole) - 1024 - 512 // the zeros that it ends with hold nothing
	for _, at := range []int{0, 1, 511, 512, 700, 1024, 1536, 3000, 9000, end / 2, end - 1, end} {
		refused(t, fmt.Sprintf("cut off after %d bytes", at), whole[:at])
	}
	var content []byte
	for _, text := range []string{"the CA of the other realm", "the leaf", "SQLite format 3", `"sha256": "`, `"format": 1`, "keys/other/ca-key.pem"} {
		at := bytes.LastIndex(whole, []byte(text))
		if at < 0 {
			t.Fatalf("no %q in it", text)
		}
		content = bytes.Clone(whole)
		content[at+len(text)-1] ^= 1
		refused(t, fmt.Sprintf("changed in %q", text), content)
	}
}

const shaOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// What a hostile archive names outside of what a backup has is not written.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{
		"../evil", "/tmp/evil", "keys/../../evil", "keys/corp/../../evil", "keys/corp/..", "keys/corp/sub/evil", "keys/evil", "keys//evil",
		"evil", "shorepass.db-wal", "lock", "keys/corp/.hidden", "keys/corp/a\x00b", "keys\\corp\\evil", "KEYS/corp/evil", "",
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			w := tar.NewWriter(&out)
			manifest := fmt.Sprintf(`{"format":1,"program":"v1","files":[{"name":%q,"size":0,"sha256":"%s"}]}`, name, shaOfNothing)
			for _, entry := range [][2]string{{"manifest.json", manifest}, {name, ""}} {
				if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: entry[0], Size: int64(len(entry[1])), Mode: 0o600}); err != nil {
					return // package tar does not write it either
				}
				_, _ = io.WriteString(w, entry[1])
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if dir, err := restore(t, out.Bytes()); err == nil {
				t.Errorf("restored: %v", below(t, dir))
			}
		})
	}
}

// A link in an archive is not followed, and not made.
func TestLinks(t *testing.T) {
	for _, kind := range []byte{tar.TypeSymlink, tar.TypeLink, tar.TypeDir, tar.TypeFifo} {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		const name = "keys/corp/ca-key.pem"
		manifest := `{"format":1,"program":"v1","files":[{"name":"` + name + `","size":0,"sha256":"` + shaOfNothing + `"}]}`
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "manifest.json", Size: int64(len(manifest)), Mode: 0o600})
		_, err2 := io.WriteString(w, manifest)
		err3 := w.WriteHeader(&tar.Header{Typeflag: kind, Name: name, Linkname: "/etc/passwd", Mode: 0o600})
		if err := errors.Join(err, err2, err3, w.Close()); err != nil {
			t.Fatal(err)
		}
		if dir, err := restore(t, out.Bytes()); err == nil {
			t.Errorf("kind %c: restored: %v", kind, below(t, dir))
		}
	}
}

// A restore writes over nothing.
func TestRestoreOverSomething(t *testing.T) {
	content := archive(t, dataDir(t))
	for name, want := range map[string]string{
		store.FileName:          "never restored over a database: move it and those beside it (-wal, -shm) away first",
		store.FileName + "-wal": "never restored over a database: move it and those beside it (-wal, -shm) away first",
		"keys/corp/ca-key.pem":  "never restored over keys: move them away first, or restore the database alone (--database-only)",
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, name), "precious")
		_, err := backup.Restore(t.Context(), bytes.NewReader(content), into(dir))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("over %s: %v", name, err)
		}
		if got := below(t, dir); len(got) != 1 || got[name] != "precious" {
			t.Errorf("over %s: %v", name, got)
		}
	}
}

// What the caller does not accept is not put in its place.
func TestRestoreChecks(t *testing.T) {
	to := into(t.TempDir())
	to.Check = func(folder string, _ backup.Manifest) error {
		if len(below(t, folder)) != 4 {
			t.Errorf("to be checked: %v", below(t, folder))
		}
		return errors.New("not the keys of this realm")
	}
	_, err := backup.Restore(t.Context(), bytes.NewReader(archive(t, dataDir(t))), to)
	if err == nil || !strings.Contains(err.Error(), "not the keys of this realm; nothing was restored") || len(below(t, to.DataDir)) > 0 {
		t.Errorf("%v; left: %v", err, below(t, to.DataDir))
	}
}

// A file that cannot be written whole is not there, under any name.
func TestSaveFails(t *testing.T) {
	content := archive(t, dataDir(t))
	for want, save := range map[string]func(io.Writer) error{
		syscall.ENOSPC.Error(): func(w io.Writer) error {
			_, _ = w.Write(content[:100])
			return syscall.ENOSPC
		},
		"the backup that was written cannot be used: it is cut short": func(w io.Writer) error {
			_, err := w.Write(content[:len(content)/2])
			return err
		},
	} {
		t.Run(want, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := backup.Save(t.Context(), filepath.Join(dir, "backup.tar"), save); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%v", err)
			}
			if left := below(t, dir); len(left) > 0 {
				t.Errorf("left: %d files", len(left))
			}
		})
	}
	path := filepath.Join(t.TempDir(), "backup.tar")
	m, err := backup.Save(t.Context(), path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
	if info, statErr := os.Stat(path); err != nil || statErr != nil || info.Mode().Perm() != 0o600 || len(m.Files) != 4 || m.Program != "v1.2.3" {
		t.Errorf("%+v, %v, %v", m, err, statErr)
	}
}

// Where the file cannot be, or is there already, no backup is begun.
func TestSaveNowhere(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "there"), "precious")
	for name, want := range map[string]string{
		"there":         dir + "/there is there already: a backup is never written over another file",
		"nowhere/x.tar": "the folder " + dir + "/nowhere does not exist",
		"there/x.tar":   "no file can be made in the folder " + dir + "/there: not a directory",
	} {
		_, err := backup.Save(t.Context(), filepath.Join(dir, name), func(io.Writer) error {
			t.Errorf("%s: begun", name)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if got := below(t, dir); len(got) != 1 || got["there"] != "precious" {
		t.Errorf("%v", got)
	}
}

// What comes to the name of a backup while that is written is not written over.
func TestSaveMeanwhile(t *testing.T) {
	content, dir := archive(t, dataDir(t)), t.TempDir()
	_, err := backup.Save(t.Context(), filepath.Join(dir, "backup.tar"), func(w io.Writer) error {
		write(t, filepath.Join(dir, "backup.tar"), "precious")
		_, err := w.Write(content)
		return err
	})
	if got := below(t, dir); err == nil || !strings.Contains(err.Error(), "is there already") || len(got) != 1 || got["backup.tar"] != "precious" {
		t.Errorf("%d files, %v", len(got), err)
	}
}
