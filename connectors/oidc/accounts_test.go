package oidc_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/oidc"
)

// exclusive is a provider that takes one login of an account at a time, and calls the
// passwords of others wrong. It is at work for a moment longer than its answer takes.
type exclusive struct {
	mu    sync.Mutex
	until time.Time
}

func (e *exclusive) ask(context.Context) error {
	e.mu.Lock()
	taken := time.Now().Before(e.until)
	if !taken {
		e.until = time.Now().Add(130 * time.Millisecond)
	}
	e.mu.Unlock()
	if taken {
		return connectors.Reject(connectors.ReasonWrongPassword)
	}
	time.Sleep(100 * time.Millisecond)
	return nil
}

// TestOneAccount has somebody log in twice at once with the right password, by two connectors
// of one provider or by two names. Neither is refused, since one waits for the other.
func TestOneAccount(t *testing.T) {
	const here, other = "https://sso.example/realms/corp", "https://sso.example/realms/other"
	alice := connectors.Identity{ID: here + "#0815", Username: "alice"}
	vouched := alice
	vouched.Aliases = []string{"alice", "alice@corp.example"}
	type login struct {
		connector int // 0 and 1 are of one issuer, 2 of another
		identity  connectors.Identity
		name      string
	}
	for _, tt := range []struct {
		name   string
		before []login
		atOnce [2]login
		waits  bool
	}{
		{"two connectors", nil, [2]login{{0, alice, "alice"}, {1, alice, "alice"}}, true},
		{"two names, by each of which she has signed in", []login{{0, alice, "alice"}, {0, alice, "alice@corp.example"}}, [2]login{{0, alice, "alice"}, {0, alice, "alice@corp.example"}}, true},
		{"two names that the provider vouches for", []login{{0, vouched, "alice"}}, [2]login{{0, vouched, "alice@corp.example"}, {0, vouched, "alice"}}, true},
		{"two names, each by another connector", []login{{1, vouched, "alice"}}, [2]login{{0, vouched, "alice@corp.example"}, {1, vouched, "alice"}}, true},
		{"two providers", []login{{0, alice, "alice"}}, [2]login{{0, alice, "alice"}, {2, connectors.Identity{ID: other + "#0815"}, "alice"}}, false},
		{"an alias by which somebody else has signed in", []login{{0, connectors.Identity{ID: here + "#1"}, "alice@corp.example"}, {0, vouched, "alice"}}, [2]login{{0, connectors.Identity{ID: here + "#1"}, "alice@corp.example"}, {0, vouched, "alice"}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				accounts := oidc.NewAccounts()
				all := []oidc.Logins{oidc.LoginsOf(here, accounts), oidc.LoginsOf(here, accounts), oidc.LoginsOf(other, accounts)}
				upstreams := map[string]*exclusive{}
				for _, l := range append(tt.before, tt.atOnce[:]...) {
					upstreams[l.identity.ID] = new(exclusive)
				}
				in := func(l login) {
					if _, err := all[l.connector].As(t.Context(), l.identity, l.name, "right", upstreams[l.identity.ID].ask); err != nil {
						t.Errorf("%s by connector %d: %v", l.name, l.connector, err)
					}
				}
				for _, l := range tt.before {
					in(l)
					time.Sleep(3 * time.Second)
				}
				begun := time.Now()
				var group sync.WaitGroup
				for _, l := range tt.atOnce {
					group.Go(func() { in(l) })
				}
				group.Wait()
				if took := time.Since(begun); took > 100*time.Millisecond != tt.waits {
					t.Errorf("they took %v", took)
				}
				for _, l := range all {
					l.Close()
				}
				time.Sleep(time.Second) // the rests are over
			})
		})
	}
}

// TestRightAfterTheFirstLogin holds that who comes right after it waits, although it was not
// known whose the name is.
func TestRightAfterTheFirstLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		accounts := oidc.NewAccounts()
		alice := connectors.Identity{ID: "https://sso.example#0815", Username: "alice", Aliases: []string{"alice", "alice@corp.example"}}
		provider := new(exclusive)
		for _, name := range []string{"alice", "alice", "alice@corp.example"} {
			l := oidc.LoginsOf("https://sso.example", accounts)
			defer l.Close()
			if _, err := l.As(t.Context(), alice, name, "right", provider.ask); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		time.Sleep(time.Second)
		if underway, _, _ := oidc.LoginsOf("https://sso.example", accounts).Kept(); underway != 0 {
			t.Errorf("%d turns are kept", underway)
		}
	})
}

// TestDoubtsOfOneAccount holds that a login which was given up is one of the account, for all
// connectors of its provider and all its names.
func TestDoubtsOfOneAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		accounts := oidc.NewAccounts()
		one, two := oidc.LoginsOf("https://sso.example", accounts), oidc.LoginsOf("https://sso.example", accounts)
		defer one.Close()
		defer two.Close()
		alice := connectors.Identity{ID: "https://sso.example#0815", Aliases: []string{"alice", "alice@corp.example"}}
		if _, err := one.As(t.Context(), alice, "alice", "right", func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
		_ = one.Do(t.Context(), "alice", "a", func(context.Context) error { return oidc.Unanswered() })
		refuse := func(context.Context) error { return connectors.Reject(connectors.ReasonWrongPassword) }
		if err := two.Do(t.Context(), "alice@corp.example", "b", refuse); !errors.Is(err, connectors.ErrInDoubt) || !strings.Contains(err.Error(), "this account") {
			t.Errorf("another connector, another name: error %v, want doubt", err)
		}
		time.Sleep(2 * time.Second)
	})
}
