package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Error is why a file cannot be read.
type Error struct {
	Path    string
	Problem string // in plain words, to follow the path
	Err     error  // what the system said; may be nil
}

// Error names the file and the problem.
func (e *Error) Error() string { return e.Path + " " + e.Problem }

// Unwrap returns what the system said.
func (e *Error) Unwrap() error { return e.Err }

// Read returns the content of a regular file of at most limit bytes. It never
// blocks. Its error is an [*Error].
func Read(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, unreadable(path, err)
	case info.IsDir():
		return nil, &Error{Path: path, Problem: "is a directory, not a file"}
	case !info.Mode().IsRegular():
		return nil, &Error{Path: path, Problem: "is not a regular file"}
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if int64(len(content)) > limit {
		return nil, &Error{Path: path, Problem: fmt.Sprintf("has more than %d bytes", limit)}
	}
	return content, nil
}

func unreadable(path string, err error) error {
	var cause *fs.PathError
	problem := "cannot be read: " + err.Error()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		problem = "does not exist"
	case errors.Is(err, fs.ErrPermission):
		problem = "may not be read by this user"
	case errors.As(err, &cause):
		problem = "cannot be read: " + cause.Err.Error()
	}
	return &Error{Path: path, Problem: problem, Err: err}
}
