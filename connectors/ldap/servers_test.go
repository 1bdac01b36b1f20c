package ldap_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// logged is a log that a test reads. It is safe for concurrent use.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// openServers returns a directory of several servers, and its log.
func openServers(t *testing.T, urls ...string) (*ldap.Directory, *logged) {
	t.Helper()
	cfg := config(urls[0])
	cfg.URL = urls
	log := &logged{}
	d, err := ldap.New(cfg, connectors.Deps{Name: "directory", Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, log
}

// bindCodes answers binds of the service account and of people with result codes.
func bindCodes(service, people int) script {
	return script{bind: func(dn, _ string) (int, string) {
		if dn == serviceDN {
			return service, ""
		}
		return people, ""
	}}
}

func searchCode(code int) script {
	return script{search: func(string, string) ([]record, int) { return nil, code }}
}

// TestWhatFailsOver sorts what the first of two servers does into that which has the
// second one asked and that which has not.
func TestWhatFailsOver(t *testing.T) {
	const outage = "an outage"
	for name, c := range map[string]struct {
		first script
		asked bool   // whether the second is
		want  string // how the login ends; empty: well
	}{
		"all is well":                  {script{}, false, ""},
		"busy at the service's bind":   {bindCodes(51, 0), true, ""},
		"unavailable there":            {bindCodes(52, 0), true, ""},
		"other there":                  {bindCodes(80, 0), true, ""},
		"service account refused":      {bindCodes(49, 0), false, outage},
		"service account forbidden":    {bindCodes(53, 0), false, outage},
		"busy at the search":           {searchCode(51), true, ""},
		"unavailable there, too":       {searchCode(52), true, ""},
		"no such base":                 {searchCode(32), false, outage},
		"may not search":               {searchCode(50), false, outage},
		"a referral":                   {searchCode(10), false, outage},
		"too slow by its own limit":    {searchCode(3), false, outage},
		"nobody of that name":          {searchCode(0), false, "not mine"},
		"busy at the password":         {bindCodes(0, 51), true, ""},
		"unavailable at the password":  {bindCodes(0, 52), true, ""},
		"wrong password":               {bindCodes(0, 49), false, "rejected"},
		"account locked, by 389":       {bindCodes(0, 19), false, "rejected"},
		"the password in clear":        {bindCodes(0, 13), false, outage},
		"codes that the library keeps": {searchCode(201), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var second meter
			d, log := openServers(t, listen(t, c.first.serve), listen(t, second.serve(script{})))
			ctx, resends := connectortest.AllowResends(t.Context(), 0)
			account, err := d.Locate(ctx, "alice")
			if err == nil {
				_, err = d.Verify(ctx, account, secret(userPassword))
			}
			if n := resends.Load(); n != 0 {
				t.Errorf("what was answered is in doubt: asked %d times", n)
			}
			got := outage
			switch {
			case err == nil:
				got = ""
			case errors.Is(err, connectors.ErrNotMine):
				got = "not mine"
			case errors.Is(err, connectors.ErrRejected):
				got = "rejected"
			}
			second.mu.Lock()
			asked := len(second.conns) > 0
			second.mu.Unlock()
			if got != c.want || asked != c.asked {
				t.Errorf("the login ends as %q (%v), the second server asked: %t; want %q, %t", got, err, asked, c.want, c.asked)
			}
			if told := strings.Contains(log.String(), "is put aside"); told != c.asked {
				t.Errorf("the log:\n%s\nputting aside is told: %t, want %t", log, told, c.asked)
			}
		})
	}
}

// TestOneServerIsNotPutAside holds that a directory of one server is asked every
// time.
func TestOneServerIsNotPutAside(t *testing.T) {
	log := &logged{}
	d, err := ldap.New(config(listen(t, searchCode(52).serve)), connectors.Deps{Name: "directory", Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	for range 2 {
		_, err := d.Locate(t.Context(), "alice")
		wantOutage(t, err, "result code 52 (unavailable)")
	}
	if log.String() != "" {
		t.Errorf("the log:\n%s\nwant nothing", log)
	}
}

// TestNoServerWorks holds that the outage tells of every server.
func TestNoServerWorks(t *testing.T) {
	d, _ := openServers(t, listen(t, searchCode(51).serve), listen(t, searchCode(52).serve))
	for range 2 { // not yet put aside, and both aside
		_, err := d.Locate(t.Context(), "alice")
		wantOutage(t, err, "result code 51 (busy)")
		wantOutage(t, err, "result code 52 (unavailable)")
	}
}

// TestEachServerHasItsShare holds that several servers which hang leave time for one
// that works.
func TestEachServerHasItsShare(t *testing.T) {
	t.Parallel()
	hangs := misbehave(nil, false)
	d, log := openServers(t, listen(t, hangs), listen(t, hangs), listen(t, script{}.serve))
	if _, err := login(t, d, "alice", userPassword); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "is put aside"); n != 2 {
		t.Errorf("%d servers were put aside, want 2:\n%s", n, log)
	}
}

// TestServersThatComeAndGo holds that a server which passes every look, and on which
// people's logins hang, makes few of them slow; and that this is forgotten when it has
// worked for a while.
func TestServersThatComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logged{}
		s := ldap.NewServers(2, slog.New(slog.NewTextHandler(log, nil)))
		defer s.Close()
		hangs := true
		login := func() (slow bool) {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			err := s.Ask(ctx, func(ctx context.Context, n int) error {
				if n == 0 && hangs {
					slow = true
					<-ctx.Done()
					return ldap.ErrNoAnswer
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			return slow
		}
		slow := 0
		for start := time.Now(); time.Since(start) < 30*time.Minute; time.Sleep(time.Second) {
			if login() {
				slow++
			}
		}
		if slow > 13 { // after 2, 4, 8 … 256 seconds, and then every five minutes
			t.Errorf("%d slow logins in half an hour", slow)
		}
		if n := strings.Count(log.String(), "\n"); n > 2*slow {
			t.Errorf("%d lines in the log for %d slow logins", n, slow)
		}
		hangs = false
		time.Sleep(11 * time.Minute) // five until it is taken back
		hangs = true
		if !login() {
			t.Error("the first server was not taken back within five minutes")
		}
		hangs = false
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		if s.First() != 0 {
			t.Error("the first server had worked for long, and is not looked at soon")
		}
	})
}

// TestWhoIsToBlame holds that a server is put aside for what it did itself, in time
// enough.
func TestWhoIsToBlame(t *testing.T) {
	for name, c := range map[string]struct {
		time  time.Duration // for the whole login
		gone  time.Duration // when the caller hangs up; zero: never
		aside bool
	}{
		"a caller who waits":           {4 * time.Second, 0, true},
		"a caller with too little":     {1500 * time.Millisecond, 0, false},
		"a caller with just enough":    {2 * time.Second, 0, true},
		"a caller who hangs up":        {4 * time.Second, 500 * time.Millisecond, false},
		"a caller who hangs up, later": {4 * time.Second, 1900 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &logged{}
				s := ldap.NewServers(2, slog.New(slog.NewTextHandler(log, nil)))
				defer s.Close()
				ctx, cancel := context.WithTimeout(t.Context(), c.time)
				defer cancel()
				if c.gone > 0 {
					time.AfterFunc(c.gone, cancel)
				}
				err := s.Ask(ctx, func(ctx context.Context, n int) error {
					if n == 0 {
						<-ctx.Done()
						return context.Cause(ctx)
					}
					return nil
				})
				if (err != nil) != (c.gone > 0) {
					t.Errorf("error = %v", err)
				}
				if aside := s.First() != 0; aside != c.aside || strings.Contains(log.String(), "is put aside") != c.aside {
					t.Errorf("put aside: %t, want %t; the log:\n%s", aside, c.aside, log)
				}
			})
		})
	}
}

// TestBoundsAreNoFault holds that an answer beyond the bounds has no other server asked:
// it would answer the same.
func TestBoundsAreNoFault(t *testing.T) {
	var second meter
	d, log := openServers(t, listen(t, signedIn(nested(10_000), 1)), listen(t, second.serve(script{})))
	_, err := d.Locate(t.Context(), "alice")
	wantOutage(t, err, "nested deeper than 32 levels")
	if second.mu.Lock(); len(second.conns) != 0 || log.String() != "" {
		t.Errorf("%d connections to the second server; the log:\n%s", len(second.conns), log)
	}
	second.mu.Unlock()
}

// TestLooksSignIn holds that a server is not taken back while the service account cannot
// sign in there.
func TestLooksSignIn(t *testing.T) {
	t.Parallel()
	var looks atomic.Int64
	d, log := openServers(t, listen(t, func(c net.Conn) {
		looks.Add(1)
		bindCodes(51, 0).serve(c)
	}), listen(t, script{}.serve))
	if _, err := d.Locate(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); looks.Load() < 3; time.Sleep(50 * time.Millisecond) { // the login, and two looks
		if time.Since(start) > 20*time.Second {
			t.Fatal("nobody looks after the first server")
		}
	}
	if strings.Contains(log.String(), "the directory works again") {
		t.Errorf("the log:\n%s\nwant nothing of works again", log)
	}
}
