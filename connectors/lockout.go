package connectors

import (
	"context"
	"time"
)

// LockoutPolicy says when an upstream locks an account after wrong passwords.
type LockoutPolicy struct {
	Name     string        // by which an operator knows it, such as the DN of its entry
	Failures int           // how many wrong passwords lock; 0: none do
	Within   time.Duration // how long a wrong password counts; 0: until a right one comes
}

// LockoutTeller is implemented by connectors and directories that can read when the
// upstream locks accounts.
type LockoutTeller interface {
	// LockoutPolicies returns the policies that hold for the account of a user name, or,
	// where that is empty, those that it comes upon; none where it comes upon none. With an
	// error, those come that could be read. It fails with an [errors.ErrUnsupported] where
	// the upstream is of a kind that does not tell.
	LockoutPolicies(ctx context.Context, username string) ([]LockoutPolicy, error)
}
