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
	Sign(input string) ([]byte, error)
}

// memorySigner signs with a key in memory.
type memorySigner struct {
	method jwt.SigningMethod
	key    crypto.Signer
}

func newSigner(key crypto.Signer) (signer, error) {
	algorithm, err := algorithmOf(key.Public())
	if err != nil {
		return nil, err
	}
	return memorySigner{method: jwt.GetSigningMethod(algorithm), key: key}, nil
}

func (s memorySigner) Algorithm() string { return s.method.Alg() }

func (s memorySigner) Sign(input string) ([]byte, error) { return s.method.Sign(input, s.key) }

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
