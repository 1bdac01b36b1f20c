package ldap

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// The pace of failover.
const (
	firstPause = 2 * time.Second // between looks at a server that was put aside
	maxPause   = 5 * time.Minute // what that grows to where work fails again and again
	fairShare  = time.Second     // a server that had less time is not blamed for not answering
)

// server is one server of a directory.
type server struct {
	*dialer
	turn chan struct{} // of the one that signs in as the service account
	hung *atomic.Bool  // it has not answered somebody's bind, and no bind since

	// silent is when a bind as the service account was last not answered. Who has the turn
	// may use it.
	silent time.Time

	// Guarded by servers.mu.
	aside bool
	pause time.Duration // between looks, when it was last put aside
	back  time.Time     // when it was last taken back
}

// servers are the servers of one directory, the preferred one first. One that fails
// is put aside: work goes to the next until a look in the background, which no login
// waits for, finds nothing wrong. There may be what it cannot see, people's binds that
// hang above all: a server that fails again is looked at after twice the pause. A single
// server is never put aside.
type servers struct {
	list   []*server
	works  func(context.Context, *server) error // fails while the server is of no use
	moved  func()                               // called when first has changed
	logger *slog.Logger

	mu      sync.Mutex
	closing context.Context //nolint:containedctx // ends the looks in the background
	stop    context.CancelFunc
	looks   sync.WaitGroup
}

func newServers(dialers []*dialer, hung *connectors.Hung, logger *slog.Logger) *servers {
	s := &servers{logger: logger, moved: func() {}}
	s.closing, s.stop = context.WithCancel(context.Background())
	for _, d := range dialers {
		s.list = append(s.list, &server{dialer: d, turn: make(chan struct{}, 1), hung: hung.Of(d.address.String())})
	}
	return s
}

// ask runs attempt with one server after the other until one was no fault of the
// server's. Each gets an equal share of the time that is left.
func (s *servers) ask(ctx context.Context, attempt func(context.Context, *server) error) error {
	if len(s.list) == 1 {
		return attempt(ctx, s.list[0])
	}
	order := s.order()
	var failed serverErrors
	for i, server := range order {
		err := s.try(ctx, server, len(order)-i, attempt)
		if !isServerFault(err) {
			return err
		}
		failed = append(failed, serverError{server.address, err})
		if ctx.Err() != nil || server == order[len(order)-1] || !mayGoOn(ctx, err) {
			break
		}
	}
	return failed
}

// try runs attempt with a server, left being how many there are to try, this one
// included. A server at fault is put aside.
func (s *servers) try(ctx context.Context, server *server, left int, attempt func(context.Context, *server) error) error {
	share := callTimeout
	if end, ok := ctx.Deadline(); ok {
		share = time.Until(end) / time.Duration(left)
	}
	shareCtx, cancel := context.WithTimeoutCause(ctx, share, errNoAnswer)
	defer cancel()
	end := step(ctx, "server")
	err := attempt(shareCtx, server)
	if end != nil && isServerFault(err) && !isReported(err) {
		end(withoutWords(err), server.address.String())
	}
	if !isServerFault(err) || ctx.Err() != nil || errors.Is(err, connectors.ErrBusy) {
		return err // neither a caller who has gone nor one who has waited says anything about the server
	}
	if shareCtx.Err() == nil || share >= fairShare {
		s.putAside(server, err)
	}
	return err
}

// serverErrors are what one server after the other was at fault with.
type serverErrors []serverError

type serverError struct {
	address address
	err     error
}

// Error tells of every server.
func (all serverErrors) Error() string {
	texts := make([]string, len(all))
	for i, e := range all {
		texts[i] = e.err.Error()
		if dial := new(dialError); !errors.As(e.err, &dial) { // which tells the address
			texts[i] = e.address.String() + ": " + texts[i]
		}
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the faults.
func (all serverErrors) Unwrap() []error {
	errs := make([]error, len(all))
	for i, e := range all {
		errs[i] = e.err
	}
	return errs
}

// each returns the faults as sort has them.
func (all serverErrors) each(sort func(error) error) error {
	sorted := make(serverErrors, len(all))
	for i, e := range all {
		sorted[i] = serverError{e.address, sort(e.err)}
	}
	return sorted
}

// order returns the servers as they are to be asked: those put aside last, for they
// may be better than none.
func (s *servers) order() []*server {
	s.mu.Lock()
	defer s.mu.Unlock()
	order := make([]*server, 0, len(s.list))
	for _, aside := range [...]bool{false, true} {
		for _, server := range s.list {
			if server.aside == aside {
				order = append(order, server)
			}
		}
	}
	return order
}

// first returns the server that new work goes to.
func (s *servers) first() *server {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.list, func(one *server) bool { return !one.aside }); i >= 0 {
		return s.list[i]
	}
	return s.list[0]
}

// putAside has a server asked last from now on, and looked at until it works again.
func (s *servers) putAside(server *server, err error) {
	s.mu.Lock()
	known := server.aside || s.closing.Err() != nil
	if !known {
		server.aside = true
		server.pause = nextPause(server.pause, time.Since(server.back))
		pause := server.pause
		s.looks.Go(func() { s.lookAfter(server, pause) })
	}
	s.mu.Unlock()
	if known {
		return
	}
	s.logger.Warn("a server of the directory is put aside: the others are asked until it works again; see to it",
		slog.String("server", server.address.String()), slog.Any("error", err))
	s.moved()
}

// nextPause is the pause for a server that fails so long after it was taken back, last
// being the one before.
func nextPause(last, worked time.Duration) time.Duration {
	if worked > maxPause {
		return firstPause
	}
	return min(2*last, maxPause)
}

// lookAfter takes a server back when it works.
func (s *servers) lookAfter(server *server, pause time.Duration) {
	ticks := time.NewTicker(pause)
	defer ticks.Stop()
	for working := false; !working; {
		select {
		case <-s.closing.Done():
			return
		case <-ticks.C:
		}
		working = s.works(s.closing, server) == nil
	}
	s.mu.Lock()
	server.aside, server.back = false, time.Now()
	s.mu.Unlock()
	s.logger.Info("a server of the directory works again", slog.String("server", server.address.String()))
	s.moved()
}

// close ends the looks in the background.
func (s *servers) close() {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.looks.Wait()
}

// isServerFault reports whether err speaks of the server that was asked, so that
// another one may do better. A refused service account does not, with a result code or
// without: the other would refuse it too, and count one more wrong password.
func isServerFault(err error) bool {
	var (
		dial    *dialError
		service *serviceError
	)
	switch {
	case err == nil, errors.Is(err, errClosed), errors.Is(err, errLimit), errors.Is(err, ldap.ErrSizeLimitExceeded), errors.As(err, &service):
		return false
	case errors.As(err, &dial):
		return true // whatever it answered to StartTLS
	}
	if result, ok := asResult(err); ok && subcodeOf(result) == noLogonServers {
		return true
	}
	code, answered := resultCode(err)
	return !answered || isServerState(code)
}

// isServerState reports whether a result code (RFC 4511 appendix A) speaks of the
// state that the server is in, rather than of what it was asked.
func isServerState(code uint16) bool {
	return code == ldap.LDAPResultBusy || code == ldap.LDAPResultUnavailable || code == ldap.LDAPResultOther
}
