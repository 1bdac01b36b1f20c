package guard_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// TestNamesAreBounded has more made-up names tried than are remembered: they push each
// other out, and no account.
func TestNamesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 65536
		shield := guard.NewShield(guard.Limits{})
		d := door(t, &vault{}, lockout(), shield)
		logins{{"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, refused}, {"alice", "3", elsewhere, refused}}.run(t, d)
		for i := range most + 100 {
			if err := d.(connectors.Refuser).RefuseUnknown(t.Context(), connectors.Credentials{Username: fmt.Sprint("nobody", i), Password: connectors.NewSecret("1")}); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(shield.List()); n != most+1 {
			t.Errorf("%d are remembered, want %d", n, most+1)
		}
		logins{{"alice", "1", elsewhere, known}, {"alice", "4", elsewhere, "429 lockout 15m0s"}}.run(t, d)
	})
}

// TestPasswordsAreBounded has an account that is in use guessed at for long.
func TestPasswordsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shield := guard.NewShield(guard.Limits{})
		v := &vault{}
		d := door(t, v, lockout(), shield)
		for i := range 200 {
			logins{{"alice", fmt.Sprint(i), elsewhere, refused}, {"alice", "right", home, "ok"}}.run(t, d)
		}
		for i := range 3 {
			logins{{"alice", fmt.Sprint("last", i), elsewhere, refused}}.run(t, d)
		}
		if l := shield.List(); len(l) != 1 || l[0].Refused != 68 || l[0].Counted != 3 {
			t.Errorf("listed %+v", l)
		}
		logins{{"alice", "last0", elsewhere, known}, {"alice", "right", elsewhere, "429 lockout 15m0s"}}.run(t, d)
	})
}

// TestNothingIsKeptOfSuccesses holds that who only ever signs in leaves nothing behind but
// where that was.
func TestNothingIsKeptOfSuccesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shield := guard.NewShield(guard.DefaultLimits())
		d := door(t, &vault{}, lockout(), shield)
		for i := range 100 {
			logins{{fmt.Sprint("user", i), "right", elsewhere, "ok"}}.run(t, d)
		}
		if n := shield.Clear(guard.Filter{}); n != 0 {
			t.Errorf("%d are remembered", n)
		}
	})
}
