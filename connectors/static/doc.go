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
// slow, and what an attacker could use to keep every core busy: no more hashes are
// computed at once than there are cores, and who waits longer than the request may
// take gets an outage, not a refusal.
package static
