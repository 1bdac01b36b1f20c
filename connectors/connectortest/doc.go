// Package connectortest holds the contract that every connector keeps, as a test
// suite: a connector's tests hand [Run] a [Fixture] that says how to build it, who
// can sign in and who cannot.
//
// The suite asks what the rest of the program relies on: that a wrong password, an
// unknown user and an outage are never taken for one another, that one person has
// one identity however the name is typed, that no user name gains anything, and
// that no password shows in an error.
package connectortest
