package webhook_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/webhook"
)

// verifyAlice asks a directory whether alice's password is right.
func verifyAlice(ctx context.Context, d connectors.Directory) error {
	_, err := d.Verify(ctx, connectors.Account{ID: "7", Username: "alice"}, connectors.NewSecret("alice-password"))
	return err
}

// written is what an endpoint answers with a status and a body.
func written(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// breaks ends the connection without an answer.
func breaks(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// hangs answers never.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// halfway breaks the connection within an answer.
func halfway(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "100")
	written(http.StatusOK, `{"result":`)(w, r)
}

// TestWhatIsSentAgain has an endpoint fail, over a connection that was used before, and sees
// whether the same goes over a fresh one: where it has a password, if that is allowed, which is
// asked for nothing else.
func TestWhatIsSentAgain(t *testing.T) {
	for name, c := range map[string]struct {
		fault   http.HandlerFunc
		always  bool // it fails over fresh connections, too
		locate  bool // what it fails at is not the password
		allowed int64
		sent    int
		asked   int64 // whether it may be sent again
		fails   bool
		doubt   bool
	}{
		"nothing happens":               {fault: nil, sent: 1},
		"breaks":                        {fault: breaks, sent: 1, asked: 1, fails: true, doubt: true},
		"breaks, and it may be resent":  {fault: breaks, allowed: 9, sent: 2, asked: 1},
		"breaks, and the next one, too": {fault: breaks, always: true, allowed: 9, sent: 2, asked: 1, fails: true, doubt: true},
		"breaks, without a password":    {fault: breaks, locate: true, sent: 2},
		"breaks, without any always":    {fault: breaks, always: true, locate: true, sent: 2, fails: true},
		"breaks within the answer":      {fault: halfway, allowed: 9, sent: 1, fails: true, doubt: true},
		"hangs":                         {fault: hangs, allowed: 9, sent: 1, fails: true, doubt: true},
		"hangs, without a password":     {fault: hangs, locate: true, sent: 1, fails: true},
		"is behind a gateway":           {fault: written(502, alice), allowed: 9, sent: 1, fails: true, doubt: true},
		"is behind a slow gateway":      {fault: written(504, alice), allowed: 9, sent: 1, fails: true, doubt: true},
		"says that it fails":            {fault: written(500, alice), allowed: 9, sent: 1, fails: true},
		"says that it is out of order":  {fault: written(503, alice), allowed: 9, sent: 1, fails: true},
		"takes no signature":            {fault: written(401, alice), allowed: 9, sent: 1, fails: true},
		"says that it is unavailable":   {fault: written(200, `{"result":"unavailable"}`), allowed: 9, sent: 1, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t, inClear)
			d := open(t, p.configured(t))
			ctx, asked := connectortest.AllowResends(t.Context(), c.allowed)
			do := func() error {
				if c.locate {
					_, err := d.Locate(ctx, "alice")
					return err
				}
				return verifyAlice(ctx, d)
			}
			var old atomic.Value
			p.breakWith(func(w http.ResponseWriter, r *http.Request) {
				old.Store(r.RemoteAddr)
				q, _ := p.lastAsked()
				written(http.StatusOK, answer(q))(w, r)
			})
			if err := do(); err != nil {
				t.Fatal(err)
			}
			p.breakWith(func(w http.ResponseWriter, r *http.Request) {
				if c.fault != nil && (c.always || r.RemoteAddr == old.Load()) {
					c.fault(w, r)
					return
				}
				q, _ := p.lastAsked()
				written(http.StatusOK, answer(q))(w, r)
			})
			_, before := p.lastAsked()
			err := do()
			if (err != nil) != c.fails || errors.Is(err, connectors.ErrInDoubt) != c.doubt || err != nil && !isOutage(err) {
				t.Errorf("error %v, in doubt: %v", err, errors.Is(err, connectors.ErrInDoubt))
			}
			if _, n := p.lastAsked(); n-before != c.sent || asked.Load() != c.asked {
				t.Errorf("sent %d times, and asked %d times whether it may be, want %d and %d", n-before, asked.Load(), c.sent, c.asked)
			}
		})
	}
}

// TestWhatWasNotSentIsNotInDoubt holds that where there is no endpoint nothing is in doubt.
func TestWhatWasNotSentIsNotInDoubt(t *testing.T) {
	p := startPeer(t, inClear)
	d := open(t, p.configured(t))
	p.Close()
	if err := verifyAlice(t.Context(), d); !errors.Is(err, connectors.ErrUnreachable) || errors.Is(err, connectors.ErrInDoubt) {
		t.Errorf("error %v, in doubt: %v", err, errors.Is(err, connectors.ErrInDoubt))
	}
}

// all is what was put into a channel so far.
func all(c chan string) (got []string) {
	for len(c) > 0 {
		got = append(got, <-c)
	}
	return got
}

// hang has the endpoint be sent a password that it does not answer, for somebody who goes then.
func hang(t *testing.T, p *peer, d connectors.Directory) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p.breakWith(func(w http.ResponseWriter, r *http.Request) { cancel(); hangs(w, r) })
	if err := verifyAlice(ctx, d); !errors.Is(err, context.Canceled) || !errors.Is(err, connectors.ErrInDoubt) {
		t.Fatalf("error %v, in doubt: %v", err, errors.Is(err, connectors.ErrInDoubt))
	}
}

// TestHungEndpoint has an endpoint leave a password unanswered. It is sent no other before it has
// answered a probe, unless it locates, also by a connector that was made anew.
func TestHungEndpoint(t *testing.T) {
	for name, c := range map[string]struct {
		fault  http.HandlerFunc // at which the next question is
		locate bool
		second []string // what it asks
		third  []string // what the next one asks, when all is well
	}{
		"it answers again":                  {fault: nil, second: []string{"probe", "verify"}, third: []string{"verify"}},
		"it knows no probe":                 {fault: written(200, `{"result":"unsupported"}`), second: []string{"probe", "verify"}, third: []string{"verify"}},
		"it answers verify alone":           {fault: written(200, `{"result":"ready","actions":[]}`), second: []string{"probe", "verify"}, third: []string{"verify"}},
		"it fails at a probe":               {fault: written(500, "{}"), second: []string{"probe", "verify"}, third: []string{"verify"}},
		"it takes no probe":                 {fault: written(401, "{}"), second: []string{"probe", "verify"}, third: []string{"verify"}},
		"it hangs":                          {fault: hangs, second: []string{"probe"}, third: []string{"probe", "verify"}},
		"it breaks":                         {fault: breaks, second: []string{"probe"}, third: []string{"probe", "verify"}},
		"it has gone from behind a gateway": {fault: written(502, "{}"), second: []string{"probe"}, third: []string{"probe", "verify"}},
		"it locates":                        {locate: true, second: []string{"verify"}, third: []string{"verify"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t, inClear)
			config := p.configured(t)
			config.Locate, config.Resolve, config.Timeout = c.locate, false, 2*time.Second
			process := connectors.Deps{Realm: "corp", Name: "people", Hung: new(connectors.Hung)}
			hang(t, p, openOf(t, config, process))
			d := openOf(t, config, process)
			questions := make(chan string, 9)
			listen := func(fault http.HandlerFunc) {
				p.breakWith(func(w http.ResponseWriter, r *http.Request) {
					q, _ := p.lastAsked()
					questions <- q.Action
					if fault != nil && q.Action == "probe" {
						fault(w, r)
						return
					}
					written(http.StatusOK, answer(q))(w, r)
				})
			}
			listen(c.fault)
			ctx, resends := connectortest.AllowResends(t.Context(), 0)
			err := verifyAlice(ctx, d)
			if passes := slices.Contains(c.second, "verify"); (err == nil) != passes || errors.Is(err, connectors.ErrInDoubt) || resends.Load() != 0 {
				t.Errorf("error %v, and it was asked %d times whether the password may be sent again", err, resends.Load())
			}
			if err != nil && !strings.Contains(err.Error(), "no other before it answers a probe") {
				t.Errorf("error %v", err)
			}
			if got := all(questions); !slices.Equal(got, c.second) {
				t.Errorf("it was asked %v, want %v", got, c.second)
			}
			listen(nil)
			if err := verifyAlice(t.Context(), d); err != nil {
				t.Errorf("when all is well: %v", err)
			}
			if got := all(questions); !slices.Equal(got, c.third) {
				t.Errorf("when all is well it was asked %v, want %v", got, c.third)
			}
		})
	}
}

// TestNoProbeNoAnswer holds that a probe which was not sent says nothing of the endpoint.
func TestNoProbeNoAnswer(t *testing.T) {
	p := startPeer(t, inClear)
	d, verify := p.alone(t)
	hang(t, p, d)
	p.breakWith(nil)
	_, before := p.lastAsked()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := verifyAlice(gone, d); !errors.Is(err, connectors.ErrBusy) {
		t.Errorf("who has gone gets %v", err)
	}
	if err := verify(); err != nil {
		t.Error(err)
	}
	if _, n := p.lastAsked(); n-before != 2 {
		t.Errorf("it was asked %d times, want a probe and the password", n-before)
	}
}

// pipes has an endpoint be dialed without a network.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p.conns <- server
	return client, nil
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// overPipes opens a directory that is asked to verify and no more, and serves it by p.
func overPipes(t *testing.T, p *peer) (connectors.Directory, pipes) {
	t.Helper()
	c := webhook.DefaultConfig()
	c.URL, c.Secret, c.Timeout = "http://localhost", connectors.NewSecret(secret), 4*time.Second
	d := open(t, c)
	listener := pipes{make(chan net.Conn), make(chan struct{})}
	webhook.DialBy(d, listener.dial)
	server := &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return d, listener
}

// TestTooLateForAPassword holds that a password is not sent where the endpoint has little time
// left to answer it in, after a probe.
func TestTooLateForAPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &peer{key: key(t)}
		d, _ := overPipes(t, p)
		hang(t, p, d)
		p.breakWith(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(3200 * time.Millisecond)
			q, _ := p.lastAsked()
			written(http.StatusOK, answer(q))(w, nil)
		})
		if err := verifyAlice(t.Context(), d); !errors.Is(err, connectors.ErrBusy) || errors.Is(err, connectors.ErrInDoubt) {
			t.Errorf("error %v, in doubt: %v", err, errors.Is(err, connectors.ErrInDoubt))
		}
		if q, n := p.lastAsked(); q.Action != "probe" || n != 2 {
			t.Errorf("it was asked %d times, the last time %s", n, q.Action)
		}
		if err := verifyAlice(t.Context(), d); err != nil {
			t.Errorf("when there is time: %v", err)
		}
		if _, n := p.lastAsked(); n != 3 {
			t.Errorf("it was asked %d times", n)
		}
	})
}

// TestUnwritable has nothing be written to a connection that was kept: nothing is in doubt, and
// what goes over a fresh one was not sent before.
func TestUnwritable(t *testing.T) {
	for _, dials := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := &peer{key: key(t)}
			d, listener := overPipes(t, p)
			var used, stuck atomic.Bool
			webhook.DialBy(d, func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := listener.dial(ctx, network, addr)
				switch {
				case !used.Swap(true):
					return connectortest.Numb{Conn: c, Now: &stuck}, err
				case !dials:
					_ = c.Close()
					return nil, net.ErrClosed
				}
				return c, err
			})
			ctx, asked := connectortest.AllowResends(t.Context(), 9)
			if err := verifyAlice(ctx, d); err != nil {
				t.Fatal(err)
			}
			stuck.Store(true)
			if err := verifyAlice(ctx, d); (err == nil) != dials || errors.Is(err, connectors.ErrInDoubt) {
				t.Errorf("error %v, in doubt: %v", err, errors.Is(err, connectors.ErrInDoubt))
			}
			if asked.Load() != 0 {
				t.Error("it was asked whether it may be sent again")
			}
		})
	}
}
