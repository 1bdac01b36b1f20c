package oidc_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/oidc"
)

// TestForgottenLogins holds that a login counts no more when the administrator wants it
// forgotten, or the provider has said that the account may not sign in: by all names of the
// account, and by none of another.
func TestForgottenLogins(t *testing.T) {
	barred := func(ctx context.Context, l oidc.Logins) {
		_ = l.Do(ctx, "alice", "another", func(context.Context) error { return connectors.Reject(connectors.ReasonDisabled) })
	}
	wrong := func(ctx context.Context, l oidc.Logins) {
		_ = l.Do(ctx, "alice", "another", func(context.Context) error { return connectors.Reject(connectors.ReasonWrongPassword) })
	}
	for _, tt := range []struct {
		name       string
		meanwhile  func(context.Context, oidc.Logins)
		alice, bob connectors.Answer
	}{
		{"nothing", func(context.Context, oidc.Logins) {}, connectors.AnswerCache, connectors.AnswerCache},
		{"a wrong password", wrong, connectors.AnswerCache, connectors.AnswerCache},
		{"the account may not sign in", barred, connectors.AnswerUpstream, connectors.AnswerCache},
		{"forgotten", func(_ context.Context, l oidc.Logins) { l.Forget("alice") }, connectors.AnswerUpstream, connectors.AnswerCache},
		{"forgotten by the other name", func(_ context.Context, l oidc.Logins) { l.Forget("alice@corp.example") }, connectors.AnswerUpstream, connectors.AnswerCache},
		{"another forgotten", func(_ context.Context, l oidc.Logins) { l.Forget("bob") }, connectors.AnswerCache, connectors.AnswerUpstream},
		{"all forgotten", func(_ context.Context, l oidc.Logins) { l.Forget("") }, connectors.AnswerUpstream, connectors.AnswerUpstream},
	} {
		t.Run(tt.name, func(t *testing.T) {
			loggingIn(t, 10*time.Millisecond, func(t *testing.T, l oidc.Logins, p *asking) {
				login := func(id, name string) connectors.Answer {
					got, err := l.As(t.Context(), connectors.Identity{ID: id, Username: id}, name, "right", p.ask)
					if err != nil {
						t.Fatal(err)
					}
					return got.Answer
				}
				for _, name := range []string{"alice", "alice@corp.example", "bob"} {
					if got := login(name[:3], name); got != connectors.AnswerUpstream {
						t.Errorf("the first login by %s is answered from %q", name, got)
					}
				}
				tt.meanwhile(t.Context(), l)
				for name, want := range map[string]connectors.Answer{"alice": tt.alice, "alice@corp.example": tt.alice, "bob": tt.bob} {
					if got := login(name[:3], name); got != want {
						t.Errorf("then one by %s is answered from %q, want %q", name, got, want)
					}
				}
			})
		})
	}
}

// TestForgottenMeanwhile holds that a login which is under way when it is to be forgotten
// counts for nobody who comes later.
func TestForgottenMeanwhile(t *testing.T) {
	for name, comes := range map[string]time.Duration{"while it is under way": 500 * time.Millisecond, "when it is over": 1500 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			loggingIn(t, time.Second, func(t *testing.T, l oidc.Logins, p *asking) {
				var group sync.WaitGroup
				defer group.Wait()
				group.Go(func() {
					if err := l.Do(t.Context(), "alice", "right", p.ask); err != nil {
						t.Errorf("the login under way: %v", err)
					}
				})
				synctest.Wait()
				l.Forget("alice")
				time.Sleep(comes)
				if err := l.Do(t.Context(), "alice", "right", p.ask); err != nil || p.asked.Load() != 2 {
					t.Errorf("the next one: %v, asked %d times, want 2", err, p.asked.Load())
				}
			})
		})
	}
}

// TestClearedCache has the guards forget somebody who has just signed in.
func TestClearedCache(t *testing.T) {
	p := newProvider(t)
	d, err := oidc.New(p.config(), connectors.Deps{Name: "sso"}, oidc.NewAccounts())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c := guard.Password(d, guard.Config{Settings: guard.DefaultSettings()})
	alice := connectors.Credentials{Username: "alice", Password: connectors.NewSecret(goodPassword)}
	if _, err := c.Authenticate(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.handlers[pathToken] = refuse(400, "invalid_grant", "Account disabled")
	p.mu.Unlock()
	for _, username := range []string{"alice", ""} {
		c.(interface{ Forget(string) int }).Forget(username)
		_, err = c.Authenticate(t.Context(), alice)
		if reason, _ := reasonOf(err); reason != connectors.ReasonDisabled {
			t.Errorf("disabled, and %q forgotten: error %v", username, err)
		}
	}
}
