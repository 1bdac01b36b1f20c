package token

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"time"
)

// How long certificates live. A leaf outlives its use by far, so that a program
// which cannot write its folder for weeks goes on signing.
const (
	caYears      = 10
	leafLifetime = 90 * 24 * time.Hour
	leafUse      = 30 * 24 * time.Hour
	backdated    = time.Hour // registries check certificates by their own clock
)

// pair is a private key with its certificates, the key's own first.
type pair struct {
	key   crypto.Signer
	certs []*x509.Certificate
}

// newCA makes a CA of a realm. Its key is P-384 for ES384, and else P-256, whatever
// the leaves' algorithm is: registries of all versions verify the certificates that such
// keys sign, and those of version 2 do not start with an Ed25519 key in their bundle.
func newCA(realm, algorithm string, now time.Time) (pair, error) {
	if algorithm != ES384 {
		algorithm = ES256
	}
	key, err := generateKey(algorithm)
	if err != nil {
		return pair{}, err
	}
	template := &x509.Certificate{
		NotBefore:             now.Add(-backdated),
		NotAfter:              now.AddDate(caYears, 0, 0),
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true, // it vouches for leaves, never for another CA
		KeyUsage:              x509.KeyUsageCertSign,
	}
	cert, err := certify(template, "CA", realm, key.Public(), pair{key: key, certs: []*x509.Certificate{template}})
	if err != nil {
		return pair{}, err
	}
	return pair{key: key, certs: []*x509.Certificate{cert}}, nil
}

// newLeaf makes a leaf under ca, which it never outlives.
func newLeaf(ca pair, realm, algorithm string, now time.Time) (pair, error) {
	key, err := generateKey(algorithm)
	if err != nil {
		return pair{}, err
	}
	template := &x509.Certificate{
		NotBefore:             now.Add(-backdated),
		NotAfter:              now.Add(leafLifetime),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
	}
	if end := ca.certs[0].NotAfter; template.NotAfter.After(end) {
		template.NotAfter = end
	}
	cert, err := certify(template, "signing", realm, key.Public(), ca)
	if err != nil {
		return pair{}, err
	}
	return pair{key: key, certs: []*x509.Certificate{cert}}, nil
}

// newPublished makes a key that registries know by the JWKS.
func newPublished(realm, algorithm string, now time.Time) (pair, error) {
	key, err := generateKey(algorithm)
	if err != nil {
		return pair{}, err
	}
	return selfCertified(key, realm, now)
}

// selfCertified gives a published key a certificate of its own, which says of which realm
// it is and since when it is what it is. No token carries it, and it has no end (RFC 5280
// §4.1.2.5).
func selfCertified(key crypto.Signer, realm string, now time.Time) (pair, error) {
	template := &x509.Certificate{
		NotBefore:             now.Add(-backdated),
		NotAfter:              time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
	}
	cert, err := certify(template, "published", realm, key.Public(), pair{key: key, certs: []*x509.Certificate{template}})
	if err != nil {
		return pair{}, err
	}
	return pair{key: key, certs: []*x509.Certificate{cert}}, nil
}

// certify has issuer sign the template, under a name that no other key has: a trust
// store may hold the CAs of many realms, and two of one.
func certify(template *x509.Certificate, role, realm string, public crypto.PublicKey, issuer pair) (*x509.Certificate, error) {
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(spki)
	template.Subject = pkix.Name{
		Organization:       []string{"Shorepass"},
		OrganizationalUnit: []string{realm},
		CommonName:         fmt.Sprintf("Shorepass %s %x", role, sum[:4]),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.certs[0], public, issuer.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
