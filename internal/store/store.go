package store

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
)

// FileName is the database's name in the data folder.
const FileName = "shorepass.db"

const (
	within      = 4 * time.Second        // how long an operation may take whose context allows more
	reopenEvery = 250 * time.Millisecond // how often a database that failed is opened anew, at most
	cached      = 4096                   // how many tokens are remembered
)

// Options are how a database is opened.
type Options struct {
	// ReadOnly is for looking at a database that is there: nothing is made, and nothing
	// brought up to date. It is not opened before it is asked something.
	ReadOnly bool

	Logger *slog.Logger     // nil: nothing is logged
	Now    func() time.Time // nil: time.Now
}

// Store is an open database. Its methods honour the deadline of their context, and take
// no longer than four seconds. They are safe for concurrent use.
type Store struct {
	path    string
	schema  schema
	options Options
	cache   *cache

	mu      sync.Mutex
	open    *handles      // nil: the database is not open
	cause   error         // why it is not, or is to be opened anew
	tried   time.Time     // when that was last tried
	found   bool          // it was open once: where it is gone, none is made in its place
	opening chan struct{} // it is being tried until this is closed; nil: it is not
	closed  bool

	unsettled bool // something is in the write-ahead log alone that must not be lost
	settling  bool // that is being mended in the background

	life context.Context // of what goes on in the background
	end  context.CancelFunc
	work sync.WaitGroup
}

// Open opens the database at path, makes it where there is none, and brings its schema up
// to date. Where that fails by something that can be mended while the process runs, the
// store is returned together with the error, and its methods fail until it is mended; a
// database of a newer version of this program comes without a store.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	return open(ctx, path, known(), o)
}

func open(ctx context.Context, path string, k schema, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	s := &Store{path: absolute, schema: k, options: o, cache: newCache(cached)}
	s.life, s.end = context.WithCancel(context.Background())
	if o.ReadOnly {
		return s, nil
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	_, err = s.handles(ctx)
	var failure *Error
	switch {
	case err == nil:
		return s, nil
	case errors.As(err, &failure) && failure.Kind.mendable():
		return s, err
	}
	return nil, errors.Join(err, s.Close())
}

// Close closes the database. Operations that are under way fail.
func (s *Store) Close() error {
	s.mu.Lock()
	opened := s.open
	s.closed, s.open = true, nil
	s.cache.empty()
	s.mu.Unlock()
	s.end()
	s.work.Wait()
	return opened.close()
}

// handles returns the connections. Where the database has failed, one caller opens it
// anew, and the others are told why it failed; they wait where it was not open before.
func (s *Store) handles(ctx context.Context) (*handles, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.opening != nil && s.cause == nil && !s.closed {
		if err := s.wait(ctx, s.opening); err != nil {
			return nil, s.failed(err)
		}
	}
	switch {
	case s.closed:
		return nil, s.failed(errors.New("it is closed"))
	case s.open != nil && s.cause == nil:
		return s.open, nil
	case s.opening != nil || s.cause != nil && time.Since(s.tried) < reopenEvery:
		return nil, s.cause
	}
	broken, done := s.open, make(chan struct{})
	s.open, s.opening = nil, done
	s.mu.Unlock()
	s.cache.empty() // another file may be in its place
	broken.abandon()
	opened, err := s.connect(ctx)
	s.mu.Lock()
	s.tried, s.opening = time.Now(), nil
	close(done)
	switch {
	case err != nil:
		s.cause = s.failed(err)
		return nil, s.cause
	case s.closed:
		return nil, s.failed(errors.Join(errors.New("it is closed"), opened.close()))
	}
	if s.cause != nil {
		s.options.Logger.Info("the database is open again", slog.String("path", s.path))
	}
	s.open, s.cause, s.found = opened, nil, true
	return opened, nil
}

// wait waits for what another caller does, without the lock.
func (s *Store) wait(ctx context.Context, done <-chan struct{}) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// note sees to it that a failure does not outlive its cause: connections that are no good
// any more are opened anew.
func (s *Store) note(h *handles, err error) {
	var failure *Error
	switch {
	case !errors.As(err, &failure), errors.Is(err, errRow): // the other rows can be read
	case failure.Kind == ReadOnly:
		h.renew()
	case failure.Kind.breaks():
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open == h {
			s.cause = err
		}
	}
}

// read runs an operation that only reads.
func read[T any](ctx context.Context, s *Store, do func(context.Context, queryer) (T, error)) (found T, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err = s.run(ctx, func(h *handles) (err error) {
		found, err = await(ctx, func() (T, error) { return do(ctx, h.readers) })
		return err
	})
	return found, err
}

// await returns what do returns, or when the context ends: SQLite waits as long as ten
// seconds for locks on its index of the log, and hears of no deadline meanwhile.
func await[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type answer struct {
		found T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		found, err := do()
		done <- answer{found, err}
	}()
	select {
	case a := <-done:
		return a.found, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// write runs an operation in one transaction. Once begun, it does not end with its
// caller: a client that goes away must not leave in doubt what has happened.
func (s *Store) write(ctx context.Context, do func(context.Context, queryer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	bounded, cancel := detached(ctx)
	defer cancel()
	return s.run(bounded, func(h *handles) error { return h.transaction(bounded, do) })
}

// detached returns a context that ends with the deadline of ctx, or after the time of an
// operation, but not when ctx is canceled.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline := time.Now().Add(within)
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(deadline) {
		deadline = earlier
	}
	return context.WithDeadline(context.WithoutCancel(ctx), deadline)
}

// run runs an operation on the connections, and sorts its failure.
func (s *Store) run(ctx context.Context, do func(*handles) error) error {
	h, err := s.handles(ctx)
	if err != nil {
		return err
	}
	if err = do(h); err == nil {
		return nil
	}
	if isAnswer(err) || errors.Is(err, context.Canceled) {
		return err
	}
	err = s.failed(err)
	s.note(h, err)
	return err
}

// isAnswer reports whether an error is what the database says, and no failure of it.
func isAnswer(err error) bool {
	return slices.ContainsFunc([]error{pat.ErrNoToken, pat.ErrNoOwner, pat.ErrNameTaken, pat.ErrTooMany, pat.ErrTooFast},
		func(answer error) bool { return errors.Is(err, answer) })
}
