// Package token issues the signed tokens that container registries accept, and
// keeps the keys that sign them.
//
// A [Ring] is the keys of one realm. By what the registry of a service knows keys
// ([Config.Trust]), one of two signs its tokens; there are always both, so that a registry
// can be given the one that it does not need yet:
//
//   - [X5C], the default. A realm has a CA, made on first start and valid
//     for ten years, and under it a leaf key, which signs tokens for 30 days
//     and then gives way to the next. A token carries the leaf's certificate in its
//     x5c header (RFC 7515 §4.1.6), so that a registry which holds the CA in its
//     rootcertbundle follows a rotation without a restart.
//   - [JWKS]. A published key signs tokens without a certificate; the registry read it,
//     in a JWKS (RFC 7517), at its start. It gives way to the next in two steps, so that
//     registries can be restarted in between, and never by itself.
//
// A CA is replaced in three steps, for the same reason; [Ring.Do] does all of them. Or there
// is a brought pair: a key and certificate that registries trust already. It signs all tokens,
// which carry that certificate with [X5C], and nothing rotates.
//
// The key id of a token is the libtrust key id, the only one that registries of
// version 2 know: SHA-256 of the public key's DER SubjectPublicKeyInfo, its first 30
// bytes in base32, in 12 groups of 4.
//
// # Files
//
// Keys of its own live in one folder, [Config.Dir]: ca-key.pem is the CA's private
// key and certificate, followed by the certificate of the CA before while registries are to
// trust that too; leaf-key.pem the private key and certificate of the leaf that
// signs, followed by the certificates of leaves whose tokens may still be in
// circulation; jwks-key.pem likewise the published key, whose certificate is its own, and
// says since when it signs. ca-next-key.pem and jwks-next-key.pem are what is published and
// signs nothing yet. When a key retires its private half is gone. Each file is replaced as a
// whole, and one file decides, so that a process killed at any moment leaves a folder that
// loads. A file that is damaged, or does not fit the others, is an error and never replaced.
//
// One process at a time may work on a folder. The ring does not guard that itself:
// its caller holds a lock on the data directory.
package token
