// Package samba runs the domain controllers of an Active Directory for tests, by Samba, in
// a network namespace of their own: their ports are fixed. All is gone when the test ends.
// A machine without Samba fails the test, and so does one that makes no namespaces.
package samba
