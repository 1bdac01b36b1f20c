package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/shorepass/shorepass/internal/files"
)

// recheck is how long a certificate is served before its files are looked at again.
const recheck = 2 * time.Second

// Certificate is a TLS certificate and key that are read again when their files
// change, so that a renewal needs no restart. While the files cannot be read, the
// last good pair is served.
type Certificate struct {
	certFile, keyFile string
	logger            *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	stamp   [2]time.Time
	checked time.Time
}

// LoadCertificate reads the pair, or says what is wrong with it.
func LoadCertificate(certFile, keyFile string, logger *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, logger: logger}
	if err := c.load(); err != nil {
		return nil, err
	}
	c.checked = time.Now()
	return c, nil
}

func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.checked) >= recheck {
		c.checked = time.Now()
		if err := c.load(); err != nil {
			c.logger.Error("the TLS certificate was not reloaded: the old one is served on", slog.Any("error", err))
		}
	}
	return c.pair, nil
}

// load reads the pair if a file changed since it was last read.
func (c *Certificate) load() error {
	var stamp [2]time.Time
	for i, name := range [...]string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil { // else reading it says what is wrong
			stamp[i] = info.ModTime()
		}
	}
	if c.pair != nil && stamp == c.stamp {
		return nil
	}
	pair, err := readPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.pair, c.stamp = pair, stamp
	return nil
}

// maxPEM is the largest PEM file read, in bytes.
const maxPEM = 1 << 20

func readPair(certFile, keyFile string) (*tls.Certificate, error) {
	cert, certErr := files.Read(certFile, maxPEM)
	key, keyErr := files.Read(keyFile, maxPEM)
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("tls: %s with %s: %w", certFile, keyFile, err)
	}
	return &pair, nil
}

// Expired says whether clients refuse the certificate at the given time.
func (c *Certificate) Expired(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if leaf := c.pair.Leaf; now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return fmt.Errorf("tls: %s is valid from %s to %s alone: clients refuse it", c.certFile, leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}
