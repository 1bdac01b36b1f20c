package files_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/shorepass/shorepass/internal/files"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("five"), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("five", path("link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		limit      int64
		want       string
		wantErr    string
	}{
		{"as large as may be", path("five"), 5, "12345", ""},
		{"through a link", path("link"), 5, "12345", ""},
		{"too large", path("five"), 4, "", path("five") + " has more than 4 bytes"},
		{"missing", path("none"), 5, "", path("none") + " does not exist"},
		{"a folder", dir, 5, "", dir + " is a directory, not a file"},
		{"a pipe that nobody writes to", path("fifo"), 5, "", path("fifo") + " is not a regular file"},
		{"a device without end", "/dev/zero", 5, "", "/dev/zero is not a regular file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := files.Read(tt.path, tt.limit)
			if string(got) != tt.want || (err == nil) != (tt.wantErr == "") || err != nil && err.Error() != tt.wantErr {
				t.Errorf("Read() = %q, %v; want %q, %q", got, err, tt.want, tt.wantErr)
			}
		})
	}
	if _, err := files.Read(path("none"), 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v is not fs.ErrNotExist", err)
	}
}
