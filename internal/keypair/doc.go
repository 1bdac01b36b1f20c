// Package keypair keeps a TLS certificate and its key, whose files are replaced now
// and then: by a renewal, say, which must not need a restart. Servers present such a
// pair, and so do clients whose servers ask for one.
package keypair
