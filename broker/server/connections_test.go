package server_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/server"
)

// lines is a log that a server and a test use at once.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) count(of string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), of)
}

// bounded serves over a listener with so many connections, of which one client network but
// 127.0.0.1 has three quarters, and returns its address.
func bounded(t *testing.T, most int, around func(net.Listener) net.Listener, h http.Handler) (string, *lines) {
	t.Helper()
	var log lines
	logger := slog.New(slog.NewTextHandler(&log, nil))
	s := server.HTTP(h, nil, logger)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- s.Serve(server.Bound(around(l), most, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, s, logger))
	}()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the server ended: %v", err)
		}
	})
	return l.Addr().String(), &log
}

func asItIs(l net.Listener) net.Listener { return l }

// client is a connection to a server.
type client struct {
	net.Conn
	read *bufio.Reader
}

func dial(t *testing.T, addr string) client {
	t.Helper()
	return dialFrom(t, "127.0.0.1", addr)
}

func dialFrom(t *testing.T, from, addr string) client {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return client{c, bufio.NewReader(c)}
}

// ask sends a request and returns the answer, and whether the connection stays.
func (c client) ask(t *testing.T) (status int, stays bool) {
	t.Helper()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(c.read, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode, !response.Close
}

// gone reports whether the server has closed the connection.
func (c client) gone() bool {
	_, err := c.read.ReadByte()
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

func TestIdleConnectionsMakeRoom(t *testing.T) {
	const most = 8
	addr, log := bounded(t, most, asItIs, http.NotFoundHandler())
	var idle []client
	for range most {
		c := dial(t, addr)
		if status, stays := c.ask(t); status != http.StatusNotFound || !stays {
			t.Fatalf("status %d, stays: %v", status, stays)
		}
		idle = append(idle, c)
	}
	for range 3 * most { // more than there are places, each after the other
		if status, _ := dial(t, addr).ask(t); status != http.StatusNotFound {
			t.Fatalf("status %d", status)
		}
	}
	for i, c := range idle {
		if !c.gone() {
			t.Errorf("idle connection %d is still there", i)
		}
	}
	if n := log.count("as many connections as there may be"); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
	stays := false // again, when the crowd has gone
	for deadline := time.Now().Add(20 * time.Second); !stays && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		_, stays = dial(t, addr).ask(t)
	}
	if !stays {
		t.Error("no connection is kept any more")
	}
}

// TestBusyConnectionsComeFirst has all connections at work: who comes later gets in when one
// of them has its answer.
func TestBusyConnectionsComeFirst(t *testing.T) {
	const most = 4
	inside, release := make(chan struct{}, most+1), make(chan struct{})
	addr, _ := bounded(t, most, asItIs, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		inside <- struct{}{}
		<-release
	}))
	var wg sync.WaitGroup
	for range most {
		c := dial(t, addr)
		wg.Go(func() {
			if status, _ := c.ask(t); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		})
	}
	for range most {
		<-inside
	}
	late := dial(t, addr) // with the operating system
	wg.Go(func() {
		if status, _ := late.ask(t); status != http.StatusOK {
			t.Errorf("status %d of the late one", status)
		}
	})
	select {
	case <-inside:
		t.Error("there is one more than there may be")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	wg.Wait()
}

// TestOneNetworkLeavesRoom has a network open more connections than there may be, and send
// nothing over them: others are served and keep what they have, and so is the network when it
// has closed one.
func TestOneNetworkLeavesRoom(t *testing.T) {
	const most, share, crowd = 12, 9, "127.0.0.2"
	addr, log := bounded(t, most, asItIs, http.NotFoundHandler())
	neighbor := dialFrom(t, "127.0.0.4", addr)
	_, _ = neighbor.ask(t)
	var silent []client
	for range 3 * most {
		silent = append(silent, dialFrom(t, crowd, addr))
	}
	began := time.Now()
	for _, other := range []string{"127.0.0.3", "127.0.0.1"} {
		if status, _ := dialFrom(t, other, addr).ask(t); status != http.StatusNotFound {
			t.Errorf("%s gets status %d", other, status)
		}
	}
	if took := time.Since(began); took > 4*time.Second { // those that are silent are closed after five
		t.Errorf("others waited for %s", took)
	}
	for i, c := range silent[share:] {
		if !c.gone() {
			t.Errorf("connection %d is still there", share+i)
		}
	}
	if status, stays := neighbor.ask(t); status != http.StatusNotFound || !stays {
		t.Errorf("who has been there gets status %d, stays: %v", status, stays)
	}
	if n := log.count("network=127.0.0.2/32 connections=9"); n != 1 || log.count("trusted_proxies") != 1 {
		t.Errorf("%d lines in the log", n)
	}
	_, _ = io.WriteString(silent[0], "GET / HTTP/1.0\r\n\r\n")
	if _, err := io.ReadAll(silent[0].read); err != nil {
		t.Error(err)
	}
	for began := time.Now(); ; {
		again := dialFrom(t, crowd, addr)
		_, _ = io.WriteString(again, "GET / HTTP/1.0\r\n\r\n")
		if answer, _ := io.ReadAll(again.read); len(answer) > 0 {
			break
		}
		if time.Since(began) > 4*time.Second {
			t.Fatal("the network is not served when it has closed a connection")
		}
	}
}

// TestIdleConnectionsOfANetworkMakeRoom has a network open more than it may have, none of
// which is at work: others keep theirs.
func TestIdleConnectionsOfANetworkMakeRoom(t *testing.T) {
	addr, log := bounded(t, 8, asItIs, http.NotFoundHandler())
	neighbor := dialFrom(t, "127.0.0.3", addr)
	_, _ = neighbor.ask(t)
	for range 30 {
		if status, stays := dialFrom(t, "127.0.0.2", addr).ask(t); status != http.StatusNotFound || !stays {
			t.Fatalf("status %d, stays: %v", status, stays)
		}
	}
	if status, stays := neighbor.ask(t); status != http.StatusNotFound || !stays {
		t.Errorf("who has been there gets status %d, stays: %v", status, stays)
	}
	if n := log.count("too much at once"); n != 0 {
		t.Errorf("%d lines in the log", n)
	}
}

// TestTheLongestIdleMakesRoom plays the server, of whose connections those of one network come
// and go.
func TestTheLongestIdleMakesRoom(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var s http.Server
	l := server.Bound(inner, 4, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, &s, slog.New(slog.DiscardHandler))
	defer l.Close()
	time.AfterFunc(20*time.Second, func() { _ = l.Close() })
	accept := func(from string) net.Conn {
		_ = dialFrom(t, from, inner.Addr().String())
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	closed := func(c net.Conn) bool { return errors.Is(c.SetDeadline(time.Time{}), net.ErrClosed) }

	other := accept("127.0.0.1")
	s.ConnState(other, http.StateIdle)
	crowd := []net.Conn{accept("127.0.0.2"), accept("127.0.0.2"), accept("127.0.0.2")}
	for _, c := range crowd {
		s.ConnState(tls.Server(c, nil), http.StateIdle)
	}
	s.ConnState(crowd[1], http.StateActive)
	for _, state := range []http.ConnState{http.StateActive, http.StateIdle} {
		s.ConnState(tls.Server(crowd[0], nil), state)
	}
	for _, goes := range []int{2, 0} {
		_ = accept("127.0.0.2")
		if !closed(crowd[goes]) || closed(crowd[1]) {
			t.Errorf("connection %d is closed: %v; that at work: %v", goes, closed(crowd[goes]), closed(crowd[1]))
		}
		s.ConnState(crowd[goes], http.StateIdle) // the server had got as far as that, and makes no room again
	}
	s.ConnState(crowd[1], http.StateIdle)
	_ = accept("127.0.0.2")
	if !closed(crowd[1]) || closed(other) {
		t.Errorf("the last one is closed: %v; that of another network: %v", closed(crowd[1]), closed(other))
	}
	_ = other.Close()
	tooMuch := dialFrom(t, "127.0.0.2", inner.Addr().String())
	if another := accept("127.0.0.1"); !strings.HasPrefix(another.RemoteAddr().String(), "127.0.0.1:") || !tooMuch.gone() {
		t.Errorf("with none that is idle, one from %s gets in", another.RemoteAddr())
	}
}

// scarce is a listener of an operating system that has no descriptor for a while.
type scarce struct {
	net.Listener
	fails int
}

func (s *scarce) Accept() (net.Conn, error) {
	if s.fails > 0 {
		s.fails--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return s.Listener.Accept()
}

// TestOutOfDescriptors has the operating system refuse more often than there are places.
func TestOutOfDescriptors(t *testing.T) {
	addr, log := bounded(t, 2, func(l net.Listener) net.Listener { return &scarce{l, 5} }, http.NotFoundHandler())
	if status, _ := dial(t, addr).ask(t); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
	if n := log.count("no file descriptors left"); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
}

// TestFullListenerEnds stops a server all of whose connections are at work.
func TestFullListenerEnds(t *testing.T) {
	addr, _ := bounded(t, 1, asItIs, http.NotFoundHandler())
	half := dial(t, addr)
	if _, err := io.WriteString(half, "GET / HT"); err != nil {
		t.Fatal(err)
	}
	_ = dial(t, addr) // waits
	time.Sleep(50 * time.Millisecond)
}

// TestAnswerBeforeTheEnd sends more than the server reads: the answer comes all the same,
// and the connection ends after it rather than break.
func TestAnswerBeforeTheEnd(t *testing.T) {
	addr, _ := bounded(t, 10, asItIs, http.NotFoundHandler())
	var err error
	for range 5 { // a server waits for half a second only
		c := dial(t, addr)
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 1<<20)); err != nil {
			t.Logf("sent as much as went: %v", err)
		}
		var answer []byte
		if answer, err = io.ReadAll(c.read); err == nil && strings.HasPrefix(string(answer), "HTTP/1.1 431 ") {
			return
		}
	}
	t.Errorf("no answer was read to its end: %v", err)
}
