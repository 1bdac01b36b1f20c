package server

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/shorepass/shorepass/broker"
)

// crowdedFor is how long connections are closed after their answer when there were as many
// as there may be.
const crowdedFor = time.Second

// connections is a listener with so many connections at once. When all are there, those that
// are idle are closed, and for a moment each other after its answer, so that whoever knocks
// gets in. Who comes too early waits.
type connections struct {
	net.Listener
	server   *http.Server
	places   chan struct{}
	crowded  atomic.Bool
	refusals broker.Seldom // of the operating system
	crowds   broker.Seldom
	logger   *slog.Logger
	closed   chan struct{}
	once     sync.Once
}

// Bound returns a listener of l's connections, of which at most so many are open at once,
// for the server that takes them.
func Bound(l net.Listener, most int, s *http.Server, logger *slog.Logger) net.Listener {
	return &connections{Listener: l, server: s, places: make(chan struct{}, most), logger: logger, closed: make(chan struct{})}
}

// Accept returns the next connection when there is a place for it.
func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		c.explain(err)
		return nil, err
	}
	if err := c.enter(); err != nil {
		_ = conn.Close() // nothing was read
		return nil, err
	}
	return &connection{Conn: conn, leave: sync.OnceFunc(func() { <-c.places })}, nil
}

// enter waits for a place.
func (c *connections) enter() error {
	select {
	case c.places <- struct{}{}:
		return nil
	default:
	}
	for {
		c.makeRoom()
		select {
		case c.places <- struct{}{}:
			return nil
		case <-time.After(crowdedFor):
		case <-c.closed:
			return net.ErrClosed
		}
	}
}

// makeRoom has the server close what is idle, and keep nothing open for a moment.
func (c *connections) makeRoom() {
	if !c.crowded.CompareAndSwap(false, true) {
		return
	}
	c.server.SetKeepAlivesEnabled(false)
	time.AfterFunc(crowdedFor, func() {
		c.server.SetKeepAlivesEnabled(true)
		c.crowded.Store(false)
	})
	if count, tell := c.crowds.Add(time.Now()); tell {
		c.logger.Warn("too much at once: there are as many connections as there may be, and idle ones are closed",
			slog.Int64("count", count), slog.Int("connections", cap(c.places)))
	}
}

// explain tells of a connection that the operating system did not hand over. The server
// tries again by itself.
func (c *connections) explain(err error) {
	if errors.Is(err, net.ErrClosed) {
		return
	}
	count, tell := c.refusals.Add(time.Now())
	switch {
	case !tell:
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		c.logger.Error("the operating system has no file descriptors left for connections: raise the limit (LimitNOFILE, ulimit -n)",
			slog.Int64("count", count), slog.Any("error", err))
	default:
		c.logger.Error("connections cannot be taken", slog.Int64("count", count), slog.Any("error", err))
	}
}

// Close ends the listener, and the wait for a place.
func (c *connections) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Listener.Close()
}

// connection is one that has a place.
type connection struct {
	net.Conn
	leave func()
}

// Close closes the connection and leaves its place to another.
func (c *connection) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite ends what is sent, where the connection can: a client that is answered while it
// still sends reads the answer, and then the end, in the place of a reset.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
