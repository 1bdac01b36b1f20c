package token

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// retention is how long a retired key stays published: no token that it signed is
// alive after that, clocks that differ by some minutes included.
const retention = MaxTTL + 5*time.Minute

// state is all that signing needs. It never changes once it is published.
type state struct {
	pair
	signer  signer
	header  string        // the token header, base64url
	retired []retiredLeaf // newest first
}

// retiredLeaf is a leaf that signs no more, while its tokens may be alive.
type retiredLeaf struct {
	cert  *x509.Certificate
	since time.Time
}

// header is the protected header of a token (RFC 7515 §4.1).
type header struct {
	Algorithm    string   `json:"alg"`
	Type         string   `json:"typ"`
	KeyID        string   `json:"kid"`
	Certificates [][]byte `json:"x5c"` // base64, which is how package json writes bytes
}

func newState(p pair, retired []retiredLeaf) (*state, error) {
	sign, err := newSigner(p.key)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(header{
		Algorithm:    sign.Algorithm(),
		Type:         "JWT",
		KeyID:        keyID(p.certs[0]),
		Certificates: x5c(p.certs),
	})
	if err != nil {
		return nil, err
	}
	return &state{pair: p, signer: sign, header: base64.RawURLEncoding.EncodeToString(text), retired: retired}, nil
}

// x5c leaves out a root: a verifier that has it needs no copy, and to one that has
// not it proves nothing, while every token would be a kilobyte longer.
func x5c(certs []*x509.Certificate) [][]byte {
	out := [][]byte{certs[0].Raw}
	for _, c := range certs[1:] {
		if c.CheckSignatureFrom(c) != nil {
			out = append(out, c.Raw)
		}
	}
	return out
}

// validAt reports whether registries take the signing certificate at that time.
func (s *state) validAt(now time.Time) error { return validAt(s.certs[0], now) }

func validAt(c *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(c.NotBefore):
		return fmt.Errorf("the certificate is not valid before %s (it is %s now)", c.NotBefore.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case now.After(c.NotAfter):
		return fmt.Errorf("the certificate expired at %s (it is %s now)", c.NotAfter.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}

// Rotate makes a new leaf, which signs from now on, and retires the one before.
// The new leaf is on the disk before it signs; where it cannot be written, the old
// one goes on. A brought pair fails with [ErrBrought].
func (r *Ring) Rotate() (KeyInfo, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.brought() {
		return KeyInfo{}, fmt.Errorf("rotate keys of realm %q: %w", r.config.Realm, ErrBrought)
	}
	if err := r.rotate(r.config.Now()); err != nil {
		return KeyInfo{}, fmt.Errorf("rotate keys of realm %q: %w", r.config.Realm, err)
	}
	return describe(r.current.Load().certs[0], Leaf, Signing), nil
}

// RotateIfDue rotates a leaf that is older than 30 days, or that is not valid now
// (the clock was set), and reports whether it did. It costs little when nothing is
// due: call it every minute or so. Nothing is ever due for a brought pair.
func (r *Ring) RotateIfDue() (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.config.Now()
	r.warnOfExpiry(now)
	if r.brought() {
		return false, nil
	}
	rotated, err := r.rotateIfDue(now)
	if err != nil {
		return false, fmt.Errorf("rotate keys of realm %q: %w", r.config.Realm, err)
	}
	return rotated, nil
}

func (r *Ring) rotateIfDue(now time.Time) (bool, error) {
	s := r.current.Load()
	if s != nil && s.validAt(now) == nil && s.signer.Algorithm() == r.config.Algorithm && now.Sub(madeAt(s.certs[0])) < leafUse {
		return false, nil
	}
	if err := r.rotate(now); err != nil {
		return false, err
	}
	return true, nil
}

// rotate replaces the leaf, on the disk and then in memory.
func (r *Ring) rotate(now time.Time) error {
	if err := validAt(r.ca.certs[0], now); err != nil {
		return about(r.store.caPath(), err, "set the clock if that is wrong; else move the whole folder away: a new CA is made then, and every registry needs its trust bundle")
	}
	leaf, err := newLeaf(r.ca, r.config.Realm, r.config.Algorithm, now)
	if err != nil {
		return err
	}
	var retired []retiredLeaf
	if before := r.current.Load(); before != nil {
		certs := []*x509.Certificate{before.certs[0]}
		for _, old := range before.published(now) {
			certs = append(certs, old.cert)
		}
		retired = retirements(leaf.certs[0], certs)
	}
	s, err := newState(leaf, retired)
	if err != nil {
		return err
	}
	if err := r.store.saveLeaf(leaf, retired); err != nil {
		return err
	}
	r.current.Store(s)
	r.config.Logger.Info("a new leaf signs tokens", "realm", r.config.Realm, "kid", keyID(leaf.certs[0]), "algorithm", s.signer.Algorithm())
	return nil
}

// published returns the retired leaves whose tokens may be alive.
func (s *state) published(now time.Time) []retiredLeaf {
	var out []retiredLeaf
	for _, l := range s.retired {
		if now.Sub(l.since) < retention {
			out = append(out, l)
		}
	}
	return out
}

// retirements dates leaves, newest first: each signed until its successor was made.
func retirements(current *x509.Certificate, before []*x509.Certificate) []retiredLeaf {
	var out []retiredLeaf
	for _, c := range before {
		out = append(out, retiredLeaf{cert: c, since: madeAt(current)})
		current = c
	}
	return out
}

func madeAt(leaf *x509.Certificate) time.Time { return leaf.NotBefore.Add(backdated) }
