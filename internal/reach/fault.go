package reach

import "errors"

// fault is what went wrong, and what to do about it.
type fault struct {
	err error
	fix string
}

// Error says both.
func (f *fault) Error() string { return f.err.Error() + ": " + f.fix }

// Unwrap returns the cause.
func (f *fault) Unwrap() error { return f.err }

// Mend is err with what to do about it, if that is known.
func Mend(err error, fix string) error {
	if fix == "" {
		return err
	}
	return &fault{err, fix}
}

// Told splits an error into what to do about it and what went wrong.
func Told(err error) (fix string, cause error) {
	var f *fault
	if errors.As(err, &f) {
		return f.fix, f.err
	}
	return "", err
}
