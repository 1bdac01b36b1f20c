package pat

import "time"

// Filter chooses tokens of a realm. What is zero chooses all.
type Filter struct {
	Realm    string // always set
	ID       string
	Accounts []Account // whose; nil: everybody's; empty: nobody's
	Live     bool      // only those that still count: neither revoked nor expired

	// The order is that of the time of making, newest first, and of the id where that is
	// the same. A page has at most Limit tokens, 0 being all, that come after After.
	After Place
	Limit int
}

// Place is a token's place in the order; the zero Place is before the first.
type Place struct {
	Created time.Time
	ID      string
}
