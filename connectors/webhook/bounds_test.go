package webhook_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/webhook"
)

// alone opens a directory whose endpoint is asked to verify and no more, and returns what asks
// it once.
func (p *peer) alone(t *testing.T) (d connectors.Directory, verify func() error) {
	t.Helper()
	c := p.configured(t)
	c.Locate, c.Resolve, c.Timeout = false, false, 4*time.Second // the longest that there is
	d = open(t, c)
	return d, func() error {
		_, err := d.Verify(t.Context(), connectors.Account{Username: "alice"}, connectors.NewSecret("alice-password"))
		return err
	}
}

// TestNothingIsCompressed holds that an endpoint is not invited to compress its answer, which
// would have no bound when it is unpacked.
func TestNothingIsCompressed(t *testing.T) {
	p := startPeer(t, inClear)
	p.breakWith(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "" {
			t.Errorf("it accepts %s", got)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, alice)
	})
	if _, verify := p.alone(t); verify() != nil {
		t.Error("no login")
	}
}

// TestOldTLS holds that no TLS before 1.2 is spoken.
func TestOldTLS(t *testing.T) {
	p := startPeer(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11} //nolint:gosec // that is the point
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
	})
	_, verify := p.alone(t)
	if err := verify(); !isOutage(err) || !strings.Contains(err.Error(), "no version of TLS from 1.2 on") {
		t.Errorf("error %v", err)
	}
}

// TestLongHeaders holds that an answer's headers have a bound.
func TestLongHeaders(t *testing.T) {
	p := startPeer(t, inClear)
	p.breakWith(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X", strings.Repeat("x", 128<<10))
		_, _ = io.WriteString(w, alice)
	})
	_, verify := p.alone(t)
	if err := verify(); !isOutage(err) || !strings.Contains(err.Error(), "too long a header") {
		t.Errorf("error %v", err)
	}
}

// TestConnections holds that there are 32 at once and no more, and that none is kept for as
// long as servers commonly keep theirs.
func TestConnections(t *testing.T) {
	p := startPeer(t, inClear)
	d, verify := p.alone(t)
	var now atomic.Int32
	release := make(chan struct{})
	p.breakWith(func(w http.ResponseWriter, _ *http.Request) {
		if now.Add(1) > 32 {
			t.Error("there are more than 32 at once")
		}
		<-release
		now.Add(-1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, alice)
	})
	var done sync.WaitGroup
	for range 40 {
		done.Go(func() {
			if err := verify(); err != nil {
				t.Error(err)
			}
		})
	}
	for deadline := time.Now().Add(3 * time.Second); now.Load() < 32 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
	if n := now.Load(); n != 32 {
		t.Errorf("there are %d at once", n)
	}
	time.Sleep(50 * time.Millisecond) // in which one too many would come
	close(release)
	done.Wait()
	if kept := webhook.IdleTimeout(d); kept <= 0 || kept >= 5*time.Second {
		t.Errorf("they are kept for %v", kept)
	}
}

// TestMoreConnections holds that there are as many at once as logins may be.
func TestMoreConnections(t *testing.T) {
	p := startPeer(t, inClear)
	c := p.configured(t)
	c.Locate, c.Resolve, c.Timeout = false, false, 4*time.Second
	d, err := webhook.Open(c, connectors.Deps{Name: "people", Form: connectors.ASCIIUsernames, AtOnce: 40})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.(io.Closer).Close() }()
	var done sync.WaitGroup
	var now atomic.Int32
	all := make(chan struct{})
	p.breakWith(func(w http.ResponseWriter, r *http.Request) {
		if now.Add(1) == 40 {
			close(all)
		}
		select {
		case <-all:
		case <-r.Context().Done():
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, alice)
	})
	for range 40 {
		done.Go(func() {
			if _, err := d.Verify(t.Context(), connectors.Account{Username: "alice"}, connectors.NewSecret("alice-password")); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
}

// TestCrowd has an endpoint take its time, and more logins than there are connections: who has
// waited and has too little time left is not asked about, and whose answer did not come for
// the wait alone does not blame the endpoint.
func TestCrowd(t *testing.T) {
	for name, c := range map[string]struct {
		patience time.Duration // of a login
		sent     int32
	}{
		"too little time left":       {2400 * time.Millisecond, 32},
		"enough to try, not to wait": {3600 * time.Millisecond, 64},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t, inClear)
			config := p.configured(t)
			config.Locate, config.Resolve, config.Timeout = false, false, 2500*time.Millisecond
			d := open(t, config)
			var sent, blamed, busy atomic.Int32
			p.breakWith(func(w http.ResponseWriter, r *http.Request) {
				if sent.Add(1) > 32 {
					<-r.Context().Done()
					return
				}
				time.Sleep(1500 * time.Millisecond)
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, alice)
			})
			var done sync.WaitGroup
			for range 64 {
				ctx, cancel := context.WithTimeout(connectors.CountWaits(t.Context()), c.patience)
				defer cancel()
				done.Go(func() {
					_, err := d.Verify(ctx, connectors.Account{Username: "alice"}, connectors.NewSecret("alice-password"))
					switch {
					case errors.Is(err, connectors.ErrBusy):
						busy.Add(1)
					case err != nil:
						blamed.Add(1)
					}
				})
			}
			done.Wait()
			if sent.Load() != c.sent || blamed.Load() != 0 || busy.Load() != 32 {
				t.Errorf("%d were sent, %d blame the endpoint and %d were busy, want %d, none and 32", sent.Load(), blamed.Load(), busy.Load(), c.sent)
			}
		})
	}
}

// TestDeadConnections holds that where an answer is not there in time, connections that were
// kept are closed: what died unseen took them along.
func TestDeadConnections(t *testing.T) {
	var closed atomic.Int32
	p := startPeer(t, func(s *httptest.Server) {
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				closed.Add(1)
			}
		}
		s.Start()
	})
	c := p.configured(t)
	c.Locate, c.Resolve, c.Timeout = false, false, 2*time.Second
	d := open(t, c)
	verify := func() error {
		_, err := d.Verify(t.Context(), connectors.Account{Username: "alice"}, connectors.NewSecret("alice-password"))
		return err
	}
	var together, done sync.WaitGroup
	together.Add(2)
	p.breakWith(func(w http.ResponseWriter, _ *http.Request) {
		together.Done()
		together.Wait()
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, alice)
	})
	for range 2 {
		done.Go(func() {
			if err := verify(); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	p.breakWith(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if err := verify(); !isOutage(err) {
		t.Fatalf("error %v", err)
	}
	for deadline := time.Now().Add(20 * time.Second); closed.Load() < 2 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
	if n := closed.Load(); n != 2 {
		t.Errorf("%d of 2 connections are closed", n)
	}
}

// TestExpiredCertificate holds that a client certificate which has expired is told of at the
// start, and stops none.
func TestExpiredCertificate(t *testing.T) {
	for valid, want := range map[time.Duration]bool{time.Hour: false, -time.Minute: true} {
		_, certFile, keyFile := makeCertificate(t, valid)
		c := webhook.DefaultConfig()
		c.URL, c.Secret, c.ClientCertificate = "https://people.example", connectors.NewSecret(secret), clientCertificate(certFile, keyFile)
		var logged bytes.Buffer
		_, err := webhook.Open(c, connectors.Deps{Name: "people", Logger: slog.New(slog.NewTextHandler(&logged, nil))})
		if err != nil || strings.Contains(logged.String(), "client_certificate: the endpoint refuses it; renew it") != want {
			t.Errorf("valid for %v: error %v, log %q", valid, err, logged.String())
		}
	}
}
