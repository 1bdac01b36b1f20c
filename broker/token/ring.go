package token

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says which keys a [Ring] holds.
type Config struct {
	// Dir is the folder of the realm's own keys, made (mode 0700) where it does
	// not exist. Not used for a brought pair.
	Dir string

	// Realm is the realm's name. It stands in the CA's certificate, and a CA of
	// another realm is refused.
	Realm string

	// Algorithm is one of [Algorithms]. Empty means ES256, or what fits the brought
	// key. When it changes, the next leaf under the same CA is of the new kind at once; the
	// key of services with [JWKS] stays, and the one published next is of the new kind.
	Algorithm string

	// Trust says how the registries of each service know keys, by the service's name, which
	// is the audience of its tokens. For a service that is not in it, that is [X5C]. There
	// are keys of both kinds in any case.
	Trust map[string]Trust

	// KeyFile and CertFile, both or neither, are a brought pair in PEM: a
	// private key (PKCS #8, PKCS #1 or SEC 1) and its certificate, followed by the
	// certificates that signed it, if any.
	KeyFile, CertFile string

	// Changed, if set, is told of what the ring does by itself: [Open], that it made or
	// rotated a key, and [Ring.RotateIfDue], that it rotated one.
	Changed func(Act, KeyInfo)

	Logger *slog.Logger     // nil: nothing is logged
	Now    func() time.Time // nil: time.Now
}

// Ring is the signing keys of one realm. It is safe for concurrent use.
type Ring struct {
	config Config
	store  store

	// Each is replaced as a whole by what changes it. A brought pair has no CA. What
	// nobody has made yet is nil.
	cas  atomic.Pointer[authorities]
	x5c  atomic.Pointer[state]
	jwks atomic.Pointer[state]

	mu     sync.Mutex // held while keys change
	warned time.Time  // when an expiry was last warned of
}

// Open loads the keys of a realm and makes those that are missing, of both kinds: a
// registry can be told of one before a service has that trust. It logs a warning of each
// that registries have to learn of first. A leaf that is due is rotated at once. Damaged
// and mismatched files are errors that say what to do about them. A CA that has expired is
// none, so that it can be replaced: it is logged, and no token is signed under it.
func Open(c Config) (*Ring, error) {
	r, err := c.ring(func(r *Ring, now time.Time) error {
		if r.brought() {
			return nil
		}
		return r.complete(now)
	})
	if err != nil {
		return nil, fmt.Errorf("signing keys of realm %q: %w", c.Realm, err)
	}
	return r, nil
}

// ErrNoKeys says that a realm has no keys yet.
var ErrNoKeys = errors.New("there are no keys yet: \"shorepass serve\" makes them when it first starts")

// Load loads the keys of a realm and changes nothing: it makes none, and rotates none. It
// fails with [ErrNoKeys] where none were made yet.
func Load(c Config) (*Ring, error) {
	return c.ring(func(r *Ring, _ time.Time) error {
		if r.cas.Load() == nil && r.x5c.Load() == nil && r.jwks.Load() == nil {
			return ErrNoKeys
		}
		return nil
	})
}

// Check fails for a CA with which no token can be signed now, where a service needs one.
func (r *Ring) Check() error {
	if !r.brought() && r.cas.Load() != nil && r.config.uses(X5C) {
		return r.checkCA(r.config.Now())
	}
	return nil
}

// ring loads a ring and then does the rest.
func (c Config) ring(rest func(*Ring, time.Time) error) (*Ring, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Changed == nil {
		c.Changed = func(Act, KeyInfo) {}
	}
	r, now := &Ring{config: c, store: store{dir: c.Dir, realm: c.Realm}}, c.Now()
	err := r.load(now)
	if err == nil {
		err = rest(r, now)
	}
	if err != nil {
		return nil, err
	}
	r.warnOfExpiry(now)
	return r, nil
}

func (c Config) check() error {
	switch {
	case c.Realm == "":
		return errors.New("no realm name")
	case c.Algorithm != "" && !slices.Contains(Algorithms(), c.Algorithm):
		return fmt.Errorf("algorithm %q: want one of %s", c.Algorithm, strings.Join(Algorithms(), ", "))
	case (c.KeyFile == "") != (c.CertFile == ""):
		return errors.New("key_file and cert_file go together: set both or neither")
	case c.KeyFile == "" && c.Dir == "":
		return errors.New("no folder for the keys")
	}
	return nil
}

func (r *Ring) brought() bool { return r.config.KeyFile != "" }

// load reads what there is.
func (r *Ring) load(now time.Time) error {
	if err := r.config.check(); err != nil {
		return err
	}
	if r.brought() {
		return r.loadBrought(now)
	}
	if r.config.Algorithm == "" {
		r.config.Algorithm = ES256
	}
	if err := r.loadX5C(); err != nil {
		return err
	}
	if err := r.loadPublished(); err != nil {
		return err
	}
	r.warnOfAccess(r.store.caPath(), r.store.nextCAPath(), r.store.leafPath(), r.store.publishedPath(), r.store.nextPublishedPath())
	return nil
}

func (r *Ring) loadBrought(now time.Time) error {
	p, err := loadBrought(r.config, now)
	if err != nil {
		return err
	}
	for _, t := range []Trust{X5C, JWKS} {
		s, err := newState(p, t, nil)
		if err != nil {
			return err
		}
		if t == X5C {
			r.x5c.Store(s)
		} else {
			r.jwks.Store(s)
		}
	}
	r.warnOfAccess(r.config.KeyFile)
	if len(p.certs) > 1 {
		r.config.Logger.Warn("a registry that trusts the whole cert_file accepts tokens signed by every certificate of its CA: better that CA vouches for nothing else",
			"realm", r.config.Realm, "file", r.config.CertFile, "ca", p.certs[len(p.certs)-1].Subject.String())
	}
	return nil
}

func (r *Ring) loadX5C() error {
	cas, err := r.store.loadCA()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r.cas.Store(cas)
	leaf, before, err := r.store.loadLeaf(cas)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := newState(leaf, X5C, retirements(leaf.certs[0], before))
	if err != nil {
		return err
	}
	r.x5c.Store(s)
	return nil
}

// complete makes what is missing, and removes what a process left that died.
func (r *Ring) complete(now time.Time) error {
	if err := r.store.prepare(); err != nil {
		return err
	}
	if err := r.completeX5C(now); err != nil {
		return err
	}
	if r.jwks.Load() == nil {
		return r.firstPublished(now)
	}
	if r.jwks.Load().next == nil {
		r.remove(r.store.nextPublishedPath()) // a copy of the key that signs
	}
	r.warnOfAlgorithm()
	return nil
}

// completeX5C makes the CA and, where a service needs it, the leaf.
func (r *Ring) completeX5C(now time.Time) error {
	cas := r.cas.Load()
	switch {
	case cas == nil:
		if err := r.firstCA(now); err != nil {
			return err
		}
	case cas.next == nil:
		r.remove(r.store.nextCAPath()) // a copy of the CA
	}
	if !r.config.uses(X5C) {
		return nil
	}
	if err := r.checkCA(now); err != nil { // it can be replaced while the rest is served
		r.config.Logger.Error("no token can be signed for services with trust x5c", "realm", r.config.Realm, "error", err)
		return nil
	}
	_, err := r.rotateIfDue(now)
	return err
}

func (r *Ring) firstCA(now time.Time) error {
	ca, err := newCA(r.config.Realm, r.config.Algorithm, now)
	if err != nil {
		return err
	}
	if err := savePair(r.store.caPath(), ca, nil); err != nil {
		return err
	}
	r.cas.Store(&authorities{pair: ca})
	r.config.Changed(MakeCA, describe(ca.certs[0], CA, Issuing))
	r.config.Logger.Log(context.Background(), r.news(X5C), "made a CA for signing keys; registries of services with trust x5c accept no token until its certificate is in their rootcertbundle (shorepass registry-config prints what each needs)",
		"realm", r.config.Realm, "fingerprint", fingerprint(ca.certs[0]), "file", r.store.caPath())
	return nil
}

// news is how loud it is said that keys for services with that trust were made: there may
// be no such service.
func (r *Ring) news(t Trust) slog.Level {
	if r.config.uses(t) {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// remove removes a file that counts for nothing any more, if it is there.
func (r *Ring) remove(path string) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return // to remove it would fail otherwise where nothing can be written
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.config.Logger.Warn("a key that was activated is there twice: remove the file", "realm", r.config.Realm, "file", path)
	}
}
