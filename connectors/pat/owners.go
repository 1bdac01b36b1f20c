package pat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/shorepass/shorepass/connectors"
)

const (
	// goneAge is how long an owner is gone before the connector is asked again: whoever is
	// enabled anew is back within it.
	goneAge = 30 * time.Second

	// patience is how long a login waits for the owner's connector where what is known of
	// the owner will do while that does not answer.
	patience = 1500 * time.Millisecond

	// ClockStep is how far ahead of the clock a time may be that is believed: clocks are put
	// back by a little when they are corrected.
	ClockStep = 10 * time.Second

	// knownOwners is how many owners are kept in memory.
	knownOwners = 10_000
)

// owners knows what the owners of tokens may do now.
type owners struct {
	realm   string
	config  *Config
	memory  *memory
	turn    atomic.Int64 // see [memory.turn]; 0: it serves nobody yet
	sibling func(name string) (connectors.Connector, bool)
	logger  *slog.Logger
	flights singleflight.Group

	life context.Context // of what goes on in the background
	end  context.CancelFunc
	work sync.WaitGroup

	mu        sync.Mutex
	ended     bool
	upstreams map[string]*upstream // by the connector's name
	warned    map[string]bool      // what the log has had once
}

func newOwners(cfg *Config, d connectors.Deps, m *memory) *owners {
	life, end := context.WithCancel(context.Background())
	if d.Sibling == nil {
		d.Sibling = func(string) (connectors.Connector, bool) { return nil, false }
	}
	return &owners{
		realm: d.Realm, config: cfg, memory: m, sibling: d.Sibling, logger: d.Logger,
		life: life, end: end, upstreams: map[string]*upstream{}, warned: map[string]bool{},
	}
}

// now returns the owner of a token as the rules are to see them. It rejects the token
// whose owner is gone, or was not seen for too long.
func (o *owners) now(ctx context.Context, t Token) (Owner, error) {
	c, ok := o.sibling(t.Account.Connector)
	if !ok {
		o.warnMissing(t.Account.Connector)
		return Owner{}, connectors.Reject(connectors.ReasonOwnerGone)
	}
	known, kept := o.memory.recall(ctx, t.Account)
	var err error
	if r, resolves := c.(connectors.Resolver); resolves {
		known, err = o.resolved(ctx, t, known, kept, o.upstream(t.Account.Connector, r))
	} else {
		known, err = o.untold(t, known, kept)
	}
	switch {
	case err != nil:
		return Owner{}, err
	case known.Gone:
		return Owner{}, connectors.Reject(connectors.ReasonOwnerGone)
	case known.Username == "":
		return Owner{}, connectors.Reject(connectors.ReasonOwnerUnseen)
	}
	return known, nil
}

// untold returns the owner of a token whom the connector cannot look up.
func (o *owners) untold(t Token, known Owner, kept error) (Owner, error) {
	switch {
	case !t.GroupsFixed:
		return o.lastLogin(known, kept)
	case kept != nil:
		return Owner{}, kept
	}
	known.Groups = t.Groups
	return known, nil
}

// resolved returns an owner who can be asked about: anew, where what is known is too old.
// kept says why what was kept could not be read.
func (o *owners) resolved(ctx context.Context, t Token, known Owner, kept error, u *upstream) (Owner, error) {
	able, sure := u.able()
	if !able {
		return o.untold(t, known, kept)
	}
	// Groups that an administrator named count where the connector can tell none: what is
	// known may be of a login then.
	if o.fresh(known) && (sure || !t.GroupsFixed) {
		o.refreshAhead(known, u)
		return known, nil
	}
	if err := u.resting(known.Account); err != nil {
		return o.last(known, u, errors.Join(err, kept))
	}
	begun := time.Now()
	var late <-chan time.Time
	if o.usable(known, u) {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		late = timer.C
	}
	connectors.Elsewhere(ctx)
	select {
	case answer := <-o.ask(u, known.Account):
		if errors.Is(answer.Err, errors.ErrUnsupported) {
			return o.untold(t, known, kept)
		}
		if owner, ok := answer.Val.(Owner); ok && answer.Err == nil {
			return owner, nil
		}
		return o.last(known, u, errors.Join(answer.Err, kept))
	case <-late:
	case <-ctx.Done():
	}
	if time.Since(begun) >= patience { // else the client has gone, and nothing is known of the connector
		o.silent(u, known.Account, begun)
	}
	return o.last(known, u, errors.Join(errSilent, kept))
}

// fresh reports whether what is known is new enough to be used unasked.
func (o *owners) fresh(known Owner) bool {
	most := o.config.MaxGroupAge
	if known.Gone {
		most = min(most, goneAge)
	}
	age, ok := age(known)
	return ok && age <= most && !o.memory.isForgotten(known)
}

// usable reports whether what is known is new enough for an outage. None is that the
// connector does not answer about one account alone.
func (o *owners) usable(known Owner, u *upstream) bool {
	most := o.config.OutageGrace
	if u.isOdd(known.Account) {
		most = min(most, o.config.MaxGroupAge)
	}
	age, ok := age(known)
	return ok && age <= most
}

// last returns what is known of an owner whom the connector cannot be asked about now.
func (o *owners) last(known Owner, u *upstream, cause error) (Owner, error) {
	age, ok := age(known)
	switch {
	case o.usable(known, u):
		if age > o.config.MaxGroupAge && u.slow() {
			o.logger.Warn("the owners of access tokens are looked up too slowly: what is known of some is older than max_group_age, and is used all the same",
				slog.String("owner_connector", u.name), slog.String("username", known.Username), slog.Duration("age", age.Round(time.Second)),
				slog.Duration("max_group_age", o.config.MaxGroupAge), slog.Any("error", cause))
		}
		return known, nil
	case ok:
		most := "outage_grace"
		if u.isOdd(known.Account) {
			most = "max_group_age, while the connector answers about others"
		}
		return Owner{}, fmt.Errorf("the owner of the access token, %s:%s, was last looked up %s ago, which is more than %s: %w",
			known.Account.Connector, known.Username, age.Round(time.Second), most, cause)
	}
	return Owner{}, fmt.Errorf("the owner of the access token, account %s of %s, cannot be looked up: %w", known.Account.ID, known.Account.Connector, cause)
}

// age says how old is what is known; nothing where that cannot be said: nothing is known,
// or the clock was put back.
func age(known Owner) (age time.Duration, ok bool) {
	now := wallTime()
	if known.Seen.IsZero() || !believable(known.Seen, now) {
		return 0, false
	}
	return max(0, now.Sub(known.Seen)), true
}

// believable reports whether something can have been learned at a time: whether it is not
// in the future, but for what a clock is put back by when it is corrected.
func believable(seen, now time.Time) bool { return !seen.After(now.Add(ClockStep)) }

// supersedes reports whether o is to be kept in place of old, of the same account: it is
// not older, and what was learned in the future is older than all else.
func (o Owner) supersedes(old Owner, now time.Time) bool {
	return !believable(old.Seen, now) || believable(o.Seen, now) && !old.Seen.After(o.Seen)
}

// wallTime is the time of the clock alone: what is written down is compared with it.
func wallTime() time.Time { return time.Now().UTC().Round(0) }

// upstream returns what is known of an owning connector.
func (o *owners) upstream(name string, r connectors.Resolver) *upstream {
	o.mu.Lock()
	defer o.mu.Unlock()
	u, ok := o.upstreams[name]
	if !ok {
		u = newUpstream(name, r)
		o.upstreams[name] = u
	}
	return u
}

// begin reports whether work in the background may begin; done is to be called at its end.
func (o *owners) begin() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ended {
		o.work.Add(1)
	}
	return !o.ended
}

// close ends what goes on in the background.
func (o *owners) close() {
	o.mu.Lock()
	o.ended = true
	o.mu.Unlock()
	o.end()
	o.work.Wait()
}
