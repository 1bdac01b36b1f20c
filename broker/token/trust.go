package token

import "time"

// Trust is how the registries of a service know the keys that sign its tokens.
type Trust string

// The ways to know a key.
const (
	// X5C: the registry holds the CA in its rootcertbundle, and each token carries the
	// certificate of its key (RFC 7515 §4.1.6).
	X5C Trust = "x5c"

	// JWKS: the registry holds the keys themselves, which it read at its start (RFC 7517),
	// and finds the one that a token names.
	JWKS Trust = "jwks"
)

// uses reports whether any service of the realm has that trust.
func (c Config) uses(t Trust) bool {
	for _, other := range c.Trust {
		if other == t {
			return true
		}
	}
	return len(c.Trust) == 0 && t == X5C
}

// signing returns what signs for registries with that trust, at that time.
func (r *Ring) signing(t Trust, now time.Time) (*state, error) {
	s := r.x5c.Load()
	if t == JWKS {
		s = r.jwks.Load()
	}
	if s != nil {
		return s, s.validAt(now)
	}
	if t != JWKS && r.cas.Load() != nil {
		if err := r.checkCA(now); err != nil {
			return nil, err
		}
	}
	return nil, noKeys(t)
}

// noKeys is the error of asking for keys that nobody has made yet.
type noKeys Trust

func (t noKeys) Error() string {
	if Trust(t) == JWKS {
		return "there is no key for services with trust jwks yet: \"shorepass serve\" makes it when it starts next"
	}
	return "there are no keys for services with trust x5c yet: \"shorepass serve\" makes them when it starts next"
}

// Ready fails while a token of some service could not be signed.
func (r *Ring) Ready() error {
	for _, t := range []Trust{X5C, JWKS} {
		if !r.config.uses(t) {
			continue
		}
		s, err := r.signing(t, r.config.Now())
		if err != nil {
			return err
		}
		if _, err := s.signer.Sign([]byte("test")); err != nil {
			return err
		}
	}
	return nil
}
