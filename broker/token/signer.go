package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// The algorithms, by their JWS names (RFC 7518 §3.1, RFC 8037 §3.1). Registries of
// version 2 know all but EdDSA.
const (
	ES256 = "ES256"
	ES384 = "ES384"
	RS256 = "RS256"
	EdDSA = "EdDSA" // with Ed25519
)

// Algorithms returns every algorithm that a key of ours may sign with, the default first.
func Algorithms() []string { return []string{ES256, ES384, RS256, EdDSA} }

// rsaBits is the size of RSA keys that are made, and the least of those brought.
const rsaBits = 2048

// signer signs tokens with one key. What kind of key that is, and where it lives,
// is its own affair.
type signer interface {
	// Algorithm is the JWS name of the signature algorithm.
	Algorithm() string
	// Sign returns the signature of a JWS signing input (RFC 7515 §5.1).
	Sign(input []byte) ([]byte, error)
}

func newSigner(key crypto.Signer) (signer, error) {
	algorithm, err := algorithmOf(key.Public())
	if err != nil {
		return nil, err
	}
	method := jwt.GetSigningMethod(algorithm)
	curve, onCurve := method.(*jwt.SigningMethodECDSA)
	if k, ok := key.(*ecdsa.PrivateKey); ok && onCurve {
		return curveSigner{curve, k}, nil
	}
	return memorySigner{method, key}, nil
}

// memorySigner signs with a key in memory.
type memorySigner struct {
	method jwt.SigningMethod
	key    crypto.Signer
}

func (s memorySigner) Algorithm() string { return s.method.Alg() }

func (s memorySigner) Sign(input []byte) ([]byte, error) { return s.method.Sign(string(input), s.key) }

// curveSigner signs with a key of an elliptic curve. The nonce of a signature comes from
// the key and what is signed (RFC 6979), not from chance: that is a fifth cheaper, and no
// fault of the machine's randomness gives the key away. What is held against it takes two
// signatures of one input, one of them with a fault; no two tokens are alike.
type curveSigner struct {
	method *jwt.SigningMethodECDSA
	key    *ecdsa.PrivateKey
}

func (s curveSigner) Algorithm() string { return s.method.Alg() }

func (s curveSigner) Sign(input []byte) ([]byte, error) {
	digest := s.method.Hash.New()
	digest.Write(input) // never fails
	der, err := s.key.Sign(nil, digest.Sum(nil), s.method.Hash)
	if err != nil {
		return nil, err
	}
	return joined(der, s.method.KeySize)
}

// joined turns a signature in ASN.1 (RFC 3279 §2.2.3) into that of JWS: both numbers one
// after the other, each of size bytes (RFC 7518 §3.4).
func joined(der []byte, size int) ([]byte, error) {
	var pair cryptobyte.String
	var r, s []byte
	rest := cryptobyte.String(der)
	if !rest.ReadASN1(&pair, asn1.SEQUENCE) || !pair.ReadASN1Integer(&r) || !pair.ReadASN1Integer(&s) || len(r) > size || len(s) > size {
		return nil, errors.New("the key gives signatures of a form that it should not have")
	}
	both := make([]byte, 2*size)
	copy(both[size-len(r):], r)
	copy(both[2*size-len(s):], s)
	return both, nil
}

// algorithmOf returns the algorithm that a key signs with, or says why registries
// could not verify it.
func algorithmOf(public crypto.PublicKey) (string, error) {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return ES256, nil
		case elliptic.P384():
			return ES384, nil
		}
		return "", fmt.Errorf("elliptic curve %s: want P-256 or P-384", k.Params().Name)
	case *rsa.PublicKey:
		if k.N.BitLen() < rsaBits {
			return "", fmt.Errorf("RSA key of %d bits: want %d or more", k.N.BitLen(), rsaBits)
		}
		return RS256, nil
	case ed25519.PublicKey:
		return EdDSA, nil
	}
	return "", errors.New("not a key that registries know: want RSA, P-256, P-384 or Ed25519")
}

func generateKey(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case ES384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case EdDSA:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// samePublic reports whether two public keys are one.
func samePublic(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}
