package slapd

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"
)

// IssueClient makes a client certificate for cn=NAME that the server's authority has
// signed, or one that expired that long ago. The files are new ones at every call
// with another name.
func (s *Server) IssueClient(tb testing.TB, name string, expired time.Duration) (cert, key string) {
	tb.Helper()
	end := time.Now().Add(time.Hour)
	if expired > 0 {
		end = time.Now().Add(-expired)
	}
	leaf := &x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	return s.authority.Issue(tb, "client-"+name, leaf, end)
}
