package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

// KeyRing is the keys of a realm; [token.Ring] is one.
type KeyRing interface {
	Do(a token.Act, force bool) (token.KeyInfo, error)
}

// KeyAct is what an administrator wants done with a realm's keys.
type KeyAct struct {
	RequestID, Realm string
	Act              token.Act
	Force            bool
	UID              *uint32 // the operating system's number of the administrator's user; nil where it is not known
}

// Do does it. The audit log gets a line before, without which nothing is done, since keys
// cannot be taken back; and another that says what became of it.
func (k KeyAct) Do(ctx context.Context, keys KeyRing, log Auditor) (token.KeyInfo, error) {
	ctx = context.WithoutCancel(ctx) // whoever has gone away must not keep it out of the record
	begun := k.entry(token.KeyInfo{}, nil)
	begun.Outcome = OutcomeBegun
	if err := log.Record(ctx, begun); err != nil {
		return token.KeyInfo{}, fmt.Errorf("%s could not be recorded in the audit log, and was not done: %w", k.Act, err)
	}
	info, err := keys.Do(k.Act, k.Force)
	if recordErr := log.Record(ctx, k.entry(info, err)); err == nil && recordErr != nil {
		return token.KeyInfo{}, fmt.Errorf("%s was done, but of that the audit log has the beginning alone: %w", k.Act, recordErr)
	}
	return info, err
}

func (k KeyAct) entry(info token.KeyInfo, err error) Entry {
	e := Act(k.RequestID, k.Realm, string(k.Act), err)
	e.UID, e.Force, e.Key = k.UID, k.Force, info.KID
	if err != nil {
		e.Cause = err.Error()
	}
	return e
}

// KeyChange is the entry of what a ring did with its keys by itself.
func KeyChange(realm string, a token.Act, info token.KeyInfo) Entry {
	return KeyAct{Realm: realm, Act: a}.entry(info, nil)
}

// Act is the entry of an act, such as "rotate-keys", by an administrator. err is what it
// failed with; one that is a [token.Refusal] is a conflict.
func Act(requestID, realm, act string, err error) Entry {
	e := Entry{
		Time: time.Now().UTC(), RequestID: requestID, Realm: realm, Kind: administrator, Act: act,
		Groups: []string{}, Asked: []string{}, Granted: []Verdict{}, Refused: []Verdict{}, Outcome: OutcomeGranted,
	}
	var refusal token.Refusal
	switch {
	case errors.As(err, &refusal):
		e.Outcome, e.Reason = OutcomeConflict, reasonNotNow
	case err != nil:
		e.Outcome, e.Reason = Internal.Error(), "unexpected"
	}
	return e
}
