package slapd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority signs the certificates of one server and of its clients.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
}

// newAuthority makes an authority, whose certificate is ca.pem in dir.
func newAuthority(tb testing.TB, dir string, valid time.Duration) *authority {
	tb.Helper()
	a := &authority{key: newKey(tb), dir: dir}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example authority"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(valid),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	writePEM(tb, dir, "ca.pem", "CERTIFICATE", sign(tb, a.cert, a.cert, a.key, a.key))
	return a
}

// issue makes a certificate, valid until end, and its key; the files are called name.
func (a *authority) issue(tb testing.TB, name string, leaf *x509.Certificate, end time.Time) (cert, key string) {
	tb.Helper()
	leafKey := newKey(tb)
	leaf.SerialNumber, leaf.NotBefore, leaf.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-47*time.Hour), end
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	keyDER, err := x509.MarshalECPrivateKey(leafKey)
	if err != nil {
		tb.Fatal(err)
	}
	return writePEM(tb, a.dir, name+".pem", "CERTIFICATE", sign(tb, leaf, a.cert, leafKey, a.key)),
		writePEM(tb, a.dir, name+"-key.pem", "EC PRIVATE KEY", keyDER)
}

// issueServer makes the certificate of a server with hosts, which are names and
// addresses.
func (a *authority) issueServer(tb testing.TB, hosts []string, end time.Time) (cert, key string) {
	tb.Helper()
	leaf := &x509.Certificate{Subject: pkix.Name{CommonName: "Example directory"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, h)
		}
	}
	return a.issue(tb, "cert", leaf, end)
}

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
	return s.authority.issue(tb, "client-"+name, leaf, end)
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// sign returns the certificate, in DER, for the public half of key.
func sign(tb testing.TB, cert, issuer *x509.Certificate, key, issuerKey *ecdsa.PrivateKey) []byte {
	tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func writePEM(tb testing.TB, dir, name, kind string, der []byte) string {
	tb.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}
