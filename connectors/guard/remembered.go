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

// compare has a password be compared with what is remembered by the name: it passes where the
// directory let it pass a moment ago. Else the directory is asked. Where that does not answer,
// the password passes by which the account has last signed in.
func (p *password) compare(ctx context.Context, a attempt, c connectors.Credentials, d digest, remembered connectors.Identity) (connectors.Identity, error) {
	if remembered.Answer == connectors.AnswerCache {
		return p.welcome(ctx, a, remembered)
	}
	right := remembered.Answer == connectors.AnswerStale && p.shield.wasLast(p.keyOf(remembered), a.password)
	guess, err := p.shield.compare(ctx, a, remembered, right)
	if err != nil {
		return connectors.Identity{}, err
	}
	id, err := p.answer(ctx, a, c, d)
	guess.end(err == nil)
	if right && isUnanswered(err) {
		return remembered, nil
	}
	return id, err
}

// welcome lets somebody in whose password is right, going by what is remembered or by a login
// that others have begun, from where the account has not signed in before.
func (p *password) welcome(ctx context.Context, a attempt, id connectors.Identity) (connectors.Identity, error) {
	if _, err := p.shield.compare(ctx, a, id, true); err != nil {
		return connectors.Identity{}, err
	}
	p.shield.homes.learn(p.keyOf(id), a.network, time.Now())
	return id, nil
}

// compare fails where the directory would not be asked about an attempt for the account of an
// identity, whatever comes of comparing its password with what is remembered: else guesses
// would be free for as long as somebody else is signed in. What comes of it, right or not, is
// to be told only afterwards. A wrong one has a failed login set aside of the limits, until
// the pass ends, so that those who come at once get no further than one by one.
func (s *Shield) compare(ctx context.Context, a attempt, id connectors.Identity, right bool) (*pass, error) {
	return s.enterThen(ctx, a, func(p *pass, now time.Time) error {
		k := key{space: p.upstream, id: id.ID}
		r, t := p.open(k, connectors.Account{ID: id.ID, Username: id.Username}, now)
		defer r.forget(p.password)
		if !p.atHome { // where others could use up what may be sent
			if err := p.bar(k, r, t, r.pending-t.pending, now); err != nil { // the same password's are no guesses
				return err
			}
		}
		if err := p.holdAccount(r, t, now); err != nil {
			return err
		}
		if right {
			p.settleLimits(false, now)
			return nil
		}
		r.note(markOf(p.password)) // what the directory says of it costs nothing more
		p.compared = r
		return nil
	})
}

// end takes what was set aside for a password that was compared in vain, or gives it back
// where the directory has let it pass.
func (p *pass) end(passed bool) {
	p.shield.mu.Lock()
	defer p.shield.mu.Unlock()
	now := time.Now()
	if p.compared != nil && !passed {
		p.compared.client, p.compared.last = p.client, now
	}
	p.settleLimits(!passed, now)
}

// wasLast reports whether an account has last signed in by a password, at whichever connector
// of its directory: another one may be what it was before it was changed.
func (s *Shield) wasLast(k key, password digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.rights.Peek(k)
	return ok && last.password == password
}
