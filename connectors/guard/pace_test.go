package guard_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// clock is a directory that takes its time, and knows some accounts by an id and others
// only by their password.
type clock struct {
	ids   bool
	takes time.Duration
	says  error // nil: the password is right
}

const ms = time.Millisecond

func (c *clock) Locate(_ context.Context, username string) (connectors.Account, error) {
	time.Sleep(c.takes / 2)
	if c.ids {
		return connectors.Account{ID: username, Username: username}, nil
	}
	return connectors.Account{Username: username}, nil
}

func (c *clock) Verify(context.Context, connectors.Account, connectors.Secret) (connectors.Identity, error) {
	time.Sleep(c.takes - c.takes/2)
	return connectors.Identity{ID: "1", Username: "alice"}, c.says
}

// paced is a guarded clock.
type paced struct {
	*clock
	t         *testing.T
	connector connectors.Connector
	passwords int
}

func newPaced(t *testing.T, c *clock) *paced {
	t.Helper()
	return &paced{clock: c, t: t, connector: guard.Password(c, guard.Config{})}
}

// login logs in by the name with passwords that were not tried before.
func (p *paced) login(name string, takes time.Duration, says error, times int) {
	p.t.Helper()
	p.takes, p.says = takes, says
	for range times {
		p.passwords++
		cred := connectors.Credentials{Username: name, Password: connectors.NewSecret(fmt.Sprint("pw", p.passwords))}
		if _, err := p.connector.Authenticate(p.t.Context(), cred); (err == nil) != (says == nil) {
			p.t.Fatalf("login: %v, want %v", err, says)
		}
	}
}

// want fails the test unless a refusal is taken to last from least to most.
func (p *paced) want(what string, least, most time.Duration) {
	p.t.Helper()
	low, high := time.Hour, time.Duration(0)
	for range 20_000 {
		took := p.connector.(connectors.Paced).RefusalTime()
		low, high = min(low, took), max(high, took)
	}
	if low != least || high != most {
		p.t.Errorf("%s: from %s to %s, want from %s to %s", what, low, high, least, most)
	}
}

var wrong, locked = connectors.Reject(connectors.ReasonWrongPassword), connectors.Reject(connectors.ReasonLocked)

func TestPace(t *testing.T) {
	for name, run := range map[string]func(p *paced){
		"nothing is known": func(p *paced) { p.want("at the start", 250*ms, 250*ms) },
		"a few refusals say little": func(p *paced) {
			p.login("alice", 2*ms, wrong, 19)
			p.want("after 19", 250*ms, 250*ms)
			p.login("alice", 2*ms, wrong, 1)
			p.want("after 20", 2*ms, 2*ms)
		},
		"unless they are slow": func(p *paced) {
			p.login("alice", 400*ms, wrong, 1)
			p.want("after one", 400*ms, 400*ms)
		},
		"nearly all, and now and then as the others": func(p *paced) {
			for i := range 100 {
				p.login("alice", time.Duration(100-i)*ms, wrong, 1)
			}
			p.want("after 100", 95*ms, 100*ms)
		},
		"some become slow": func(p *paced) {
			p.login("alice", 2*ms, wrong, 300)
			p.login("alice", 80*ms, wrong, 1)
			p.want("one", 2*ms, 80*ms)
			p.login("alice", 80*ms, wrong, 1)
			p.want("two of the last", 80*ms, 80*ms)
			p.login("alice", 2*ms, wrong, 19)
			p.want("two, a while ago", 2*ms, 80*ms)
			p.login("alice", 2*ms, wrong, 300)
			p.want("and forgotten", 2*ms, 2*ms)
		},
		"an hour ago is long": func(p *paced) {
			p.login("alice", 2*ms, wrong, 30)
			time.Sleep(time.Hour - 10*ms)
			p.want("too few are left", 250*ms, 250*ms)
			p.login("alice", 2*ms, wrong, 20)
			p.want("of now", 2*ms, 2*ms)
		},
		"a second at most": func(p *paced) {
			p.login("alice", 3*time.Second, wrong, 30)
			p.want("after three seconds each", time.Second, time.Second)
		},
		"only wrong passwords count": func(p *paced) {
			p.login("alice", 90*ms, wrong, 30)
			for _, other := range []error{locked, connectors.ErrNotMine, context.DeadlineExceeded, nil} {
				p.login("alice", ms, other, 300)
			}
			p.want("among others", 90*ms, 90*ms)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { run(newPaced(t, &clock{ids: true})) })
		})
	}
}

// TestPaceOfNames holds that where any name may be sent a password, those that nobody has
// shown to exist say nothing of the pace.
func TestPaceOfNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaced(t, &clock{})
		p.login("zoe", ms, wrong, 300)
		p.want("of a name that is perhaps nobody's", 250*ms, 250*ms)
		p.login("alice", ms, nil, 1)
		p.login("alice", 90*ms, wrong, 30)
		p.login("zoe", ms, wrong, 300)
		p.want("of one that has signed in", 90*ms, 90*ms)
	})
}

// TestPaceOfACrowd holds that the wait for a place at the directory is part of how long a
// refusal takes.
func TestPaceOfACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := guard.Settings{Bulkhead: guard.BulkheadSettings{Max: 1}}
		p := &paced{clock: &clock{ids: true, takes: 25 * ms, says: wrong}, t: t}
		p.connector = guard.Password(p.clock, guard.Config{Settings: settings})
		var wg sync.WaitGroup
		for i := range 20 {
			cred := connectors.Credentials{Username: "alice", Password: connectors.NewSecret(fmt.Sprint("pw", i))}
			wg.Go(func() { _, _ = p.connector.Authenticate(t.Context(), cred) })
		}
		wg.Wait()
		p.want("of 20, one after the other", 475*ms, 500*ms)
	})
}
