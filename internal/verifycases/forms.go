package verifycases

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"path/filepath"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

// issuing is a ring, what registries are told to trust, and a clock that can be
// wrong.
type issuing struct {
	*token.Ring
	config token.Config
	bundle []byte
	jwks   bool // registries are given the JWKS too, where they take one
	later  time.Duration
}

// issueAt issues a token when the clock is that much ahead.
func (r *issuing) issueAt(t *testing.T, later time.Duration, g token.Grant) string {
	t.Helper()
	r.later = later
	defer func() { r.later = 0 }()
	issued, err := r.Issue(g)
	if err != nil {
		t.Fatal(err)
	}
	return issued.Raw
}

// form is a form of token: the keys that sign it, and what registries trust.
type form struct {
	name string
	open func(t *testing.T) *issuing
}

func forms() []form {
	return []form{
		{"ES256", func(t *testing.T) *issuing { return own(t, token.ES256) }},
		{"RS256", func(t *testing.T) *issuing { return own(t, token.RS256) }},
		{"ES256 beside a JWKS", func(t *testing.T) *issuing {
			r := own(t, token.ES256)
			r.jwks = true
			return r
		}},
		{"brought EC, self-signed", func(t *testing.T) *issuing {
			key := newKey(t, token.ES256)
			for !shortCoordinate(t, key) {
				key = newKey(t, token.ES256)
			}
			return brought(t, key, newCertificate(t, "old auth server", key, nil, nil))
		}},
		{"brought RSA, self-signed", func(t *testing.T) *issuing {
			key := newKey(t, token.RS256)
			return brought(t, key, newCertificate(t, "old auth server", key, nil, nil))
		}},
		{"brought chain, registry trusts all of it", func(t *testing.T) *issuing { return chain(t) }},
		{"brought chain, registry trusts its CA", func(t *testing.T) *issuing {
			r := chain(t)
			_, r.bundle = pem.Decode(r.bundle) // the leaf comes first
			return r
		}},
	}
}

// own opens a ring with keys of its own.
func own(t *testing.T, algorithm string) *issuing {
	t.Helper()
	return openRing(t, token.Config{Dir: filepath.Join(t.TempDir(), "corp"), Realm: "corp", Algorithm: algorithm})
}

// brought opens a ring with that key and those certificates.
func brought(t *testing.T, key crypto.Signer, certs ...*x509.Certificate) *issuing {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var bundle []byte
	for _, c := range certs {
		bundle = append(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return openRing(t, token.Config{
		Realm:    "corp",
		KeyFile:  writeFile(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		CertFile: writeFile(t, "cert.pem", bundle),
	})
}

func chain(t *testing.T) *issuing {
	t.Helper()
	caKey, key := newKey(t, token.RS256), newKey(t, token.ES256)
	ca := newCertificate(t, "CA", caKey, nil, nil)
	return brought(t, key, newCertificate(t, "auth server", key, ca, caKey), ca)
}

func openRing(t *testing.T, c token.Config) *issuing {
	t.Helper()
	r := &issuing{config: c}
	r.config.Now = func() time.Time { return time.Now().Add(r.later) }
	r.reopen(t)
	r.bundle = r.Bundle()
	return r
}

// reopen is a restart of the program.
func (r *issuing) reopen(t *testing.T) {
	t.Helper()
	ring, err := token.Open(r.config)
	if err != nil {
		t.Fatal(err)
	}
	r.Ring = ring
}

func newKey(t *testing.T, algorithm string) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	if algorithm == token.RS256 {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// shortCoordinate reports whether a coordinate of an EC key begins with a zero byte.
// Registries differ in the key ids that they compute of such keys.
func shortCoordinate(t *testing.T, key crypto.Signer) bool {
	t.Helper()
	point, err := key.Public().(*ecdsa.PublicKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return point[1] == 0 || point[33] == 0
}

// newCertificate makes a CA certificate of key that signs itself or, with a parent,
// a certificate that the parent signs.
func newCertificate(t *testing.T, name string, key crypto.Signer, parent *x509.Certificate, parentKey crypto.Signer) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		BasicConstraintsValid: true,
		IsCA:                  parent == nil,
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
