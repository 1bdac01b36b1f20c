package backup_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/backup"
	"github.com/shorepass/shorepass/internal/store"
)

func manifest(t *testing.T, m backup.Manifest) string {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// forged is an archive that is sound but for what the manifest says.
func forged(t *testing.T, files map[string]string, change func(*backup.Manifest)) []byte {
	t.Helper()
	m := backup.Manifest{Format: 1, Made: time.Now(), Program: "v1", Schema: store.Version}
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		sum := sha256.Sum256([]byte(files[name]))
		m.Files = append(m.Files, backup.File{Name: name, Size: int64(len(files[name])), SHA256: hex.EncodeToString(sum[:])})
	}
	change(&m)
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(name, content string) {
		t.Helper()
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o600})
		if _, err2 := io.WriteString(w, content); errors.Join(err, err2) != nil {
			t.Fatal(err, err2)
		}
	}
	add("manifest.json", manifest(t, m))
	for _, name := range names {
		add(name, files[name])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What the manifest says is not believed.
func TestForged(t *testing.T) {
	from := dataDir(t)
	database, err := os.ReadFile(filepath.Join(from, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	whole := map[string]string{store.FileName: string(database), "keys/corp/ca-key.pem": "the CA"}
	damaged := map[string]string{store.FileName: strings.Replace(string(database), "CREATE TABLE tokens", "CREATE TABLE t0kens", 1) + "x"}
	for _, tt := range []struct {
		name   string
		files  map[string]string
		change func(*backup.Manifest)
		want   string
	}{
		{"nothing changed", whole, func(*backup.Manifest) {}, ""},
		{"a database that is damaged", map[string]string{store.FileName: "this was a database once"}, func(*backup.Manifest) {}, "is damaged"},
		{"a database with other tables", damaged, func(*backup.Manifest) {}, "the database "},
		{"another schema", whole, func(m *backup.Manifest) { m.Schema = 99 }, "its manifest says that the database has schema 99, and it has 1"},
		{"no schema", whole, func(m *backup.Manifest) { m.Schema = 0 }, "speaks of a schema, and names no database, or the other way round"},
		{"a schema of nothing", map[string]string{"keys/corp/ca-key.pem": "the CA"}, func(*backup.Manifest) {}, "speaks of a schema, and names no database"},
		{"a terminal's orders", whole, func(m *backup.Manifest) { m.Program = "\x1b[2Jv1" }, `names no program that makes backups: "\x1b[2Jv1"`},
		{"lines", whole, func(m *backup.Manifest) { m.Program = "v1\nshorepass: all fine" }, `"v1\nshorepass: all fine"`},
		{"another format", whole, func(m *backup.Manifest) { m.Format = 2 }, "restore it with the version that made it (v1)"},
		{"a size that nothing has", whole, func(m *backup.Manifest) { m.Files[1].Size = 1 << 60 }, "it is not what its manifest says"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := restore(t, forged(t, tt.files, tt.change))
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.ContainsAny(err.Error(), "\x1b") {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if left := below(t, dir); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// A file with holes, of which the archive has a few bytes and the disk would get many, is
// refused.
func TestHoles(t *testing.T) {
	const name, size = "keys/corp/ca-key.pem", 1 << 20
	content := make([]byte, size)
	sum := sha256.Sum256(content)
	m := manifest(t, backup.Manifest{Format: 1, Program: "v1", Files: []backup.File{{Name: name, Size: size, SHA256: hex.EncodeToString(sum[:])}}})
	holes := fmt.Sprintf("%-512s", "1\n0\n512\n") + string(content[:512]) // one piece of data, at the beginning
	holes = strings.ReplaceAll(holes, " ", "\x00")
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range []struct {
		name, content string
		records       map[string]string
	}{
		{"manifest.json", m, nil},
		// Package tar does not write such records: they get their names below.
		{name, holes, map[string]string{"GNX.sparse.major": "1", "GNX.sparse.minor": "0", "GNX.sparse.realsize": fmt.Sprint(size)}},
	} {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: int64(len(e.content)), Mode: 0o600, PAXRecords: e.records})
		if _, err2 := io.WriteString(w, e.content); errors.Join(err, err2) != nil {
			t.Fatal(err, err2)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dir, err := restore(t, bytes.ReplaceAll(out.Bytes(), []byte("GNX.sparse"), []byte("GNU.sparse")))
	if err == nil || !strings.Contains(err.Error(), "has holes in it, which no backup has") {
		t.Errorf("%v; there: %d files", err, len(below(t, dir)))
	}
}

// What there is no room for is not begun.
func TestRoom(t *testing.T) {
	const name = store.FileName
	m := manifest(t, backup.Manifest{Format: 1, Program: "v1", Schema: 1, Files: []backup.File{{Name: name, Size: 1 << 55, SHA256: shaOfNothing}}})
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "manifest.json", Size: int64(len(m)), Mode: 0o600})
	_, err2 := io.WriteString(w, m)
	err3 := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 1 << 55, Mode: 0o600})
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	if _, err := restore(t, out.Bytes()); err == nil || !strings.Contains(err.Error(), "there is no room for shorepass.db, which has 36028797018963968 bytes: ") {
		t.Errorf("%v", err)
	}
}
