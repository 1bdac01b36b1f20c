package guard_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// disabling is a directory whose one account is disabled, which it says to who knows the
// password.
type disabling struct {
	book
	asked int
}

func (*disabling) Locate(context.Context, string) (connectors.Account, error) {
	return connectors.Account{ID: "7", Username: "alice"}, nil
}

func (d *disabling) Verify(_ context.Context, _ connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	d.asked++
	if password.Reveal() == "right" {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonDisabled)
	}
	return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
}

// TestAPasswordKeepsItsLook holds that a password which was refused for another reason than
// being wrong is refused as before when the budget is spent, as a wrong one is: else it would
// tell that it is right.
func TestAPasswordKeepsItsLook(t *testing.T) {
	d := &disabling{}
	c := guard.Password(d, guard.Config{Settings: guard.DefaultSettings()})
	for i, tt := range []struct {
		password  string
		want      connectors.Reason
		throttled bool
		asked     int
	}{
		{"right", connectors.ReasonDisabled, false, 1},
		{"a", connectors.ReasonWrongPassword, false, 2},
		{"b", connectors.ReasonWrongPassword, false, 3},
		{"right", connectors.ReasonDisabled, false, 4},
		{"c", connectors.ReasonLockout, true, 5},
		{"right", connectors.ReasonLockout, false, 5},
		{"a", connectors.ReasonKnownWrong, false, 5},
		{"d", connectors.ReasonLockout, true, 5},
	} {
		_, err := c.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret(tt.password)})
		var rejection *connectors.Rejection
		var throttled *connectors.Throttled
		var got connectors.Reason
		switch {
		case errors.As(err, &rejection):
			got = rejection.Reason
		case errors.As(err, &throttled):
			got = throttled.Reason
		}
		if got != tt.want || (throttled != nil) != tt.throttled || d.asked != tt.asked {
			t.Errorf("login %d, by %q: %v after %d questions, want %s (throttled: %v) after %d", i+1, tt.password, err, d.asked, tt.want, tt.throttled, tt.asked)
		}
	}
}

// TestManyGuessesLookEqual holds that no more passwords are refused as wrong than may be,
// however many are sent: of a connector that sends any number, too.
func TestManyGuessesLookEqual(t *testing.T) {
	for _, budget := range []int{0, 3, 100} {
		for _, who := range []string{"alice", "disabled", "nobody"} {
			synctest.Test(t, func(t *testing.T) {
				s := lockout()
				s.Lockout.Budget = budget
				c := closing(t, guard.Password(peopled(), guard.Config{Settings: s, Look: guard.LookOf(lockout().Lockout), Realm: "corp", Name: "c0"}))
				chain := connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "c0", Connector: unpaced{c, c.(connectors.Refuser)}})
				for i := range 400 {
					want := "401"
					if i >= 3 {
						want = "429 15m0s"
					}
					if got := look(login(t.Context(), chain, who, fmt.Sprint(i), elsewhere)); got != want {
						t.Fatalf("budget %d, %s, password %d: %s, want %s", budget, who, i, got, want)
					}
				}
				time.Sleep(time.Minute)
				logins{{who, "400", elsewhere, "429 lockout 14m0s"}}.run(t, chain)
			})
		}
	}
}

// TestAnyNumberIsForgotten holds that a record is bounded also where all that is wrong is said
// to be.
func TestAnyNumberIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, shield := &vault{}, guard.NewShield(guard.Limits{})
		s := lockout()
		s.Lockout.Budget = 0
		d := door(t, v, s, shield)
		for i := range 400 {
			logins{{"alice", fmt.Sprint(i), elsewhere, refused}}.run(t, d)
		}
		if list := shield.List(); len(list) != 1 || list[0].Refused > 100 {
			t.Errorf("listed %+v", list)
		}
	})
}
