package server

// Crowd counts the requests of people that are worked on.
type Crowd struct{ crowd }

// Enter lets a person in, who is to leave again; or not now.
func (c *Crowd) Enter(id string) (leave func(), ok bool) {
	return c.enter(person{"corp", "directory", id})
}

// People is how many people are remembered.
func (c *Crowd) People() int { return len(c.of) }
