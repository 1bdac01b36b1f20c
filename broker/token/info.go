package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"time"
)

// Kind says what a key is.
type Kind string

// The kinds of key.
const (
	CA      Kind = "ca"      // signs the leaves
	Leaf    Kind = "leaf"    // the ring's own; signs tokens
	Brought Kind = "brought" // the operator's; signs tokens
)

// Use says what a key does now.
type Use string

// The uses of a key.
const (
	Issuing Use = "issuing" // a CA: signs certificates of leaves
	Signing Use = "signing" // signs tokens
	Retired Use = "retired" // signs no more; tokens that it signed may be alive
)

// KeyInfo describes a key; nothing of it is secret.
type KeyInfo struct {
	KID         string    `json:"kid"`         // libtrust key id
	Algorithm   string    `json:"algorithm"`   // JWS name
	Use         Use       `json:"use"`         // what it does now
	Kind        Kind      `json:"kind"`        // what it is
	NotBefore   time.Time `json:"not_before"`  // of its certificate, UTC
	NotAfter    time.Time `json:"not_after"`   // of its certificate, UTC
	Fingerprint string    `json:"fingerprint"` // SHA-256 of its certificate, as openssl prints it
}

// Keys lists the CA, the key that signs, and the retired ones whose tokens may be
// alive, newest first.
func (r *Ring) Keys() []KeyInfo {
	s := r.current.Load()
	if r.brought() {
		return []KeyInfo{describe(s.certs[0], Brought, Signing)}
	}
	keys := []KeyInfo{describe(r.ca.certs[0], CA, Issuing), describe(s.certs[0], Leaf, Signing)}
	for _, l := range s.published(r.config.Now()) {
		keys = append(keys, describe(l.cert, Leaf, Retired))
	}
	return keys
}

func describe(c *x509.Certificate, kind Kind, use Use) KeyInfo {
	algorithm, _ := algorithmOf(c.PublicKey) // checked when it was loaded
	return KeyInfo{
		KID:         keyID(c),
		Algorithm:   algorithm,
		Use:         use,
		Kind:        kind,
		NotBefore:   c.NotBefore.UTC(),
		NotAfter:    c.NotAfter.UTC(),
		Fingerprint: fingerprint(c),
	}
}

// Bundle returns, in PEM, what goes into a registry's rootcertbundle: the CA, or
// the certificates of a brought pair.
func (r *Ring) Bundle() []byte {
	if r.brought() {
		return encodeCertificates(r.current.Load().certs)
	}
	return encodeCertificates(r.ca.certs)
}

// jwk is a public key as RFC 7517 and RFC 7518 §6 write it.
type jwk struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
}

// JWKS returns the JSON Web Key Set (RFC 7517 §5) of every key that may have signed
// a token in circulation, the one that signs now first.
func (r *Ring) JWKS() []byte {
	s := r.current.Load()
	keys := []jwk{newJWK(s.certs[0])}
	for _, l := range s.published(r.config.Now()) {
		keys = append(keys, newJWK(l.cert))
	}
	var out bytes.Buffer
	// Encoding strings into memory cannot fail.
	_ = json.NewEncoder(&out).Encode(map[string][]jwk{"keys": keys})
	return out.Bytes()
}

func newJWK(c *x509.Certificate) jwk {
	algorithm, _ := algorithmOf(c.PublicKey) // checked when it was loaded
	k := jwk{Use: "sig", Algorithm: algorithm, KeyID: keyID(c)}
	text := base64.RawURLEncoding.EncodeToString
	switch public := c.PublicKey.(type) {
	case *rsa.PublicKey:
		k.Type, k.N, k.E = "RSA", text(public.N.Bytes()), text(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		// The uncompressed point is 4, x, y with both padded to the curve's 32 bytes, as
		// RFC 7518 §6.2.1.2 wants them.
		point, _ := public.Bytes() // P-256 always has them
		k.Type, k.Curve, k.X, k.Y = "EC", "P-256", text(point[1:33]), text(point[33:])
	}
	return k
}
