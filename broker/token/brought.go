package token

import (
	"crypto/x509"
	"fmt"
	"time"
)

// ErrBrought is why the keys of a brought pair cannot be rotated.
var ErrBrought error = Refusal("the signing key was brought (key_file and cert_file), and rotating it would leave registries without its certificate: replace both files, and reload (SIGHUP)")

// What to do about brought files that cannot be used.
const (
	remedyKey     = "key_file wants one private key in PEM, P-256, P-384, Ed25519, or RSA of 2048 bits or more"
	remedyCert    = "cert_file wants the certificate of key_file in PEM, then those that signed it, in order"
	remedyExpired = "registries refuse its tokens: renew it, or bring another pair"
)

// loadBrought reads a key and certificates that registries trust already, and
// refuses what they would refuse.
func loadBrought(c Config, now time.Time) (pair, error) {
	blocks, err := readPEM(c.KeyFile)
	if err != nil {
		return pair{}, about(c.KeyFile, err, remedyKey)
	}
	var p pair
	if p.key, err = privateKey(blocks); err != nil {
		return pair{}, about(c.KeyFile, err, remedyKey)
	}
	algorithm, err := algorithmOf(p.key.Public())
	if err != nil {
		return pair{}, about(c.KeyFile, err, remedyKey)
	}
	if c.Algorithm != "" && c.Algorithm != algorithm {
		return pair{}, fmt.Errorf("%s: the key signs with %s, while algorithm says %s: set algorithm: %s, or bring another key",
			c.KeyFile, algorithm, c.Algorithm, algorithm)
	}
	if blocks, err = readPEM(c.CertFile); err != nil {
		return pair{}, about(c.CertFile, err, remedyCert)
	}
	if p.certs, err = certificates(blocks); err != nil {
		return pair{}, about(c.CertFile, err, remedyCert)
	}
	if !samePublic(p.key.Public(), p.certs[0].PublicKey) {
		return pair{}, about(c.CertFile, fmt.Errorf("its first certificate is not that of the key in %s", c.KeyFile), remedyCert)
	}
	return p, checkChain(c.CertFile, p.certs, now, c.uses(X5C))
}

// CheckBrought reads a key and its certificates as [Open] would, and returns the
// algorithm that the key signs with. algorithm may be empty: whatever fits the key.
func CheckBrought(algorithm, keyFile, certFile string) (string, error) {
	p, err := loadBrought(Config{Algorithm: algorithm, KeyFile: keyFile, CertFile: certFile}, time.Now())
	if err != nil {
		return "", err
	}
	return algorithmOf(p.key.Public())
}

// checkChain wants each certificate signed by the one after it and, where tokens carry
// them, valid now.
func checkChain(path string, certs []*x509.Certificate, now time.Time, carried bool) error {
	for i, c := range certs {
		if err := validAt(c, now); err != nil && carried {
			return about(path, err, remedyExpired)
		}
		if i+1 == len(certs) {
			break
		}
		if err := c.CheckSignatureFrom(certs[i+1]); err != nil {
			return about(path, fmt.Errorf("certificate %d is not signed by certificate %d: %w", i+1, i+2, err), remedyCert)
		}
	}
	return nil
}
