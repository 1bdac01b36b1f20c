package guard

import (
	"context"
	"errors"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// settle says what came of the login, and returns what the client is to be answered.
func (p *pass) settle(id connectors.Identity, err error) error {
	p.shield.mu.Lock()
	defer p.shield.mu.Unlock()
	now := time.Now()
	var rejection *connectors.Rejection
	switch {
	case p.record == nil:
		return err
	case err == nil && id.Answer != connectors.AnswerUpstream:
		return nil // the upstream was not asked, and goes on counting
	case err == nil:
		p.signedIn(id, now)
		return nil
	case errors.As(err, &rejection):
		v := isOther
		if rejection.Reason == connectors.ReasonWrongPassword {
			v = isWrong
		}
		r := p.release()
		err = asked(p.refused(r, err, v, now))
		p.doubt(r, p.resent, now)
	case errors.Is(err, connectors.ErrInDoubt):
		p.doubt(p.release(), p.resent+1, now)
	case p.resent > 0:
		p.doubt(p.release(), p.resent, now)
	}
	return err
}

// doubt notes that the directory may have counted the password so often.
func (p *pass) doubt(r *record, times int, now time.Time) {
	for range times {
		p.count(r, inDoubt, now)
	}
}

// asked marks a Throttled by which a password is refused that the directory has refused.
func asked(err error) error {
	if t := (*connectors.Throttled)(nil); errors.As(err, &t) {
		t.Asked = true
	}
	return err
}

// current returns the record of the account, as long as something is set aside there.
func (p *pass) current() *record {
	r := p.record
	for r.moved != nil {
		r = r.moved
	}
	return r
}

// release takes back what was set aside of the account, and returns its record.
func (p *pass) release() *record {
	r := p.current()
	p.record = nil
	r.pending -= 1 + p.resent
	if t := r.tries[p.password]; t != nil {
		t.pending--
	}
	r.tell()
	return r
}

// refused notes that a password was refused, and returns the answer.
func (p *pass) refused(r *record, because error, v verdict, now time.Time) error {
	t := r.begin(p.password, now)
	answer := r.refusal(t, because, p.attempt, now)
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
	s.aliases.Add(p.nobody(), k)
	s.alias(p.upstream, id.Aliases, k, r)
	r.username = id.Username
	r.clear(p.password, p.asked)
	s.homes.learn(k, p.network, now)
	s.rights.Add(k, right{p.password, now})
	if current, _ := s.accounts.Peek(k); current == r && r.isIdle(now) {
		s.accounts.Remove(k)
	}
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
