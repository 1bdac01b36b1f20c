package guard

import (
	"context"
	"fmt"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// toVerify sets aside one of the wrong passwords that the directory may be sent for an
// account, before it is asked. Where it is being asked about that very password, by whichever
// connector, toVerify waits for what comes of it; once it was right, only where none is left. It
// fails where the password is known to be wrong, and where none is left.
func (p *pass) toVerify(ctx context.Context, account connectors.Account) error {
	for {
		settled, err := p.tryVerify(account)
		if settled == nil {
			return err
		}
		if err := p.await(ctx, settled); err != nil {
			return err
		}
	}
}

// await waits for what comes of the same password, as long as there is time to send it then.
func (p *pass) await(ctx context.Context, settled <-chan struct{}) error {
	defer connectors.Waited(ctx, time.Now())
	ctx, cancel := context.WithDeadline(ctx, p.begun.Add(queueTime))
	defer cancel()
	select {
	case <-settled:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: waiting for what comes of the same password", connectors.ErrBusy)
	}
}

// tryVerify is toVerify without the wait. It returns what is closed when there may be no reason
// for one any more.
func (p *pass) tryVerify(account connectors.Account) (settled <-chan struct{}, _ error) {
	s := p.shield
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	k := s.keyOf(p.attempt, account)
	r, t := p.open(k, account, now)
	defer r.forget(p.password) // where it goes no further
	if t.pending > 0 && (!s.isRight(k, p.attempt) || p.isSpent(k, r, r.pending, now)) {
		return r.await(), nil
	}
	if err := p.bar(k, r, t, r.pending, now); err != nil {
		return nil, err
	}
	if err := p.holdAccount(r, t, now); err != nil {
		return nil, err
	}
	r.show(t, now)
	r.pending++
	t.pending++
	p.account, p.record, p.asked = k, r, s.turn
	return nil, nil
}

// await returns what is closed when a login has ended that is pending, or the record is moved.
func (r *record) await() <-chan struct{} {
	if r.settled == nil {
		r.settled = make(chan struct{})
	}
	return r.settled
}

// tell has all look again who wait.
func (r *record) tell() {
	if r.settled != nil {
		close(r.settled)
		r.settled = nil
	}
}
