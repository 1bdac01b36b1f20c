package guard

import (
	"slices"
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
	latest  *lru.Cache[string, digest]    // the login by which somebody last signed in, by name
	unknown *lru.Cache[string, time.Time] // how long a name is
	denied  *lru.Cache[key, time.Time]    // when the directory last said of a name, or of an account's id, that nobody may sign in to it

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

func newCache(s CacheSettings) *cache {
	c := &cache{CacheSettings: s}
	c.logins, _ = lru.New[digest, login](maxLogins)     // fails for a size of 0 alone
	c.latest, _ = lru.New[string, digest](maxLogins)    // likewise
	c.unknown, _ = lru.New[string, time.Time](maxNames) // likewise
	c.denied, _ = lru.New[key, time.Time](maxNames)     // likewise
	return c
}

// recall returns whose login by a name is remembered, and whether one is. The Answer says of
// what password: [connectors.AnswerCache] of the same, which the directory let pass a moment
// ago; [connectors.AnswerStale], a while ago; [connectors.AnswerUpstream] of another.
func (c *cache) recall(name string, d digest) (connectors.Identity, bool) {
	now := time.Now()
	if l, ok := c.get(d, now); ok {
		if now.Before(l.until) {
			return answered(l.identity, connectors.AnswerCache), true
		}
		return answered(l.identity, connectors.AnswerStale), true
	}
	latest, _ := c.latest.Get(name) // if there is none, nor is there a login of it
	l, ok := c.get(latest, now)
	return l.identity, ok
}

// get returns a login that is remembered, and forgets one that is over.
func (c *cache) get(d digest, now time.Time) (login, bool) {
	l, ok := c.logins.Get(d)
	if ok && c.isOver(l, now) {
		c.logins.Remove(d)
		return login{}, false
	}
	return l, ok
}

// isOver reports whether a login counts for nothing any more.
func (c *cache) isOver(l login, now time.Time) bool { return !now.Before(l.until.Add(c.Stale)) }

func answered(id connectors.Identity, from connectors.Answer) connectors.Identity {
	id.Answer = from
	return id
}

// passed remembers a login that the directory has let pass, who was asked in a generation. It
// is not remembered where the directory has said since the login began that nobody may sign in
// to the account.
func (c *cache) passed(d digest, a attempt, id connectors.Identity, generation uint64) {
	if c.TTL == 0 {
		return
	}
	c.latest.Add(a.name, d)
	c.logins.Add(d, login{name: a.name, identity: id, until: time.Now().Add(c.TTL)})
	// Looked at when the login is there: what forgets does it the other way round.
	if c.generation.Load() != generation || c.deniedSince(a.begun, named(a.name), named(id.Username), key{id: id.ID}) {
		c.logins.Remove(d)
	}
}

// named is the key of a name.
func named(name string) key { return key{id: name, isName: true} }

// deniedSince reports whether the directory has said of one of these, at a time or later, that
// nobody may sign in.
func (c *cache) deniedSince(begun time.Time, keys ...key) bool {
	return slices.ContainsFunc(keys, func(k key) bool {
		said, ok := c.denied.Get(k)
		return ok && !said.Before(begun)
	})
}

// refused forgets a login that the directory has refused: it is not to be let pass when the
// directory does not answer.
func (c *cache) refused(d digest) { c.logins.Remove(d) }

// isUnknown reports whether the directory did not know the name a moment ago.
func (c *cache) isUnknown(name string) bool {
	until, ok := c.unknown.Get(name)
	if ok && !time.Now().Before(until) {
		c.unknown.Remove(name)
		return false
	}
	return ok
}

// noSuch remembers that the directory, who was asked in a generation, does not know a name:
// whose it was is not to be let pass, by whatever name, when the directory does not answer.
func (c *cache) noSuch(name string, generation uint64) {
	now := time.Now()
	c.denied.Add(named(name), now)
	if c.Unknown > 0 {
		c.unknown.Add(name, now.Add(c.Unknown))
		if c.generation.Load() != generation { // looked at when it is there
			c.unknown.Remove(name)
		}
	}
	if c.Stale > 0 {
		c.remove(c.of(name, ""))
	}
}

// clear forgets everything, and returns how many logins and names that were.
func (c *cache) clear() int {
	n := c.drop(func(login) bool { return true })
	for _, name := range c.unknown.Keys() {
		n += c.clearUnknown(name)
	}
	return n
}

// clearName forgets the accounts that go by this name, or that somebody signed in to by it,
// under all their names; and that it is unknown.
func (c *cache) clearName(name string) int {
	return c.drop(c.of(name, "")) + c.clearUnknown(name)
}

// clearUnknown forgets that a name is unknown. It returns 1 where that still counted.
func (c *cache) clearUnknown(name string) int {
	counted := c.isUnknown(name)
	if c.unknown.Remove(name) && counted {
		return 1
	}
	return 0
}

// barred forgets the account of a name and, where it is known, an id: the directory has said
// that it may not sign in, whatever the password.
func (c *cache) barred(name, id string) {
	now := time.Now()
	c.denied.Add(named(name), now)
	if id != "" {
		c.denied.Add(key{id: id}, now)
	}
	c.remove(c.of(name, id))
}

// of chooses the logins of the account of an id, and of those that go by a name, or that
// somebody signed in to by it: under all their names.
func (c *cache) of(name, id string) func(login) bool {
	ids := map[string]bool{id: true}
	for _, l := range c.logins.Values() {
		if l.name == name || l.identity.Username == name {
			ids[l.identity.ID] = true
		}
	}
	return func(l login) bool { return ids[l.identity.ID] }
}

// gone forgets the account of this id, which the directory has no more.
func (c *cache) gone(id string) {
	c.denied.Add(key{id: id}, time.Now())
	c.remove(func(l login) bool { return l.identity.ID == id })
}

// drop forgets logins, and returns how many of them still counted. What is under way is not
// remembered.
func (c *cache) drop(which func(login) bool) int {
	c.generation.Add(1)
	return c.remove(which)
}

func (c *cache) remove(which func(login) bool) int {
	n, now := 0, time.Now()
	for _, d := range c.logins.Keys() {
		l, ok := c.logins.Peek(d)
		if over := c.isOver(l, now); ok && (over || which(l)) && c.logins.Remove(d) && !over {
			n++
		}
	}
	return n
}
