package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// The algorithms that every registry in use accepts, by their JWS names (RFC 7518
// §3.1).
const (
	ES256 = "ES256"
	RS256 = "RS256"
)

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
		if k.Curve != elliptic.P256() {
			return "", fmt.Errorf("elliptic curve %s: want P-256", k.Params().Name)
		}
		return ES256, nil
	case *rsa.PublicKey:
		if k.N.BitLen() < rsaBits {
			return "", fmt.Errorf("RSA key of %d bits: want %d or more", k.N.BitLen(), rsaBits)
		}
		return RS256, nil
	}
	return "", errors.New("neither an RSA nor a P-256 key: registries of version 2 know no other")
}

func generateKey(algorithm string) (crypto.Signer, error) {
	if algorithm == RS256 {
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// samePublic reports whether two public keys are one.
func samePublic(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}
