package guard

import (
	"context"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// enter sets aside what a failed login takes of the limits of its network and of all. It
// fails with a Throttled where nothing is left. Where all that is left was set aside for
// others, it waits for one of them, who may well be right: of a thousand people who come at
// once behind one address nearly all are.
func (s *Shield) enter(ctx context.Context, a attempt) (*pass, error) {
	return s.enterThen(ctx, a, func(*pass, time.Time) error { return nil })
}

// enterThen is enter, and what is to be done before anybody else can have what is left.
func (s *Shield) enterThen(ctx context.Context, a attempt, then func(*pass, time.Time) error) (*pass, error) {
	p, full, wait, err := s.tryEnter(a, then)
	if full == nil {
		return p, err
	}
	connectors.Elsewhere(ctx)
	ctx, cancel := context.WithDeadline(ctx, a.begun.Add(queueTime))
	defer cancel()
	for {
		began := time.Now()
		if err := full.await(ctx, wait); err != nil {
			return nil, err
		}
		connectors.Waited(ctx, began)
		waited := full
		p, full, wait, err = s.tryEnter(a, then)
		if waited != full {
			waited.tell() // there may be something left of it, which this one does not use, or not yet
		}
		if full == nil {
			return p, err
		}
	}
}

// tryEnter is enterThen without the wait. It returns the limit of which all is set aside, and
// how long it is until there is more, whatever comes of that.
func (s *Shield) tryEnter(a attempt, then func(*pass, time.Time) error) (_ *pass, full *bucket, wait time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	p := &pass{shield: s, attempt: a}
	if full, wait, err = p.holdMany(now); full != nil || err != nil {
		return nil, full, wait, err
	}
	if err := then(p, now); err != nil {
		p.settleLimits(false, now)
		return nil, nil, 0, err
	}
	return p, nil, 0, nil
}

// holdMany sets aside what a failed login takes of the limits of many: of its network, and of
// all. It returns the one of which others have set aside all.
func (p *pass) holdMany(now time.Time) (full *bucket, wait time.Duration, _ error) {
	s := p.shield
	for _, k := range s.keysOfRealm(p.attempt) {
		if p.look(k, now); p.free {
			return nil, 0, nil
		}
	}
	network := s.network(p.network)
	if p.atHome {
		p.holdAny(s.overall, now)
		p.holdAny(network, now)
		return nil, 0, nil
	}
	switch all, one := s.overall.wait(now), network.wait(now); {
	case all > 0:
		return nil, 0, &connectors.Throttled{Reason: connectors.ReasonOverallLimit, RetryAfter: all}
	case one > 0:
		return nil, 0, &connectors.Throttled{Reason: connectors.ReasonNetworkLimit, RetryAfter: one}
	}
	for _, b := range [...]*bucket{s.overall, network} {
		if wait := b.waitHeld(now); wait > 0 {
			return b, wait, nil
		}
	}
	p.hold(s.overall)
	p.hold(network)
	return nil, 0, nil
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
