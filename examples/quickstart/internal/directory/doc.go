// Package directory is a small LDAP directory for the quick start, so that the
// broker has real binds and searches to make where no LDAP server is installed.
//
// It holds what an LDIF file says, answers simple binds, base, one-level and
// subtree searches, and nothing else: it is read-only, and what it does not know
// it refuses. The same file loads into a real server.
package directory
