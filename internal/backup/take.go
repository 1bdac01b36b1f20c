package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/shorepass/shorepass/internal/store"
)

// Backup is what a backup will hold, as it was when [Take] returned.
type Backup struct {
	manifest Manifest
	keys     map[string][]byte
	database *os.File // has no name any more: it is gone with the process; nil: there is none
}

// Source is what a backup is made of.
type Source struct {
	// DataDir is the data folder; the process that serves may go on working there.
	DataDir string
	// Program is the version of the program that makes the backup.
	Program string
	// Database wants a database to be there.
	Database bool
	// KeysOnly leaves the database out.
	KeysOnly bool
	// Check wants the keys in the data folder to be there, as far as they ought to be.
	Check func() error
}

// unfinishedCopy is the folder in the data folder in which the database is copied.
const unfinishedCopy = "backup.new"

// Tidy removes what a backup that was killed has left in the data folder. While it cannot,
// the next backup tries it again.
func Tidy(dataDir string) { _ = os.RemoveAll(filepath.Join(dataDir, unfinishedCopy)) }

// Take copies the database and the keys. It needs room for another database in the data
// folder or, where nothing can be written there, in the system's folder for temporary
// files. One backup is taken of a data folder at a time; the caller sees to it, and closes
// the backup.
func Take(ctx context.Context, from Source) (_ *Backup, err error) {
	b := &Backup{manifest: Manifest{Format: format, Made: time.Now().UTC().Truncate(time.Second), Program: from.Program}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if !from.KeysOnly {
		if err := b.takeDatabase(ctx, from); err != nil {
			return nil, err
		}
	}
	if b.keys, err = takeKeys(from); err != nil {
		return nil, err
	}
	for _, name := range sorted(b.keys) {
		sum := sha256.Sum256(b.keys[name])
		b.manifest.Files = append(b.manifest.Files, File{Name: name, Size: int64(len(b.keys[name])), SHA256: hex.EncodeToString(sum[:])})
	}
	if len(b.manifest.Files) == 0 {
		return nil, fmt.Errorf("%s holds neither keys nor a database: \"shorepass serve\" makes them when it first starts", from.DataDir)
	}
	return b, nil
}

// keysAlone is how keys are saved of which the database cannot be.
const keysAlone = "--keys-only saves the keys without it"

// takeDatabase copies the database, where there is one.
func (b *Backup) takeDatabase(ctx context.Context, from Source) error {
	path := filepath.Join(from.DataDir, store.FileName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if !from.Database {
			return nil
		}
		return fmt.Errorf("the database %s is not there: \"shorepass serve\" makes it when it first starts; %s", path, keysAlone)
	}
	err := b.copyDatabase(ctx, path, filepath.Join(from.DataDir, unfinishedCopy))
	if isUnwritable(err) {
		if elsewhere := b.copyDatabase(ctx, path, filepath.Join(os.TempDir(), fmt.Sprintf("shorepass-backup-%d", os.Getpid()))); elsewhere != nil {
			err = fmt.Errorf("%w; in %s (TMPDIR): %w", err, os.TempDir(), elsewhere)
		} else {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("the database cannot be copied: %w; %s", err, keysAlone)
	}
	return nil
}

// isUnwritable reports whether something may go where there is room and leave to write.
func isUnwritable(err error) bool {
	var failure *store.Error
	if errors.As(err, &failure) {
		return failure.Kind == store.Full || failure.Kind == store.ReadOnly || failure.Kind == store.Denied
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)
}

// copyDatabase copies the database into a folder that it makes, and removes. What was
// copied stays open.
func (b *Backup) copyDatabase(ctx context.Context, path, folder string) error {
	if err := os.RemoveAll(folder); err != nil { // of a backup that was killed
		return err
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }() // else the next backup does
	copied := filepath.Join(folder, store.FileName)
	version, err := store.Copy(ctx, path, copied)
	if err != nil {
		return err
	}
	f, err := os.Open(copied)
	if err != nil {
		return err
	}
	b.database = f
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	if err != nil {
		return err
	}
	b.manifest.Schema = version
	b.manifest.Files = append(b.manifest.Files, File{Name: store.FileName, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))})
	return nil
}
