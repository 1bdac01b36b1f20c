package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
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

	Published Kind = "jwks" // the ring's own; signs the tokens of services with trust jwks
)

// Use says what a key does now.
type Use string

// The uses of a key.
const (
	Issuing Use = "issuing" // a CA: signs certificates of leaves
	Signing Use = "signing" // signs tokens
	Next    Use = "next"    // signs nothing yet; registries are to learn of it before it does
	Retired Use = "retired" // signs no more; tokens that it signed, or a CA vouched for, may be alive
)

// KeyInfo describes a key; nothing of it is secret.
type KeyInfo struct {
	KID         string    `json:"kid"`                   // libtrust key id
	Algorithm   string    `json:"algorithm"`             // JWS name
	Use         Use       `json:"use"`                   // what it does now
	Kind        Kind      `json:"kind"`                  // what it is
	NotBefore   time.Time `json:"not_before"`            // UTC; an hour before it was made or, of kind jwks, became what it is
	NotAfter    time.Time `json:"not_after,omitzero"`    // of its certificate, UTC; none for the kind jwks
	Fingerprint string    `json:"fingerprint,omitempty"` // SHA-256 of its certificate, as openssl prints it; none for the kind jwks

	ActivateFrom time.Time `json:"activate_from,omitzero"` // of the next one: from when it may sign, UTC
	RetiredUntil time.Time `json:"retired_until,omitzero"` // of a retired one: until when its tokens may be alive, UTC. Then a key is published no more, and a CA may go
}

// Keys lists the CA and one beside it, the leaf that signs and those before it, and
// likewise the keys that registries know by the JWKS. Retired keys are listed, newest
// first, while their tokens may be alive.
func (r *Ring) Keys() []KeyInfo {
	if r.brought() {
		return []KeyInfo{describe(r.x5c.Load().certs[0], Brought, Signing)}
	}
	var keys []KeyInfo
	if cas := r.cas.Load(); cas != nil {
		keys = append(keys, describe(cas.certs[0], CA, Issuing))
		if cas.next != nil {
			keys = append(keys, awaiting(cas.next.certs[0], CA))
		}
		if cas.old != nil {
			old := describe(cas.old, CA, Retired)
			if s := r.x5c.Load(); s != nil {
				old.RetiredUntil = s.retiredUntil(cas.old).UTC()
			}
			keys = append(keys, old)
		}
	}
	for _, l := range []struct {
		*state
		kind Kind
	}{{r.x5c.Load(), Leaf}, {r.jwks.Load(), Published}} {
		if l.state == nil {
			continue
		}
		keys = append(keys, describe(l.certs[0], l.kind, Signing))
		if l.next != nil {
			keys = append(keys, awaiting(l.next.certs[0], l.kind))
		}
		for _, old := range l.published(r.config.Now()) {
			k := describe(old.cert, l.kind, Retired)
			k.RetiredUntil = old.since.Add(Retention).UTC()
			keys = append(keys, k)
		}
	}
	return keys
}

func describe(c *x509.Certificate, kind Kind, use Use) KeyInfo {
	algorithm, _ := algorithmOf(c.PublicKey) // checked when it was loaded
	k := KeyInfo{KID: keyID(c), Algorithm: algorithm, Use: use, Kind: kind, NotBefore: c.NotBefore.UTC()}
	if kind != Published {
		k.NotAfter, k.Fingerprint = c.NotAfter.UTC(), fingerprint(c)
	}
	return k
}

// awaiting describes what is published and signs nothing yet.
func awaiting(c *x509.Certificate, kind Kind) KeyInfo {
	k := describe(c, kind, Next)
	k.ActivateFrom = madeAt(c).Add(Settle).UTC()
	return k
}

// Bundle returns, in PEM, what goes into a registry's rootcertbundle: the CA and, while
// it is being replaced, the one beside it; or the certificates of a brought pair. It is
// empty where nobody has made a CA yet.
func (r *Ring) Bundle() []byte {
	if r.brought() {
		return encodeCertificates(r.x5c.Load().certs)
	}
	if cas := r.cas.Load(); cas != nil {
		return encodeCertificates(cas.all())
	}
	return nil
}

// Certificate returns, in PEM, the certificate of the key that signs the tokens of
// services with [JWKS], for a registry that takes a single key: zot. It is empty where
// nobody has made that key yet.
func (r *Ring) Certificate() []byte {
	if s := r.jwks.Load(); s != nil {
		return encodeCertificates(s.certs[:1])
	}
	return nil
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

// JWKS returns the JSON Web Key Set (RFC 7517 §5) of services with [JWKS]: the key that
// signs their tokens, the next one, and those before whose tokens may be alive. Leaves are
// not in it: a registry trusts what it read at its start for as long as it runs, and no
// change of the CA would take a leaf from it. It is empty where nobody has made the key yet.
func (r *Ring) JWKS() []byte {
	s := r.jwks.Load()
	if s == nil {
		return nil
	}
	keys := []jwk{newJWK(s.certs[0])}
	if s.next != nil {
		keys = append(keys, newJWK(s.next.certs[0]))
	}
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
		// The uncompressed point is 4, x, y with both padded to the curve's size, as
		// RFC 7518 §6.2.1.2 wants them.
		point, _ := public.Bytes() // the curves of NIST always have them
		half := (len(point) + 1) / 2
		k.Type, k.Curve, k.X, k.Y = "EC", public.Params().Name, text(point[1:half]), text(point[half:])
	case ed25519.PublicKey: // RFC 8037 §2
		k.Type, k.Curve, k.X = "OKP", "Ed25519", text(public)
	}
	return k
}
