package oidc_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/oidc"
)

// lined is a directory of one provider, for package guard: "right" is right.
type lined struct {
	oidc.Logins
	p *asking
}

func (d lined) Locate(_ context.Context, name string) (connectors.Account, error) {
	return connectors.Account{Username: name}, nil
}

func (d lined) Verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	ask := d.p.refuse
	if password.Reveal() == "right" {
		ask = d.p.ask
	}
	id := connectors.Identity{Connector: "sso", Via: "sso", ID: "id of " + a.Username, Username: a.Username, Ceiling: connectors.Unlimited()}
	return d.As(ctx, id, a.Username, password.Reveal(), ask)
}

// TestHangingUp has people hang up while their logins wait for the provider, or for another one
// of their account: these are not sent, nor taken for anything, and keep nobody waiting. The one
// that was sent goes to its end.
func TestHangingUp(t *testing.T) {
	for name, tt := range map[string]struct {
		named func(i int) string
		stays time.Duration // that of the ones who hang up
		owner time.Duration // that alice needs then
	}{
		"for a place":       {func(i int) string { return "name" + strconv.Itoa(i) }, 200 * time.Millisecond, 400 * time.Millisecond},
		"for their account": {func(int) string { return "alice" }, 200 * time.Millisecond, 1500 * time.Millisecond}, // after what is left of the one, and its rest
	} {
		t.Run(name, func(t *testing.T) {
			loggingIn(t, 300*time.Millisecond, func(t *testing.T, l oidc.Logins, p *asking) {
				s := guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}, Lockout: guard.LockoutSettings{Budget: 3, Window: time.Hour}}
				c := guard.Password(lined{l, p}, guard.Config{Settings: s})
				in := func(ctx context.Context, name, password string) error {
					_, err := c.Authenticate(ctx, connectors.Credentials{Username: name, Password: connectors.NewSecret(password)})
					return err
				}
				ctx, hangUp := context.WithTimeout(t.Context(), tt.stays)
				defer hangUp()
				var gone sync.WaitGroup
				for i := range 3 {
					gone.Go(func() {
						err := in(ctx, tt.named(i), "wrong "+strconv.Itoa(i))
						if sent := i == 0; !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, connectors.ErrBusy) == sent {
							t.Errorf("login %d that was hung up: error %v", i, err)
						}
					})
					synctest.Wait()
				}
				gone.Wait()
				synctest.Wait() // until what is not sent is given back
				begun := time.Now()
				if err := in(t.Context(), "alice", "right"); err != nil || time.Since(begun) != tt.owner {
					t.Errorf("who comes then: error %v after %v, want none after %v", err, time.Since(begun), tt.owner)
				}
				time.Sleep(time.Minute)
				if n := p.asked.Load(); n != 2 {
					t.Errorf("the provider was asked %d times, want once for the first and once for the last", n)
				}
				_ = c.(interface{ Close() error }).Close()
			})
		})
	}
}

// TestSending holds who is told that a login is sent, of those who log in alike, and that it is
// not where all of them are about to go.
func TestSending(t *testing.T) {
	errGone := errors.New("nobody waits for it")
	for name, tt := range map[string]struct {
		says [3]error // of two who wait for the place and one who comes when the login is sent
		want [3]error
		sent bool
	}{
		"all are there":           {sent: true},
		"the first is to go":      {[3]error{errGone, nil, nil}, [3]error{}, true},
		"the second is to go":     {[3]error{nil, errGone, nil}, [3]error{}, true},
		"who comes is to go":      {[3]error{nil, nil, errGone}, [3]error{2: errGone}, true},
		"both are, and one comes": {[3]error{errGone, errGone, nil}, [3]error{connectors.ErrBusy, connectors.ErrBusy, nil}, false},
	} {
		t.Run(name, func(t *testing.T) {
			loggingIn(t, time.Second, func(t *testing.T, l oidc.Logins, p *asking) {
				l.Bound(1)
				var all sync.WaitGroup
				all.Go(func() { _ = l.Do(t.Context(), "first", "right", p.ask) })
				synctest.Wait()
				var told [3]int
				for i, wait := range []time.Duration{0, 0, 1500 * time.Millisecond} {
					all.Go(func() {
						time.Sleep(wait)
						ctx := connectors.WithSending(t.Context(), func() error {
							told[i]++
							return tt.says[i]
						})
						begun := time.Now()
						err := l.Do(ctx, "alice", "right", p.ask)
						if !errors.Is(err, tt.want[i]) || tt.want[i] == nil && err != nil {
							t.Errorf("login %d: error %v, want %v", i, err, tt.want[i])
						}
						if took := time.Since(begun); i == 2 && !tt.sent && took != p.takes {
							t.Errorf("who came after what was not sent took %v", took) // no rest
						}
					})
					synctest.Wait()
				}
				all.Wait()
				if told != [3]int{1, 1, 1} || p.asked.Load() != 2 || l.Doubts() != 0 {
					t.Errorf("told %v; the provider was asked %d times, and there are %d doubts", told, p.asked.Load(), l.Doubts())
				}
			})
		})
	}
}

// TestOutOfTime holds that a login whose time ends while it waits says nothing of the provider.
func TestOutOfTime(t *testing.T) {
	loggingIn(t, 2*time.Second, func(t *testing.T, l oidc.Logins, p *asking) {
		l.Bound(1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		for i, name := range []string{"sent", "waits"} {
			all.Go(func() {
				if err := l.Do(ctx, name, "right", p.ask); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, connectors.ErrBusy) != (i == 1) {
					t.Errorf("%s: error %v", name, err)
				}
			})
			synctest.Wait()
		}
		all.Wait()
	})
}
