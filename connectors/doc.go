// Package connectors answers one question: who is this?
//
// A [Connector] takes the user name and password that a container client sent
// and says whose they are, as an [Identity]: a stable id, the canonical name and
// the groups. Package policy decides what that identity may do; neither package
// knows that the other exists.
//
// Each kind of connector is a package of its own below this one (ldap, static,
// …) and imports this package, never a sibling. A connector that checks
// passwords implements [Directory], the two steps Locate and Verify, and package
// guard makes a [Connector] of it. A [Chain] asks the connectors of a realm in
// their configured order.
//
// # The error contract
//
// Authenticate, Locate, Verify and Resolve sort every failure into one of:
//
//   - [ErrNotMine]: we know that we do not know this user. The chain asks the
//     next connector that handles the credentials.
//     A connector that cannot tell a name it does not know from a wrong password never
//     says so; it ends the chain, and its configuration says that ([ChainEnder]).
//   - [ErrRejected]: the account is ours and the attempt is refused. The chain
//     stops. [Reject] attaches the closed [Reason] that the audit log shows; the
//     client sees one answer for all of them but two.
//   - [ErrGone], from Resolve only: the account was deleted, is disabled, or lies
//     outside what the connector is configured for.
//   - anything else is an outage: the chain stops, never falls through to the
//     next connector, and the attempt never counts as a failed login. One that is the
//     whole upstream's is marked with [ErrUnreachable].
//
// Authenticate may also fail with [Throttled], which guards make: too many logins failed.
// The chain stops.
package connectors
