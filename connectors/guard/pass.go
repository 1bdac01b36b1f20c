package guard

import (
	"context"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// pass is a login that the Shield lets through. What is set aside for it is taken, or given
// back, when it ends.
type pass struct {
	shield *Shield
	attempt
	free    bool      // it takes nothing of the limits
	atHome  bool      // the account has signed in from there
	limits  []*bucket // that something is set aside of
	account key
	record  *record // of the account; nil: nothing is set aside there
	asked   uint64  // when the directory was: see Shield.turn
	resent  int     // how often the password was sent once more since; what was sent before is in doubt
}

// enter sets aside what a failed login takes of the limits of its network and of all. It
// fails with a Throttled where nothing is left. Where all that is left was set aside for
// others, it waits for one of them, who may well be right: of a thousand people who come at
// once behind one address nearly all are.
func (s *Shield) enter(ctx context.Context, a attempt) (*pass, error) {
	p, full, wait, err := s.tryEnter(a)
	if full == nil {
		return p, err
	}
	connectors.Elsewhere(ctx)
	ctx, cancel := context.WithTimeout(ctx, queueTime)
	defer cancel()
	for {
		began := time.Now()
		if err := full.await(ctx, wait); err != nil {
			return nil, err
		}
		connectors.Waited(ctx, began)
		waited := full
		p, full, wait, err = s.tryEnter(a)
		if waited != full {
			waited.tell() // there may be something left of it, which this one does not use, or not yet
		}
		if full == nil {
			return p, err
		}
	}
}

// tryEnter is enter without the wait. It returns the limit of which all is set aside, and how
// long it is until there is more, whatever comes of that.
func (s *Shield) tryEnter(a attempt) (_ *pass, full *bucket, wait time.Duration, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	p := &pass{shield: s, attempt: a}
	for _, k := range s.keys(a) {
		if p.look(k, now); p.free {
			return p, nil, 0, nil
		}
	}
	network := s.network(a.network)
	if p.atHome {
		p.holdAny(s.overall, now)
		p.holdAny(network, now)
		return p, nil, 0, nil
	}
	switch all, one := s.overall.wait(now), network.wait(now); {
	case all > 0:
		return nil, nil, 0, &connectors.Throttled{Reason: connectors.ReasonOverallLimit, RetryAfter: all}
	case one > 0:
		return nil, nil, 0, &connectors.Throttled{Reason: connectors.ReasonNetworkLimit, RetryAfter: one}
	}
	for _, b := range [...]*bucket{s.overall, network} {
		if wait := b.waitHeld(now); wait > 0 {
			return nil, b, wait, nil
		}
	}
	p.hold(s.overall)
	p.hold(network)
	return p, nil, 0, nil
}

// look notes what is known of the attempt, if it is for the account of a key: whether a
// failed login would take nothing of the limits, since the password was tried before; and
// whether the account has signed in from there, which the limits of many do not refuse.
func (p *pass) look(k key, now time.Time) {
	r, ok := p.shield.records(k).Get(k)
	p.free = p.free || ok && r.hasSeen(p.password)
	p.atHome = p.atHome || p.shield.homes.know(k, p.network, now)
}

// holdAny sets something aside of a limit, if anything is left.
func (p *pass) holdAny(b *bucket, now time.Time) {
	if b.waitHeld(now) == 0 {
		p.hold(b)
	}
}

// hold sets something aside of a limit.
func (p *pass) hold(b *bucket) {
	b.hold()
	p.limits = append(p.limits, b)
}

// settleLimits takes what was set aside of the limits, or gives it back.
func (p *pass) settleLimits(taken bool, now time.Time) {
	for _, b := range p.limits {
		b.settle(now, taken)
	}
	p.limits = nil
}

// toLocate fails where the name is known to be an account's of which no more wrong passwords
// may be sent, as toVerify would: guesses at it cost the directory not even a search.
func (p *pass) toLocate() error {
	s := p.shield
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	k := s.meant(p.attempt)
	if r, ok := s.records(k).Get(k); !ok || !p.isSpent(k, r, now) {
		return nil
	}
	r, t := p.open(k, connectors.Account{}, now)
	defer r.forget(p.password)
	return p.bar(k, r, t, now)
}

// toVerify sets aside one of the wrong passwords that the directory may be sent for an
// account, before it is asked. It fails where the password is known to be wrong, and where
// none is left.
func (p *pass) toVerify(account connectors.Account) error {
	s := p.shield
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	k := s.keyOf(p.attempt, account)
	r, t := p.open(k, account, now)
	defer r.forget(p.password) // where it goes no further
	if err := p.bar(k, r, t, now); err != nil {
		return err
	}
	if err := p.holdAccount(r, t, now); err != nil {
		return err
	}
	r.show(t, now)
	r.pending++
	t.pending++
	p.account, p.record, p.asked = k, r, s.turn
	return nil
}

// resend sets one more aside for a password that the directory may have counted as wrong, and is
// to be sent again. It reports whether one was left.
func (p *pass) resend() bool {
	p.shield.mu.Lock()
	defer p.shield.mu.Unlock()
	r := p.current()
	if p.isSpent(p.account, r, time.Now()) {
		return false
	}
	r.pending++
	p.resent++
	return true
}

// bar fails where a password is known to be wrong, and where no more may be sent.
func (p *pass) bar(k key, r *record, t *try, now time.Time) error {
	switch {
	case t.isWrong(now) && !p.shield.again(k, r, t, p.attempt, now):
		return r.refusal(t, connectors.Reject(connectors.ReasonKnownWrong), p.attempt, now)
	case p.isSpent(k, r, now):
		if err := p.accountLeft(r, t, now); err != nil {
			return err
		}
		p.takeAny(r, now)
		return r.spent(t, p.attempt, now)
	}
	return nil
}

// isSpent reports whether no more wrong passwords may be sent of those that are not known.
func (p *pass) isSpent(k key, r *record, now time.Time) bool {
	budget := p.settings.Budget
	if p.shield.homes.know(k, p.network, now) {
		budget += p.settings.Familiar
	}
	return p.settings.Budget > 0 && r.counted(now)+r.pending >= budget
}

// keyOf returns the key of an account that the directory has located.
func (s *Shield) keyOf(a attempt, account connectors.Account) key {
	if account.ID != "" {
		k := key{space: a.upstream, id: account.ID}
		s.aliases.Add(key{a.place.names(), a.name, true}, k)
		return k
	}
	return s.named(a)
}

// meant returns the key of the account that a name means, as far as that is known.
func (s *Shield) meant(a attempt) key {
	if k, ok := s.aliases.Get(key{a.place.names(), a.name, true}); ok {
		return k
	}
	return s.named(a)
}

// named returns the key of an account of which no more than the name is known.
func (s *Shield) named(a attempt) key {
	k := key{a.upstream, a.name, true}
	if known, ok := s.aliases.Get(k); ok {
		return known
	}
	return k
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
			return p.tooMany(r, now)
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

// takeAny takes of the limits, as far as there is anything left, for a password that is
// refused without being sent: whether it was is not to be told by what is left to others.
func (p *pass) takeAny(r *record, now time.Time) {
	if p.free {
		return
	}
	p.holdAny(p.limitOf(r), now)
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

// refuseName counts a login by a name that is no one account's, and returns the answer.
func (p *pass) refuseName(because error) error {
	p.shield.mu.Lock()
	defer p.shield.mu.Unlock()
	now := time.Now()
	r, t := p.open(p.nobody(), connectors.Account{}, now)
	defer r.forget(p.password)
	if !r.show(t, now) {
		return p.tooMany(r, now)
	}
	if err := p.holdAccount(r, t, now); err != nil {
		return err
	}
	return p.refused(r, because, isOther, now)
}

// refuse counts a login by a name that nobody knows. It fails where there were too many.
func (s *Shield) refuse(ctx context.Context, a attempt) error {
	p, err := s.enter(ctx, a)
	if err != nil {
		return err
	}
	defer p.leave()
	return p.refuseName(nil)
}
