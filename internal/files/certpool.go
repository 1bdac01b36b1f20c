package files

import (
	"crypto/x509"
	"fmt"
)

// maxCertPool bounds a file of authorities, in bytes: what a system trusts is a fifth
// of it.
const maxCertPool = 1 << 20

// CertPool returns the authorities in a PEM file; nil, which stands for the system's,
// where path is empty. key is what the configuration calls the file.
func CertPool(key, path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := Read(path, maxCertPool)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: %s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", key, path)
	}
	return roots, nil
}
