package backup_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/backup"
	"github.com/shorepass/shorepass/internal/store"
)

// taken is an archive of what is meant.
func taken(t *testing.T, from backup.Source) []byte {
	t.Helper()
	b, err := backup.Take(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Keys that are elsewhere, with links in their place, are in the backup.
func TestFollowsLinks(t *testing.T) {
	for _, name := range []string{"keys", "keys/corp", "keys/corp/ca-key.pem", store.FileName} {
		t.Run(name, func(t *testing.T) {
			dir, elsewhere := dataDir(t), filepath.Join(t.TempDir(), "it")
			at := filepath.Join(dir, name)
			if err := errors.Join(os.Rename(at, elsewhere), os.Symlink(elsewhere, at)); err != nil {
				t.Fatal(err)
			}
			to, err := restore(t, archive(t, dir))
			if got := below(t, to); err != nil || len(got) != 4 || got["keys/corp/ca-key.pem"] != "the CA" {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// A backup that lacks what ought to be in it is none.
func TestIncomplete(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, from *backup.Source)
		want   string
	}{
		{"no database", func(t *testing.T, from *backup.Source) {
			t.Helper()
			if err := os.Remove(filepath.Join(from.DataDir, store.FileName)); err != nil {
				t.Fatal(err)
			}
		}, `is not there: "shorepass serve" makes it when it first starts; --keys-only saves the keys without it`},
		{"a link to no database", func(t *testing.T, from *backup.Source) {
			t.Helper()
			at := filepath.Join(from.DataDir, store.FileName)
			if err := errors.Join(os.Remove(at), os.Symlink("nowhere", at)); err != nil {
				t.Fatal(err)
			}
		}, "is not there"},
		{"a damaged database", func(t *testing.T, from *backup.Source) {
			t.Helper()
			write(t, filepath.Join(from.DataDir, store.FileName), strings.Repeat("this was a database once", 1000))
		}, "--keys-only saves the keys without it"},
		{"a link to no key", func(t *testing.T, from *backup.Source) {
			t.Helper()
			at := filepath.Join(from.DataDir, "keys", "corp", "ca-key.pem")
			if err := errors.Join(os.Remove(at), os.Symlink("nowhere", at)); err != nil {
				t.Fatal(err)
			}
		}, "the keys cannot be read: "},
		{"keys that are not enough", func(_ *testing.T, from *backup.Source) {
			from.Check = func() error { return errors.New("realm other has none") }
		}, "realm other has none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from := source(dataDir(t))
			tt.change(t, &from)
			_, err := backup.Take(t.Context(), from)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if !strings.Contains(tt.want, "--keys-only") {
				return
			}
			from.KeysOnly = true
			m, err := backup.Verify(t.Context(), bytes.NewReader(taken(t, from)))
			if err != nil || m.Schema != 0 || len(m.Files) != 3 {
				t.Errorf("the keys alone: %+v, %v", m, err)
			}
		})
	}
}

// What a backup that was killed has left goes with the next, and when the program starts.
func TestLeftCopies(t *testing.T) {
	dir := dataDir(t)
	left := filepath.Join(dir, "backup.new", store.FileName)
	write(t, left, "half of a copy")
	archive(t, dir)
	if _, err := os.Stat(left); err == nil {
		t.Error("left by the next backup")
	}
	write(t, left, "half of a copy")
	backup.Tidy(dir)
	if _, err := os.Stat(filepath.Dir(left)); err == nil {
		t.Error("left when the program starts")
	}
	if len(below(t, dir)) != 6 {
		t.Errorf("too much is gone: %v", below(t, dir))
	}
}

// A backup that is ended leaves nothing behind.
func TestSaveEnded(t *testing.T) {
	content := archive(t, dataDir(t))
	ctx, end := context.WithCancel(t.Context())
	dir := t.TempDir()
	_, err := backup.Save(ctx, filepath.Join(dir, "backup.tar"), func(w io.Writer) error {
		_, err := w.Write(content)
		end()
		return err
	})
	if !errors.Is(err, context.Canceled) || len(below(t, dir)) > 0 {
		t.Errorf("%v; left: %d files", err, len(below(t, dir)))
	}
}

// To a pipe goes what would go to a file.
func TestStream(t *testing.T) {
	content := archive(t, dataDir(t))
	var out bytes.Buffer
	m, err := backup.Stream(t.Context(), &out, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
	if err != nil || len(m.Files) != 4 || !bytes.Equal(out.Bytes(), content) {
		t.Errorf("%+v, %v; %d bytes of %d", m, err, out.Len(), len(content))
	}
	cause := errors.New("the broker hangs")
	if _, err := backup.Stream(t.Context(), io.Discard, func(w io.Writer) error {
		_, _ = w.Write(content[:len(content)/2])
		return cause
	}); !errors.Is(err, cause) {
		t.Errorf("broken off: %v", err)
	}
	if _, err := backup.Stream(t.Context(), io.Discard, func(w io.Writer) error {
		_, err := w.Write(content[:len(content)/2])
		return err
	}); err == nil {
		t.Error("cut short: taken for whole")
	}
}

// All that is written goes on, what only fills the last block too; and who writes is told
// when nobody reads any more.
func TestStreamToItsEnd(t *testing.T) {
	content := append(archive(t, dataDir(t)), make([]byte, 8<<10)...)
	var out bytes.Buffer
	if _, err := backup.Stream(t.Context(), &out, func(w io.Writer) error {
		for block := range slices.Chunk(content, 512) {
			if _, err := w.Write(block); err != nil {
				return err
			}
		}
		return nil
	}); err != nil || !bytes.Equal(out.Bytes(), content) {
		t.Errorf("%v; %d bytes of %d", err, out.Len(), len(content))
	}
	told := make(chan error, 1)
	if _, err := backup.Stream(t.Context(), io.Discard, func(w io.Writer) error {
		for {
			if _, err := w.Write(make([]byte, 4<<10)); err != nil {
				told <- err
				return err
			}
		}
	}); err == nil {
		t.Error("zeros are taken for a backup")
	}
	select {
	case <-told:
	case <-time.After(10 * time.Second):
		t.Error("who writes waits for ever")
	}
}
