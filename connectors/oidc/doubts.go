package oidc

import (
	"errors"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// doubtful is for how long after a login that was given up the provider may be at work on
// it still.
const doubtful = 15 * time.Second

// errDoubt is of a password that the provider has refused, and counted if it is wrong.
var errDoubt = connectors.InDoubt(errors.New("the provider refuses the password, but a login to this account that was not waited for may be under way there still: it would refuse the right one, too"))

// unanswered is why a login was given up that the provider has been sent.
type unanswered struct{ error }

// Unwrap returns the cause.
func (u unanswered) Unwrap() error { return u.error }

// doubts are accounts with a login that was given up, and until when the provider may be at
// work on it. Whoever uses them holds a lock.
type doubts map[string]time.Time

// settle takes a wrong password for none where the provider may have refused it for the
// sake of another login: what is taken for wrong is not tried again for a long time.
func (d doubts) settle(account string, err error, now time.Time) error {
	var rejection *connectors.Rejection
	var sent unanswered
	switch {
	case errors.As(err, &rejection):
		if rejection.Reason == connectors.ReasonWrongPassword && now.Before(d[account]) {
			return errDoubt
		}
	case err == nil:
		delete(d, account)
	case errors.As(err, &sent):
		for other, until := range d {
			if !now.Before(until) {
				delete(d, other)
			}
		}
		d[account] = now.Add(doubtful)
	}
	return err
}
