package guard_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// TestLockoutAdvice compares the guards with when directories lock.
func TestLockoutAdvice(t *testing.T) {
	const (
		through = "guard.lockout lets through 4 wrong passwords (budget 3, familiar 1), and "
		half    = 30 * time.Minute
	)
	for _, tt := range []struct {
		name                     string
		budget, familiar         int
		window                   time.Duration
		failures                 int
		within                   time.Duration
		want                     []string
		nextBudget, nextFamiliar int // what the advice says; 0, 0: nothing of them
	}{
		{"no lockout", 3, 1, 15 * time.Minute, 0, half, nil, 0, 0},
		{"clear of it", 3, 1, half, 5, half, nil, 0, 0},
		{"one too many", 3, 1, half, 4, half, []string{through + "4 lock: write budget: 2 and familiar: 1, or less"}, 2, 1},
		{"after three", 3, 1, half, 3, half, []string{through + "3 lock: write budget: 1 and familiar: 1, or less"}, 1, 1},
		{"after two", 3, 1, half, 2, half, []string{through + "2 lock: write budget: 1 and familiar: 0, or less"}, 1, 0},
		{"after one", 3, 1, half, 1, half, []string{"a single wrong password locks there, before which nothing can keep: have it take 3 or more"}, 0, 0},
		{"no budget", 0, 1, half, 100, half, []string{"guard.lockout.budget: 0 lets through any number of wrong passwords, and 100 lock: write budget: 98 and familiar: 1, or less"}, 98, 1},
		{"a short window", 3, 1, 15 * time.Minute, 5, half, []string{"guard.lockout.window, 15m, is shorter than wrong passwords count there: write window: 30m"}, 0, 0},
		{"both", 3, 1, time.Minute, 3, 90 * time.Second, []string{
			through + "3 lock: write budget: 1 and familiar: 1, or less",
			"guard.lockout.window, 1m, is shorter than wrong passwords count there: write window: 1m30s",
		}, 1, 1},
		{"for ever", 3, 1, 15 * time.Minute, 5, 0, []string{"wrong passwords count there until a right one comes, and guard.lockout.window lets one through again after 15m, so that an old password that goes on being sent locks in the end: have them count for a time, no longer than the window; shorepass lockouts list shows whose it is"}, 0, 0},
		{"for ever, and for the longest", 3, 1, 24 * time.Hour, 5, 0, []string{"wrong passwords count there until a right one comes, and guard.lockout.window lets one through again after 24h, so that an old password that goes on being sent locks in the end: have them count for a time, no longer than the window; shorepass lockouts list shows whose it is"}, 0, 0},
		{"for days", 3, 1, 24 * time.Hour, 5, 48 * time.Hour, []string{"wrong passwords count there for longer than guard.lockout.window can be: have them count for 24h at most, and write window: 24h"}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := guard.LockoutSettings{Budget: tt.budget, Familiar: tt.familiar, Window: tt.window}
			p := connectors.LockoutPolicy{Failures: tt.failures, Within: tt.within}
			if got := s.Advice(p); !slices.Equal(got, tt.want) {
				t.Errorf("advice %q, want %q", got, tt.want)
			}
			if tt.nextBudget > 0 { // what is advised is enough
				s.Budget, s.Familiar, s.Window = tt.nextBudget, tt.nextFamiliar, 24*time.Hour
				if got := s.Advice(p); got != nil {
					t.Errorf("advice on what was advised: %q", got)
				}
			}
		})
	}
}

// telling is a directory that knows when it locks.
type telling struct{ connectors.Directory }

func (telling) LockoutPolicies(_ context.Context, username string) ([]connectors.LockoutPolicy, error) {
	return []connectors.LockoutPolicy{{Name: username}}, nil
}

// TestLockoutPolicies are the directory's, of the name in canonical form.
func TestLockoutPolicies(t *testing.T) {
	tell := guard.Password(telling{}, guard.Config{}).(connectors.LockoutTeller)
	for typed, want := range map[string]string{"": "", "ALICE": "alice", "no name!": ""} {
		if got, err := tell.LockoutPolicies(t.Context(), typed); err != nil || len(got) != 1 || got[0].Name != want {
			t.Errorf("%q: %v, %v", typed, got, err)
		}
	}
	mute := guard.Password(struct{ connectors.Directory }{}, guard.Config{}).(connectors.LockoutTeller)
	if _, err := mute.LockoutPolicies(t.Context(), ""); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("of a directory that cannot tell: %v", err)
	}
}
