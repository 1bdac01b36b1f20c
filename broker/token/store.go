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
	remedyCA   = "restore it from a backup; or move the whole folder away: a new CA is made then, and every registry needs its trust bundle"
	remedyLeaf = "restore it from a backup, or move it away: a new leaf is made then, and registries need no change"
)

// store is the folder of a realm's own keys.
type store struct{ dir, realm string }

func (s store) caPath() string   { return filepath.Join(s.dir, "ca-key.pem") }
func (s store) leafPath() string { return filepath.Join(s.dir, "leaf-key.pem") }

// prepare makes the folder, or finds it.
func (s store) prepare() error {
	if _, err := os.Stat(s.dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(s.dir))
}

// loadCA returns the CA, or fs.ErrNotExist where the folder holds no keys at all.
func (s store) loadCA() (pair, error) {
	ca, err := loadPair(s.caPath())
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(s.leafPath()); err == nil {
			return pair{}, about(s.caPath(), errors.New("missing, while the leaf that it signed is there"), remedyCA)
		}
		return pair{}, fs.ErrNotExist
	}
	if err == nil {
		err = s.checkCA(ca.certs)
	}
	if err != nil {
		return pair{}, about(s.caPath(), err, remedyCA)
	}
	return ca, nil
}

func (s store) checkCA(certs []*x509.Certificate) error {
	if len(certs) != 1 {
		return fmt.Errorf("%d certificates instead of one", len(certs))
	}
	c := certs[0]
	if !c.IsCA {
		return errors.New("the certificate is not a CA's")
	}
	if ou := c.Subject.OrganizationalUnit; len(ou) != 1 || ou[0] != s.realm {
		return fmt.Errorf("the CA is of another realm (%s): realms share no keys", c.Subject)
	}
	if _, err := algorithmOf(c.PublicKey); err != nil {
		return err
	}
	return c.CheckSignatureFrom(c)
}

// loadLeaf returns the leaf that signs and, newest first, the certificates of those
// before it; or fs.ErrNotExist where none was made yet.
func (s store) loadLeaf(ca pair) (pair, []*x509.Certificate, error) {
	p, err := loadPair(s.leafPath())
	if errors.Is(err, fs.ErrNotExist) {
		return pair{}, nil, fs.ErrNotExist
	}
	if err == nil {
		err = checkLeaves(p.certs, ca.certs[0])
	}
	if err != nil {
		return pair{}, nil, about(s.leafPath(), err, remedyLeaf)
	}
	return pair{key: p.key, certs: p.certs[:1]}, p.certs[1:], nil
}

func checkLeaves(certs []*x509.Certificate, ca *x509.Certificate) error {
	for i, c := range certs {
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

func (s store) saveCA(ca pair) error {
	data, err := encodePair(ca.key, ca.certs...)
	if err != nil {
		return err
	}
	return writeFile(s.caPath(), data)
}

func (s store) saveLeaf(leaf pair, retired []retiredLeaf) error {
	certs := leaf.certs[:1:1]
	for _, r := range retired {
		certs = append(certs, r.cert)
	}
	data, err := encodePair(leaf.key, certs...)
	if err != nil {
		return err
	}
	return writeFile(s.leafPath(), data)
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
