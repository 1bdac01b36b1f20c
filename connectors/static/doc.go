// Package static is the connector for accounts kept in a file: the way in when the
// directory is down, and all that a small team needs.
//
// The file is either Shorepass's own users.yaml
//
//	users:
//	  - username: alice
//	    password_hash: "$argon2id$v=19$m=19456,t=2,p=1$…"
//	    groups: [platform]
//	    disabled: false
//
// with bcrypt or argon2id hashes (RFC 9106; "shorepass users hash" makes them), or
// an htpasswd file of bcrypt lines as it stands, whose users have no groups. The
// files are read once, at the start.
//
// The connector is asked for its listed names alone. Hashing is what makes guessing
// slow, and what an attacker could use to keep every core busy: a process computes no
// more hashes at once than it has cores, and a login whose turn does not come within 0.6 s
// fails as an outage, not as a refusal.
//
// So that the time of a refusal does not tell which names are listed, others are
// refused after the costliest hash of the file, as long as that keeps nobody waiting, and
// fail as an outage where a listed name would.
// Users who all have the same algorithm and cost are refused in the same time. Beside a
// directory, the chain holds all refusals for as long as that takes, too.
package static
