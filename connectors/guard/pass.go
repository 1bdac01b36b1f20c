package guard

import (
	"context"
	"errors"
	"fmt"
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
}

// enter sets aside what a failed login takes of the limits of its network and of all. It
// fails with a Throttled where nothing is left. Where all that is left was set aside for
// others, it waits for one of them, who may well be right: of a thousand people who come at
// once behind one address nearly all are.
func (s *Shield) enter(ctx context.Context, a attempt) (*pass, error) {
	var waited *bucket
	for {
		p, full, err := s.tryEnter(a)
		if full == nil {
			waited.tell() // the next one who waits, whatever came of this one
			return p, err
		}
		waited = full
		select {
		case <-full.room:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: from one network, or together", connectors.ErrBusy)
		}
	}
}

// tryEnter is enter without the wait. It returns the limit of which all is set aside.
func (s *Shield) tryEnter(a attempt) (_ *pass, full *bucket, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	p := &pass{shield: s, attempt: a}
	for _, k := range s.keys(a) {
		if p.look(k, now); p.free {
			return p, nil, nil
		}
	}
	network := s.network(a.network)
	if p.atHome {
		p.holdAny(s.overall, now)
		p.holdAny(network, now)
		return p, nil, nil
	}
	switch wait, more := s.overall.wait(now), network.wait(now); {
	case wait > 0:
		return nil, nil, &connectors.Throttled{Reason: connectors.ReasonOverallLimit, RetryAfter: wait}
	case more > 0:
		return nil, nil, &connectors.Throttled{Reason: connectors.ReasonNetworkLimit, RetryAfter: more}
	case s.overall.waitHeld(now) > 0:
		return nil, s.overall, nil
	case network.waitHeld(now) > 0:
		return nil, network, nil
	}
	p.hold(s.overall)
	p.hold(network)
	return p, nil, nil
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
	if t.isWrong(now) && !s.again(k, r, t, p.attempt, now) {
		return r.refusal(t, connectors.Reject(connectors.ReasonKnownWrong), p.attempt, now)
	}
	budget := p.settings.Budget
	if p.atHome {
		budget += p.settings.Familiar
	}
	if p.settings.Budget > 0 && r.counted(now)+r.pending >= budget {
		return r.spent(t, p.attempt, now)
	}
	if err := p.holdAccount(r, now); err != nil {
		return err
	}
	r.show(t, now)
	r.pending++
	t.pending++
	p.account, p.record, p.asked = k, r, s.turn
	return nil
}

// keyOf returns the key of an account that the directory has located.
func (s *Shield) keyOf(a attempt, account connectors.Account) key {
	if account.ID != "" {
		k := key{space: a.upstream, id: account.ID}
		s.aliases.Add(key{a.place.names(), a.name, true}, k)
		return k
	}
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
func (p *pass) holdAccount(r *record, now time.Time) error {
	if p.free {
		return nil
	}
	limit := p.limitOf(r)
	if wait := limit.waitHeld(now); wait > 0 {
		return &connectors.Throttled{Reason: connectors.ReasonAccountLimit, RetryAfter: wait}
	}
	p.hold(limit)
	return nil
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

// settle says what came of the login, and returns what the client is to be answered.
func (p *pass) settle(id connectors.Identity, err error) error {
	p.shield.mu.Lock()
	defer p.shield.mu.Unlock()
	now := time.Now()
	var rejection *connectors.Rejection
	switch {
	case p.record == nil:
		return err
	case err == nil:
		p.signedIn(id, now)
		return nil
	case errors.As(err, &rejection):
		v := isOther
		if rejection.Reason == connectors.ReasonWrongPassword {
			v = isWrong
		}
		return asked(p.refused(p.release(), err, v, now))
	case errors.Is(err, connectors.ErrInDoubt):
		p.count(p.release(), inDoubt, now)
	}
	return err // which says nothing of the password
}

// asked marks a Throttled by which a password is refused that the directory has refused.
func asked(err error) error {
	if t := (*connectors.Throttled)(nil); errors.As(err, &t) {
		t.Asked = true
	}
	return err
}

// release takes back what was set aside of the account, and returns its record.
func (p *pass) release() *record {
	r := p.record
	for r.moved != nil {
		r = r.moved
	}
	p.record = nil
	r.pending--
	if t := r.tries[p.password]; t != nil {
		t.pending--
	}
	return r
}

// refused notes that a password was refused, and returns the answer.
func (p *pass) refused(r *record, because error, v verdict, now time.Time) error {
	t := r.begin(p.password, now)
	answer := r.refusal(t, because, p.attempt, now)
	if !t.shown {
		p.settleLimits(false, now)
	}
	p.count(r, v, now)
	return answer
}

// count notes that a password was refused.
func (p *pass) count(r *record, v verdict, now time.Time) {
	p.settleLimits(true, now)
	r.client, r.last = p.client, now
	p.shield.turn++
	r.refuse(p.password, v, p.shield.turn, now)
}

// signedIn notes that the password was right. An account that was known by its name alone
// is known from then on; so is one that was made anew by the name of another.
func (p *pass) signedIn(id connectors.Identity, now time.Time) {
	s, r := p.shield, p.release()
	k := key{space: p.upstream, id: id.ID}
	if k != p.account {
		s.aliases.Add(key{p.upstream, p.name, true}, k)
		r = s.join(p.account, k, r)
	}
	s.alias(p.upstream, id.Aliases, k, r)
	r.username = id.Username
	r.clear(p.password, p.asked)
	s.homes.learn(k, p.network, now)
	s.rights.Add(k, p.password)
	if current, _ := s.accounts.Peek(k); current == r && r.isIdle(now) {
		s.accounts.Remove(k)
	}
}

// alias has names of an account mean it by which nobody has signed in, with what was counted
// by them. By whose name somebody has signed in, the upstream has said whose it is.
func (s *Shield) alias(upstream string, names []string, k key, r *record) {
	for _, name := range names {
		of := key{upstream, name, true}
		if s.aliases.Contains(of) {
			continue
		}
		s.aliases.Add(of, k)
		if former, ok := s.names.Peek(of); ok {
			s.names.Remove(of)
			r.take(former)
		}
	}
}

// join makes the record of a name, or of an account that has lost its name, that of the
// account that has the name.
func (s *Shield) join(former, account key, r *record) *record {
	if current, _ := s.records(former).Peek(former); current == r {
		s.records(former).Remove(former)
	}
	known, ok := s.accounts.Get(account)
	switch {
	case !ok:
		s.accounts.Add(account, r)
		return r
	case known != r:
		known.take(r)
	}
	return known
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
		return r.throttled(p.attempt, now)
	}
	if err := p.holdAccount(r, now); err != nil {
		return err
	}
	return p.refused(r, because, isOther, now)
}

// refuse counts a login by a name that nobody knows. It fails where there were too many.
func (s *Shield) refuse(a attempt) error {
	ctx, cancel := context.WithTimeout(context.Background(), flightTime)
	defer cancel()
	p, err := s.enter(ctx, a)
	if err != nil {
		return err
	}
	defer p.leave()
	return p.refuseName(nil)
}
