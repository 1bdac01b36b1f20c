package pat

import (
	"fmt"
	"maps"
	"time"
)

// Forget has the connectors asked anew about the owners of a canonical user name, or about
// all where that is empty, when a token of theirs is next used, and returns of how many the
// answer would have counted. What is known of an owner goes on being used while the connector
// does not answer.
func (c *Connector) Forget(username string) int { return c.owners.forget(username) }

func (o *owners) forget(username string) (n int) {
	for _, known := range o.known.Values() {
		if (username == "" || known.Username == username) && o.fresh(known) {
			n++
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := wallTime()
	maps.DeleteFunc(o.forgotten, func(_ string, at time.Time) bool { return now.Sub(at) > o.config.MaxGroupAge })
	o.forgotten[username] = now
	o.forgets++
	return n
}

// isForgotten reports whether the connector is to be asked anew about an owner, whatever the
// age of what is known.
func (o *owners) isForgotten(known Owner) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := wallTime()
	for _, name := range [...]string{"", known.Username} {
		if at, ok := o.forgotten[name]; ok && known.Seen.Before(at) && believable(at, now) {
			return true
		}
	}
	return false
}

// question names what is asked about an account: an answer to what was asked before something
// was forgotten is none to what is asked after it.
func (o *owners) question(a Account) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fmt.Sprintf("%d\x00%s\x00%s", o.forgets, a.Connector, a.ID)
}
