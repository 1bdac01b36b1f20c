package broker

import (
	"errors"
	"time"
)

// Kind sorts failures by what the client should do. It is an error itself, so that
// errors.Is(err, Malformed) holds for every [Error] of that kind.
type Kind string

// The kinds of failure.
const (
	Malformed       Kind = "malformed"       // the request cannot be right, whoever sends it
	Unauthenticated Kind = "unauthenticated" // log in, or log in again
	Forbidden       Kind = "forbidden"       // signing in again does not help
	NotFound        Kind = "not-found"       // what is asked for is not there
	Conflict        Kind = "conflict"        // what there is stands in the way
	Throttled       Kind = "throttled"       // too many attempts: wait
	Unavailable     Kind = "unavailable"     // a directory or store is out of reach: try again
	Internal        Kind = "internal"        // our own fault
)

// Error returns the kind's name.
func (k Kind) Error() string { return string(k) }

// Error is a failure of [Broker.Token] or [Broker.SignIn], or of an act.
type Error struct {
	Kind       Kind
	Reason     string        // for the audit entry; one of a closed set
	Field      string        // the field or parameter that is at fault; empty: not one alone
	Code       string        // OAuth2 error code (RFC 6749 §5.2) where the kind's own does not fit
	Message    string        // what whoever asked is told
	RetryAfter time.Duration // when to try again; zero: nothing is said
	Cause      error         // for the log and for administrators, never for others
}

// Error returns what the client is told, and the cause.
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

// AsError returns err as an [*Error]; what is none becomes Internal, so that no
// unknown error shows its text to a client.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return internal("unexpected", err)
}

func malformed(reason, message string) *Error {
	return &Error{Kind: Malformed, Reason: reason, Message: message}
}

func internal(reason string, cause error) *Error {
	return &Error{Kind: Internal, Reason: reason, Message: "something went wrong on the server", Cause: cause}
}
