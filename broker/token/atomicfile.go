package token

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/shorepass/shorepass/internal/files"
)

// writeFile replaces a file as a whole, readable by its owner alone: whoever
// reads it, also after a crash at any moment, finds the old content or the new.
func writeFile(path string, data []byte) error {
	temporary := path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeSynced(temporary, data); err != nil {
		_ = os.Remove(temporary)
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		_ = os.Remove(temporary)
		return err
	}
	return files.SyncFolder(filepath.Dir(path))
}

// writeSynced writes a file that does not exist yet and waits for the disk.
func writeSynced(path string, data []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}
