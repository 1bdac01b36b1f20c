package token

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"time"
)

// authorities are the CA of a realm and, while it is being replaced, the one beside it. It
// never changes once it is published.
type authorities struct {
	pair                   // signs leaves
	next *pair             // is to sign them after this one
	old  *x509.Certificate // signed them before
}

// all returns every certificate that registries are to trust.
func (a *authorities) all() []*x509.Certificate {
	out := []*x509.Certificate{a.certs[0]}
	if a.next != nil {
		out = append(out, a.next.certs[0])
	}
	if a.old != nil {
		out = append(out, a.old)
	}
	return out
}

// publishCA makes the next CA. It vouches for nothing yet.
func (r *Ring) publishCA(force bool, now time.Time) (KeyInfo, error) {
	cas := r.cas.Load()
	if cas.old != nil {
		return KeyInfo{}, Refusal("the CA before the present one is still in the bundle: retire it first (shorepass keys rollover-ca finish)")
	}
	if cas.next != nil && !force {
		return KeyInfo{}, Refusal("the next CA is published already: activate it (shorepass keys rollover-ca activate) when every registry was restarted with it; or say --force to publish another in its place")
	}
	next, err := newCA(r.config.Realm, r.config.Algorithm, now)
	if err != nil {
		return KeyInfo{}, err
	}
	if err := savePair(r.store.nextCAPath(), next, nil); err != nil {
		return KeyInfo{}, err
	}
	r.cas.Store(&authorities{pair: cas.pair, next: &next})
	return awaiting(next.certs[0], CA), nil
}

// activateCA has the next CA vouch for a new leaf, which signs from now on. The private key
// of the one before is gone then.
func (r *Ring) activateCA(force bool, now time.Time) (KeyInfo, error) {
	cas := r.cas.Load()
	if cas.next == nil {
		return KeyInfo{}, Refusal("there is no next CA: publish one first (shorepass keys rollover-ca start)")
	}
	if err := tooEarly("the next CA", madeAt(cas.next.certs[0]), now); err != nil && !force {
		return KeyInfo{}, err
	}
	// What could go wrong comes first: the private key of the CA before is gone afterwards.
	if err := validAt(cas.next.certs[0], now); err != nil {
		return KeyInfo{}, Refusal(fmt.Sprintf("the next CA cannot vouch for a key: %v: set the clock if that is wrong; else publish another in its place (shorepass keys rollover-ca start --force)", err))
	}
	leaf, err := r.nextLeaf(*cas.next, now)
	if err != nil {
		return KeyInfo{}, err
	}
	old := cas.certs[0]
	if err := savePair(r.store.caPath(), *cas.next, []retired{{cert: old}}); err != nil {
		return KeyInfo{}, err
	}
	r.cas.Store(&authorities{pair: *cas.next, old: old})
	r.remove(r.store.nextCAPath())
	// Should this fail, the leaf of the old CA signs until it is tried again, within seconds.
	if err := r.useLeaf(leaf); err != nil {
		return KeyInfo{}, err
	}
	return describe(cas.next.certs[0], CA, Issuing), nil
}

// retireCA takes the CA before the present one out of the bundle.
func (r *Ring) retireCA(force bool, now time.Time) (KeyInfo, error) {
	cas, s := r.cas.Load(), r.x5c.Load()
	if cas.old == nil && cas.next != nil {
		return KeyInfo{}, Refusal("the next CA vouches for nothing yet: activate it first (shorepass keys rollover-ca activate)")
	}
	if cas.old == nil {
		return KeyInfo{}, Refusal("there is no CA to retire: the bundle has the present one alone")
	}
	if s == nil || issuedBy(s.certs[0], cas.old) {
		return KeyInfo{}, Refusal("no leaf of the present CA signs: the log says why there is none, and \"shorepass keys rotate\" tries again")
	}
	if due := s.retiredUntil(cas.old); now.Before(due) && !force {
		return KeyInfo{}, Refusal(fmt.Sprintf("tokens that the old CA vouches for may be alive until %s, and registries without it would refuse them: try again then, or say --force",
			due.UTC().Format(time.RFC3339)))
	}
	left := *s
	left.retired = nil
	for _, l := range s.retired {
		if !issuedBy(l.cert, cas.old) {
			left.retired = append(left.retired, l)
		}
	}
	// The leaves go first: those of a CA that is not there would count as damage.
	if err := savePair(r.store.leafPath(), s.pair, left.retired); err != nil {
		return KeyInfo{}, err
	}
	r.x5c.Store(&left)
	if err := savePair(r.store.caPath(), cas.pair, nil); err != nil {
		return KeyInfo{}, err
	}
	r.cas.Store(&authorities{pair: cas.pair, next: cas.next})
	return describe(cas.old, CA, Retired), nil
}

// retiredUntil is when the last token under a CA that vouches no more has expired.
func (s *state) retiredUntil(ca *x509.Certificate) time.Time {
	last := madeAt(s.certs[0]) // what had expired by then is not listed any more
	for _, l := range s.retired {
		if end := l.since.Add(Retention); issuedBy(l.cert, ca) && end.After(last) {
			last = end
		}
	}
	return last
}

// issuedBy reports whether a leaf is of that CA: no two of them share a name.
func issuedBy(leaf, ca *x509.Certificate) bool { return bytes.Equal(leaf.RawIssuer, ca.RawSubject) }
