package token

import (
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
	// is the audience of its tokens. For a service that is not in it, that is [X5C].
	Trust map[string]Trust

	// KeyFile and CertFile, both or neither, are a brought pair in PEM: a
	// private key (PKCS #8, PKCS #1 or SEC 1) and its certificate, followed by the
	// certificates that signed it, if any.
	KeyFile, CertFile string

	Logger *slog.Logger     // nil: nothing is logged
	Now    func() time.Time // nil: time.Now
}

// Ring is the signing keys of one realm. It is safe for concurrent use.
type Ring struct {
	config Config
	store  store

	// Each is replaced as a whole by what changes it. A brought pair has no CA.
	cas  atomic.Pointer[authorities] // nil where no service has X5C
	x5c  atomic.Pointer[state]       // likewise
	jwks atomic.Pointer[state]       // nil where no service has JWKS

	mu     sync.Mutex // held while keys change
	warned time.Time  // when an expiry was last warned of
}

// Open loads the keys of a realm or, on its first start, makes them: then it logs
// a warning with the CA's fingerprint, since no registry trusts that CA yet. A leaf
// that is due is rotated at once. Damaged and mismatched files are errors that say
// what to do about them.
func Open(c Config) (*Ring, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Ring{config: c, store: store{dir: c.Dir, realm: c.Realm}}
	if err := r.open(c.Now()); err != nil {
		return nil, fmt.Errorf("signing keys of realm %q: %w", c.Realm, err)
	}
	return r, nil
}

// ErrNoKeys says that a realm has no keys yet.
var ErrNoKeys = errors.New("there are no keys yet: \"shorepass serve\" makes them when it first starts")

// Check reads the keys of a realm as [Open] would, and changes nothing. It fails with
// [ErrNoKeys] where none were made yet.
func Check(c Config) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.KeyFile != "" {
		_, err := CheckBrought(c.Algorithm, c.KeyFile, c.CertFile)
		return err
	}
	s := store{dir: c.Dir, realm: c.Realm}
	if c.uses(X5C) {
		if err := s.checkX5C(); err != nil {
			return err
		}
	}
	if !c.uses(JWKS) {
		return nil
	}
	_, _, err := s.loadPublished()
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoKeys
	}
	return err
}

func (s store) checkX5C() error {
	cas, err := s.loadCA()
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoKeys
	}
	if err != nil {
		return err
	}
	if _, _, err = s.loadLeaf(cas); errors.Is(err, fs.ErrNotExist) {
		return nil // Open makes one
	}
	return err
}

func (r *Ring) open(now time.Time) error {
	if err := r.config.check(); err != nil {
		return err
	}
	var err error
	if r.brought() {
		err = r.openBrought(now)
	} else {
		err = r.openOwn(now)
	}
	if err == nil {
		r.warnOfExpiry(now)
	}
	return err
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

func (r *Ring) openBrought(now time.Time) error {
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

func (r *Ring) openOwn(now time.Time) error {
	if r.config.Algorithm == "" {
		r.config.Algorithm = ES256
	}
	if err := r.store.prepare(); err != nil {
		return err
	}
	if r.config.uses(X5C) {
		if err := r.openX5C(now); err != nil {
			return err
		}
	}
	if r.config.uses(JWKS) {
		if err := r.openPublished(now); err != nil {
			return err
		}
	}
	r.warnOfAccess(r.store.caPath(), r.store.nextCAPath(), r.store.leafPath(), r.store.publishedPath(), r.store.nextPublishedPath())
	return nil
}

func (r *Ring) openX5C(now time.Time) error {
	if err := r.openCA(now); err != nil {
		return err
	}
	leaf, before, err := r.store.loadLeaf(r.cas.Load())
	switch {
	case err == nil:
		s, err := newState(leaf, X5C, retirements(leaf.certs[0], before))
		if err != nil {
			return err
		}
		r.x5c.Store(s)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	_, err = r.rotateIfDue(now)
	return err
}

func (r *Ring) openCA(now time.Time) error {
	cas, err := r.store.loadCA()
	if err == nil {
		if cas.next == nil {
			r.remove(r.store.nextCAPath()) // a copy of the CA, where the process died
		}
		r.cas.Store(cas)
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ca, err := newCA(r.config.Realm, r.config.Algorithm, now)
	if err != nil {
		return err
	}
	if err := savePair(r.store.caPath(), ca, nil); err != nil {
		return err
	}
	r.cas.Store(&authorities{pair: ca})
	r.config.Logger.Warn("made a CA for signing keys; registries accept no token until its certificate is in their rootcertbundle (shorepass registry-config prints what each needs)",
		"realm", r.config.Realm, "fingerprint", fingerprint(ca.certs[0]), "file", r.store.caPath())
	return nil
}

// remove removes a file that counts for nothing any more, if it is there.
func (r *Ring) remove(path string) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.config.Logger.Warn("a key that was activated is there twice: remove the file", "realm", r.config.Realm, "file", path)
	}
}
