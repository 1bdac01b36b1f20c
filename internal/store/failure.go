package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// ErrUnavailable is what every [Error] is.
var ErrUnavailable = errors.New("the database cannot be used")

// What the schema's version says of a database.
var (
	errNewer    = errors.New("a newer version of this program has worked on it")
	errOlder    = errors.New("an older version of this program has made it")
	errReadOnly = errors.New("it is open to be looked at only")
	errEmpty    = errors.New("there are no tables in it")
	errMoved    = errors.New("it is not the file that was opened")
	errInUse    = errors.New("the write-ahead log is in use")
	errRow      = errors.New("a row cannot be read")
)

// Kind sorts the failures of a database.
type Kind string

// The kinds of failure.
const (
	Locked   Kind = "locked"
	Slow     Kind = "slow" // no answer in time, and SQLite does not say why
	Full     Kind = "full"
	ReadOnly Kind = "read-only"
	Damaged  Kind = "damaged"
	Missing  Kind = "missing"
	Denied   Kind = "denied"
	Foreign  Kind = "foreign" // of another version of this program
	Disk     Kind = "disk"
	Other    Kind = "other"
)

// mendable reports whether such a failure may end while the process runs.
func (k Kind) mendable() bool { return k != Foreign && k != Other }

// breaks reports whether the connections are to be opened anew after such a failure.
func (k Kind) breaks() bool { return k != Locked && k != Slow && k != Full && k != ReadOnly }

// advice is what is wrong in plain words, to follow the database's path, and what to do.
func (k Kind) advice() (problem, remedy string) {
	switch k {
	case Locked:
		return "is locked by another process", "end the program that has it open (fuser shows which); none but shorepass should"
	case Slow:
		return "does not answer in time", "see how busy its disk is (iostat), and whether another process has it open (fuser)"
	case Full:
		return "cannot grow: the disk is full", "make room on it; nothing needs a restart"
	case ReadOnly:
		return "cannot be written to: it, its folder or its file system is read-only", "make data_dir writable for the user that serves; nothing needs a restart"
	case Damaged:
		return "is damaged", "stop shorepass, move the file and those beside it (-wal, -shm) away, and restore a backup (--database-only leaves the keys)"
	case Missing:
		return "is gone, or another file is in its place", "put it back; or stop shorepass and restore a backup (--database-only leaves the keys)"
	case Denied:
		return "may not be opened by this user", "give data_dir and all in it to the user that serves"
	case Foreign:
		return "is of another version of shorepass", "run that version, or restore a backup that this one made"
	case Disk:
		return "cannot be read or written: the disk fails, or a quota or limit is reached", "see the system's log; restore a backup if the disk is lost"
	}
	return "cannot be used", "see what SQLite says"
}

// Error is a failure of the database. Its text is for the operator.
type Error struct {
	Path string
	Kind Kind
	Err  error
}

// Error says what is wrong, and what to do.
func (e *Error) Error() string {
	problem, remedy := e.Kind.advice()
	return fmt.Sprintf("the database %s %s: %s (%v)", e.Path, problem, remedy, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, ErrUnavailable) hold.
func (e *Error) Is(target error) bool { return target == ErrUnavailable }

// failed makes an [*Error] of what an operation failed with.
func (s *Store) failed(err error) error {
	var failure *Error
	if errors.As(err, &failure) {
		return err
	}
	return &Error{Path: s.path, Kind: kindOf(err, s.path), Err: err}
}

func kindOf(err error, path string) Kind {
	var fromSQLite *sqlite.Error
	switch {
	case errors.Is(err, errInUse):
		return Locked
	case errors.As(err, &fromSQLite):
		return kindOfCode(fromSQLite.Code(), path)
	case errors.Is(err, errNewer), errors.Is(err, errOlder):
		return Foreign
	case errors.Is(err, errRow), errors.Is(err, errEmpty):
		return Damaged
	case errors.Is(err, errMoved):
		return Missing
	case errors.Is(err, context.DeadlineExceeded):
		return Slow
	case errors.Is(err, errReadOnly), errors.Is(err, syscall.EROFS):
		return ReadOnly
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return Full
	case errors.Is(err, fs.ErrPermission):
		return Denied
	case errors.Is(err, fs.ErrNotExist):
		return Missing
	}
	return Other
}

// kindOfCode sorts SQLite's result codes (https://www.sqlite.org/rescode.html).
func kindOfCode(code int, path string) Kind {
	switch code {
	case codes.SQLITE_READONLY_DBMOVED:
		return Missing
	case codes.SQLITE_IOERR_SHMSIZE:
		return Full
	}
	const primary = 0xff
	switch code & primary {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_PROTOCOL:
		return Locked
	case codes.SQLITE_INTERRUPT: // by the end of the context
		return Slow
	case codes.SQLITE_FULL:
		return Full
	case codes.SQLITE_READONLY:
		return ReadOnly
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return Damaged
	case codes.SQLITE_CANTOPEN, codes.SQLITE_IOERR, codes.SQLITE_PERM:
		return kindOfFile(path)
	}
	return Other
}

// kindOfFile says why a file cannot be opened, read or written, as far as the system
// tells.
func kindOfFile(path string) Kind {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return Missing
	}
	if isFull(path) {
		return Full
	}
	for _, needed := range []string{path, filepath.Dir(path)} { // the log is made beside it
		switch err := mayWrite(needed); {
		case errors.Is(err, syscall.EROFS):
			return ReadOnly
		case errors.Is(err, syscall.EACCES):
			return Denied
		}
	}
	return Disk
}

// isFull reports whether the file system of a file has no room left.
func isFull(path string) bool {
	var system syscall.Statfs_t
	return syscall.Statfs(path, &system) == nil && system.Bavail == 0
}

// mayWrite fails where this process may not write to a file.
func mayWrite(path string) error {
	const write = 2 // W_OK of access(2)
	return syscall.Access(path, write)
}
