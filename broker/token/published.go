package token

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"time"
)

// loadPublished loads the keys of services with [JWKS], where there are any.
func (r *Ring) loadPublished() error {
	p, next, err := r.store.loadPublished()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := newState(pair{key: p.key, certs: p.certs[:1]}, JWKS, retirements(p.certs[0], p.certs[1:]))
	if err != nil {
		return err
	}
	s.next = next
	r.jwks.Store(s)
	return nil
}

// warnOfAlgorithm warns where the key that signs last for services with [JWKS], the next
// one if there is one, is not of the configured algorithm: it changes by hand alone.
func (r *Ring) warnOfAlgorithm() {
	s := r.jwks.Load()
	last, how := s.certs[0], "shorepass keys rotate"
	if s.next != nil {
		last, how = s.next.certs[0], "shorepass keys rotate --force"
	}
	if algorithm, _ := algorithmOf(last.PublicKey); algorithm != r.config.Algorithm && r.config.uses(JWKS) {
		r.config.Logger.Warn("services with trust jwks keep their key, whose algorithm is another than signing.algorithm: publish another ("+how+"), and activate it when registries have it",
			"realm", r.config.Realm, "algorithm", algorithm)
	}
}

// firstPublished makes the first key.
func (r *Ring) firstPublished(now time.Time) error {
	p, err := newPublished(r.config.Realm, r.config.Algorithm, now)
	if err != nil {
		return err
	}
	s, err := newState(p, JWKS, nil)
	if err != nil {
		return err
	}
	if err := savePair(r.store.publishedPath(), p, nil); err != nil {
		return err
	}
	r.jwks.Store(s)
	r.config.Changed(MakeKey, describe(p.certs[0], Published, Signing))
	r.config.Logger.Log(context.Background(), r.news(JWKS), "made a signing key for services with trust jwks; their registries accept no token until it is in their jwks (shorepass registry-config writes the file)",
		"realm", r.config.Realm, "kid", keyID(p.certs[0]), "file", r.store.publishedPath())
	return nil
}

// publishKey makes the next key. It signs nothing yet.
func (r *Ring) publishKey(force bool, now time.Time) (KeyInfo, error) {
	current := r.jwks.Load()
	if current.next != nil && !force {
		return KeyInfo{}, Refusal("the next key is published already: activate it (shorepass keys activate) when every registry was restarted with it; or say --force to publish another in its place")
	}
	next, err := newPublished(r.config.Realm, r.config.Algorithm, now)
	if err != nil {
		return KeyInfo{}, err
	}
	if err := savePair(r.store.nextPublishedPath(), next, nil); err != nil {
		return KeyInfo{}, err
	}
	s := *current
	s.next = &next
	r.jwks.Store(&s)
	return awaiting(next.certs[0], Published), nil
}

// activateKey has the next key sign. Its certificate is made anew: it says since when.
func (r *Ring) activateKey(force bool, now time.Time) (KeyInfo, error) {
	current := r.jwks.Load()
	if current.next == nil {
		return KeyInfo{}, Refusal("there is no next key: publish one first (shorepass keys rotate --trust jwks)")
	}
	if err := tooEarly("the next key", madeAt(current.next.certs[0]), now); err != nil && !force {
		return KeyInfo{}, err
	}
	p, err := selfCertified(current.next.key, r.config.Realm, now)
	if err != nil {
		return KeyInfo{}, err
	}
	s, err := newState(p, JWKS, current.retire(p.certs[0], now))
	if err != nil {
		return KeyInfo{}, err
	}
	if err := savePair(r.store.publishedPath(), p, s.retired); err != nil {
		return KeyInfo{}, err
	}
	r.jwks.Store(s)
	r.remove(r.store.nextPublishedPath())
	r.config.Logger.Info("the next key signs the tokens of services with trust jwks", "realm", r.config.Realm, "kid", keyID(p.certs[0]), "algorithm", s.signer.Algorithm())
	return describe(p.certs[0], Published, Signing), nil
}

// What to do about a file that cannot be used: of the key that signs, and of the next one.
const (
	remedyPublished     = "restore it from a backup; or move it and jwks-next-key.pem away: a new key is made then, and registries of services with trust jwks need the new jwks"
	remedyNextPublished = "restore it from a backup; or move it away, and publish another (shorepass keys rotate --trust jwks)"
)

// loadPublished returns the key that signs for services with [JWKS], with the certificates
// of those before it, and the next one, if there is one; or fs.ErrNotExist where none was
// made yet.
func (s store) loadPublished() (pair, *pair, error) {
	next, err := loadPair(s.nextPublishedPath())
	if err == nil {
		err = s.checkPublished(next.certs)
	}
	hasNext := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pair{}, nil, about(s.nextPublishedPath(), err, remedyNextPublished)
	}
	p, err := loadPair(s.publishedPath())
	if errors.Is(err, fs.ErrNotExist) && !hasNext {
		return pair{}, nil, fs.ErrNotExist
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.New("missing, while the next key is there")
	}
	if err == nil {
		err = s.checkPublished(p.certs)
	}
	if err != nil {
		return pair{}, nil, about(s.publishedPath(), err, remedyPublished)
	}
	if !hasNext || samePublic(next.key.Public(), p.key.Public()) {
		return p, nil, nil
	}
	return p, &next, nil
}

func (s store) checkPublished(certs []*x509.Certificate) error {
	for _, c := range certs {
		if err := s.checkRealm(c); err != nil {
			return err
		}
		if _, err := algorithmOf(c.PublicKey); err != nil {
			return err
		}
	}
	return nil
}
