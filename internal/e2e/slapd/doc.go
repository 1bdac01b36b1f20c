// Package slapd starts OpenLDAP servers for tests: each a process with a database,
// certificates and ports of its own, loaded with the people and groups of
// tree.ldif, and gone when the test ends. A machine without slapd fails the test.
package slapd
