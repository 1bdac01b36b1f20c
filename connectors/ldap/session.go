package ldap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// errNonsense is an answer that is none: the library reports it under codes of its
// own, which no directory uses.
var errNonsense = errors.New("the directory's answer makes no sense")

// errLost is a connection that ended before the answer.
var errLost = errors.New("the connection is lost")

// session is one connection. One operation runs on it at a time.
type session struct {
	server *server // that it leads to
	conn   *ldap.Conn
	socket net.Conn     // below TLS: closing it ends whatever goes on at once
	limit  *limitedConn // above TLS
	born   time.Time
	cut    atomic.Bool
	client *askedFor   // until the first answer; nil without TLS
	expiry *time.Timer // while idle in a pool
}

// newSession starts LDAP on stream, which is socket or TLS over it. The library's own
// timeout stays unset: it takes a goroutine and two timers for every operation, and
// do's deadline, which closes the socket, ends whatever it would.
func newSession(socket, stream net.Conn) *session {
	s := &session{socket: socket, limit: newLimitedConn(stream), born: time.Now()}
	s.conn = ldap.NewConn(s.limit, false)
	s.conn.Start()
	return s
}

// do runs one operation, with a deadline of its own. When ctx ends first, the
// connection is cut: an answer that came later could be taken for another's.
func (s *session) do(ctx context.Context, op func(*ldap.Conn) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, operationTimeout, errNoAnswer)
	defer cancel()
	s.limit.begin()
	stop := context.AfterFunc(ctx, func() {
		s.cut.Store(true)
		_ = s.socket.Close()
	})
	err := op(s.conn)
	ended := !stop()
	result, answered := asResult(err)
	if err == nil || answered {
		s.client = nil // a server that answers took what it was shown
	}
	if answered {
		if result.ResultCode >= ldap.ErrorNetwork && result.ResultCode <= ldap.ErrorMalformedPacket {
			return errNonsense
		}
		return err
	}
	switch {
	case err == nil:
		return nil
	case s.limit.broken() != nil:
		return s.limit.broken()
	case ended:
		return context.Cause(ctx)
	case s.client != nil:
		return s.client.refusal(err, s.limit.lost())
	case s.limit.lost() != nil: // of which the library leaves the text
		return fmt.Errorf("%w: %w", errLost, s.limit.lost())
	}
	return err
}

// usable reports whether another operation may run, as far as can be known without
// asking: the library reads all the time, so that a connection which the directory
// has closed, or whose probes went unanswered, shows.
func (s *session) usable() bool { return !s.cut.Load() && !s.conn.IsClosing() }

// close ends the connection without a word: an unbind request could hang, and
// servers do not miss it. The socket is closed at once, so that it counts no more.
func (s *session) close() {
	s.cut.Store(true)
	_ = s.socket.Close()
	go func() { _ = s.conn.Close() }() // waits for the library's own goroutines
}
