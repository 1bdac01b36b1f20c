// Package ldap signs people in with their account in an LDAP directory (RFC 4511).
//
// A login is a search and a bind: the service account finds the one entry that
// answers to the typed name, a second connection binds as that entry with the
// typed password, and the groups come from a search or from an attribute of the
// entry. What leaves this package is the directory's own spelling of the user
// name, lower case, and the entry's stable id; never what was typed.
//
// # Connections
//
// LDAPS, StartTLS and, where it is allowed outright, plain LDAP; TLS 1.2 at least,
// host name and certificate checked. Connections are kept in two pools: one whose
// connections are bound as the service account and search, one whose connections
// users bind on. A connection of the second is never searched on, so that no
// search runs with a user's rights. Both pools are bounded, every operation has a
// deadline, and a call is over after four seconds at most: a directory that hangs
// is an outage, never a failed login.
//
// # What the directory's answers mean
//
// A result code is a rejection where it speaks of the user's account or password
// (see the table in result.go); everything else is an outage, a refused service
// account above all: it is our own password that is wrong then. Two entries for
// one name are a rejection. Referrals are not followed. Groups that could not be
// read whole fail the login, since fewer groups can mean fewer denies.
//
// Replies are bounded before they are decoded: 1 MiB and 32 levels of nesting for
// a message, and a budget for all that one operation is answered with.
package ldap
