package guard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// clerk is a directory that is well, and takes its time for each operation, or until it is
// told to stop: two seconds for slow names, for others as long as it is set.
type clerk struct {
	mu    sync.Mutex
	took  time.Duration
	more  time.Duration // that a password takes
	names []string      // that were looked for
	sent  []string      // by whose name a password was
}

func (c *clerk) work(ctx context.Context, name string, more time.Duration) error {
	took := c.took + more
	if strings.HasPrefix(name, "slow") {
		took = 2 * time.Second
	}
	select {
	case <-time.After(took):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *clerk) Locate(ctx context.Context, name string) (connectors.Account, error) {
	c.mu.Lock()
	c.names = append(c.names, name)
	c.mu.Unlock()
	return connectors.Account{ID: name, Username: name}, c.work(ctx, name, 0)
}

func (c *clerk) Verify(ctx context.Context, a connectors.Account, _ connectors.Secret) (connectors.Identity, error) {
	c.mu.Lock()
	c.sent = append(c.sent, a.Username)
	c.mu.Unlock()
	return connectors.Identity{Connector: "clerk", Via: "clerk", ID: a.ID, Username: a.Username}, c.work(ctx, a.Username, c.more)
}

// TestOurOwnWaitsBlameNobody holds that logins which have waited for a limit of ours for most of
// their time are not sent any more, nor have the breaker open.
func TestOurOwnWaitsBlameNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{took: 200 * time.Millisecond}
		s := guard.Settings{Breaker: guard.BreakerSettings{Failures: 1, Probe: time.Second}}
		d := closing(t, guard.Password(c, guard.Config{Settings: s, Shield: guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 5, Per: time.Hour}})}))
		var all sync.WaitGroup
		begun := time.Now()
		for _, crowd := range []string{"slow", "quick"} {
			for i := range 5 {
				all.Go(func() {
					_, err := d.Authenticate(t.Context(), connectors.Credentials{Username: fmt.Sprint(crowd, i), Password: connectors.NewSecret("x"), RemoteIP: home})
					if after := time.Since(begun); crowd == "quick" && (!errors.Is(err, connectors.ErrBusy) || after != 2250*time.Millisecond) {
						t.Errorf("who has waited for a limit: %v after %v, want busy after 2.25s", err, after)
					}
				})
			}
			synctest.Wait()
		}
		all.Wait()
		if len(c.names) != 5 {
			t.Errorf("the directory was asked about %q", c.names)
		}
		logins{{"owner", "x", elsewhere, "ok"}}.run(t, d)
	})
}

// TestACrowdBlamesNobody holds that a directory which answers, if slowly, is not blamed for
// what logins had too little time for that have waited for a place.
func TestACrowdBlamesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{took: time.Second, more: 2 * time.Second}
		g := guardedBy(t, c, guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}, Breaker: guard.BreakerSettings{Failures: 1, Probe: time.Second}})
		var all sync.WaitGroup
		all.Go(func() { g.want("first", "x", nil) })
		time.Sleep(3500 * time.Millisecond)
		for range 2 { // of whom one joins the other, and begins nothing anew: the password was sent
			all.Go(func() {
				if _, err := g.login("second", "x"); !errors.Is(err, connectors.ErrBusy) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("who had 3.75s for 4: %v", err)
				}
			})
			time.Sleep(time.Millisecond)
		}
		all.Wait()
		if len(c.names) != 2 || len(c.sent) != 2 {
			t.Errorf("the directory was asked about %q, and sent passwords of %q", c.names, c.sent)
		}
		c.more = 0
		g.want("third", "x", nil)
		c.took = 2200 * time.Millisecond
		g.want("fourth", "x", context.DeadlineExceeded) // who had all there is
		g.want("fifth", "x", connectors.ErrResting)
	})
}

// TestNoTimeForThePassword holds that a password is not sent where our own waits have left less
// time for it than an operation may take: the directory might count it, and not be heard.
func TestNoTimeForThePassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{took: 1900 * time.Millisecond}
		g := guardedBy(t, c, guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}})
		var all sync.WaitGroup
		all.Go(func() { g.want("first", "x", nil) })
		time.Sleep(3300 * time.Millisecond)
		all.Go(func() { g.want("second", "x", connectors.ErrBusy) }) // has waited for half a second
		all.Wait()
		if len(c.names) != 2 || len(c.sent) != 1 {
			t.Errorf("the directory was asked about %q, and sent passwords of %q", c.names, c.sent)
		}
		g.want("third", "x", nil) // as long as it likes, where nobody else was there
	})
}

// TestThrottledAnswers holds which answers of our own tell that the directory has given one,
// between two outages of which the second would open the breaker.
func TestThrottledAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		noIDs bool
		want  string // of a second password
		opens bool
	}{
		"found, and then there were too many":        {want: "429 account-limit"},
		"not asked about":                            {noIDs: true, want: "429 account-limit", opens: true},
		"refused, and told that there were too many": {want: "429 lockout"},
		"likewise, by one that knows no ids":         {noIDs: true, want: "429 lockout"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{noIDs: tt.noIDs}
				v.answer = func(name, _ string) error {
					if name == "down" {
						return errDown
					}
					return connectors.Reject(connectors.ReasonWrongPassword)
				}
				s := lockout()
				s.Breaker = guard.BreakerSettings{Failures: 2, Probe: time.Second}
				cfg := guard.Config{Settings: s, Realm: "corp", Name: "vault"}
				if strings.HasPrefix(tt.want, "429 account") {
					cfg.Shield = guard.NewShield(guard.Limits{Account: guard.Rate{Burst: 1, Per: time.Hour}})
				} else {
					cfg.Look = guard.Look{Budget: 1, Window: time.Hour}
				}
				d := closing(t, guard.Password(v, cfg))
				logins{{"alice", "1", elsewhere, refused}, {"down", "1", elsewhere, "outage"}}.run(t, d)
				if got := login(t.Context(), d, "alice", "2", elsewhere); !strings.HasPrefix(got, tt.want) {
					t.Fatalf("the second password: %s, want %s", got, tt.want)
				}
				logins{{"down", "2", elsewhere, "outage"}}.run(t, d)
				_, err := d.Authenticate(t.Context(), connectors.Credentials{Username: "bob", Password: connectors.NewSecret("1")})
				if opened := errors.Is(err, connectors.ErrResting); opened != tt.opens {
					t.Errorf("after two outages: %v, want it left alone: %v", err, tt.opens)
				}
			})
		})
	}
}

// TestWaitingGivesThePlaceBack holds that a request that waits for a limit keeps no place of
// those who are worked on, also where the answer is remembered.
func TestWaitingGivesThePlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{during: func(context.Context, string, string) { time.Sleep(2 * time.Second) }}
		s := lockout()
		s.Cache.TTL = time.Minute
		d := door(t, v, s, guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 1, Per: time.Hour}}))
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		go login(t.Context(), d, "bob", "right", elsewhere)
		synctest.Wait()
		turns := connectors.NewTurns(1)
		ctx, visit := connectors.Arriving(t.Context())
		if !turns.Try() {
			t.Fatal("no turn")
		}
		visit.Has(&turns)
		go func() {
			if got := login(ctx, d, "alice", "right", elsewhere); got != "ok" {
				t.Errorf("who has waited: %s", got)
			}
		}()
		synctest.Wait()
		if !turns.Try() {
			t.Error("who waits keeps the place")
		}
		time.Sleep(5 * time.Second)
	})
}
