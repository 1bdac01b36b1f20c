// Package ldap signs people in with their account in an LDAP directory (RFC 4511).
//
// A login is a search and a bind: the service account finds the one entry that
// answers to the typed name, a second connection binds as that entry with the
// typed password, and the groups come from a search or from an attribute of the
// entry. What leaves this package is the directory's own spelling of the user
// name, lower case, and the entry's stable id; never what was typed.
//
// What entries are like, Config.Vendor sets for Active Directory, OpenLDAP, FreeIPA and
// 389 Directory Server (see presets.go); nothing else depends on it, but that a service
// account may be written as only Active Directory takes it.
//
// Where nobody may search, a [Template] makes the DN of the entry from the name, and the
// person's own connection reads what is needed.
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
// Where there are several servers, work goes to the first in the list that works. A
// server at fault is put aside within the login that finds out, the next one is
// asked, and a look in the background takes the first back (see servers.go).
//
// # What the directory's answers mean
//
// A result code is a rejection where it speaks of the user's account or password
// (see the table in result.go); everything else is an outage, a refused service
// account above all: it is our own password that is wrong then, and the refusal is
// the answer for a while, lest logins with invented names lock the account (see
// service.go). Two entries for one name are a rejection.
//
// Binds carry the password policy control (draft-behera-ldap-password-policy-10): what
// the directory says of the account in its answer, locked, expired, to be changed, is a
// rejection with a reason of its own, also where the bind succeeds. A directory that
// does not know the control takes no notice of it. Active Directory says the same by a
// sub-code among its words (see subcode.go); of accounts whose password is wrong it
// says 52e whatever else is the matter, but 775 of locked ones, so that 52e alone is a
// wrong password.
//
// Groups that could not be read whole fail the login, since fewer groups can mean
// fewer denies: beyond the bounds, or where a part of them may be on another server. Of
// memberOf, what lies behind a range is asked for; of other attributes a range is an
// outage.
//
// A locked or disabled account is one that the directory refuses to bind. A lookup
// without a password ([Directory.Resolve]) knows of it by users.filter, and with
// users.disabled by what the directory notes in the entry, read as it reads that itself:
// there is nothing that all directories have in common. Who is locked for a while is gone
// for that while.
//
// # Referrals
//
// Referrals are never followed: they would carry the service account's password to
// whatever server an entry names. A referral instead of a result is an outage. What
// a continuation reference among the results (RFC 4511 §4.5.3) means depends on what
// was searched for:
//
//   - Groups: an outage. There may be more of them where the reference points, unless
//     that is a part of Active Directory which holds its own settings.
//   - A person who was found: nothing. The password is checked here.
//   - A person who was not found: nothing, too. The accounts of a connector are those
//     that its server holds below users.base_dn. One that is kept elsewhere can never
//     sign in through this connector, with or without the reference, so that asking
//     the next connector, which may be the one for that server, is right. Active
//     Directory sends such references with every search from the domain's root (to
//     ForestDnsZones and others, where no people are), and unknown names must not
//     look like outages there.
//
// # Bounds
//
// Replies are bounded before they are decoded: 1 MiB and 32 levels of nesting for
// a message, and a budget for all that one operation is answered with. Searches for
// groups are made in pages (RFC 2696), since directories bound what they give, too;
// all pages together are one operation.
package ldap
