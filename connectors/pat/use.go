package pat

import (
	"net/netip"
	"time"
)

// Use is a use of a token, to be recorded.
type Use struct {
	Realm, ID string
	At        time.Time
	From      netip.Addr // the zero Addr: not known
}
