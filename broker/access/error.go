package access

import (
	"context"
	"errors"
	"fmt"
)

// Kind sorts failures by what whoever asked should do. It is an error itself, so that
// errors.Is(err, NotFound) holds for every [Error] of that kind.
type Kind string

// The kinds of failure.
const (
	Malformed   Kind = "malformed"   // what is asked cannot be right: change it
	Forbidden   Kind = "forbidden"   // whoever asks may not do that
	NotFound    Kind = "not-found"   // there is no such realm, token or owner
	Conflict    Kind = "conflict"    // what there is stands in the way
	Unavailable Kind = "unavailable" // a directory or the database is out of reach: try again
	Internal    Kind = "internal"    // our own fault
)

// Error returns the kind's name.
func (k Kind) Error() string { return string(k) }

// Error is a failure of the [Service].
type Error struct {
	Kind    Kind
	Field   string // which field of [Spec] or [Filter] is at fault, by its JSON name; empty: none
	Reason  string // why, as the audit log has it: one of few words
	Message string // what whoever asked is told
	Cause   error  // for the log and for administrators, never for others
}

// Error returns the message, and the cause.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.Cause.Error()
}

// Is makes errors.Is(err, kind) hold.
func (e *Error) Is(target error) bool { return target == e.Kind }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// AsError returns err as an [*Error]; what is none becomes Internal.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Reason: "unexpected", Message: "something went wrong on the server", Cause: err}
}

func fault(kind Kind, field, reason, format string, args ...any) *Error {
	return &Error{Kind: kind, Field: field, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// invalid is a fault of one field.
func invalid(field, format string, args ...any) *Error {
	return fault(Malformed, field, "bad-"+field, format, args...)
}

// unavailable is a failure of the database.
func unavailable(cause error) *Error {
	return &Error{Kind: Unavailable, Reason: "database", Message: "the database of access tokens cannot be used at the moment", Cause: cause}
}

// gone reports whether whoever asked no longer waits: nobody's outage.
func gone(err error) bool { return errors.Is(err, context.Canceled) }
