package guard_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// recalling is a vault that answers from memory when it has been told to.
type recalling struct {
	*vault
	recalls   bool
	forgotten []string
}

func (r *recalling) Verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	id, err := r.vault.Verify(ctx, a, password)
	if r.recalls {
		id.Answer = connectors.AnswerCache
	}
	return id, err
}

func (r *recalling) Forget(username string) { r.forgotten = append(r.forgotten, username) }

// TestWhatADirectoryRemembers holds that a login which the directory has answered from memory
// is not remembered as if the upstream had been asked, and clears nothing that this counts.
func TestWhatADirectoryRemembers(t *testing.T) {
	for _, recalls := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := &recalling{vault: &vault{}, recalls: recalls}
			s := guard.DefaultSettings()
			s.Cache.TTL = time.Minute
			c := closing(t, guard.Password(d, guard.Config{Settings: s, Shield: guard.NewShield(guard.Limits{}), Realm: "corp", Name: "vault"}))
			logins{
				{"alice", "1", elsewhere, refused},
				{"alice", "2", elsewhere, refused},
				{"alice", "right", elsewhere, "ok"},
				{"alice", "right", elsewhere, "ok"},
				{"alice", "3", elsewhere, refused},
			}.run(t, c)
			if sent, want := len(d.take()), map[bool]int{false: 4, true: 5}[recalls]; sent != want {
				t.Errorf("recalls %v: the directory was asked %d times, want %d", recalls, sent, want)
			}
			want := map[bool]string{false: refused, true: "429 lockout 15m0s"}[recalls]
			if got := login(t.Context(), c, "alice", "4", home); got != want {
				t.Errorf("recalls %v: a fourth wrong password, after a right one: %s, want %s", recalls, got, want)
			}
		})
	}
}

// TestForgetReachesTheDirectory holds that what it remembers by itself is forgotten, too, by
// the name that it knows.
func TestForgetReachesTheDirectory(t *testing.T) {
	d := &recalling{vault: &vault{}}
	c := closing(t, guard.Password(d, guard.Config{Realm: "corp", Name: "vault"}))
	for _, name := range []string{"Alice", "", "no name\x00"} {
		c.(interface{ Forget(string) int }).Forget(name)
	}
	if len(d.forgotten) != 2 || d.forgotten[0] != "alice" || d.forgotten[1] != "" {
		t.Errorf("forgotten: %q", d.forgotten)
	}
}
