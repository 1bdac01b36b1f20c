package guard

import (
	"fmt"
	"sync/atomic"
)

// space is that of the accounts of an upstream, by the name that it has in keys.
type space struct{ named atomic.Pointer[string] }

func newSpace(name string) *space {
	s := new(space)
	s.named.Store(&name)
	return s
}

func (s *space) name() string { return *s.named.Load() }

// space returns the space of an upstream's accounts: see [connectors.Upstreamed].
func (s *Shield) space(upstream string) *space {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.spaces[upstream]
	if !ok {
		known = newSpace(upstream)
		s.spaces[upstream] = known
	}
	return known
}

// Moved has an upstream have the accounts of another one, whose place it takes: what was counted
// of them counts on. It is to be called before anybody signs in at the one, and once. Connectors
// that are there already go on with the other's accounts; who comes to the other anew finds
// nothing counted.
func (s *Shield) Moved(from, to string) {
	former, now := s.space(from), s.space(to)
	s.mu.Lock()
	defer s.mu.Unlock()
	now.named.Store(former.named.Load())
	s.moves++
	s.spaces[from] = newSpace(fmt.Sprintf("%s %d", from, s.moves))
}
