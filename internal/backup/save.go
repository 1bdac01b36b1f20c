package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/shorepass/shorepass/internal/files"
)

// Save writes a backup to a file that is not there yet, and returns what is in it. write
// writes the archive. The file appears under its name when it is whole, was read again,
// and is on the disk; else, and where the context ends, nothing is left of it.
func Save(ctx context.Context, path string, write func(io.Writer) error) (m Manifest, err error) {
	if err := checkFree(path); err != nil {
		return m, err
	}
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return m, unmade(folder, err)
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
		if m, err = Verify(ctx, f); err != nil {
			err = fmt.Errorf("the backup that was written cannot be used: %w", err)
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return m, err
	}
	if err := name(f.Name(), path); err != nil {
		return m, err
	}
	return m, files.SyncFolder(folder)
}

// unmade is why no file could be made in a folder. The name that it would have had is
// nobody's concern.
func unmade(folder string, err error) error {
	var cause *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the folder %s does not exist", folder)
	case errors.As(err, &cause):
		return fmt.Errorf("no file can be made in the folder %s: %w", folder, cause.Err)
	}
	return err
}

func checkFree(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return fmt.Errorf("%s is there already: a backup is never written over another file", path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return unmade(filepath.Dir(path), err)
}

// name gives a file its name. Unlike a rename, a link takes the place of nothing; but not
// every file system has links.
func name(unnamed, path string) error {
	if os.Link(unnamed, path) == nil {
		return nil
	}
	if err := checkFree(path); err != nil {
		return err
	}
	return os.Rename(unnamed, path)
}

// Stream writes a backup to w, which keeps it, and returns what is in it. write writes the
// archive. Where it fails, what was written is no backup.
func Stream(ctx context.Context, w io.Writer, write func(io.Writer) error) (Manifest, error) {
	pipe, written := io.Pipe()
	go func() { _ = written.CloseWithError(write(io.MultiWriter(w, written))) }()
	m, err := Verify(ctx, pipe)
	if err == nil {
		_, err = io.Copy(io.Discard, pipe) // what fills up its last block
	}
	_ = pipe.CloseWithError(err) // never fails
	return m, err
}
