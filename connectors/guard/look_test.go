package guard_test

import (
	"context"
	"errors"
	"testing"

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
