package ldap_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// TestUnansweredBinds has a directory answer searches and no binds, and people log in all the
// time: it is sent one password, which it may have counted, and none of the others until it
// answers a bind by nobody's password, whatever it answers.
func TestUnansweredBinds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		anonymous bool
		refuses   int // what it answers to anonymous binds
	}{{"service account", false, 0}, {"anonymous", true, 0}, {"anonymous binds refused", true, 48}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var passwords atomic.Int64
			var hangs atomic.Bool
			awake := make(chan struct{})
			c := config(listen(t, script{
				bind: func(dn, _ string) (int, string) {
					if dn == alice().dn {
						passwords.Add(1)
					}
					if hangs.Load() {
						<-awake
					}
					if dn == "" {
						return tt.refuses, ""
					}
					return 0, ""
				},
				search: func(string, string) ([]record, int) { return []record{alice()}, 0 },
			}.serve))
			if tt.anonymous {
				c.BindDN, c.BindPassword, c.AnonymousSearch = "", connectors.Secret{}, true
			}
			d := open(t, c)
			if _, err := login(t, d, "alice", "right"); err != nil {
				t.Fatal(err)
			}
			hangs.Store(true)
			for i := range 4 {
				_, err := login(t, d, "alice", "right")
				if !errors.Is(err, connectors.ErrUnreachable) || errors.Is(err, connectors.ErrInDoubt) != (i == 0) {
					t.Errorf("login %d while it hangs: error %v, in doubt: %v", i+1, err, errors.Is(err, connectors.ErrInDoubt))
				}
			}
			if n := passwords.Load(); n != 2 {
				t.Errorf("it was sent %d passwords while it hung, want 1", n-1)
			}
			hangs.Store(false)
			close(awake)
			for range 2 {
				if _, err := login(t, d, "alice", "right"); err != nil {
					t.Errorf("when it answers again: %v", err)
				}
			}
			if n := passwords.Load(); n != 4 {
				t.Errorf("%d passwords, want one for each login since", n-2)
			}
		})
	}
}

// TestAnswersTooLate has a directory answer binds again, but so slowly that no time is left for
// another one: it is sent no password, and not blamed.
func TestAnswersTooLate(t *testing.T) {
	t.Parallel()
	var passwords, takes atomic.Int64
	d := open(t, config(listen(t, script{
		bind: func(dn, _ string) (int, string) {
			if dn == alice().dn {
				passwords.Add(1)
			}
			time.Sleep(time.Duration(takes.Load()))
			return 0, ""
		},
		search: func(string, string) ([]record, int) { return []record{alice()}, 0 },
	}.serve)))
	if _, err := login(t, d, "alice", "right"); err != nil {
		t.Fatal(err)
	}
	account, err := d.Locate(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	takes.Store(int64(4 * time.Second))
	if _, err := d.Verify(t.Context(), account, connectors.NewSecret("right")); !errors.Is(err, connectors.ErrInDoubt) {
		t.Fatalf("while it hangs: %v", err)
	}
	takes.Store(int64(1500 * time.Millisecond))
	sent := passwords.Load()
	ctx, cancel := context.WithTimeout(t.Context(), 2300*time.Millisecond)
	defer cancel()
	if _, err := d.Verify(ctx, account, connectors.NewSecret("right")); !errors.Is(err, connectors.ErrBusy) || errors.Is(err, connectors.ErrUnreachable) {
		t.Errorf("with too little time left: %v, want busy", err)
	}
	if n := passwords.Load() - sent; n != 0 {
		t.Errorf("it was sent %d passwords then", n)
	}
}
