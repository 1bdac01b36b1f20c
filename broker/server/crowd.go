package server

import "sync"

// How many requests of people who have signed in are worked on at a time. Each may hold a
// page of long tokens, about a megabyte, until its client has read it.
const (
	maxAtOnce = 32
	maxOfOne  = 8
)

// crowd counts the requests that are worked on. The zero crowd is empty.
type crowd struct {
	mu  sync.Mutex
	all int
	of  map[person]int
}

// person is an account of a realm.
type person struct{ realm, connector, id string }

// enter lets a person in, who is to leave again; or not now.
func (c *crowd) enter(who person) (leave func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[who] >= maxOfOne || c.all >= maxAtOnce {
		return nil, false
	}
	if c.of == nil {
		c.of = map[person]int{}
	}
	c.all++
	c.of[who]++
	return func() { c.leave(who) }, true
}

func (c *crowd) leave(who person) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.of[who]--; c.of[who] == 0 {
		delete(c.of, who)
	}
}
