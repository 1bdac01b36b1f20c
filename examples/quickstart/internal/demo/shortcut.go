package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// maxSocket is the longest path of a Unix socket that every system takes: macOS has
// room for 103 bytes, Linux for 107.
const maxSocket = 103

// adminSocket is where shorepass.yaml puts the broker's socket.
const adminSocket = "data/admin.sock"

// shortcut is a way to the folder of the quick start that is short enough for the
// broker's socket: the folder's own path, or else a link to it.
type shortcut struct {
	path   string
	folder string // of the link; empty where none is needed
}

func newShortcut(dir string) (shortcut, error) {
	if fits(dir) {
		return shortcut{path: dir}, nil
	}
	for _, place := range slices.Compact([]string{os.TempDir(), "/tmp"}) {
		folder, err := os.MkdirTemp(place, "shorepass-demo-")
		if err != nil {
			continue
		}
		s := shortcut{path: filepath.Join(folder, "quickstart"), folder: folder}
		if err = os.Symlink(dir, s.path); err == nil && fits(s.path) {
			return s, nil
		}
		s.remove()
	}
	return shortcut{}, fmt.Errorf("%s is too long a path for the broker's socket, and no temporary folder has a shorter one: set TMPDIR to one that has", dir)
}

func fits(dir string) bool { return len(filepath.Join(dir, adminSocket)) <= maxSocket }

// to is the way to a file of the folder.
func (s shortcut) to(name string) string { return filepath.Join(s.path, name) }

func (s shortcut) remove() {
	if s.folder != "" {
		_ = os.RemoveAll(s.folder) // what stays is an empty folder or a link
	}
}
