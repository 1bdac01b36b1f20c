package pat

import (
	"crypto/sha256"
	"errors"
	"net/netip"
	"time"
)

// Token is what is kept of a token. Times are in UTC, to the second.
type Token struct {
	Realm    string
	ID       string            // the public id
	Hash     [sha256.Size]byte // of the text: see [Text.Hash]
	Account  Account           // whose token it is
	Name     string            // by which its owner tells it from others; unique among the account's tokens that still count
	Scopes   []string          // the ceiling, as package policy reads it; at least one
	Networks []netip.Prefix    // the client addresses that it may be used from; none: all

	// GroupsFixed is set where an administrator named the owner's groups, since the
	// owner's connector will never be able to: Groups are these, until the token ends.
	GroupsFixed bool
	Groups      []string

	Created   time.Time
	CreatedBy string    // an owner's subject, connector:username, or "administrator"
	Expires   time.Time // from this time on it no longer counts
	Revoked   time.Time // zero: not revoked
	RevokedBy string    // like CreatedBy

	LastUsed     time.Time  // zero: never; recorded within a minute
	LastUsedFrom netip.Addr // the zero Addr: not known
}

// Account is a connector's account, by its stable id.
type Account struct {
	Connector string
	ID        string // as in connectors.Identity
}

// Owner is what was last learned of an account that has tokens.
type Owner struct {
	Realm    string
	Account  Account
	Username string // canonical
	Groups   []string
	Seen     time.Time // when the connector said so, at a login or when it was asked
	Gone     bool      // it said that the account is gone: it has no rights then
}

// Limits bound what tokens an account has. Zero is no bound.
type Limits struct {
	Live int // that count at a time
	Day  int // that were made within 24 hours, whatever became of them
}

// The outcomes of the stores that callers tell apart.
var (
	ErrNoToken   = errors.New("no such token")
	ErrNoOwner   = errors.New("nothing is known of this account")
	ErrNameTaken = errors.New("the account has a token of this name already")
	ErrTooMany   = errors.New("the account has as many tokens as it may have")
	ErrTooFast   = errors.New("as many tokens were made for the account today as may be")

	// ErrUnsettled says that what was revoked is so, and that the loss of a file of the
	// database's might undo it: see Revoke of the store.
	ErrUnsettled = errors.New("this is in the database's write-ahead log alone as yet")
)
