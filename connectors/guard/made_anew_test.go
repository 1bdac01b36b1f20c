package guard_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// renewed is a vault whose accounts were made anew by the same names.
type renewed struct {
	*vault
	id string
}

func (r *renewed) Locate(_ context.Context, name string) (connectors.Account, error) {
	return connectors.Account{ID: r.id, Username: name}, nil
}

// TestMadeAnewOwesNothing holds that an account takes of its own limits whatever was known of
// another that had its name: which passwords were tried, and where its owner was at home.
func TestMadeAnewOwesNothing(t *testing.T) {
	for name, c := range map[string]struct{ before, after logins }{
		"tried before": {
			before: logins{{"alice", "old", elsewhere, refused}},
			after:  logins{{"alice", "old", elsewhere, refused}, {"alice", "new", elsewhere, "429 account-limit 1h0m0s"}},
		},
		"at home before": {
			before: logins{{"alice", "right", home, "ok"}},
			after:  logins{{"alice", "1", home, refused}, {"alice", "2", home, "429 account-limit 1h0m0s"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &renewed{vault: &vault{id: "former"}, id: "former"}
				d := closing(t, guard.Password(r, guard.Config{Settings: lockout(), Shield: guard.NewShield(guard.Limits{Account: guard.Rate{Burst: 1, Per: time.Hour}}), Realm: "corp", Name: "vault"}))
				c.before.run(t, d)
				time.Sleep(time.Hour)
				r.id = "anew"
				c.after.run(t, d)
			})
		})
	}
}
