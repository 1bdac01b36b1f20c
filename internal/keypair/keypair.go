package keypair

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

// recheck is how long a pair is used before its files are looked at again.
const recheck = 2 * time.Second

// Pair is a TLS certificate and key that are read again when their files change.
// While the files cannot be read, the last good pair is used. It is safe for
// concurrent use.
type Pair struct {
	certFile, keyFile string
	logger            *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	stamp   [2]time.Time
	checked time.Time
}

// Load reads the pair, or says what is wrong with it.
func Load(certFile, keyFile string, logger *slog.Logger) (*Pair, error) {
	p := &Pair{certFile: certFile, keyFile: keyFile, logger: logger}
	if err := p.load(); err != nil {
		return nil, err
	}
	p.checked = time.Now()
	return p, nil
}

// Replace has the pair be another one, and follow its files, from now on.
func (p *Pair) Replace(by *Pair) {
	by.mu.Lock()
	defer by.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.certFile, p.keyFile = by.certFile, by.keyFile
	p.pair, p.stamp, p.checked = by.pair, by.stamp, by.checked
}

// Current returns the pair as the files have it, two seconds ago at most.
func (p *Pair) Current() *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.checked) >= recheck {
		p.checked = time.Now()
		if err := p.load(); err != nil {
			p.logger.Error("a certificate was not read again: the old one is used on", slog.Any("error", err))
		}
	}
	return p.pair
}

// load reads the pair if a file changed since it was last read.
func (p *Pair) load() error {
	var stamp [2]time.Time
	for i, name := range [...]string{p.certFile, p.keyFile} {
		if info, err := os.Stat(name); err == nil { // else reading it says what is wrong
			stamp[i] = info.ModTime()
		}
	}
	if p.pair != nil && stamp == p.stamp {
		return nil
	}
	pair, err := readPair(p.certFile, p.keyFile)
	if err != nil {
		return err
	}
	p.pair, p.stamp = pair, stamp
	return nil
}

// maxPEM is the largest PEM file read, in bytes.
const maxPEM = 1 << 20

func readPair(certFile, keyFile string) (*tls.Certificate, error) {
	cert, certErr := files.Read(certFile, maxPEM)
	key, keyErr := files.Read(keyFile, maxPEM)
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("%s with %s: %w", certFile, keyFile, err)
	}
	return &pair, nil
}

// Expired fails where the certificate is not valid at the given time.
func (p *Pair) Expired(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if leaf := p.pair.Leaf; now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return fmt.Errorf("%s is valid from %s to %s alone", p.certFile, leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}
