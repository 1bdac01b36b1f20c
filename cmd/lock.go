package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/backup"
)

// errLocked says that another process works on the data folder.
var errLocked = errors.New("another shorepass process works on it")

// lockData makes the data folder if need be and takes it for this process, so that
// no two change its keys at once. The lock ends with the process, however it ends.
// What may be half of a backup is not taken.
func lockData(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	return lockWhole(dir, os.O_CREATE|os.O_RDWR)
}

// lockForRestore is lockData for the one command that ends a restore.
func lockForRestore(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	return lockFile(dir, os.O_CREATE|os.O_RDWR)
}

// lockWhole takes a data folder, unless a restore into it did not end.
func lockWhole(dir string, flags int) (unlock func() error, err error) {
	if unlock, err = lockFile(dir, flags); err != nil {
		return nil, err
	}
	if err := backup.CheckFinished(dir); err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
}

// lockExisting takes the data folder of a process that served from it, and makes
// nothing. It fails with [token.ErrNoKeys] where none did.
func lockExisting(dir string) (unlock func() error, err error) {
	err = checkLock(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, token.ErrNoKeys
	}
	if err != nil {
		return nil, err
	}
	return lockWhole(dir, os.O_RDWR)
}

// checkLock refuses the data folder of a process that another user runs: what is written
// there, that process could not read. It fails with [fs.ErrNotExist] where there was none.
func checkLock(dir string) error {
	info, err := os.Stat(filepath.Join(dir, lockName))
	if err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	if uid, ok := ownerOf(info); ok && uid != os.Geteuid() {
		return ofAnother(dir, uid)
	}
	return nil
}

// checkFolder refuses to make anything in another user's data folder, for the same reason.
// One of root's that others may write to is how volumes come: there the lock tells.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return nil //nolint:nilerr // what makes the folder tells why it cannot
	}
	if uid, ok := ownerOf(info); ok && uid != 0 && uid != os.Geteuid() {
		return ofAnother(dir, uid)
	}
	if err := checkLock(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ownerOf is the number of the user that a file belongs to.
func ownerOf(info fs.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

func ofAnother(dir string, uid int) error {
	return fmt.Errorf("data_dir %s belongs to the user with the number %d: run this as that user", dir, uid)
}

// lockName is the file in the data folder that carries the lock.
const lockName = "lock"

func lockFile(dir string, flags int) (unlock func() error, err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), flags, 0o600)
	if errors.Is(err, syscall.EROFS) { // to ask the process that serves, reading will do
		f, err = os.Open(filepath.Join(dir, lockName))
	}
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // a descriptor fits an int
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errLocked
		}
		return nil, fmt.Errorf("data_dir %s: %w", dir, err)
	}
	return f.Close, nil
}

// ownUID is the number of the user that runs this, for the audit log.
func ownUID() *uint32 {
	uid := uint32(os.Getuid()) //nolint:gosec // a user's number
	return &uid
}
