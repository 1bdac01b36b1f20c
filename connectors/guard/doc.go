// Package guard stands between the clients and a password directory.
//
// [Password] joins the two steps of a [connectors.Directory], Locate and Verify, to a
// [connectors.Connector], and stands in front of them with what every password connector
// needs once. In the order in which a login meets it (login.go):
//
//   - The form of user names, the usernames guard, and the refusal of blank passwords.
//   - A memory of logins that were right and of names that are unknown (cache.go).
//   - The [Shield], which all connectors of a process share. It refuses what is known to be
//     wrong, and counts failed logins by the account at the directory before anything is sent
//     there, so that they lock no account and guessing ends (shield.go, enter.go, pass.go, settle.go,
//     record.go, limits.go).
//   - One login at the directory for all who send the same at the same time; once it is sent
//     there it is carried to its end whoever hangs up (flight.go).
//   - Bounds for the directory's own sake: so many logins at once, and none while it does not
//     answer (upstream.go, breaker.go).
//
// How long the directory takes to refuse is kept (pace.go), so that the chain can have all
// refusals take as long. Nothing of it is written down, and no password is kept: what stands
// for one is a keyed hash whose key is in memory alone (digest.go).
package guard
