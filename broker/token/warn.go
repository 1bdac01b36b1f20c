package token

import (
	"crypto/x509"
	"time"
)

// warnOfAccess warns of files that are open to everybody on the machine.
func (r *Ring) warnOfAccess(paths ...string) {
	for _, path := range paths {
		if worldReadable(path) {
			r.config.Logger.Warn("everybody on this machine may read private keys: take the rights of others away (chmod o=)",
				"realm", r.config.Realm, "file", path)
		}
	}
}

// The times before an expiry at which warnings begin, and how often they come.
const (
	warnCA      = 365 * 24 * time.Hour
	warnBrought = 30 * 24 * time.Hour
	warnEvery   = 24 * time.Hour
)

// warnOfExpiry warns when what registries trust nears its end.
func (r *Ring) warnOfExpiry(now time.Time) {
	if !r.config.uses(X5C) || !r.brought() && r.cas.Load() == nil {
		return // nothing expires that somebody needs
	}
	cert, ahead := r.anchor(), warnCA
	if r.brought() {
		ahead = warnBrought
	}
	if cert.NotAfter.Sub(now) > ahead || now.Sub(r.warned) < warnEvery {
		return
	}
	r.warned = now
	how := "replace it, here and in every registry, before then"
	if !r.brought() {
		how += " (shorepass keys rollover-ca start)"
	}
	r.config.Logger.Warn("the certificate that registries trust expires: "+how,
		"realm", r.config.Realm, "not_after", cert.NotAfter.UTC(), "fingerprint", fingerprint(cert))
}

// anchor returns the certificate with which everything ends: the CA, or that of a
// brought pair which expires first.
func (r *Ring) anchor() *x509.Certificate {
	if !r.brought() {
		return r.cas.Load().certs[0]
	}
	certs := r.x5c.Load().certs
	first := certs[0]
	for _, c := range certs[1:] {
		if c.NotAfter.Before(first.NotAfter) {
			first = c
		}
	}
	return first
}
