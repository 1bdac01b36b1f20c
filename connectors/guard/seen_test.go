package guard_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// guess has a password tried for a name that nobody has.
func guess(t *testing.T, c connectors.Connector, name, password string) string {
	t.Helper()
	err := c.(connectors.Refuser).RefuseUnknown(t.Context(), connectors.Credentials{Username: name, Password: connectors.NewSecret(password), RemoteIP: elsewhere})
	if err == nil {
		return "401"
	}
	return look(outcomeOf(err))
}

// TestOldPasswordsLookAlike holds that old passwords that come again and again take nothing
// of the limits again, neither for a name that nobody has nor for an account.
func TestOldPasswordsLookAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door(t, &vault{}, lockout(), guard.NewShield(guard.Limits{Account: guard.Rate{Burst: 32, Per: 30 * 24 * time.Hour}}))
		for i := range 96 { // 32 different ones
			password := fmt.Sprint(i % 32)
			a, b := look(login(t.Context(), d, "alice", password, elsewhere)), guess(t, d, "ghost", password)
			if a != "401" || b != "401" {
				t.Fatalf("password %d: %s for an account, %s for a name that nobody has", i, a, b)
			}
			time.Sleep(16 * time.Minute)
		}
		for i, want := range []string{"401", "429"} { // one has come since
			a, b := look(login(t.Context(), d, "alice", fmt.Sprint("new", i), elsewhere)), guess(t, d, "ghost", fmt.Sprint("new", i))
			if a[:3] != want || a != b {
				t.Errorf("new password %d: %s for an account, %s for a name that nobody has, want %s", i, a, b, want)
			}
		}
	})
}

// TestNamesAreSmall holds that little is kept of a name that nobody has, however long it is
// guessed at.
func TestNamesAreSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const names, most = 500, 3000 // bytes of each
		d := door(t, &vault{}, lockout(), guard.NewShield(guard.Limits{}))
		before := heap()
		for i := range 40 {
			for n := range names {
				for j := range 3 {
					if got := guess(t, d, fmt.Sprint("ghost", n), fmt.Sprint(i, j)); got != "401" {
						t.Fatalf("guess %d: %s", i, got)
					}
				}
			}
			time.Sleep(15 * time.Minute)
		}
		if each := (heap() - before) / names; each > most {
			t.Errorf("%d bytes are kept of each name, want %d at most", each, most)
		}
		runtime.KeepAlive(d)
	})
}

// heap is how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // not that many
}
