package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"github.com/shorepass/shorepass/internal/files"
	"github.com/shorepass/shorepass/internal/store"
)

// A restore works in a folder below the data folder, whose name says how far it is.
const (
	unpacked = "restore.new"   // nothing of it is in its place
	checked  = "restore.ready" // what is no longer in it is in its place; its manifest says what it is
	done     = "restore.done"  // all is in its place
)

// CheckFinished fails where a restore into the data folder did not end: what is in that
// folder may be half of a backup.
func CheckFinished(dataDir string) error {
	var remedy string
	switch {
	case isThere(filepath.Join(dataDir, checked)):
		remedy = `run "shorepass restore" with the same file again`
	case isThere(filepath.Join(dataDir, unpacked)):
		remedy = `run "shorepass restore" again, or remove ` + filepath.Join(dataDir, unpacked) + `, of which nothing is in its place`
	default:
		return nil
	}
	return fmt.Errorf("a restore into data_dir %s did not end: %s", dataDir, remedy)
}

func isThere(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// Restoring is where a backup is brought back to, and how.
type Restoring struct {
	// DataDir is the data folder, whose lock the caller holds.
	DataDir string
	// DatabaseOnly leaves the keys that are there as they are.
	DatabaseOnly bool
	// Check is asked about the folder in which all lies, before any of it is put in its
	// place.
	Check func(folder string, m Manifest) error
}

// Restore brings a backup into a data folder that has neither keys nor a database, and
// returns what was brought back. Until all of the backup was read and checked, nothing in
// the folder is touched, and what is there is never written over. What fails leaves
// nothing behind; what is killed is ended by the next that has the same backup.
func Restore(ctx context.Context, r io.Reader, to Restoring) (m Manifest, err error) {
	if isThere(to.path(checked)) {
		return to.resume(ctx, r)
	}
	if err := to.checkEmpty(); err != nil {
		return m, err
	}
	if err := errors.Join(os.RemoveAll(to.path(unpacked)), os.RemoveAll(to.path(done))); err != nil {
		return m, err
	}
	if err := os.Mkdir(to.path(unpacked), 0o700); err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(to.path(unpacked))) }() // which has another name when all was checked
	if m, err = to.unpack(ctx, r); err != nil {
		return m, fmt.Errorf("%w; nothing was restored", err)
	}
	if err := to.move(unpacked, checked); err != nil {
		return m, err
	}
	return m, to.put()
}

func (to Restoring) path(name string) string { return filepath.Join(to.DataDir, name) }

// move renames one folder of a restore to another, and waits until that is on the disk.
func (to Restoring) move(from, name string) error {
	if err := os.Rename(to.path(from), to.path(name)); err != nil {
		return err
	}
	return files.SyncFolder(to.DataDir)
}

// checkEmpty wants nothing in the data folder that is to be restored.
func (to Restoring) checkEmpty() error {
	names := []string{store.FileName, store.FileName + "-wal"}
	if !to.DatabaseOnly {
		names = append(names, keysFolder)
	}
	for _, name := range names {
		_, err := os.Lstat(to.path(name))
		switch {
		case err == nil && name == keysFolder:
			return fmt.Errorf("%s is there: a backup is never restored over keys: move them away first, or restore the database alone (--database-only)", to.path(name))
		case err == nil:
			return fmt.Errorf("%s is there: a backup is never restored over a database: move it and those beside it (-wal, -shm) away first", to.path(name))
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return nil
}

// unpack writes a backup to the folder of what is unpacked, checks it, and writes down what
// it is.
func (to Restoring) unpack(ctx context.Context, r io.Reader) (m Manifest, err error) {
	work := to.path(unpacked)
	m, err = unpack(ctx, r, work, func(f File) bool { return f.Name == store.FileName || !to.DatabaseOnly })
	if err != nil {
		return m, err
	}
	if m, err = to.wanted(m); err != nil {
		return m, err
	}
	if m.hasDatabase() {
		version, err := store.Verify(ctx, filepath.Join(work, store.FileName))
		if err != nil {
			return m, err
		}
		if version != m.Schema {
			return m, fmt.Errorf("its manifest says that the database has schema %d, and it has %d", m.Schema, version)
		}
	}
	if err := to.Check(work, m); err != nil {
		return m, err
	}
	text, err := json.Marshal(m)
	if err != nil {
		return m, err
	}
	if err := writeFile(filepath.Join(work, manifestName), bytes.NewReader(text)); err != nil {
		return m, err
	}
	return m, syncFolders(work)
}

// wanted is the manifest of what is restored.
func (to Restoring) wanted(m Manifest) (Manifest, error) {
	if to.DatabaseOnly {
		m = m.databaseAlone()
	}
	if len(m.Files) == 0 {
		return m, errors.New("there is no database in it")
	}
	return m, nil
}

// resume ends a restore of the same backup that was killed when all was checked.
func (to Restoring) resume(ctx context.Context, r io.Reader) (m Manifest, err error) {
	if m, err = Verify(ctx, r); err == nil {
		m, err = to.wanted(m)
	}
	if err != nil {
		return m, err
	}
	text, err := files.Read(filepath.Join(to.path(checked), manifestName), maxManifest)
	if err != nil {
		return m, err
	}
	begun, err := parseManifest(text)
	if err != nil {
		return m, fmt.Errorf("%s: %w", to.path(checked), err)
	}
	if !reflect.DeepEqual(begun, m) {
		return m, fmt.Errorf("the restore of another backup, made %s, did not end: run it again with that file; or move %s, and %s and %s where they are there, away",
			begun.Made.Format("2006-01-02 15:04:05Z"), to.path(checked), to.path(store.FileName), to.path(keysFolder))
	}
	return m, to.put()
}

// put moves what was unpacked to its place. The folder's name changes last: until then, the
// data folder is not taken for whole.
func (to Restoring) put() error {
	for _, name := range []string{store.FileName, keysFolder} {
		from := filepath.Join(to.path(checked), name)
		if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
			continue // it is in its place, or not in this backup
		}
		if _, err := os.Lstat(to.path(name)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s has come there while %s was to be put in its place: move it away, and run this again", to.path(name), from)
		}
		if err := os.Rename(from, to.path(name)); err != nil {
			return err
		}
	}
	if err := files.SyncFolder(to.DataDir); err != nil {
		return err
	}
	if err := to.move(checked, done); err != nil {
		return err
	}
	return os.RemoveAll(to.path(done))
}

// syncFolders waits until the names in a folder and those below it are on the disk.
func syncFolders(folder string) error {
	return filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return files.SyncFolder(name)
	})
}
