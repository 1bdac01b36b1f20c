package pat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/shorepass/shorepass/connectors"
)

const (
	// askWithin bounds one question to an owning connector, and the wait for its turn.
	askWithin = 5 * time.Second

	// settleWithin bounds one question that finds out whether the connector answers at all.
	settleWithin = 2 * time.Second

	// probeEvery is how long a connector that does not answer is left alone.
	probeEvery = 2 * time.Second
)

// Why an owner was not looked up.
var (
	errDown   = errors.New("the connector did not answer a moment ago")
	errSilent = errors.New("the connector does not answer")
	errBusy   = errors.New("more owners are to be looked up than the connector answers about in time")
	errEnded  = errors.New("the connector is closed")
)

// ask asks the owning connector about an account: once for all who want to know at the
// same time, and whether or not they wait for the answer.
func (o *owners) ask(u *upstream, a Account) <-chan singleflight.Result {
	return o.flights.DoChan(o.question(a), func() (any, error) {
		if !o.begin() {
			return nil, errEnded
		}
		defer o.work.Done()
		waits, cancel := context.WithTimeout(o.life, askWithin)
		defer cancel()
		if err := u.take(waits); err != nil {
			return nil, err // of our own making: it says nothing of the connector
		}
		defer u.release()
		return o.answer(u, a)
	})
}

// answer asks, and learns from the answer.
func (o *owners) answer(u *upstream, a Account) (Owner, error) {
	asked := o.dated(wallTime())
	id, err := o.resolve(u, a, askWithin)
	if isFailure(err) && o.life.Err() == nil && !u.isOdd(a) && o.answers(u, a) {
		asked = o.dated(wallTime())
		id, err = o.resolve(u, a, askWithin) // it may have been one connection
		if isFailure(err) {
			o.alone(u, a, err)
			return Owner{}, err
		}
	}
	owner := Owner{Realm: o.realm, Account: a, Username: id.Username, Groups: id.Groups, Seen: asked}
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		u.cannot()
		return Owner{}, err
	case isFailure(err):
		if o.life.Err() == nil {
			o.failed(u, a, err)
		}
		return Owner{}, err
	case err != nil:
		before, _ := o.memory.recall(o.life, a) // the name is for the record alone
		owner.Username, owner.Groups, owner.Gone = before.Username, nil, true
		if !before.Gone {
			o.logger.Info("the owner of access tokens is gone: the tokens count no more",
				slog.String("owner_connector", a.Connector), slog.String("account", a.ID), slog.String("username", before.Username), slog.Any("answer", err))
		}
	}
	o.answered(u, a)
	return o.memory.learn(owner), nil
}

// isFailure reports whether an error says nothing of the account.
func isFailure(err error) bool {
	return err != nil && !errors.Is(err, errors.ErrUnsupported) &&
		!errors.Is(err, connectors.ErrGone) && !errors.Is(err, connectors.ErrRejected) && !errors.Is(err, connectors.ErrNotMine)
}

// answers reports whether the connector answers at all, which it did not about an account:
// about another one, or to a probe.
func (o *owners) answers(u *upstream, a Account) bool {
	if other, ok := u.witness(a); ok {
		if _, err := o.resolve(u, other, settleWithin); !isFailure(err) {
			return true
		}
	}
	p, ok := u.resolver.(connectors.Prober)
	if !ok {
		return false
	}
	ctx, cancel := context.WithTimeout(o.life, settleWithin)
	defer cancel()
	return probe(ctx, p) == nil
}

// alone notes that a connector answers, but not about one account. That is said once: the
// account is odd until the connector answers about it.
func (o *owners) alone(u *upstream, a Account, cause error) {
	u.failedAlone(a, cause)
	o.answered(u, Account{})
	before, _ := o.memory.recall(o.life, a)
	o.logger.Warn("an owner of access tokens cannot be looked up, while the connector answers: what is known of the owner is used while it is not older than max_group_age",
		slog.String("owner_connector", a.Connector), slog.String("account", a.ID), slog.String("username", before.Username),
		slog.Duration("max_group_age", o.config.MaxGroupAge), slog.Any("error", cause))
}

// answered notes that a connector answers.
func (o *owners) answered(u *upstream, a Account) {
	if u.answered(a) {
		o.logger.Info("the owners of access tokens can be looked up again", slog.String("owner_connector", u.name))
	}
}

// resolve asks about an account.
func (o *owners) resolve(u *upstream, a Account, within time.Duration) (connectors.Identity, error) {
	ctx, cancel := context.WithTimeout(o.life, within)
	defer cancel()
	return resolve(ctx, u.resolver, a)
}

// probe is Probe, with a panic made an error.
func probe(ctx context.Context, p connectors.Prober) (err error) {
	defer caught(&err)
	return p.Probe(ctx)
}

// caught makes an error of a panic.
func caught(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("broken connector: panic of type %T\n%s", v, debug.Stack())
	}
}

// resolve is Resolve, with what a broken connector might do made an error.
func resolve(ctx context.Context, r connectors.Resolver, a Account) (id connectors.Identity, err error) {
	defer caught(&err)
	id, err = r.Resolve(ctx, a.ID)
	if err == nil && (id.Connector != a.Connector || id.ID != a.ID || id.Username == "") {
		err = fmt.Errorf("broken connector: asked about the account %s of %s, it tells of %s of %s", a.ID, a.Connector, id.ID, id.Connector)
	}
	id.Groups = slices.Clone(id.Groups)
	return id, err
}

// refreshAhead asks about an owner who is in use before it has to be waited for.
func (o *owners) refreshAhead(known Owner, u *upstream) {
	age, _ := age(known)
	if known.Gone || age <= o.config.MaxGroupAge*2/3 || u.resting(known.Account) != nil {
		return
	}
	o.ask(u, known.Account)
}

// silent notes that a login has waited for a connector in vain since begun. Where it has
// answered others meanwhile, it is busy, and no more.
func (o *owners) silent(u *upstream, a Account, begun time.Time) {
	if !u.answeredSince(begun) {
		o.failed(u, a, errSilent)
	}
}

// failed notes that a connector does not answer, and has it probed until it does.
func (o *owners) failed(u *upstream, a Account, cause error) {
	if !u.failed(a, cause) {
		return
	}
	o.logger.Warn("the owners of access tokens cannot be looked up: what is known of them is used while it is not older than outage_grace",
		slog.String("owner_connector", u.name), slog.Duration("outage_grace", o.config.OutageGrace), slog.Any("error", cause))
	if !o.begin() {
		return
	}
	go func() {
		defer o.work.Done()
		o.probe(u)
	}()
}

// probe asks one question at a time until the connector answers.
func (o *owners) probe(u *upstream) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-o.life.Done():
			return
		case <-tick.C:
		}
		a, down := u.next()
		if !down {
			return
		}
		select {
		case <-o.ask(u, a):
		case <-o.life.Done():
			return
		}
	}
}
