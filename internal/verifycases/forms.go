package verifycases

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
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
	trust  []token.Trust // by what registries know the keys
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
	not  func(Registry) bool // the registries that know no such form; nil: all do
}

func forms() []form {
	return []form{
		{"ES256", func(t *testing.T) *issuing { return own(t, token.ES256) }, nil},
		{"ES384", func(t *testing.T) *issuing { return own(t, token.ES384) }, nil},
		{"RS256", func(t *testing.T) *issuing { return own(t, token.RS256) }, nil},
		{"EdDSA", func(t *testing.T) *issuing { return own(t, token.EdDSA) }, withoutEdDSA},
		{"ES256 beside a JWKS", func(t *testing.T) *issuing {
			r := own(t, token.ES256)
			r.trust = []token.Trust{token.X5C, token.JWKS}
			return r
		}, nil},
		{"JWKS, ES256", func(t *testing.T) *issuing { return published(t, token.ES256) }, withoutJWKS},
		{"JWKS, ES384", func(t *testing.T) *issuing { return published(t, token.ES384) }, withoutJWKS},
		{"JWKS, RS256", func(t *testing.T) *issuing { return published(t, token.RS256) }, withoutJWKS},
		{"JWKS, EdDSA", func(t *testing.T) *issuing { return published(t, token.EdDSA) }, withoutJWKS},
		{"JWKS beside a bundle", func(t *testing.T) *issuing {
			r := openRing(t, token.Config{
				Dir: filepath.Join(t.TempDir(), "corp"), Realm: "corp",
				Trust: map[string]token.Trust{service: token.JWKS, "other.example": token.X5C},
			})
			r.trust = []token.Trust{token.X5C, token.JWKS}
			return r
		}, withoutJWKS},
		{"JWKS, brought EC", func(t *testing.T) *issuing {
			key := newKey(t, token.ES256)
			for !shortCoordinate(t, key) {
				key = newKey(t, token.ES256)
			}
			r := brought(t, key, newCertificate(t, "old auth server", key, nil, nil))
			r.config.Trust = map[string]token.Trust{service: token.JWKS}
			r.trust = []token.Trust{token.JWKS}
			r.reopen(t)
			return r
		}, withoutJWKS},
		{"brought EC, self-signed", func(t *testing.T) *issuing {
			key := newKey(t, token.ES256)
			for !shortCoordinate(t, key) {
				key = newKey(t, token.ES256)
			}
			return brought(t, key, newCertificate(t, "old auth server", key, nil, nil))
		}, nil},
		{"brought RSA, self-signed", func(t *testing.T) *issuing {
			key := newKey(t, token.RS256)
			return brought(t, key, newCertificate(t, "old auth server", key, nil, nil))
		}, nil},
		{"brought Ed25519, self-signed", func(t *testing.T) *issuing {
			key := newKey(t, token.EdDSA)
			return brought(t, key, newCertificate(t, "old auth server", key, nil, nil))
		}, withoutEdDSA},
		{"brought chain, registry trusts all of it", func(t *testing.T) *issuing { return chain(t) }, nil},
		{"brought chain, registry trusts its CA", func(t *testing.T) *issuing {
			r := chain(t)
			_, r.bundle = pem.Decode(r.bundle) // the leaf comes first
			return r
		}, nil},
	}
}

// own opens a ring with keys of its own.
func own(t *testing.T, algorithm string) *issuing {
	t.Helper()
	return openRing(t, token.Config{Dir: filepath.Join(t.TempDir(), "corp"), Realm: "corp", Algorithm: algorithm})
}

// published opens a ring whose keys registries know by the JWKS alone.
func published(t *testing.T, algorithm string) *issuing {
	t.Helper()
	r := openRing(t, token.Config{
		Dir: filepath.Join(t.TempDir(), "corp"), Realm: "corp", Algorithm: algorithm,
		Trust: map[string]token.Trust{service: token.JWKS, "other.example": token.JWKS},
	})
	r.trust = []token.Trust{token.JWKS}
	return r
}

func withoutEdDSA(r Registry) bool { return !r.EdDSA }

func withoutJWKS(r Registry) bool { return !r.JWKS }

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
	r := &issuing{config: c, trust: []token.Trust{token.X5C}}
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
	switch algorithm {
	case token.RS256:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case token.EdDSA:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
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
