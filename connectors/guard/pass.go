package guard

import (
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// pass is a login that the Shield lets through. What is set aside for it is taken, or given
// back, when it ends.
type pass struct {
	shield *Shield
	attempt
	free     bool      // it takes nothing of the limits
	atHome   bool      // the account has signed in from there
	limits   []*bucket // that something is set aside of
	account  key
	record   *record // of the account; nil: nothing is set aside there
	asked    uint64  // when the directory was: see Shield.turn
	resent   int     // how often the password was sent once more since; what was sent before is in doubt
	compared *record // of the account with which the password was compared in vain; nil: with none
}

// toLocate fails where the name is known to be an account's of which no more wrong passwords
// may be sent, as toVerify would, which may wait: guesses at it cost the directory not even a
// search.
func (p *pass) toLocate() error {
	s := p.shield
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	k := s.meant(p.attempt)
	if r, ok := s.records(k).Get(k); !ok || !p.isSpent(k, r, r.pending, now) {
		return nil
	}
	r, t := p.open(k, connectors.Account{}, now)
	defer r.forget(p.password)
	if t.pending > 0 { // what comes of it may leave more
		return nil
	}
	return p.bar(k, r, t, r.pending, now)
}

// resend sets one more aside for a password that the directory may have counted as wrong, and is
// to be sent again. It reports whether one was left.
func (p *pass) resend() bool {
	p.shield.mu.Lock()
	defer p.shield.mu.Unlock()
	r := p.current()
	if p.isSpent(p.account, r, r.pending, time.Now()) {
		return false
	}
	r.pending++
	p.resent++
	return true
}

// bar fails where a password is known to be wrong, and where no more may be sent while so many
// are under way.
func (p *pass) bar(k key, r *record, t *try, pending int, now time.Time) error {
	switch {
	case t.isWrong(now) && !p.shield.again(k, r, t, p.attempt, now):
		return r.refusal(t, connectors.Reject(connectors.ReasonKnownWrong), p.attempt, now)
	case p.isSpent(k, r, pending, now):
		if err := p.accountLeft(r, t, now); err != nil {
			return err
		}
		p.takeAny(r, now)
		return r.spent(t, p.attempt, now)
	}
	return nil
}

// isSpent reports whether no more wrong passwords may be sent of those that are not known.
func (p *pass) isSpent(k key, r *record, pending int, now time.Time) bool {
	budget := p.settings.Budget
	if p.shield.homes.know(k, p.network, now) {
		budget += p.settings.Familiar
	}
	return p.settings.Budget > 0 && r.counted(now)+pending >= budget
}

// open returns the record of a key, which is to have what the attempt says, and the try of
// its password there.
func (p *pass) open(k key, account connectors.Account, now time.Time) (*record, *try) {
	r := p.shield.record(k)
	r.settings, r.look = p.settings, p.attempt.look
	switch {
	case account.ID != "" && account.Username != "":
		r.username = account.Username
	case r.username == "":
		r.username = p.name
	}
	r.seenAt(p.place)
	p.free, p.atHome = false, false // for an account that the name has meant so far, maybe
	if p.look(k, now); p.free {
		p.settleLimits(false, now)
	}
	return r, r.begin(p.password, now)
}

// holdAccount sets something aside of the limit of an account.
func (p *pass) holdAccount(r *record, t *try, now time.Time) error {
	err := p.accountLeft(r, t, now)
	if err == nil && !p.free {
		p.hold(p.limitOf(r))
	}
	return err
}

// accountLeft fails where nothing is left of the limit of an account.
func (p *pass) accountLeft(r *record, t *try, now time.Time) error {
	if wait := p.limitOf(r).waitHeld(now); !p.free && wait > 0 {
		if !r.show(t, now) {
			return r.throttled(p.attempt, now)
		}
		return &connectors.Throttled{Reason: connectors.ReasonAccountLimit, RetryAfter: wait}
	}
	return nil
}

// tooMany is the answer where a password is not shown to be wrong.
func (p *pass) tooMany(r *record, now time.Time) error {
	p.takeAny(r, now)
	return r.throttled(p.attempt, now)
}

// takeAny takes of the limits for a password that is refused without being sent: whether it
// was is not to be told by what is left to others. Where nothing is left of the limit of the
// account it takes nothing, and is not noted: it would be free when there is more.
func (p *pass) takeAny(r *record, now time.Time) {
	if p.free || p.limitOf(r).waitHeld(now) > 0 {
		return
	}
	p.hold(p.limitOf(r))
	p.settleLimits(true, now)
	r.note(markOf(p.password))
}

// limitOf returns the limit of an account that the login is to take from. Where the account
// has signed in before it has one of its own: guesses from elsewhere take nothing of it, and
// those from there have an end, too.
func (p *pass) limitOf(r *record) *bucket {
	if !p.atHome {
		return r.limit
	}
	if r.familiar == nil {
		twice := p.shield.limits.Account
		twice.Burst *= 2
		r.familiar = newBucket(twice)
	}
	return r.familiar
}

// leave gives back what nothing has come of.
func (p *pass) leave() {
	p.shield.mu.Lock()
	defer p.shield.mu.Unlock()
	if p.record != nil {
		p.release().forget(p.password)
	}
	p.settleLimits(false, time.Now())
}
