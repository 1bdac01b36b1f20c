package backup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Save writes a backup to a file that is not there yet, and returns what is in it. write
// writes the archive. The file appears under its name when it is whole, was read again,
// and is on the disk; else nothing is left of it.
func Save(path string, write func(io.Writer) error) (m Manifest, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s is there already: a backup is never written over another file", path)
	}
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return m, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		if m, err = Verify(f); err != nil {
			err = fmt.Errorf("the backup that was written cannot be used: %w", err)
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return m, err
	}
	// Unlike a rename, a link takes the place of nothing.
	if err := os.Link(f.Name(), path); err != nil {
		return m, err
	}
	return m, syncFolder(folder)
}

// syncFolder waits until the names in a folder are on the disk.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
