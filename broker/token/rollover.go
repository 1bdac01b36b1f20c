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
	return describe(next.certs[0], CA, Next), nil
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
	old := cas.certs[0]
	if err := savePair(r.store.caPath(), *cas.next, []retired{{cert: old}}); err != nil {
		return KeyInfo{}, err
	}
	r.cas.Store(&authorities{pair: *cas.next, old: old})
	r.remove(r.store.nextCAPath())
	// Should this fail, the leaf of the old CA signs until it is tried again, within seconds.
	if err := r.rotate(now); err != nil {
		return KeyInfo{}, err
	}
	return describe(cas.next.certs[0], CA, Issuing), nil
}

// retireCA takes the CA before the present one out of the bundle.
func (r *Ring) retireCA(force bool, now time.Time) (KeyInfo, error) {
	cas, s := r.cas.Load(), r.x5c.Load()
	if cas.old == nil {
		return KeyInfo{}, Refusal("there is no CA to retire: the bundle has the present one alone, or beside it the next")
	}
	if issuedBy(s.certs[0], cas.old) {
		return KeyInfo{}, Refusal("the leaf that signs is still the old CA's: the log says why it could not be rotated")
	}
	for _, l := range s.published(now) {
		if issuedBy(l.cert, cas.old) && !force {
			return KeyInfo{}, Refusal(fmt.Sprintf("tokens that the old CA vouches for may be alive until %s, and registries without it would refuse them: try again then, or say --force",
				l.since.Add(Retention).UTC().Format(time.RFC3339)))
		}
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
	r.cas.Store(&authorities{pair: cas.pair})
	return describe(cas.old, CA, Retired), nil
}

// issuedBy reports whether a leaf is of that CA: no two of them share a name.
func issuedBy(leaf, ca *x509.Certificate) bool { return bytes.Equal(leaf.RawIssuer, ca.RawSubject) }
