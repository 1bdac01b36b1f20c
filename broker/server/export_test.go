package server

import "net/netip"

// Crowd counts the requests of people that are worked on.
type Crowd struct{ crowd }

// Enter lets a person in, who is to leave again; or not now.
func (c *Crowd) Enter(id string) (leave func(), ok bool) {
	return c.enter(person{"corp", "directory", id})
}

// People is how many people are remembered.
func (c *Crowd) People() int { return len(c.of) }

// Shares counts what each client network has of something.
type Shares struct{ *shares }

// NewShares returns the shares of so much.
func NewShares(all int) Shares { return Shares{newShares(all)} }

// Enter counts one more of the network, if there may be one.
func (s Shares) Enter(network netip.Prefix) bool { return s.enter(network) }

// Leave takes one off the count.
func (s Shares) Leave(network netip.Prefix) { s.leave(network) }

// Networks is how many networks are remembered.
func (s Shares) Networks() int { return len(s.of) }
