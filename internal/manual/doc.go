// Package manual reads what docs/configuration.md says of the keys of a configuration: so
// that the page, whose tables a test compares with the keys that there are, is the one place
// where they are described.
package manual
