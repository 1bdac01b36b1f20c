// Package dirsrv runs 389 Directory Server for tests, in a network namespace of its own:
// it listens on every address. All is gone when the test ends. A machine without the
// server fails the test, and so does one that makes no namespaces.
package dirsrv
