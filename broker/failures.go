package broker

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/shorepass/shorepass/connectors"
)

// So many failures that are ours have a line each: so many at once, and so many a second.
const (
	faultsAtOnce    = 10
	faultsPerSecond = 1
)

// failures counts requests that failed, those apart that the log is to tell of each. Of those
// that are ours, whoever sent the request is told to have the log looked at: they have a line
// each, as long as they are few.
type failures struct {
	faults *rate.Limiter
	counts sync.Map // of *Seldom, by failing
}

// failing is what failures have in common that share a line in the log. Nothing of it is for
// clients to choose, so that there are few.
type failing struct{ realm, connector, reason string }

// add counts a failure, and returns how many there were of its kind if the log is to tell of
// them now.
func (f *failures) add(realm *Realm, failure *Error, now time.Time) (count int64, tell bool) {
	if failure.Kind == Internal && f.faults.AllowN(now, 1) {
		return 1, true
	}
	kind := failing{reason: failure.Reason}
	if realm != nil {
		kind.realm = realm.Name
	}
	if from := (*connectors.Failure)(nil); errors.As(failure, &from) {
		kind.connector = from.Connector
	}
	seldom, _ := f.counts.LoadOrStore(kind, new(Seldom))
	return seldom.(*Seldom).Add(now)
}
