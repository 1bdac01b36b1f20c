package store

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/shorepass/shorepass/connectors/pat"
)

// tokenKey names a token.
type tokenKey struct{ realm, id string }

// cache remembers the tokens that were last used. It never holds a row that a revocation
// has changed: what was read before one ended is not taken in after it.
type cache struct {
	mu         sync.Mutex
	tokens     *lru.Cache[tokenKey, pat.Token]
	generation uint64 // counts the revocations
}

func newCache(size int) *cache {
	tokens, _ := lru.New[tokenKey, pat.Token](size) // fails for sizes below one alone
	return &cache{tokens: tokens}
}

// get returns a token, if it is there, and else the generation to add it in.
func (c *cache) get(k tokenKey) (t pat.Token, generation uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok = c.tokens.Get(k)
	return t, c.generation, ok
}

// add takes in a token that was read since get returned the generation.
func (c *cache) add(k tokenKey, t pat.Token, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation == c.generation {
		c.tokens.Add(k, t)
	}
}

// empty forgets all tokens, and those that are being read.
func (c *cache) empty() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.tokens.Purge()
}
