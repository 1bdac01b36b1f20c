package guard

import (
	"context"
	"net/netip"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// atHome reports whether the account of an identity has signed in from a network before, and
// notes that it does so again.
func (p *password) atHome(id connectors.Identity, network netip.Prefix) bool {
	k, now := p.keyOf(id), time.Now()
	if !p.shield.homes.know(k, network, now) {
		return false
	}
	p.shield.homes.learn(k, network, now)
	return true
}

// welcome lets somebody in whose password is right, going by what is remembered or by a login
// that others have begun. From where the account has not signed in before, the Shield has its
// say: else guesses would be free for as long as somebody else is signed in.
func (p *password) welcome(ctx context.Context, a attempt, id connectors.Identity) (connectors.Identity, error) {
	if p.atHome(id, a.network) {
		return id, nil
	}
	if err := p.shield.admit(ctx, a, id); err != nil {
		return connectors.Identity{}, err
	}
	p.shield.homes.learn(p.keyOf(id), a.network, time.Now())
	return id, nil
}

// unanswered is what comes of a login that the directory does not answer, or is not asked
// about: it passes by a login that is stale, if the directory is to blame. Whatever the
// password is, the Shield is asked where one of that name is remembered, since the answer to
// that would tell.
func (p *password) unanswered(ctx context.Context, a attempt, d digest, because error) (connectors.Identity, error) {
	right, id, ok := p.cache.staleOf(a.name)
	if !ok {
		return connectors.Identity{}, because
	}
	if !p.shield.homes.know(p.keyOf(id), a.network, time.Now()) {
		if err := p.shield.admit(ctx, a, id); err != nil {
			return connectors.Identity{}, err
		}
	}
	if d != right {
		p.shield.inVain(a, id)
	}
	if d != right || !isUnanswered(because) {
		return connectors.Identity{}, because
	}
	return id, nil
}

// admit fails where the Shield would not have the directory asked about an attempt, for the
// account of an identity. Where it does not fail it takes nothing of what there is.
func (s *Shield) admit(ctx context.Context, a attempt, id connectors.Identity) error {
	p, err := s.enter(ctx, a)
	if err != nil {
		return err
	}
	defer p.leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	k, r, t := p.openOf(id, now)
	defer r.forget(p.password)
	if err := p.bar(k, r, t, now); err != nil {
		return err
	}
	return p.accountLeft(r, t, now)
}

// inVain takes of the limits, as far as there is anything left, for a password that was
// compared in vain with what is remembered of the account of an identity.
func (s *Shield) inVain(a attempt, id connectors.Identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	p := &pass{shield: s, attempt: a}
	_, r, _ := p.openOf(id, now)
	defer r.forget(p.password)
	if p.free {
		return
	}
	p.holdAny(s.overall, now)
	p.holdAny(s.network(a.network), now)
	p.takeAny(r, now)
	r.client, r.last = p.client, now
}

// openOf opens the record of the account of an identity.
func (p *pass) openOf(id connectors.Identity, now time.Time) (key, *record, *try) {
	k := key{space: p.upstream, id: id.ID}
	r, t := p.open(k, connectors.Account{ID: id.ID, Username: id.Username}, now)
	return k, r, t
}
