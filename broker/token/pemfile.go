package token

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/shorepass/shorepass/internal/files"
)

const (
	pemKey         = "PRIVATE KEY" // PKCS #8
	pemCertificate = "CERTIFICATE"
)

// encodePair writes a key and certificates in PEM.
func encodePair(key crypto.Signer, certs ...*x509.Certificate) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der}), encodeCertificates(certs)...), nil
}

func encodeCertificates(certs []*x509.Certificate) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: c.Raw})...)
	}
	return out
}

// maxPEM is the largest PEM file read, in bytes.
const maxPEM = 1 << 20

// readPEM returns the blocks of a PEM file. Text around them is skipped, but a block
// that cannot be read is an error: with one certificate or key lost in silence, the
// rest would mean something else.
func readPEM(path string) ([]*pem.Block, error) {
	data, err := files.Read(path, maxPEM)
	if err != nil {
		return nil, err
	}
	var blocks []*pem.Block
	for rest := data; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		blocks = append(blocks, b)
	}
	switch begun := bytes.Count(data, []byte("-----BEGIN ")); {
	case begun == 0:
		return nil, errors.New("not a PEM file")
	case begun != len(blocks):
		return nil, fmt.Errorf("damaged PEM: %d of its %d blocks can be read", len(blocks), begun)
	}
	return blocks, nil
}

// privateKey returns the only private key among blocks.
func privateKey(blocks []*pem.Block) (crypto.Signer, error) {
	var key crypto.Signer
	for _, b := range blocks {
		if !strings.HasSuffix(b.Type, pemKey) {
			continue
		}
		if key != nil {
			return nil, errors.New("more than one private key")
		}
		var err error
		if key, err = parseKey(b); err != nil {
			return nil, err
		}
	}
	if key == nil {
		return nil, errors.New("no private key in it")
	}
	return key, nil
}

// parseKey reads a private key in any of the encodings that openssl writes.
func parseKey(b *pem.Block) (crypto.Signer, error) {
	if b.Type == "ENCRYPTED PRIVATE KEY" || b.Headers["DEK-Info"] != "" {
		return nil, errors.New("the private key is encrypted: decrypt it first (openssl pkey -in FILE -out PLAIN)")
	}
	var parsed any
	var err error
	switch b.Type {
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(b.Bytes)
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(b.Bytes)
	case pemKey:
		parsed, err = x509.ParsePKCS8PrivateKey(b.Bytes)
	default:
		return nil, fmt.Errorf("unknown kind of private key %q: want PKCS #8", b.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("damaged private key: %w", err)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errors.New("the private key cannot sign: want an RSA, P-256, P-384 or Ed25519 key")
	}
	return key, nil
}

// certificates returns the certificates among blocks, at least one.
func certificates(blocks []*pem.Block) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for _, b := range blocks {
		if b.Type != pemCertificate {
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("damaged certificate: %w", err)
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, errors.New("no certificate in it")
	}
	return certs, nil
}

// worldReadable reports whether everybody on the machine may read a file.
func worldReadable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o007 != 0
}
