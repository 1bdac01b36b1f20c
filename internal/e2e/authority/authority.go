// Package authority makes certificates for the servers of tests, and for their clients.
package authority

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

// Authority signs the certificates of one server and of its clients.
type Authority struct {
	File string // its own certificate

	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
}

// New makes an authority, whose certificate is ca.pem in dir.
func New(tb testing.TB, dir string, valid time.Duration) *Authority {
	tb.Helper()
	a := &Authority{key: newKey(tb), dir: dir}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example authority"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(valid),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.File = writePEM(tb, dir, "ca.pem", "CERTIFICATE", sign(tb, a.cert, a.cert, a.key, a.key))
	return a
}

// Issue makes a certificate, valid until end, and its key; the files are called name.
func (a *Authority) Issue(tb testing.TB, name string, leaf *x509.Certificate, end time.Time) (cert, key string) {
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

// IssueServer makes the certificate of a server with hosts, which are names and
// addresses, and its key; the files are called name.
func (a *Authority) IssueServer(tb testing.TB, name string, hosts []string, end time.Time) (cert, key string) {
	tb.Helper()
	leaf := &x509.Certificate{Subject: pkix.Name{CommonName: "Example directory"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, h)
		}
	}
	return a.Issue(tb, name, leaf, end)
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
