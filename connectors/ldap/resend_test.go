package ldap_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// TestWhatIsSentAgain breaks a connection that was used before, and sees whether the password
// goes over a fresh one: freely where it was not sent, and where it was, if that is allowed,
// when the directory has answered a bind by nobody's.
func TestWhatIsSentAgain(t *testing.T) {
	const (
		works = iota
		closedBefore
		unwritable
		breaks
		breaksAlways
		hangs
	)
	for name, c := range map[string]struct {
		fault   int
		allowed int64
		sent    int64 // passwords
		nobody  int64 // binds by nobody's
		asked   int64 // whether it may be sent again
		doubt   bool  // the login fails, in doubt
	}{
		"nothing happens":               {works, 0, 1, 0, 0, false},
		"closed while idle":             {closedBefore, 0, 1, 0, 0, false},
		"cannot be written to":          {unwritable, 0, 1, 0, 0, false},
		"breaks when it was sent":       {breaks, 0, 1, 0, 1, true},
		"breaks, and it may be resent":  {breaks, 9, 2, 1, 1, false},
		"breaks, and the next one, too": {breaksAlways, 9, 1, 1, 1, false},
		"hangs":                         {hangs, 9, 1, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var dials, sent, nobody, fault atomic.Int64
				var stuck atomic.Bool
				first := make(chan net.Conn, 1)
				p := ldap.NewPeoplesPool(func() net.Conn {
					client, server := net.Pipe()
					old := dials.Add(1) == 1
					if old {
						first <- server
					}
					go script{bind: func(dn, _ string) (int, string) {
						if dn == "" {
							nobody.Add(1)
						} else {
							sent.Add(1)
						}
						switch f := fault.Load(); {
						case old && f == breaks, f == breaksAlways:
							_ = server.Close()
						case f == hangs:
							time.Sleep(time.Minute)
						}
						return 0, ""
					}}.serve(server)
					if old {
						return connectortest.Numb{Conn: client, Now: &stuck}
					}
					return client
				})
				defer p.Close()
				ctx, asked := connectortest.AllowResends(t.Context(), c.allowed)
				if err := p.Bind(ctx); err != nil {
					t.Fatal(err)
				}
				sent.Store(0)
				fault.Store(int64(c.fault))
				switch c.fault {
				case closedBefore:
					_ = (<-first).Close()
					synctest.Wait()
				case unwritable:
					stuck.Store(true)
				}
				err := p.Bind(ctx)
				if fails := c.doubt || c.fault == breaksAlways; (err != nil) != fails || errors.Is(err, connectors.ErrInDoubt) != c.doubt {
					t.Errorf("error = %v, in doubt: %v", err, errors.Is(err, connectors.ErrInDoubt))
				}
				if sent.Load() != c.sent || nobody.Load() != c.nobody || asked.Load() != c.asked {
					t.Errorf("%d passwords, %d binds by nobody's, asked %d times, want %+v", sent.Load(), nobody.Load(), asked.Load(), c)
				}
				fault.Store(works)
				for want := range 2 { // a server that has answered again is asked for no more
					before := nobody.Load()
					if err := p.Bind(ctx); err != nil || want == 1 && nobody.Load() != before {
						t.Errorf("login %d afterwards: %v; %d binds by nobody's more", want, err, nobody.Load()-before)
					}
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// TestWhoGoesIsInDoubt holds that a password is in doubt that was sent for a caller who has gone.
func TestWhoGoesIsInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := ldap.NewPeoplesPool(func() net.Conn {
			client, server := net.Pipe()
			go script{bind: func(string, string) (int, string) { time.Sleep(time.Second); return 0, "" }}.serve(server)
			return client
		})
		defer p.Close()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		if err := p.Bind(ctx); !errors.Is(err, context.Canceled) || !errors.Is(err, connectors.ErrInDoubt) {
			t.Errorf("error = %v, in doubt: %v", err, errors.Is(err, connectors.ErrInDoubt))
		}
		time.Sleep(time.Second)
	})
}

// TestWhoIsSentThePassword has servers fail, one after the other: the next is asked freely where
// none of them can have counted the password, else as long as that is allowed.
func TestWhoIsSentThePassword(t *testing.T) {
	const servers = 3
	for name, c := range map[string]struct {
		err      error
		allowed  int64
		attempts int
		asked    int64
		aside    bool
	}{
		"was not sent it":            {ldap.ErrNoAnswer, 0, servers, 0, true},
		"in doubt":                   {connectors.InDoubt(ldap.ErrNoAnswer), 0, 1, 1, true},
		"in doubt, and one try left": {connectors.InDoubt(ldap.ErrNoAnswer), 1, 2, 2, true},
		"in doubt, and many left":    {connectors.InDoubt(ldap.ErrNoAnswer), 9, servers, servers - 1, true},
		"had others wait":            {fmt.Errorf("%w: for a turn", connectors.ErrBusy), 0, servers, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &logged{}
				s := ldap.NewServers(servers, slog.New(slog.NewTextHandler(log, nil)))
				defer s.Close()
				ctx, asked := connectortest.AllowResends(t.Context(), c.allowed)
				attempts := 0
				err := s.Ask(ctx, func(context.Context, int) error {
					attempts++
					return c.err
				})
				if !errors.Is(err, c.err) || errors.Is(err, connectors.ErrInDoubt) != errors.Is(c.err, connectors.ErrInDoubt) {
					t.Errorf("error = %v", err)
				}
				if attempts != c.attempts || asked.Load() != c.asked {
					t.Errorf("%d servers were asked, and %d times whether they may be, want %d and %d", attempts, asked.Load(), c.attempts, c.asked)
				}
				if aside := strings.Contains(log.String(), "is put aside"); aside != c.aside {
					t.Errorf("put aside: %v; the log:\n%s", aside, log)
				}
			})
		})
	}
}
