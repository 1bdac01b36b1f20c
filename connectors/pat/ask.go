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

	// probeEvery is how long a connector that does not answer is left alone.
	probeEvery = 2 * time.Second
)

// Why an owner was not looked up.
var (
	errDown   = errors.New("the connector did not answer a moment ago")
	errSilent = errors.New("the connector does not answer")
	errEnded  = errors.New("the connector is closed")
)

// ask asks the owning connector about an account: once for all who want to know at the
// same time, and whether or not they wait for the answer.
func (o *owners) ask(u *upstream, a Account) <-chan singleflight.Result {
	return o.flights.DoChan(a.Connector+"\x00"+a.ID, func() (any, error) {
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
	ctx, cancel := context.WithTimeout(o.life, askWithin)
	defer cancel()
	asked := wallTime()
	id, err := resolve(ctx, u.resolver, a)
	owner := Owner{Realm: o.realm, Account: a, Username: id.Username, Groups: id.Groups, Seen: asked}
	switch {
	case err == nil:
	case errors.Is(err, connectors.ErrGone), errors.Is(err, connectors.ErrRejected), errors.Is(err, connectors.ErrNotMine):
		before, _ := o.recall(ctx, a) // the name is for the record alone
		owner.Username, owner.Groups, owner.Gone = before.Username, nil, true
		if !before.Gone {
			o.logger.Info("the owner of access tokens is gone: the tokens count no more",
				slog.String("owner_connector", a.Connector), slog.String("account", a.ID), slog.String("username", before.Username), slog.Any("answer", err))
		}
	case errors.Is(err, errors.ErrUnsupported), o.life.Err() != nil:
		return Owner{}, err
	default:
		o.failed(u, a, err)
		return Owner{}, err
	}
	if u.answered(a) {
		o.logger.Info("the owners of access tokens can be looked up again", slog.String("owner_connector", u.name))
	}
	return o.learn(owner), nil
}

// resolve is Resolve, with what a broken connector might do made an error.
func resolve(ctx context.Context, r connectors.Resolver, a Account) (id connectors.Identity, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("broken connector: panic of type %T\n%s", v, debug.Stack())
		}
	}()
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
	if known.Gone || age <= o.config.MaxGroupAge*2/3 || !u.mayAsk(known.Account) {
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
	if !u.failed(a) {
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

// probe asks one question at a time, about one account after the other, until the
// connector answers.
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
