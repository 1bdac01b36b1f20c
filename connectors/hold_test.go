package connectors_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// lasting is a connector that takes its time.
type lasting struct {
	scripted
	takes time.Duration
}

func (l *lasting) Authenticate(ctx context.Context, c connectors.Credentials) (connectors.Identity, error) {
	time.Sleep(l.takes)
	return l.scripted.Authenticate(ctx, c)
}

// directory is one whose upstream takes its time to refuse.
type directory struct {
	lasting
	refusal time.Duration
}

func (d *directory) RefusalTime() time.Duration { return d.refusal }

// hashes is one that spends its time itself.
type hashes struct{ directory }

func (h *hashes) SpendAsRefusal(context.Context, connectors.Secret) error {
	time.Sleep(h.takes)
	return nil
}

const ms = time.Millisecond

// tookOf is how long a chain of the connectors takes for a login.
func tookOf(ctx context.Context, c connectors.Credentials, list ...connectors.Connector) (time.Duration, error) {
	members := make([]connectors.Member, len(list))
	for i, l := range list {
		members[i] = connectors.Member{Name: string(rune('a' + i)), Connector: l, Tokens: c.Password.Issued()}
	}
	begun := time.Now()
	_, err := connectors.NewChain(connectors.ASCIIUsernames, members...).Authenticate(ctx, c)
	return time.Since(begun), err
}

// TestRefusalsTakeTheSameTime has connectors of all kinds refuse in whatever way: all that
// is left of who refused and why is what the time varies by.
func TestRefusalsTakeTheSameTime(t *testing.T) {
	const scatter = 20 * ms
	wrong, known, unknown := connectors.Reject(connectors.ReasonWrongPassword), connectors.Reject(connectors.ReasonKnownWrong), connectors.ErrNotMine
	locked := &connectors.Throttled{Reason: connectors.ReasonLockout}
	says := func(err error) scripted { return scripted{handles: true, err: err} }
	none := scripted{}
	for _, tt := range []struct {
		name            string
		file, near, far scripted // a hash of 50 ms, and directories that refuse in 100 and 200 ms
		quick           bool     // the directories have answered from memory, or have nobody's password to check
	}{
		{"wrong in the file", says(wrong), none, none, false},
		{"known to be wrong in the file", says(known), none, none, true},
		{"locked out in the file", says(locked), none, none, true},
		{"wrong in the file, and looks locked out", says(&connectors.Throttled{Reason: connectors.ReasonLockout, Asked: true}), none, none, false},
		{"refused before, and the budget is spent since", says(connectors.Reject(connectors.ReasonLockout)), none, none, true},
		{"wrong in the first directory", none, says(wrong), none, false},
		{"locked out in the first directory", none, says(locked), none, true},
		{"unknown to the first, wrong in the second", none, says(unknown), says(wrong), false},
		{"unknown to the first, known to be wrong in the second", none, says(unknown), says(known), true},
		{"unknown to both", none, says(unknown), says(unknown), true},
		{"nobody takes it", none, none, none, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := &hashes{directory{lasting{tt.file, 50 * ms}, time.Hour}}
				near, far := &directory{lasting{tt.near, 90 * ms}, 100 * ms}, &directory{lasting{tt.far, 190 * ms}, 200 * ms}
				if tt.quick {
					near.takes, far.takes = ms, ms
				}
				var list connectors.Connector = file
				if tt.quick && tt.file.handles {
					list = &remembering{file}
				}
				var least, most time.Duration
				for range 100 {
					took, err := tookOf(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret("pw")}, list, near, far)
					var throttled *connectors.Throttled
					if !errors.Is(err, connectors.ErrRejected) && !errors.As(err, &throttled) {
						t.Fatal(err)
					}
					if took < 350*ms || took >= 350*ms+scatter {
						t.Fatalf("took %s, want 350 ms and up to %s more", took, scatter)
					}
					if least == 0 || took < least {
						least = took
					}
					most = max(most, took)
				}
				if most-least < scatter/2 {
					t.Errorf("took %s to %s: what others take does not hide it", least, most)
				}
			})
		})
	}
}

// remembering is hashes that refuses in no time.
type remembering struct{ *hashes }

func (r *remembering) Authenticate(ctx context.Context, c connectors.Credentials) (connectors.Identity, error) {
	return r.scripted.Authenticate(ctx, c)
}

// TestWhatIsNotHeld holds that only what is refused waits, and only where names could be
// told by it.
func TestWhatIsNotHeld(t *testing.T) {
	alice := connectors.Credentials{Username: "alice", Password: connectors.NewSecret("pw")}
	token := connectors.Credentials{Username: "alice", Password: connectors.NewSecret("srp_0123456789abABCDEFGHIJKLMNOPQRSTUVWXYZabcdef3a1QgX")}
	wrong := scripted{handles: true, err: connectors.Reject(connectors.ReasonWrongPassword)}
	for name, tt := range map[string]struct {
		cred      connectors.Credentials
		connector connectors.Connector
		want      time.Duration
	}{
		"signed in":                      {alice, &directory{lasting{scripted{handles: true, identity: vouching("a")}, 7 * ms}, 100 * ms}, 7 * ms},
		"an outage":                      {alice, &directory{lasting{scripted{handles: true, err: errDown}, 7 * ms}, 100 * ms}, 7 * ms},
		"a token":                        {token, &directory{lasting{wrong, 7 * ms}, 100 * ms}, 7 * ms},
		"no password":                    {connectors.Credentials{Username: "alice"}, &directory{lasting{wrong, 7 * ms}, 100 * ms}, 0},
		"refused by one without a pace":  {alice, &lasting{wrong, 7 * ms}, 7 * ms},
		"refused in no noticeable time":  {alice, &directory{lasting{wrong, 7 * ms}, 0}, 7 * ms},
		"refused later than nearly ever": {alice, &directory{lasting{wrong, 130 * ms}, 100 * ms}, 130 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if took, err := tookOf(t.Context(), tt.cred, tt.connector); took != tt.want {
					t.Errorf("took %s (%v), want %s", took, err, tt.want)
				}
			})
		})
	}
}

// TestHoldEndsWithItsClient holds that nothing waits for who has hung up, and that it is a
// refusal all the same.
func TestHoldEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*ms)
		defer cancel()
		wrong := scripted{handles: true, err: connectors.Reject(connectors.ReasonWrongPassword)}
		took, err := tookOf(ctx, connectors.Credentials{Username: "alice", Password: connectors.NewSecret("pw")}, &directory{lasting{wrong, 7 * ms}, time.Second})
		if took != 30*ms || reasonOf(err) != connectors.ReasonWrongPassword {
			t.Errorf("took %s: %v, want a wrong password after 30 ms", took, err)
		}
	})
}
