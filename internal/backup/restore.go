package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/shorepass/shorepass/internal/store"
)

// unfinished is the folder in the data folder in which a restore works. While it is
// there, what is beside it may be half of a backup.
const unfinished = "restore.new"

// CheckFinished fails where a restore into the data folder did not end.
func CheckFinished(dataDir string) error {
	if _, err := os.Lstat(filepath.Join(dataDir, unfinished)); err == nil {
		return fmt.Errorf("a restore into data_dir %s did not end: run \"shorepass restore\" again", dataDir)
	}
	return nil
}

// Restore brings a backup into a data folder that has neither keys nor a database; the
// caller holds its lock. check is asked about the folder in which all lies before any of
// it is put in its place. What fails leaves nothing behind; what is killed is done again
// by the next.
func Restore(ctx context.Context, path, dataDir string, check func(folder string) error) (m Manifest, err error) {
	work := filepath.Join(dataDir, unfinished)
	if CheckFinished(dataDir) != nil {
		// Whatever is there was put there by the one that did not end.
		if err := clear(dataDir, work); err != nil {
			return m, err
		}
	}
	if err := checkEmpty(dataDir); err != nil {
		return m, err
	}
	f, err := os.Open(path)
	if err != nil {
		return m, err
	}
	defer func() { _ = f.Close() }() // only read
	if err := os.Mkdir(work, 0o700); err != nil {
		return m, err
	}
	if err := syncFolder(dataDir); err != nil {
		return m, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, clear(dataDir, work))
		}
	}()
	if m, err = unpack(f, work); err != nil {
		return m, fmt.Errorf("%s: %w; nothing was restored", path, err)
	}
	if err := verify(ctx, work, m, check); err != nil {
		return m, fmt.Errorf("%s: %w; nothing was restored", path, err)
	}
	return m, put(work, dataDir)
}

// checkEmpty wants nothing in the data folder that a backup has.
func checkEmpty(dataDir string) error {
	for _, name := range []string{store.FileName, store.FileName + "-wal", keysFolder} {
		found := filepath.Join(dataDir, name)
		_, err := os.Lstat(found)
		if err == nil {
			return fmt.Errorf("%s is there: a backup is never restored over keys or a database; move it away first", found)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// verify checks what was unpacked.
func verify(ctx context.Context, work string, m Manifest, check func(string) error) error {
	if m.Schema > 0 {
		if _, err := store.Verify(ctx, filepath.Join(work, store.FileName)); err != nil {
			return err
		}
	}
	return check(work)
}

// put moves what was unpacked to its place. The folder goes last: until then, the data
// folder is not taken for whole.
func put(work, dataDir string) error {
	err := filepath.WalkDir(work, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return syncFolder(name)
	})
	if err != nil {
		return err
	}
	for _, name := range []string{store.FileName, keysFolder} {
		err := os.Rename(filepath.Join(work, name), filepath.Join(dataDir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // not every backup has both
			return err
		}
	}
	if err := syncFolder(dataDir); err != nil {
		return err
	}
	if err := os.Remove(work); err != nil {
		return err
	}
	return syncFolder(dataDir)
}

// clear removes what a restore has put into the data folder, its own folder last.
func clear(dataDir, work string) error {
	for _, name := range []string{filepath.Join(dataDir, store.FileName), filepath.Join(dataDir, keysFolder), work} {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
	}
	return syncFolder(dataDir)
}
