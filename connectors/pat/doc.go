// Package pat takes personal access tokens for the accounts that they belong to.
//
// A token is a password that its owner, or an administrator, had made: it can do less
// than its owner, ends by itself, and can be taken back. Its text is of fixed length
//
//	srp_ IIIIIIIIIIII SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS CCCCCC    (written without the spaces)
//
// where I is the public id, S the secret (190 random bits) and C a checksum: the CRC-32
// (IEEE 802.3) of the 48 bytes before it. All three are base62, with the digits 0-9, A-Z,
// a-z, most significant first. What does not have this form reaches no database. Of a
// token, its SHA-256 alone is kept.
//
// A token counts under whatever user name it comes with. What it may do is its ceiling,
// as far as the rules allow it to its owner now: the owner's groups come from the
// owner's own connector.
//
// # The owner's rights of now
//
// An owner whose connector is a [connectors.Resolver] is looked up there: again before
// what is known is [Config.MaxGroupAge] old, behind the logins, and when it is older than
// that, before the login that finds it so. While the connector does not answer, its last
// answer counts until it is [Config.OutageGrace] old, and no login waits but the first: one
// question every two seconds finds the end of the outage. That an account is gone is an
// answer, too. Where the connector answers, but not about one account, what is known of
// that counts until it is MaxGroupAge old and no longer.
//
// Where nobody can be looked up, the last login with a password counts, for
// [Config.MaxLoginAge]: the chain tells of those ([connectors.LoginObserver]). What is learned
// either way is kept in [Owners], so that a restart in an outage changes nothing. In none, a
// connector that takes over asks about everybody anew who can be looked up ([Connector.TakeOver]).
package pat
