package connectors

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Decoy is implemented by connectors and directories whose refusals cost the process
// itself noticeable time. At every refusal the [Chain] has those spend it that did not
// refuse by themselves, so that the time of a refusal tells nothing of the name.
type Decoy interface {
	// SpendAsRefusal takes about as long as refusing the password would. It gives up
	// where that would keep others from signing in, and fails with [ErrBusy] where refusing
	// the password would.
	SpendAsRefusal(ctx context.Context, password Secret) error
}

// Paced is implemented by connectors whose upstream takes noticeable time to refuse a
// password, and less where it has none to check. The [Chain] holds every refusal for as
// long as all of them together would take, whoever refuses, so that its time tells nothing
// of the name. A [Decoy] is not asked: it spends its time.
type Paced interface {
	// RefusalTime is how long a refusal takes at present, as nearly all do not take longer;
	// now and then it is longer, as the others are. Zero: no noticeable time.
	RefusalTime() time.Duration
}

// scatter is what a hold varies by. Timers are exact to a millisecond, counted from when
// they are set, which is sooner for who is refused without asking: without it, fractions of
// milliseconds would tell. It also has two refusals that began together end in any order.
const scatter = 20 * time.Millisecond

// paced reports whether the chain waits as long as the member's refusals take.
func (m Member) paced() (p Paced, ok bool) {
	if _, spends := m.Connector.(Decoy); spends {
		return nil, false
	}
	p, ok = m.Connector.(Paced)
	return p, ok
}

// even makes a refusal take as long as any other: it has the decoys spend their time, which
// for nobody's name they did before it was counted, and then waits for what the paced members
// have not taken. No other login waits for it: who is held takes nobody's place. It returns
// the refusal, or an outage where that is what names of a decoy's would have met with. The
// time of a refused token tells nothing of any name.
func (c *Chain) even(ctx context.Context, cred Credentials, refusal *Failure, took time.Duration) *Failure {
	if cred.Password.Issued() {
		return refusal
	}
	if by := refusal.Connector; by != "" {
		if isRemembered(refusal) {
			by = "" // it has spent nothing
		}
		if busy := c.spend(ctx, cred, by); busy != nil {
			return busy
		}
	}
	var whole time.Duration
	for _, m := range c.members {
		if p, ok := m.paced(); ok {
			whole += p.RefusalTime()
		}
	}
	if whole > 0 {
		hold(ctx, whole-took+rand.N(scatter)) //nolint:gosec // nobody gains by guessing it
	}
	return refusal
}

// spend has the members spend their time that are decoys, but for the one that did by
// refusing. The login gives its place back: from then on it waits. It fails where names of a
// decoy's would have met with an outage.
func (c *Chain) spend(ctx context.Context, cred Credentials, did string) *Failure {
	if cred.Password.Issued() {
		return nil
	}
	Elsewhere(ctx)
	for _, m := range c.members {
		d, ok := m.Connector.(Decoy)
		if !ok || m.Name == did {
			continue
		}
		if err := d.SpendAsRefusal(ctx, cred.Password); errors.Is(err, ErrBusy) {
			return &Failure{Connector: m.Name, Err: err}
		}
	}
	return nil
}

// isRefusal reports whether a failure speaks of the credentials, rather than of an outage.
func isRefusal(err error) bool {
	var throttled *Throttled
	return errors.Is(err, ErrRejected) || errors.As(err, &throttled)
}

// isRemembered reports whether a connector has refused without asking, in no time.
func isRemembered(err error) bool {
	var rejection *Rejection
	if errors.As(err, &rejection) {
		return rejection.Reason == ReasonKnownWrong || rejection.Reason == ReasonLockout
	}
	var throttled *Throttled
	return !errors.As(err, &throttled) || !throttled.Asked
}

// hold waits, as long as somebody waits for the answer.
func hold(ctx context.Context, d time.Duration) {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}
