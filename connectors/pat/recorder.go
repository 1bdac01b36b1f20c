package pat

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// recordEvery is how often what logins have shown is written down.
	recordEvery = time.Minute

	// recordWithin bounds one writing down.
	recordWithin = 10 * time.Second
)

// recorder writes down, behind the logins, what they have shown: when tokens were last
// used, and what was learned of their owners. Nobody waits for it, and what it cannot
// write it tries again.
type recorder struct {
	realm  string
	tokens Tokens
	owners Owners
	logger *slog.Logger

	urgent chan struct{}
	stop   chan struct{}
	done   chan struct{}

	mu   sync.Mutex
	uses map[string]Use // by the token's id, the last of each
	seen map[Account]sighting

	failing bool // the writer's own: the last time it could not write
}

// sighting is what was learned of an owner.
type sighting struct {
	Owner
	urgent   bool // more than the time of it is new
	ifTokens bool // of an account that may have no tokens: kept where it does
}

func newRecorder(realm string, tokens Tokens, owners Owners, logger *slog.Logger) *recorder {
	r := &recorder{
		realm: realm, tokens: tokens, owners: owners, logger: logger,
		urgent: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		uses: map[string]Use{}, seen: map[Account]sighting{},
	}
	go r.run()
	return r
}

// used notes a use of a token.
func (r *recorder) used(u Use) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.uses[u.ID]; !ok || !last.At.After(u.At) {
		r.uses[u.ID] = u
	}
}

// learned notes what was learned of an owner. What has changed is written at once.
func (r *recorder) learned(o Owner, changed bool) { r.note(sighting{Owner: o, urgent: changed}) }

// loggedIn notes what a login has shown of an account that may have no tokens.
func (r *recorder) loggedIn(o Owner) { r.note(sighting{Owner: o, ifTokens: true}) }

func (r *recorder) note(s sighting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(s)
	if s.urgent {
		select {
		case r.urgent <- struct{}{}:
		default: // it was called already
		}
	}
}

// put keeps the newer of two sightings, and what is urgent urgent.
func (r *recorder) put(s sighting) {
	if last, ok := r.seen[s.Account]; ok {
		if last.Seen.After(s.Seen) {
			last, s = s, last
		}
		s.urgent = s.urgent || last.urgent
		s.ifTokens = s.ifTokens && last.ifTokens
	}
	r.seen[s.Account] = s
}

// pending returns what was learned of an account and is not written yet.
func (r *recorder) pending(a Account) (Owner, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.seen[a]
	return s.Owner, ok
}

// run writes until it is stopped, and once more then.
func (r *recorder) run() {
	defer close(r.done)
	tick := time.NewTicker(recordEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.urgent:
			r.report(r.writeOwners(func(s sighting) bool { return s.urgent }))
		case <-tick.C:
			r.report(r.write())
		case <-r.stop:
			return
		}
	}
}

// write writes all.
func (r *recorder) write() error {
	return errors.Join(r.writeUses(), r.writeOwners(func(sighting) bool { return true }))
}

func (r *recorder) writeUses() error {
	r.mu.Lock()
	uses := slices.Collect(maps.Values(r.uses))
	clear(r.uses)
	r.mu.Unlock()
	if len(uses) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), recordWithin)
	defer cancel()
	err := r.tokens.RecordUses(ctx, uses)
	if err != nil {
		for _, u := range uses {
			r.used(u) // a later use of the same token stays
		}
	}
	return err
}

// writeOwners writes down those that are chosen. What could not be written waits for the
// next time.
func (r *recorder) writeOwners(chosen func(sighting) bool) error {
	r.mu.Lock()
	var batch []sighting
	for _, s := range r.seen {
		if chosen(s) {
			batch = append(batch, s)
		}
	}
	r.mu.Unlock()
	for _, s := range batch {
		if err := r.writeOwner(s); err != nil {
			return err
		}
	}
	return nil
}

// writeOwner writes one down. It is pending until it is written.
func (r *recorder) writeOwner(s sighting) error {
	ctx, cancel := context.WithTimeout(context.Background(), recordWithin)
	defer cancel()
	wanted := true
	var err error
	if s.ifTokens {
		wanted, err = r.owners.HasTokens(ctx, r.realm, s.Account)
	}
	if wanted && err == nil {
		err = r.owners.SaveOwner(ctx, s.Owner)
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.seen[s.Account]; now.Seen.Equal(s.Seen) && now.Gone == s.Gone {
		delete(r.seen, s.Account)
	}
	return nil
}

// report logs the first of failures in a row, and their end.
func (r *recorder) report(err error) {
	switch {
	case err != nil && !r.failing:
		r.logger.Error("what logins with access tokens have shown is not written down: it is kept in memory, and tried again every minute", slog.Any("error", err))
	case err == nil && r.failing:
		r.logger.Info("what logins with access tokens have shown is written down again")
	}
	r.failing = err != nil
}

// close writes what is left.
func (r *recorder) close() error {
	close(r.stop)
	<-r.done
	return r.write()
}
