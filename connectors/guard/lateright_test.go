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

// changing is a vault whose password is another from the second question on, of which it has
// seen the first by then: that it was right is said last.
type changing struct {
	*vault
	mu                sync.Mutex
	asked, row, worst int // row: how many in a row were wrong
}

func (c *changing) Verify(_ context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	c.mu.Lock()
	c.asked++
	right, takes := password.Reveal() == "old" && c.asked <= 2, 300*time.Millisecond
	if c.asked == 2 {
		takes = 900 * time.Millisecond
	}
	c.row++
	if right {
		c.row = 0
	}
	c.worst = max(c.worst, c.row)
	c.mu.Unlock()
	time.Sleep(takes)
	if !right {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	}
	return connectors.Identity{Connector: "v", Via: "v", ID: "id-alice", Username: a.Username, Ceiling: connectors.Unlimited()}, nil
}

// TestRightAnswerThatComesLate has a password be changed while many ask about the old one
// together, and the last answer be that it was right: what was refused meanwhile counts.
func TestRightAnswerThatComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, shield := &changing{vault: &vault{space: "one"}}, guard.NewShield(guard.Limits{})
		var all sync.WaitGroup
		for i := range 7 {
			c := closing(t, guard.Password(v, guard.Config{Settings: lockout(), Shield: shield, Realm: fmt.Sprint("r", i), Name: "v"}))
			all.Go(func() { login(t.Context(), c, "alice", "old", home) })
			synctest.Wait()
		}
		all.Wait()
		c := closing(t, guard.Password(v, guard.Config{Settings: lockout(), Shield: shield, Realm: "r0", Name: "v"}))
		for i := range 5 {
			login(t.Context(), c, "alice", fmt.Sprint("guess ", i), elsewhere)
		}
		if v.worst > 4 {
			t.Errorf("the directory has seen %d wrong passwords in a row", v.worst)
		}
	})
}
