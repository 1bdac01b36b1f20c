package server

import (
	"container/list"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
)

// crowdedFor is how long connections are closed after their answer when there were as many
// as there may be.
const crowdedFor = time.Second

// connections is a listener with so many connections at once. When all are there, those that
// are idle are closed, and for a moment each other after its answer, so that whoever knocks
// gets in. Who comes too early waits. Of one client network there are fewer: what is too much
// of it takes the place of one of its own that is idle, or is closed, and touches no others.
type connections struct {
	net.Listener
	server   *http.Server
	places   chan struct{}
	shares   *shares
	trusted  []netip.Prefix
	idle     idlers
	crowded  atomic.Bool
	refusals broker.Seldom // of the operating system
	crowds   broker.Seldom
	closings broker.Seldom // of connections of which their network has too many
	logger   *slog.Logger
	closed   chan struct{}
	once     sync.Once
}

// Bound returns a listener of l's connections for the server that takes them: at most so many
// are open at once, and three quarters of them from one client network, but for those that
// are of trusted proxies. It is to be called before the server begins.
func Bound(l net.Listener, most int, trusted []netip.Prefix, s *http.Server, logger *slog.Logger) net.Listener {
	c := &connections{
		Listener: l, server: s, places: make(chan struct{}, most), shares: newShares(most), trusted: trusted,
		idle: idlers{of: map[netip.Prefix]*list.List{}}, logger: logger, closed: make(chan struct{}),
	}
	s.ConnState = c.idle.note
	return c
}

// Accept returns the next connection when there is a place for it.
func (c *connections) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			c.explain(err)
			return nil, err
		}
		network := c.networkOf(conn)
		if !c.share(network) {
			_ = conn.Close()
			c.tooMany(network)
			continue
		}
		if err := c.enter(); err != nil {
			_ = conn.Close() // nothing was read
			return nil, err
		}
		return &connection{Conn: conn, network: network, leave: sync.OnceFunc(func() {
			c.shares.leave(network)
			<-c.places
		})}, nil
	}
}

// networkOf is the client network of a connection. It is the zero Prefix for that of a
// trusted proxy, which stands for many, and where it cannot be told.
func (c *connections) networkOf(conn net.Conn) netip.Prefix {
	peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil || among(plain(peer.Addr()), c.trusted) {
		return netip.Prefix{}
	}
	return connectors.ClientNetwork(peer.Addr())
}

// share counts a connection of the network, which may have to close one that is idle for it.
func (c *connections) share(network netip.Prefix) bool {
	for !c.shares.enter(network) {
		idle := c.idle.take(network)
		if idle == nil {
			return false
		}
		_ = idle.Close()
	}
	return true
}

// enter waits for a place.
func (c *connections) enter() error {
	select {
	case c.places <- struct{}{}:
		return nil
	default:
	}
	if count, tell := c.crowds.Add(time.Now()); tell {
		c.logger.Warn("too much at once: there are as many connections as there may be, and idle ones are closed",
			slog.Int64("count", count), slog.Int("connections", cap(c.places)))
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
}

// tooMany tells of a connection that was closed since its network has so many.
func (c *connections) tooMany(network netip.Prefix) {
	if count, tell := c.closings.Add(time.Now()); tell {
		c.logger.Warn("too much at once: connections are closed whose client network has as many as one may have, none of them idle; if that is a proxy, name it in trusted_proxies",
			slog.Int64("count", count), slog.String("network", network.String()), slog.Int("connections", c.shares.most))
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
	network netip.Prefix
	leave   func()
	idle    *list.Element // of the idlers; nil: it is none of them
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
