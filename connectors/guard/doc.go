// Package guard stands between the clients and a password directory.
//
// [Password] joins the two steps of a [connectors.Directory], Locate and Verify,
// to a [connectors.Connector]. What every password connector needs stands here
// once, before anything is sent upstream: the form of user names, the usernames
// guard, and the refusal of blank passwords.
package guard
