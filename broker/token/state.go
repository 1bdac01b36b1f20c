package token

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// Retention is how long a retired key stays published: no token that it signed is
// alive after that, clocks that differ by some minutes included.
const Retention = MaxTTL + 5*time.Minute

// state is all that signing needs. It never changes once it is published.
type state struct {
	pair
	trust   Trust
	signer  signer
	header  string    // the token header, base64url
	next    *pair     // the key that is to sign after this one; with JWKS alone
	retired []retired // newest first
}

// retired is a key that signs no more, while its tokens may be alive.
type retired struct {
	cert  *x509.Certificate
	since time.Time
}

// header is the protected header of a token (RFC 7515 §4.1).
type header struct {
	Algorithm    string   `json:"alg"`
	Type         string   `json:"typ"`
	KeyID        string   `json:"kid"`
	Certificates [][]byte `json:"x5c,omitempty"` // base64, which is how package json writes bytes
}

func newState(p pair, t Trust, before []retired) (*state, error) {
	sign, err := newSigner(p.key)
	if err != nil {
		return nil, err
	}
	h := header{Algorithm: sign.Algorithm(), Type: "JWT", KeyID: keyID(p.certs[0])}
	if t == X5C {
		h.Certificates = x5c(p.certs)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	return &state{pair: p, trust: t, signer: sign, header: base64.RawURLEncoding.EncodeToString(text), retired: before}, nil
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

// validAt reports whether registries take the signing certificate at that time. They see
// none with JWKS.
func (s *state) validAt(now time.Time) error {
	if s.trust == JWKS {
		return nil
	}
	return validAt(s.certs[0], now)
}

func validAt(c *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(c.NotBefore):
		return fmt.Errorf("the certificate is not valid before %s (it is %s now)", c.NotBefore.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case now.After(c.NotAfter):
		return fmt.Errorf("the certificate expired at %s (it is %s now)", c.NotAfter.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}

// published returns the retired keys whose tokens may be alive.
func (s *state) published(now time.Time) []retired {
	var out []retired
	for _, l := range s.retired {
		if now.Sub(l.since) < Retention {
			out = append(out, l)
		}
	}
	return out
}

// retire dates what signed before current does: this key, and those before it whose
// tokens may be alive.
func (s *state) retire(current *x509.Certificate, now time.Time) []retired {
	certs := []*x509.Certificate{s.certs[0]}
	for _, old := range s.published(now) {
		certs = append(certs, old.cert)
	}
	return retirements(current, certs)
}

// retirements dates keys, newest first: each signed until its successor began to.
func retirements(current *x509.Certificate, before []*x509.Certificate) []retired {
	var out []retired
	for _, c := range before {
		out = append(out, retired{cert: c, since: madeAt(current)})
		current = c
	}
	return out
}

func madeAt(c *x509.Certificate) time.Time { return c.NotBefore.Add(backdated) }
