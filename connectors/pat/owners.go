package pat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
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

	// knownOwners is how many owners are kept in memory.
	knownOwners = 10_000
)

// owners knows what the owners of tokens may do now.
type owners struct {
	realm    string
	config   *Config
	kept     Owners
	sibling  func(name string) (connectors.Connector, bool)
	recorder *recorder
	logger   *slog.Logger
	flights  singleflight.Group

	life context.Context // of what goes on in the background
	end  context.CancelFunc
	work sync.WaitGroup

	mu        sync.Mutex
	ended     bool
	known     *lru.Cache[Account, Owner]
	upstreams map[string]*upstream // by the connector's name
	missing   map[string]bool      // connectors of owners that the realm does not have
}

func newOwners(cfg *Config, d connectors.Deps, kept Owners, r *recorder) *owners {
	known, _ := lru.New[Account, Owner](knownOwners) // fails for sizes below 1 alone
	life, end := context.WithCancel(context.Background())
	if d.Sibling == nil {
		d.Sibling = func(string) (connectors.Connector, bool) { return nil, false }
	}
	return &owners{
		realm: d.Realm, config: cfg, kept: kept, sibling: d.Sibling, recorder: r, logger: d.Logger,
		life: life, end: end, known: known, upstreams: map[string]*upstream{}, missing: map[string]bool{},
	}
}

// now returns the owner of a token as the rules are to see them. It rejects the token
// whose owner is gone, or was not seen for too long.
func (o *owners) now(ctx context.Context, t Token) (Owner, error) {
	c, ok := o.sibling(t.Account.Connector)
	if !ok {
		o.reportMissing(t.Account.Connector)
		return Owner{}, connectors.Reject(connectors.ReasonOwnerGone)
	}
	known, kept := o.recall(ctx, t.Account)
	r, resolves := c.(connectors.Resolver)
	var err error
	switch {
	case t.GroupsFixed && kept != nil:
		return Owner{}, kept
	case t.GroupsFixed:
		known.Groups = t.Groups
	case resolves:
		known, err = o.resolved(ctx, known, kept, o.upstream(t.Account.Connector, r))
	default:
		known, err = o.lastLogin(known, kept)
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

// resolved returns an owner who can be asked about: anew, where what is known is too old.
// kept says why what was kept could not be read.
func (o *owners) resolved(ctx context.Context, known Owner, kept error, u *upstream) (Owner, error) {
	if o.fresh(known) {
		o.refreshAhead(known, u)
		return known, nil
	}
	if u.resting(known.Account) {
		return o.last(known, errors.Join(errDown, kept))
	}
	begun := time.Now()
	var late <-chan time.Time
	if o.usable(known) {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case answer := <-o.ask(u, known.Account):
		if errors.Is(answer.Err, errors.ErrUnsupported) {
			return o.lastLogin(known, kept)
		}
		if owner, ok := answer.Val.(Owner); ok && answer.Err == nil {
			return owner, nil
		}
		return o.last(known, errors.Join(answer.Err, kept))
	case <-late:
	case <-ctx.Done():
	}
	if time.Since(begun) >= patience { // else the client has gone, and nothing is known of the connector
		o.silent(u, known.Account, begun)
	}
	return o.last(known, errors.Join(errSilent, kept))
}

// fresh reports whether what is known is new enough to be used unasked.
func (o *owners) fresh(known Owner) bool {
	most := o.config.MaxGroupAge
	if known.Gone {
		most = min(most, goneAge)
	}
	age, ok := age(known)
	return ok && age <= most
}

// usable reports whether what is known is new enough for an outage.
func (o *owners) usable(known Owner) bool {
	age, ok := age(known)
	return ok && age <= o.config.OutageGrace
}

// last returns what is known of an owner whom the connector cannot be asked about now.
func (o *owners) last(known Owner, cause error) (Owner, error) {
	switch age, ok := age(known); {
	case o.usable(known):
		return known, nil
	case ok:
		return Owner{}, fmt.Errorf("the owner of the access token, %s:%s, was last looked up %s ago, which is more than outage_grace: %w",
			known.Account.Connector, known.Username, age.Round(time.Second), cause)
	}
	return Owner{}, fmt.Errorf("the owner of the access token, account %s of %s, cannot be looked up: %w", known.Account.ID, known.Account.Connector, cause)
}

// age says how old is what is known; nothing where that cannot be said: nothing is known,
// or the clock was put back.
func age(known Owner) (age time.Duration, ok bool) {
	if known.Seen.IsZero() {
		return 0, false
	}
	age = wallTime().Sub(known.Seen)
	return age, age >= 0
}

// wallTime is the time of the clock alone: what is written down is compared with it.
func wallTime() time.Time { return time.Now().UTC().Round(0) }

// reportMissing logs once that the realm lacks a connector that accounts with tokens are of.
func (o *owners) reportMissing(connector string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.missing[connector] {
		o.missing[connector] = true
		o.logger.Warn("access tokens are refused: they belong to accounts of a connector that the realm does not have: "+
			"add it under its name, or revoke them", slog.String("owner_connector", connector))
	}
}

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
