package token

import (
	"fmt"
	"time"
)

// Rotate makes a new leaf, which signs from now on, and retires the one before.
// The new leaf is on the disk before it signs; where it cannot be written, the old
// one goes on. A brought pair fails with [ErrBrought].
func (r *Ring) Rotate() (KeyInfo, error) { return r.Do(RotateKeys, false) }

// RotateIfDue rotates a leaf that is older than 30 days, or that is not valid now
// (the clock was set), and reports whether it did. It costs little when nothing is
// due: call it every minute or so. Nothing is ever due for a brought pair, nor for the
// key of services with [JWKS]: their registries have to learn of the next one first; nor
// where no service has [X5C].
func (r *Ring) RotateIfDue() (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.config.Now()
	r.warnOfExpiry(now)
	if r.brought() || !r.config.uses(X5C) {
		return false, nil
	}
	rotated, err := r.rotateIfDue(now)
	if err != nil {
		return false, fmt.Errorf("rotate keys of realm %q: %w", r.config.Realm, err)
	}
	return rotated, nil
}

func (r *Ring) rotateIfDue(now time.Time) (bool, error) {
	s := r.x5c.Load()
	if s != nil && s.validAt(now) == nil && s.signer.Algorithm() == r.config.Algorithm && now.Sub(madeAt(s.certs[0])) < leafUse &&
		issuedBy(s.certs[0], r.cas.Load().certs[0]) { // else the process died while a CA was replaced
		return false, nil
	}
	if err := r.rotate(now); err != nil {
		return false, err
	}
	r.config.Changed(RotateKeys, describe(r.x5c.Load().certs[0], Leaf, Signing))
	return true, nil
}

// rotate replaces the leaf, on the disk and then in memory.
func (r *Ring) rotate(now time.Time) error {
	if err := r.checkCA(now); err != nil {
		return err
	}
	s, err := r.nextLeaf(r.cas.Load().pair, now)
	if err != nil {
		return err
	}
	return r.useLeaf(s)
}

// checkCA fails where no leaf can be made under the CA.
func (r *Ring) checkCA(now time.Time) error {
	if err := validAt(r.cas.Load().certs[0], now); err != nil {
		return about(r.store.caPath(), err, remedyExpiredCA)
	}
	return nil
}

// nextLeaf makes a leaf under ca, to follow the one that signs.
func (r *Ring) nextLeaf(ca pair, now time.Time) (*state, error) {
	leaf, err := newLeaf(ca, r.config.Realm, r.config.Algorithm, now)
	if err != nil {
		return nil, err
	}
	var before []retired
	if current := r.x5c.Load(); current != nil {
		before = current.retire(leaf.certs[0], now)
	}
	return newState(leaf, X5C, before)
}

// useLeaf has a leaf sign from now on.
func (r *Ring) useLeaf(s *state) error {
	if err := savePair(r.store.leafPath(), s.pair, s.retired); err != nil {
		return err
	}
	r.x5c.Store(s)
	r.config.Logger.Info("a new leaf signs tokens", "realm", r.config.Realm, "kid", keyID(s.certs[0]), "algorithm", s.signer.Algorithm())
	return nil
}
