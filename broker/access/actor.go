package access

import (
	"net/netip"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
)

// Administrator is who did what no person did.
const Administrator = "administrator"

// Actor is who asks.
type Actor struct {
	RequestID string
	Asked     time.Time            // when; zero: now
	Identity  *connectors.Identity // signed in with a password; nil: the administrator
	UID       *uint32              // the operating system's number of the administrator's user, where it is known
	Username  string               // of a person, as typed
	ClientIP  netip.Addr           // of a person
	UserAgent string
}

// name is the subject of a person, or the administrator.
func (a Actor) name() string {
	if a.Identity == nil {
		return Administrator
	}
	return a.Identity.Connector + ":" + a.Identity.Username
}

// check refuses those who were vouched for by something else than a password: a token
// makes no tokens, and shows none.
func (a Actor) check() error {
	id := a.Identity
	if id != nil && (id.Kind != connectors.Person || id.Via != id.Connector || !id.Ceiling.IsUnlimited()) {
		return fault(broker.Forbidden, "", "access-token", "access tokens are looked after by their owner alone, with user name and password: a token does not do for it")
	}
	return nil
}

// An act is what is done, as the audit log has it.
type act string

const (
	actCreate    act = "create-token"
	actList      act = "list-tokens"
	actShow      act = "show-token"
	actRevoke    act = "revoke-token"
	actRevokeAll act = "revoke-tokens"
)

// entry begins the entry of an act.
func (a Actor) entry(what act, realm string) broker.Entry {
	e := broker.Act(a.RequestID, realm, string(what), nil)
	e.UID = a.UID
	if !a.Asked.IsZero() {
		e.Time = a.Asked.UTC()
	}
	if a.Identity != nil {
		return e.By(*a.Identity, a.Username, a.ClientIP, a.UserAgent)
	}
	return e
}
