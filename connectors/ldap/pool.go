package ldap

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// The bounds of a pool.
const (
	poolSize = 16              // connections at once, at least
	maxAge   = 5 * time.Minute // of a connection: load balancers and DNS move on
	maxIdle  = time.Minute     // well below what firewalls forget connections after
)

// Connections is as many for those that bind as for those that search, of which there are none
// with users.dn_template.
func (c *Config) Connections(atOnce int) int {
	if c.EndsChain() {
		return connections(atOnce)
	}
	return 2 * connections(atOnce)
}

// connections is how many there are of a kind: all who log in may have one at once.
func connections(atOnce int) int { return max(poolSize, atOnce) }

// errClosed is returned after Close.
var errClosed = errors.New("the connector is closed")

// operation is what a pool does on a connection.
type operation func(ctx context.Context, s *session, op func(*ldap.Conn) error) error

// pool keeps connections of one kind, to the server that work goes to. The ones used
// last are used first, so that what is not needed grows old and goes.
type pool struct {
	servers *servers
	dial    func(context.Context, *server) (*session, error)
	run     operation
	slots   slots

	mu     sync.Mutex
	idle   []*session // the one used last is at the end
	closed bool
}

// newPool returns a pool of so many connections.
func newPool(s *servers, size int, dial func(context.Context, *server) (*session, error)) *pool {
	return &pool{servers: s, dial: dial, run: onSession, slots: make(slots, size)}
}

func onSession(ctx context.Context, s *session, op func(*ldap.Conn) error) error {
	return s.do(ctx, op)
}

// do runs op on a connection of the pool, to one server after the other until one
// does its part.
func (p *pool) do(ctx context.Context, op func(*ldap.Conn) error) error {
	return p.slots.do(ctx, func() error {
		return p.servers.ask(ctx, func(ctx context.Context, to *server) error { return p.on(ctx, to, op) })
	})
}

// on runs op on a connection to a server. If it was idle and turns out to be broken,
// op runs once more, on a fresh one: the server may have been restarted since.
func (p *pool) on(ctx context.Context, to *server, op func(*ldap.Conn) error) error {
	if s := p.take(to); s != nil {
		err := p.run(ctx, s, op)
		p.put(s, err)
		if !isBroken(err) || ctx.Err() != nil {
			return err
		}
		p.drop() // what broke one has broken its neighbors
		if errors.Is(err, errNoAnswer) || !mayGoOn(ctx, err) {
			return err // a directory that hangs is not asked for more
		}
	}
	if p.isClosed() {
		return errClosed
	}
	s, err := p.dial(ctx, to)
	if err != nil {
		return err
	}
	s.server = to
	err = p.run(ctx, s, op)
	p.put(s, err)
	return err
}

// isBroken reports whether err says that the connection itself failed.
func isBroken(err error) bool {
	return isUnanswered(err) && !errors.Is(err, ldap.ErrSizeLimitExceeded) && !errors.Is(err, errLimit)
}

// isReusable reports whether a connection is as good as before after an operation
// that ended with err.
func isReusable(err error) bool {
	if err == nil {
		return true
	}
	result, ok := asResult(err)
	if !ok {
		return false
	}
	switch result.ResultCode {
	case ldap.LDAPResultOperationsError, ldap.LDAPResultProtocolError, ldap.LDAPResultStrongAuthRequired,
		ldap.LDAPResultBusy, ldap.LDAPResultUnavailable, ldap.LDAPResultOther:
		return false
	}
	return true
}

// take returns an idle connection to a server, or nil. Those to others are closed, so
// that idle and working ones together stay within the bound.
func (p *pool) take(to *server) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		s := p.idle[last]
		p.idle = p.idle[:last]
		s.expiry.Stop()
		if s.server == to && s.usable() && time.Since(s.born) < maxAge {
			return s
		}
		s.close()
	}
	return nil
}

// put takes a connection back after an operation that ended with err.
func (p *pool) put(s *session, err error) {
	first := p.servers.first()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || s.server != first || !isReusable(err) || !s.usable() || time.Since(s.born) >= maxAge {
		s.close()
		return
	}
	s.expiry = time.AfterFunc(maxIdle, func() { p.expire(s) })
	p.idle = append(p.idle, s)
}

// expire closes a connection that nobody has taken for a while.
func (p *pool) expire(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.idle, s); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
		s.close()
	}
}

// drop closes all idle connections.
func (p *pool) drop() { p.keep(nil) }

// keep closes all idle connections but those to a server. They are closed before the
// lock is let go: others count on the bound from then on.
func (p *pool) keep(to *server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = slices.DeleteFunc(p.idle, func(s *session) bool {
		if s.server == to {
			return false
		}
		s.expiry.Stop()
		s.close()
		return true
	})
}

func (p *pool) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// close closes the idle connections at once, and those at work when they are done.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.drop()
}
