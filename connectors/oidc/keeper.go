package oidc

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// How often the provider's metadata is fetched.
const (
	refreshAfter = 10 * time.Minute // in the background
	retryAfter   = 5 * time.Second  // in the background, after a fetch that failed
	firstPause   = time.Second      // between fetches while there is none yet
	forcedPause  = 30 * time.Second // between fetches because of tokens with unknown keys
)

// errForced is why there are no newer keys.
var errForced = errors.New("its keys were fetched less than 30 seconds ago")

// keeper keeps a provider's metadata: the last that was good, until there is a newer
// one. It is safe for concurrent use.
type keeper struct {
	fetch  func(context.Context) (*metadata, error)
	logger *slog.Logger
	life   context.Context // ends with close
	end    context.CancelFunc
	work   sync.WaitGroup // the fetch under way

	mu       sync.Mutex
	last     *metadata   // nil: none yet
	failure  error       // of the last fetch; nil: it was good
	failed   time.Time   // when that was
	forced   time.Time   // when a token last made a fetch start
	underway *fetching   // nil: nothing is being fetched
	next     *time.Timer // the next fetch in the background; nil: before the first
}

// fetching is a fetch that others may wait for.
type fetching struct {
	done     chan struct{} // closed when the rest is filled in
	metadata *metadata
	err      error
}

func newKeeper(fetch func(context.Context) (*metadata, error), logger *slog.Logger) *keeper {
	k := &keeper{fetch: fetch, logger: logger}
	k.life, k.end = context.WithCancel(context.Background())
	return k
}

// close ends what is under way and what is to come.
func (k *keeper) close() {
	k.mu.Lock()
	k.end()
	if k.next != nil {
		k.next.Stop()
	}
	k.mu.Unlock()
	k.work.Wait()
}

// get returns the metadata, which the first call fetches. After a fetch that failed,
// calls fail at once for a moment, so that not every login waits for a provider that
// is down.
func (k *keeper) get(ctx context.Context) (*metadata, error) {
	k.mu.Lock()
	if k.last != nil {
		defer k.mu.Unlock()
		return k.last, nil
	}
	if k.underway == nil && k.failure != nil && time.Since(k.failed) < firstPause {
		defer k.mu.Unlock()
		return nil, k.failure
	}
	f := k.start()
	k.mu.Unlock()
	return f.wait(ctx)
}

// newerThan returns metadata other than old, in which a token's key was missed. The
// tokens that come with logins make it fetch once in forcedPause.
func (k *keeper) newerThan(ctx context.Context, old *metadata) (*metadata, error) {
	k.mu.Lock()
	if k.last != old {
		defer k.mu.Unlock()
		return k.last, nil
	}
	if k.underway == nil {
		if !k.forced.IsZero() && time.Since(k.forced) < forcedPause {
			defer k.mu.Unlock()
			return nil, errForced
		}
		k.forced = time.Now()
	}
	f := k.start()
	k.mu.Unlock()
	return f.wait(ctx)
}

// renew returns metadata that the provider has answered with just now.
func (k *keeper) renew(ctx context.Context) (*metadata, error) {
	k.mu.Lock()
	f := k.start()
	k.mu.Unlock()
	return f.wait(ctx)
}

// start returns the fetch that is under way, or starts one. Nobody who waits for it
// can cut it short: others wait too. The caller holds mu.
func (k *keeper) start() *fetching {
	if k.underway != nil {
		return k.underway
	}
	f := &fetching{done: make(chan struct{})}
	if k.life.Err() != nil {
		f.err = errClosed
		close(f.done)
		return f
	}
	k.underway = f
	k.work.Go(func() {
		f.metadata, f.err = guarded(func() (*metadata, error) { return k.fetch(k.life) })
		k.finish(f)
		close(f.done)
	})
	return f
}

// finish keeps what was fetched and sets the time of the next fetch.
func (k *keeper) finish(f *fetching) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.underway = nil
	recovered := f.err == nil && k.failure != nil
	stale := f.err != nil && k.failure == nil && k.last != nil
	k.failure, k.failed = f.err, time.Now()
	after := refreshAfter
	if f.err == nil {
		k.last = f.metadata
	} else {
		after = retryAfter
	}
	if k.life.Err() != nil {
		return
	}
	switch {
	case recovered:
		k.logger.Info("the provider's keys are up to date again")
	case stale:
		k.logger.Warn("the provider's keys could not be refreshed; the last ones stay", slog.Any("error", f.err))
	}
	if k.last != nil { // else the next login fetches
		k.schedule(after)
	}
}

// schedule sets the time of the next fetch in the background. The caller holds mu.
func (k *keeper) schedule(after time.Duration) {
	if k.next != nil {
		k.next.Reset(after)
		return
	}
	k.next = time.AfterFunc(after, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.start()
	})
}

// wait returns what comes of the fetch, or why the caller cannot wait for it.
func (f *fetching) wait(ctx context.Context) (*metadata, error) {
	select {
	case <-f.done:
		return f.metadata, f.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
