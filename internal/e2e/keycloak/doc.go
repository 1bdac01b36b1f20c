// Package keycloak runs Keycloak for tests: a process with a database and ports of its
// own and with the realms that a test imports. A machine without Keycloak fails the
// test. One takes a good part of a minute to start, so that a test run has one for all.
package keycloak
