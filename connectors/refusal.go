package connectors

import (
	"context"
	"errors"
	"time"
)

// The outcomes that callers tell apart with errors.Is; see the package comment.
var (
	ErrNotMine  = errors.New("no such user here")
	ErrRejected = errors.New("credentials rejected")
	ErrGone     = errors.New("account is gone")

	// ErrUnreachable marks an outage that is the whole upstream's: it cannot be reached, or
	// does not answer in time, or says itself that it is out of order. What fails for one
	// account alone, or by bounds of our own, is none. A directory that fails so often
	// enough is left alone for a while.
	ErrUnreachable = errors.New("the directory cannot be reached")

	// ErrOneAccount marks an outage that is one account's: the upstream answered until then.
	// It is never taken for [ErrUnreachable]. What has both marks, or has run out of time,
	// says nothing of the upstream at all, neither that it answers nor that it does not.
	ErrOneAccount = errors.New("this account cannot be read")

	// ErrInDoubt marks an outage in which the upstream may have counted the password as wrong:
	// it has refused it for a reason that is perhaps another login's, or was sent it and did not
	// answer. The password may be right: it is asked about again, and takes of what may be sent
	// for the account. For within one login, see [MayResend].
	ErrInDoubt = errors.New("the directory may have counted the password as wrong")

	// ErrResting is the outage of a directory that is left alone: see [Resting].
	ErrResting = errors.New("the directory did not answer a moment ago, and is left alone")

	// ErrBusy marks an outage that bounds of our own make: too much is under way for this to
	// be sent upstream, or to be given its time there. It says nothing of the upstream.
	ErrBusy = errors.New("too many logins are under way")
)

// Unreachable returns err, an outage, marked with [ErrUnreachable]. Nil and answers stay as
// they are; so does what ended because nobody waits for it any more.
func Unreachable(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return mark(err, ErrUnreachable)
}

// OneAccount returns err, an outage, marked with [ErrOneAccount]. Nil and answers stay as
// they are.
func OneAccount(err error) error { return mark(err, ErrOneAccount) }

// InDoubt returns err, an outage, marked with [ErrInDoubt]. Nil and answers stay as they
// are.
func InDoubt(err error) error { return mark(err, ErrInDoubt) }

func mark(err, with error) error {
	if err == nil || errors.Is(err, ErrNotMine) || errors.Is(err, ErrRejected) || errors.Is(err, ErrGone) {
		return err
	}
	return &marked{err, with}
}

// marked is an error with a mark, which its text does not show.
type marked struct{ err, mark error }

// Error is that of the cause.
func (m *marked) Error() string { return m.err.Error() }

// Unwrap returns the cause.
func (m *marked) Unwrap() error { return m.err }

// Is makes errors.Is hold of the mark.
func (m *marked) Is(target error) bool { return target == m.mark }

// Resting is why a directory was not asked: it was unreachable again and again, for others.
type Resting struct {
	Cause      error         // how it last was
	RetryAfter time.Duration // when it is asked again
}

// Error names the cause.
func (r *Resting) Error() string { return ErrResting.Error() + ": " + r.Cause.Error() }

// Unwrap returns the cause.
func (r *Resting) Unwrap() error { return r.Cause }

// Is makes errors.Is(err, ErrResting) hold.
func (r *Resting) Is(target error) bool { return target == ErrResting }

// Reason is why credentials were rejected: a closed set, for the audit log and
// metrics. Clients see the same answer for all of them but [ReasonUnknownToken] and
// [ReasonInteraction], which nobody could mend without knowing of it.
type Reason string

// The reasons of a rejection.
const (
	ReasonUnknown       Reason = "unknown-user"   // no connector knows the name
	ReasonWrongPassword Reason = "wrong-password" // the directory refused the password
	ReasonKnownWrong    Reason = "known-wrong"    // the directory refused the password a while ago, and is not asked again
	ReasonEmptyPassword Reason = "empty-password" // empty, or nothing but NUL: never sent anywhere (RFC 4513 §5.1.2)
	ReasonBadPassword   Reason = "bad-password"   // longer than 8 KiB, not UTF-8, or with a NUL in it, which directories read in ways of their own: never sent anywhere
	ReasonBadUsername   Reason = "bad-username"   // not the form of a user name
	ReasonUnhandled     Reason = "unhandled"      // no connector takes such credentials
	ReasonUnknownToken  Reason = "unknown-token"  // no connector takes this token, which came without a user name
	ReasonAmbiguous     Reason = "ambiguous"      // two entries answer to the name
	ReasonDisabled      Reason = "disabled"       // the account is switched off
	ReasonRestricted    Reason = "restricted"     // the directory forbids this account to sign in here

	// What a directory with a password policy says of an account.
	ReasonLocked         Reason = "locked"               // locked, by an administrator or after too many wrong passwords
	ReasonExpired        Reason = "password-expired"     // the password is too old
	ReasonMustChange     Reason = "must-change-password" // an administrator has set the password, and it is to be changed first
	ReasonAccountExpired Reason = "account-expired"      // the account was for a time, which has passed
	ReasonGraceLogin     Reason = "grace-login"          // the password has expired, and the directory would let it pass a few times more

	// Why one of our own tokens is refused.
	ReasonBadToken     Reason = "bad-token"     // there is none of this text, or no connector takes such
	ReasonTokenExpired Reason = "token-expired" // its time is over
	ReasonTokenRevoked Reason = "token-revoked" // it was taken back
	ReasonTokenNetwork Reason = "token-network" // it may not be used from this address
	ReasonOwnerGone    Reason = "owner-gone"    // its owner was deleted, is disabled, or is outside what the connector is configured for
	ReasonOwnerUnseen  Reason = "owner-unseen"  // its owner, whom the connector cannot look up, has not signed in for too long

	// What a provider says that has signed the account in, or would.
	ReasonInteraction Reason = "interaction" // it wants more than a password, such as a second factor
	ReasonGroups      Reason = "groups"      // the account's groups cannot be known whole

	// Of a [Throttled]: what there were too many failed logins of.
	ReasonLockout      Reason = "lockout"       // different passwords for the account
	ReasonAccountLimit Reason = "account-limit" // for the account, in a longer time
	ReasonNetworkLimit Reason = "network-limit" // from the client's network
	ReasonOverallLimit Reason = "overall-limit" // from everywhere
)

// Rejection is an [ErrRejected] with its reason.
type Rejection struct {
	Reason Reason

	// Known is whose the credentials are, where they were right and are refused all the
	// same: for the record alone. What is not known of it is empty. nil: nothing is known.
	Known *Identity
}

// Reject returns an [ErrRejected] that carries reason.
func Reject(reason Reason) error { return &Rejection{Reason: reason} }

// Error names the reason.
func (r *Rejection) Error() string { return ErrRejected.Error() + ": " + string(r.Reason) }

// Is makes errors.Is(err, ErrRejected) hold.
func (r *Rejection) Is(target error) bool { return target == ErrRejected }

// Throttled is why a login was not tried, or does not look like one that was: there were too
// many failed ones. It says nothing of the password, nor whether there is such an account.
type Throttled struct {
	Reason     Reason
	RetryAfter time.Duration // when it is worth another try
	Asked      bool          // the upstream was asked all the same, and has refused the password
}

// Error names the reason.
func (t *Throttled) Error() string { return "too many failed logins: " + string(t.Reason) }

// Outage is an outage that struck when the credentials were known to be right.
type Outage struct {
	Known *Identity // whose they are, as in a [Rejection]; not nil
	Err   error
}

// Error is that of the cause.
func (o *Outage) Error() string { return o.Err.Error() }

// Unwrap returns the cause.
func (o *Outage) Unwrap() error { return o.Err }
