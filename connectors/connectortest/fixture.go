package connectortest

import (
	"testing"

	"github.com/shorepass/shorepass/connectors"
)

// Login is a user name and a password, as typed.
type Login struct{ Username, Password string }

// Fixture describes a connector to the suite. Fields that are not marked optional
// are required.
type Fixture struct {
	// Name is the connector's name in its realm.
	Name string

	// Tokens is the name of the connector that the accounts are of, where this one takes
	// tokens on their behalf: the passwords are tokens of Shorepass's own then, and any user
	// name will do. Empty: the accounts are its own.
	Tokens string

	// New returns a connector whose upstream lives, made anew; it leaves closing to
	// tb.Cleanup. Every check asks for one of its own.
	New func(tb testing.TB) connectors.Connector

	// Form is that of the realm's user names. Default: ASCII.
	Form connectors.UsernameForm

	// Good signs in.
	Good Login

	// Username is the canonical name of Good, as Form.Parse returns it.
	Username string

	// Groups are the groups of Good, in any order.
	Groups []string

	// WrongPassword is a password that Good does not have, of eight bytes at least:
	// the suite looks for it in error texts.
	WrongPassword string

	// Unknown is a well-formed user name that the upstream does not have; empty,
	// and not checked, where the connector cannot know that.
	Unknown string

	// Disabled is an account that may not sign in, with its right password; the
	// zero Login where the connector knows no such state.
	Disabled Login

	// DisabledID is the stable id of Disabled; empty where the connector can tell that
	// an account is disabled only when it checks a password, or resolves nothing.
	DisabledID string

	// Unhandled is a user name that the connector leaves to others without I/O: by
	// the usernames guard, or because it is not listed. Empty: not checked.
	Unhandled string

	// Spellings are other ways to type the user name of Good. Each must give the
	// same identity, or be refused, or not be handled at all.
	Spellings []string

	// Down returns a connector whose upstream cannot be reached; nil where the
	// connector has no upstream.
	Down func(tb testing.TB) connectors.Connector
}

// Check is one clause of the contract.
type Check struct {
	Name string                         // as a subtest's name
	Run  func(tb testing.TB, f Fixture) // fails tb where the clause is broken
}

// Checks returns the clauses of the contract. [Run] runs them all. Each fails a
// fixture that is incomplete.
func Checks() []Check {
	checks := []Check{
		{"good login", checkGood},
		{"wrong password", checkWrongPassword},
		{"unknown user", checkUnknown},
		{"disabled account", checkDisabled},
		{"unhandled user", checkUnhandled},
		{"spellings", checkSpellings},
		{"hostile user names", checkHostileNames},
		{"blank passwords", checkBlankPasswords},
		{"passwords stay out of errors", checkCanary},
		{"canceled context", checkCanceled},
		{"concurrent logins", checkConcurrent},
		{"upstream down", checkDown},
		{"resolve", checkResolve},
		{"resolve unknown id", checkResolveUnknown},
		{"resolve disabled account", checkResolveDisabled},
	}
	for i, c := range checks {
		checks[i].Run = func(tb testing.TB, f Fixture) {
			tb.Helper()
			f.validate(tb)
			c.Run(tb, f)
		}
	}
	return checks
}

// Run checks the connector that f describes against the whole contract, each
// clause in a subtest.
func Run(t *testing.T, f Fixture) {
	t.Helper()
	for _, c := range Checks() {
		t.Run(c.Name, func(t *testing.T) { c.Run(t, f) })
	}
}

// validate fails the test where the fixture itself is incomplete: a check of
// nothing would pass.
func (f Fixture) validate(tb testing.TB) {
	tb.Helper()
	switch {
	case f.Name == "" || f.New == nil:
		tb.Fatal("connectortest: the fixture needs Name and New")
	case f.Good.Username == "" || f.Good.Password == "" || f.Username == "":
		tb.Fatal("connectortest: the fixture needs Good and Username")
	case len(f.WrongPassword) < 8 || f.WrongPassword == f.Good.Password:
		tb.Fatal("connectortest: the fixture needs a WrongPassword of eight bytes at least")
	case f.DisabledID != "" && f.Disabled == (Login{}):
		tb.Fatal("connectortest: the fixture has a DisabledID and no Disabled")
	}
}

// credentials are what a client would have sent.
func (l Login) credentials() connectors.Credentials {
	return connectors.Credentials{Username: l.Username, Password: connectors.NewSecret(l.Password)}
}

// wrong is the good login with the wrong password.
func (f Fixture) wrong() connectors.Credentials {
	return Login{f.Good.Username, f.WrongPassword}.credentials()
}
