package guard

import (
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/shorepass/shorepass/connectors"
)

// How much is remembered at most. What was used longest ago goes first.
const (
	maxLogins = 8192
	maxNames  = 8192
)

// cache is what a connector remembers of its directory's answers: in memory alone, and for
// a while. It holds no passwords.
type cache struct {
	CacheSettings
	logins  *lru.Cache[digest, login]
	unknown *lru.Cache[string, absence] // by name

	// generation counts how often something was forgotten, so that the answer to a question
	// which was asked before that is not remembered after it.
	generation atomic.Uint64
}

// login is a login that the directory let pass.
type login struct {
	name     string // as it was typed, in canonical form
	identity connectors.Identity
	until    time.Time
}

// absence is that the directory did not know a name.
type absence struct {
	said  time.Time
	until time.Time // how long it is not asked again
}

func newCache(s CacheSettings) *cache {
	c := &cache{CacheSettings: s}
	c.logins, _ = lru.New[digest, login](maxLogins)   // fails for a size of 0 alone
	c.unknown, _ = lru.New[string, absence](maxNames) // likewise
	return c
}

// login returns the identity of a login that the directory let pass a moment ago.
func (c *cache) login(d digest) (connectors.Identity, bool) {
	l, ok := c.logins.Get(d)
	if !ok || !time.Now().Before(l.until) {
		return connectors.Identity{}, false
	}
	return answered(l.identity, connectors.AnswerCache), true
}

// stale returns the identity of a login that the directory let pass a while ago, for when
// it does not answer.
func (c *cache) stale(d digest) (connectors.Identity, bool) {
	l, ok := c.logins.Get(d)
	if !ok || !time.Now().Before(l.until.Add(c.Stale)) {
		return connectors.Identity{}, false
	}
	return answered(l.identity, connectors.AnswerStale), true
}

func answered(id connectors.Identity, from connectors.Answer) connectors.Identity {
	id.Answer = from
	return id
}

// passed remembers a login that the directory has let pass, who was asked in a generation,
// after the login had begun. It is not remembered where the directory has said since then
// that it does not know the name.
func (c *cache) passed(d digest, name string, id connectors.Identity, generation uint64, begun time.Time) {
	if c.TTL == 0 || c.generation.Load() != generation {
		return
	}
	c.logins.Add(d, login{name: name, identity: id, until: time.Now().Add(c.TTL)})
	// Looked at when the login is there: noSuch does it the other way round.
	if a, ok := c.unknown.Get(name); ok && !a.said.Before(begun) {
		c.logins.Remove(d)
	}
}

// refused forgets a login that the directory has refused: it is not to be let pass when the
// directory does not answer.
func (c *cache) refused(d digest) { c.logins.Remove(d) }

// isUnknown reports whether the directory did not know the name a moment ago.
func (c *cache) isUnknown(name string) bool {
	a, ok := c.unknown.Get(name)
	return ok && time.Now().Before(a.until)
}

// noSuch remembers that the directory, who was asked in a generation, does not know a name:
// nobody is to be let pass by it when the directory does not answer.
func (c *cache) noSuch(name string, generation uint64) {
	if c.Unknown == 0 && c.Stale == 0 {
		return
	}
	a := absence{said: time.Now()}
	if c.generation.Load() == generation {
		a.until = a.said.Add(c.Unknown)
	}
	c.unknown.Add(name, a)
	if c.Stale > 0 {
		c.remove(func(l login) bool { return l.name == name })
	}
}

// clear forgets everything, and returns how many logins and names that were.
func (c *cache) clear() int {
	c.generation.Add(1)
	n := c.logins.Len() + c.unknown.Len()
	c.logins.Purge()
	c.unknown.Purge()
	return n
}

// clearName forgets an account of this name, and the name.
func (c *cache) clearName(name string) int {
	n := c.drop(func(l login) bool { return l.name == name || l.identity.Username == name })
	if c.unknown.Remove(name) {
		n++
	}
	return n
}

// clearAccount forgets the account of this id.
func (c *cache) clearAccount(id string) int {
	return c.drop(func(l login) bool { return l.identity.ID == id })
}

func (c *cache) drop(which func(login) bool) int {
	c.generation.Add(1)
	return c.remove(which)
}

func (c *cache) remove(which func(login) bool) int {
	n := 0
	for _, d := range c.logins.Keys() {
		if l, ok := c.logins.Peek(d); ok && which(l) && c.logins.Remove(d) {
			n++
		}
	}
	return n
}
