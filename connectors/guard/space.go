package guard

import "fmt"

// space is that of the accounts of an upstream, by the name that it has in keys.
type space struct{ name string }

// space returns the space of an upstream's accounts: see [connectors.Upstreamed].
func (s *Shield) space(upstream string) *space {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.spaces[upstream]
	if !ok {
		known = &space{upstream}
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
	now.name = former.name
	s.moves++
	s.spaces[from] = &space{fmt.Sprintf("%s %d", from, s.moves)}
}
