// Package config reads shorepass.yaml: its schema, its defaults, and all that can be
// known to be wrong with it without a network.
//
// [Load] reports everything at once, in this file and in the policy files that it
// names, each fault with file, line and column. A value that cannot be decoded is not
// checked further, so that one mistake makes one message; the values beside it are.
// Of the files that keys, certificates and connectors are in, it is checked that they
// can be read; what is in them is for those who use them.
//
// What users read of the keys is docs/configuration.md; a test keeps it complete.
package config
