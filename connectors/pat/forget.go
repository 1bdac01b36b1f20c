package pat

import "fmt"

// Forget has the connectors asked anew about the owners of a canonical user name, or about
// all where that is empty, when a token of theirs is next used, and returns of how many the
// answer would have counted. What is known of an owner goes on being used while the connector
// does not answer.
func (c *Connector) Forget(username string) int { return c.owners.forget(username) }

// TakeOver has the connector serve from now on, in place of one before it that has the same
// memory: what is known is as forgotten, and what that one still learns is not newer than what
// this one does.
func (c *Connector) TakeOver() { c.owners.turn.Store(int64(c.owners.memory.turn())) }

func (o *owners) forget(username string) (n int) {
	for _, known := range o.memory.known.Values() {
		if (username == "" || known.Username == username) && o.fresh(known) {
			n++
		}
	}
	o.memory.forget(username)
	return n
}

// question names what is asked about an account: an answer to what was asked before something
// was forgotten is none to what is asked after it.
func (o *owners) question(a Account) string {
	return fmt.Sprintf("%d\x00%s\x00%s", o.memory.times(), a.Connector, a.ID)
}
