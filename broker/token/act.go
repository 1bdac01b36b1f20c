package token

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Act is something that an administrator does with a realm's keys. Its name is the one
// that the audit log has.
type Act string

// The acts. A key that registries know by the JWKS is published before it signs, and so
// is a CA; only then may it be activated. A leaf needs no such care.
const (
	RotateKeys  Act = "rotate-keys"  // a new leaf signs from now on
	PublishKey  Act = "publish-key"  // the next key is in the JWKS
	ActivateKey Act = "activate-key" // the next key signs the tokens of services with [JWKS]
	PublishCA   Act = "publish-ca"   // the next CA is in the bundle
	ActivateCA  Act = "activate-ca"  // the next CA vouches for the leaf that signs
	RetireCA    Act = "retire-ca"    // the CA before is not in the bundle any more
)

// What [Open] does by itself, besides [RotateKeys]; nobody can ask for it.
const (
	MakeCA  Act = "make-ca"  // the first CA
	MakeKey Act = "make-key" // the first key of services with [JWKS]
)

// Acts returns every act of an administrator.
func Acts() []Act {
	return []Act{RotateKeys, PublishKey, ActivateKey, PublishCA, ActivateCA, RetireCA}
}

// Known reports whether it is one of [Acts].
func (a Act) Known() bool { return slices.Contains(Acts(), a) }

// Refusal is the error of an act that is not to be done now. Its text says why, and what
// to do.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Settle is how long what was published is to be there before it signs, unless forced. Nobody can know
// here whether a registry was restarted since; but that none was, when an hour has not
// passed, is likely, and it would refuse every token.
const Settle = time.Hour

// Do does an act and returns the key that it was about. What it changes is on the disk
// before it counts. It fails with a [Refusal] where another act has to come first or
// where it is too early, which force overrides; with force, too, what was published and
// signs nothing yet is replaced. A brought pair fails with [ErrBrought].
func (r *Ring) Do(a Act, force bool) (KeyInfo, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := r.do(a, force, r.config.Now())
	if err != nil {
		what := string(a)
		if a == RotateKeys {
			what = "rotate keys"
		}
		return KeyInfo{}, fmt.Errorf("%s of realm %q: %w", what, r.config.Realm, err)
	}
	return info, nil
}

func (r *Ring) do(a Act, force bool, now time.Time) (KeyInfo, error) {
	published := a == PublishKey || a == ActivateKey
	switch {
	case !a.Known():
		return KeyInfo{}, errors.New("there is no such act")
	case r.brought():
		return KeyInfo{}, ErrBrought
	case published && r.jwks.Load() == nil:
		return KeyInfo{}, Refusal(noKeys(JWKS).Error())
	case !published && r.cas.Load() == nil:
		return KeyInfo{}, Refusal(noKeys(X5C).Error())
	}
	switch a {
	case PublishKey:
		return r.publishKey(force, now)
	case ActivateKey:
		return r.activateKey(force, now)
	case PublishCA:
		return r.publishCA(force, now)
	case ActivateCA:
		return r.activateCA(force, now)
	case RetireCA:
		return r.retireCA(force, now)
	}
	if err := r.rotate(now); err != nil {
		return KeyInfo{}, err
	}
	return describe(r.x5c.Load().certs[0], Leaf, Signing), nil
}

// tooEarly refuses to sign with what was published less than an hour ago.
func tooEarly(what string, published, now time.Time) error {
	due := published.Add(Settle)
	if !now.Before(due) {
		return nil
	}
	return Refusal(fmt.Sprintf("%s was published at %s: a registry that was not restarted with it since would refuse every token. Restart them all, and try again from %s on; or say --force, if all of them have it",
		what, published.UTC().Format(time.RFC3339), due.UTC().Format(time.RFC3339)))
}
