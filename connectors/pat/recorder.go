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

	// recordWithin bounds one writing down, and closeWithin the last one.
	recordWithin = 10 * time.Second
	closeWithin  = 3 * time.Second

	// batchSize is how many owners one transaction writes down.
	batchSize = 500
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
	life   context.Context // of what is written while logins go on
	end    context.CancelFunc
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
	life, end := context.WithCancel(context.Background())
	r := &recorder{
		realm: realm, tokens: tokens, owners: owners, logger: logger,
		urgent: make(chan struct{}, 1), life: life, end: end, done: make(chan struct{}),
		uses: map[string]Use{}, seen: map[Account]sighting{},
	}
	go r.run()
	return r
}

// used notes a use of a token.
func (r *recorder) used(u Use) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.uses[u.ID].At.After(u.At) {
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
		if !s.supersedes(last.Owner, wallTime()) {
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

// pendingAs returns the accounts that what is not written yet shows by a user name.
func (r *recorder) pendingAs(connector, username string) []Owner {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Owner
	for _, s := range r.seen {
		if s.Account.Connector == connector && s.Username == username {
			list = append(list, s.Owner)
		}
	}
	return list
}

// run writes until it is stopped.
func (r *recorder) run() {
	defer close(r.done)
	tick := time.NewTicker(recordEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.urgent:
			r.report(write(r.life, recordWithin, r.writeUrgent), false)
		case <-tick.C:
			r.report(write(r.life, recordWithin, r.writeUses, r.writeOwners), true)
		case <-r.life.Done():
			return
		}
	}
}

// write does all that is to be done, within a time.
func write(ctx context.Context, within time.Duration, parts ...func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for _, part := range parts {
		err = errors.Join(err, part(ctx))
	}
	return err
}

func (r *recorder) writeUses(ctx context.Context) error {
	r.mu.Lock()
	uses := slices.Collect(maps.Values(r.uses))
	clear(r.uses)
	r.mu.Unlock()
	if len(uses) == 0 {
		return nil
	}
	err := r.tokens.RecordUses(ctx, uses)
	if err != nil {
		for _, u := range uses {
			r.used(u) // a later use of the same token stays
		}
	}
	return err
}

// writeOwners writes down all that was learned of owners. What could not be written waits
// for the next time.
func (r *recorder) writeOwners(ctx context.Context) error {
	return r.writeSeen(ctx, func(sighting) bool { return true })
}

// writeUrgent writes down what has changed of owners.
func (r *recorder) writeUrgent(ctx context.Context) error {
	return r.writeSeen(ctx, func(s sighting) bool { return s.urgent })
}

func (r *recorder) writeSeen(ctx context.Context, chosen func(sighting) bool) (err error) {
	r.mu.Lock()
	all := slices.DeleteFunc(slices.Collect(maps.Values(r.seen)), func(s sighting) bool { return !chosen(s) })
	r.mu.Unlock()
	for batch := range slices.Chunk(all, batchSize) {
		err = errors.Join(err, r.writeBatch(ctx, batch))
	}
	return err
}

// writeBatch writes sightings down. They are pending until they are written.
func (r *recorder) writeBatch(ctx context.Context, batch []sighting) (err error) {
	var done []sighting
	var wanted []Owner
	for _, s := range batch {
		has, unknown := true, error(nil)
		if s.ifTokens {
			has, unknown = r.owners.HasTokens(ctx, r.realm, s.Account)
		}
		switch {
		case unknown != nil:
			err = unknown // one will do: the others are of the same database
			continue
		case has:
			wanted = append(wanted, s.Owner)
		}
		done = append(done, s)
	}
	if len(wanted) > 0 {
		if failed := r.owners.SaveOwners(ctx, wanted); failed != nil {
			return errors.Join(err, failed)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range done {
		if now := r.seen[s.Account]; now.Seen.Equal(s.Seen) && now.Gone == s.Gone {
			delete(r.seen, s.Account)
		}
	}
	return err
}

// report logs the first of failures in a row, and their end, which is when all there is
// was written: what is urgent may go where the rest still does not.
func (r *recorder) report(err error, all bool) {
	switch {
	case r.life.Err() != nil:
		return // close does it once more
	case err != nil && !r.failing:
		r.logger.Error("what logins with access tokens have shown is not written down: it is kept in memory, and tried again every minute", slog.Any("error", err))
	case err == nil && !all:
		return
	case err == nil && r.failing:
		r.logger.Info("what logins with access tokens have shown is written down again")
	}
	r.failing = err != nil
}

// close writes what is left. It takes no longer than closeWithin.
func (r *recorder) close() error {
	r.end()
	return write(context.Background(), closeWithin, func(ctx context.Context) error {
		select {
		case <-r.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, r.writeUses, r.writeOwners)
}
