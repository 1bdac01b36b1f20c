package token

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/shorepass/shorepass/internal/files"
)

// What to do about a file that cannot be used. The CA is what registries trust,
// so that losing it is an operation of its own; a leaf is replaced for nothing.
const (
	remedyCA     = "restore it from a backup; or move it, ca-next-key.pem and leaf-key.pem away: a new CA is made at the next start, and registries of services with trust x5c need its trust bundle"
	remedyNextCA = "restore it from a backup; or move it away, and publish another (shorepass keys rollover-ca start)"
	remedyLeaf   = "restore it from a backup, or move it away: a new leaf is made then, and registries need no change"

	remedyExpiredCA = "set the clock if that is wrong; else replace the CA (shorepass keys rollover-ca start, and then activate)"
)

// store is the folder of a realm's own keys.
type store struct{ dir, realm string }

func (s store) caPath() string            { return filepath.Join(s.dir, "ca-key.pem") }
func (s store) nextCAPath() string        { return filepath.Join(s.dir, "ca-next-key.pem") }
func (s store) leafPath() string          { return filepath.Join(s.dir, "leaf-key.pem") }
func (s store) publishedPath() string     { return filepath.Join(s.dir, "jwks-key.pem") }
func (s store) nextPublishedPath() string { return filepath.Join(s.dir, "jwks-next-key.pem") }

// prepare makes the folder, or finds it.
func (s store) prepare() error {
	if _, err := os.Stat(s.dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return files.SyncFolder(filepath.Dir(s.dir))
}

// loadCA returns the CA and the one beside it, or fs.ErrNotExist where the folder holds
// neither a CA nor what it vouched for.
func (s store) loadCA() (*authorities, error) {
	ca, err := loadPair(s.caPath())
	if errors.Is(err, fs.ErrNotExist) {
		for path, what := range map[string]string{s.leafPath(): "the leaf that it signed", s.nextCAPath(): "the next CA"} {
			if _, err := os.Stat(path); err == nil {
				return nil, about(s.caPath(), fmt.Errorf("missing, while %s is there", what), remedyCA)
			}
		}
		return nil, fs.ErrNotExist
	}
	if err == nil {
		err = s.checkCAs(ca.certs)
	}
	if err != nil {
		return nil, about(s.caPath(), err, remedyCA)
	}
	cas := &authorities{pair: pair{key: ca.key, certs: ca.certs[:1]}}
	if len(ca.certs) == 2 {
		cas.old = ca.certs[1]
	}
	next, err := loadPair(s.nextCAPath())
	if errors.Is(err, fs.ErrNotExist) {
		return cas, nil
	}
	if err == nil {
		err = s.checkCAs(next.certs)
	}
	if err != nil {
		return nil, about(s.nextCAPath(), err, remedyNextCA)
	}
	if !samePublic(next.key.Public(), cas.key.Public()) { // else it was activated, and the process died
		cas.next = &next
	}
	return cas, nil
}

// checkCAs wants a CA and at most the one before it.
func (s store) checkCAs(certs []*x509.Certificate) error {
	switch {
	case len(certs) > 2:
		return fmt.Errorf("%d certificates instead of one, or two while a CA is replaced", len(certs))
	case len(certs) == 2 && certs[0].Equal(certs[1]):
		return errors.New("the same certificate twice")
	}
	for _, c := range certs {
		if !c.IsCA {
			return errors.New("the certificate is not a CA's")
		}
		if err := s.checkRealm(c); err != nil {
			return err
		}
		if _, err := algorithmOf(c.PublicKey); err != nil {
			return err
		}
	}
	return nil
}

// checkRealm wants a certificate of this realm's that signs itself.
func (s store) checkRealm(c *x509.Certificate) error {
	if ou := c.Subject.OrganizationalUnit; len(ou) != 1 || ou[0] != s.realm {
		what := "key"
		if c.IsCA {
			what = "CA"
		}
		return fmt.Errorf("the %s is of another realm (%s): realms share no keys", what, c.Subject)
	}
	return c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
}

// loadLeaf returns the leaf that signs and, newest first, the certificates of those
// before it; or fs.ErrNotExist where none was made yet.
func (s store) loadLeaf(cas *authorities) (pair, []*x509.Certificate, error) {
	p, err := loadPair(s.leafPath())
	if errors.Is(err, fs.ErrNotExist) {
		return pair{}, nil, fs.ErrNotExist
	}
	if err == nil {
		err = checkLeaves(p.certs, cas)
	}
	if err != nil {
		return pair{}, nil, about(s.leafPath(), err, remedyLeaf)
	}
	return pair{key: p.key, certs: p.certs[:1]}, p.certs[1:], nil
}

func checkLeaves(certs []*x509.Certificate, cas *authorities) error {
	for i, c := range certs {
		ca := cas.certs[0]
		if cas.old != nil && issuedBy(c, cas.old) {
			ca = cas.old
		}
		if err := c.CheckSignatureFrom(ca); err != nil {
			return fmt.Errorf("certificate %d is not signed by the CA beside it: %w", i+1, err)
		}
		if _, err := algorithmOf(c.PublicKey); err != nil {
			return fmt.Errorf("certificate %d: %w", i+1, err)
		}
	}
	return nil
}

// about says which file cannot be used and what to do. A file that could not even
// be read needs no other in its place, and its error names it already.
func about(path string, err error, remedy string) error {
	var unreadable *files.Error
	if errors.As(err, &unreadable) {
		return err
	}
	return fmt.Errorf("%s: %w: %s", path, err, remedy)
}

// savePair writes a key and its certificate, and the certificates of those before it.
func savePair(path string, p pair, before []retired) error {
	certs := p.certs[:1:1]
	for _, r := range before {
		certs = append(certs, r.cert)
	}
	data, err := encodePair(p.key, certs...)
	if err != nil {
		return err
	}
	if len(data) > maxPEM { // could not be read again
		return Refusal(fmt.Sprintf("%s has no room for more: %d keys gave way to others while their tokens may be alive: try again when those have expired, in %v at most", path, len(before), Retention))
	}
	return writeFile(path, data)
}

// loadPair reads a file that holds a private key and the certificate of it, and
// perhaps more certificates.
func loadPair(path string) (pair, error) {
	blocks, err := readPEM(path)
	if err != nil {
		return pair{}, err
	}
	key, err := privateKey(blocks)
	if err != nil {
		return pair{}, err
	}
	certs, err := certificates(blocks)
	if err != nil {
		return pair{}, err
	}
	if !samePublic(key.Public(), certs[0].PublicKey) {
		return pair{}, errors.New("the private key and the certificate do not belong together")
	}
	return pair{key: key, certs: certs}, nil
}
