// Package access makes, shows and takes back personal access tokens: for an
// administrator, and for people who look after their own.
//
// [Service] is the one way to do it, whoever asks: the administration API, the API for
// people and the command line. Every act is recorded in the audit log, one that is
// refused too. A token that could not be recorded is taken back before anybody has seen
// it; a revocation that could not be recorded has happened, and the error says so.
//
// What a person may do here is bounded by what the realm lets people do by themselves.
// An administrator is bounded by what holds for all tokens. Nobody reaches a token of
// another realm, and no person another's.
package access
