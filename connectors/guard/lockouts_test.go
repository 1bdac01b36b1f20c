package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

func TestList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		shield := guard.NewShield(guard.DefaultLimits())
		c := chainOf(t, lockout(), shield, &vault{space: "one"})
		if list := shield.List(); len(list) != 0 {
			t.Errorf("at the start: %+v", list)
		}
		logins{
			{"alice@corp", "1", elsewhere, refused},
			{"alice", "2", home, refused},
			{"alice", "3", elsewhere, refused},
		}.run(t, c)
		time.Sleep(time.Minute)
		logins{{"nobody", "1", elsewhere, string(connectors.ReasonUnknown)}, {"alice", "4", home, "429 lockout 14m0s"}}.run(t, c)
		time.Sleep(time.Minute)
		logins{{"bob", "1", elsewhere, refused}}.run(t, c)
		place := guard.Place{Realm: "corp", Connector: "c0"}
		want := []guard.Lockout{
			{Places: []guard.Place{place}, Username: "bob", ID: "id-bob", Refused: 1, Counted: 1, Budget: 3, Client: elsewhere, Last: start.Add(2 * time.Minute)},
			{Places: []guard.Place{place}, Username: "alice", ID: "id-alice", Refused: 3, Counted: 3, Budget: 3, Until: start.Add(15 * time.Minute), Client: home, Last: start.Add(time.Minute)},
			{Places: []guard.Place{{Realm: "corp"}}, Username: "nobody", Refused: 1, Budget: 3, Client: elsewhere, Last: start.Add(time.Minute)},
		}
		if list := shield.List(); !reflect.DeepEqual(list, want) {
			t.Errorf("listed\n%+v, want\n%+v", list, want)
		}
		time.Sleep(15 * time.Minute)
		if list := shield.List(); len(list) != 0 {
			t.Errorf("at the end: %+v", list)
		}
	})
}

// TestListNamesAccounts holds that an account is shown by its own name, and where logins came
// for it by some of the places.
func TestListNamesAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{space: "sso", noIDs: true}
		shield := guard.NewShield(guard.Limits{})
		for i := range 20 {
			c := closing(t, guard.Password(v, guard.Config{Settings: lockout(), Shield: shield, Realm: "corp", Name: fmt.Sprint("c", i)}))
			logins{{"alice@corp", fmt.Sprint(i), elsewhere, refused}, {"alice@corp", "right", home, "ok"}}.run(t, c)
		}
		if list := shield.List(); len(list) != 1 || list[0].Username != "alice" || len(list[0].Places) != 16 {
			t.Errorf("listed %+v", list)
		}
	})
}

func TestListOfLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shield := guard.NewShield(guard.Limits{Network: five(), Account: guard.Rate{Burst: 2, Per: time.Hour}, Overall: guard.Rate{Burst: 6, Per: time.Hour}})
		d := door(t, &vault{}, lockout(), shield)
		logins{
			{"alice", "1", elsewhere, refused},
			{"alice", "2", elsewhere, refused},
			{"alice", "3", elsewhere, "429 account-limit 30m0s"},
			{"bob", "1", elsewhere, refused},
			{"carol", "1", elsewhere, refused},
			{"dave", "1", elsewhere, refused},
			{"eve", "1", home, refused},
		}.run(t, d)
		now := time.Now()
		list := shield.List()
		if len(list) != 7 {
			t.Fatalf("listed %+v", list)
		}
		want := []guard.Lockout{
			{Network: netip.PrefixFrom(elsewhere, 32), Limit: connectors.ReasonNetworkLimit, Until: now.Add(12 * time.Minute)},
			{Limit: connectors.ReasonOverallLimit, Until: now.Add(10 * time.Minute)},
		}
		if !reflect.DeepEqual(list[5:], want) {
			t.Errorf("limits %+v, want %+v", list[5:], want)
		}
		for _, l := range list[:5] {
			limit, until := connectors.Reason(""), time.Time{}
			if l.Username == "alice" {
				limit, until = connectors.ReasonAccountLimit, now.Add(30*time.Minute)
			}
			if l.Limit != limit || !l.Until.Equal(until) {
				t.Errorf("listed %+v", l)
			}
		}
		time.Sleep(20 * time.Minute)
		if list = shield.List(); len(list) != 1 || list[0].Username != "alice" || list[0].Refused != 0 || !list[0].Until.Equal(now.Add(30*time.Minute)) {
			t.Errorf("listed %+v", list)
		}
	})
}

// TestClearNetworks holds that a client network may try again, and nobody else, nor by a
// password that is known to be wrong.
func TestClearNetworks(t *testing.T) {
	for in, want := range map[string]bool{
		"198.51.100.1/32": true, "198.51.100.0/24": true, "0.0.0.0/0": true, "198.51.100.2/32": false, "192.0.2.0/24": false, "::/0": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			shield := guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 1, Per: time.Hour}, Overall: guard.Rate{Burst: 3, Per: time.Hour}})
			d := door(t, &vault{}, lockout(), shield)
			logins{{"alice", "1", elsewhere, refused}, {"bob", "1", elsewhere, "429 network-limit 1h0m0s"}}.run(t, d)
			n, after := 0, "429 network-limit 1h0m0s"
			if want {
				n, after = 1, refused
			}
			if got := shield.ClearNetworks(netip.MustParsePrefix(in)); got != n {
				t.Errorf("%s: cleared %d, want %d", in, got, n)
			}
			logins{{"alice", "1", elsewhere, known}, {"bob", "1", elsewhere, after}}.run(t, d)
		})
	}
	synctest.Test(t, func(t *testing.T) { // the rest of an IPv6 address is the client's choice
		shield := guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 1, Per: time.Hour}})
		d := door(t, &vault{}, lockout(), shield)
		logins{{"alice", "1", netip.MustParseAddr("2001:db8::1"), refused}}.run(t, d)
		if n := shield.ClearNetworks(netip.MustParsePrefix("2001:db8::2/128")); n != 1 {
			t.Errorf("of a neighbour's /64: cleared %d", n)
		}
	})
}

func TestClear(t *testing.T) {
	for name, c := range map[string]struct {
		filter  guard.Filter
		cleared []string // whose right password is let pass then
		n       int
	}{
		"all":                 {guard.Filter{}, []string{"a alice", "b bob", "a bob", "b carol", "a nobody"}, 4},
		"a realm":             {guard.Filter{Realm: "a"}, []string{"a alice", "a bob", "b bob", "a nobody"}, 3},
		"an account":          {guard.Filter{Username: "alice"}, []string{"a alice"}, 1},
		"by what was typed":   {guard.Filter{Username: "alice@corp"}, []string{"a alice"}, 1},
		"one of two realms":   {guard.Filter{Realm: "b", Username: "bob"}, []string{"a bob", "b bob"}, 1},
		"not of that realm":   {guard.Filter{Realm: "b", Username: "alice"}, nil, 0},
		"nobody":              {guard.Filter{Realm: "a", Username: "nobody"}, []string{"a nobody"}, 1},
		"a realm that is not": {guard.Filter{Realm: "c"}, nil, 0},
		"somebody who is not": {guard.Filter{Username: "dave"}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shield := guard.NewShield(guard.Limits{Account: guard.Rate{Burst: 3, Per: 24 * time.Hour}})
				realm := func(name string) *connectors.Chain {
					c := closing(t, guard.Password(&vault{space: "one"}, guard.Config{Settings: lockout(), Shield: shield, Realm: name, Name: "vault"}))
					return connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "vault", Connector: unpaced{c, c.(connectors.Refuser)}})
				}
				realms := map[string]*connectors.Chain{"a": realm("a"), "b": realm("b")}
				for i := range 3 {
					p := fmt.Sprint(i)
					logins{{"alice@corp", p, elsewhere, refused}, {"bob", p, elsewhere, refused}, {"nobody", p, elsewhere, string(connectors.ReasonUnknown)}}.run(t, realms["a"])
					logins{{"bob", p, elsewhere, known}, {"carol", p, elsewhere, refused}}.run(t, realms["b"])
				}
				if n := shield.Clear(c.filter); n != c.n {
					t.Errorf("cleared %d, want %d", n, c.n)
				}
				for _, who := range []string{"a alice", "b bob", "a bob", "b carol", "a nobody"} {
					in, user := who[:1], who[2:]
					want := "429"
					for _, cleared := range c.cleared {
						if cleared == who {
							want = "200"
						}
					}
					if want == "200" && user == "nobody" {
						want = "401"
					}
					if got := look(login(t.Context(), realms[in], user, "right", elsewhere)); got[:3] != want {
						t.Errorf("%s: %s, want %s", who, got, want)
					}
				}
			})
		})
	}
}

// TestClearForgetsWrongPasswords holds that one which was reset at the directory to what was
// wrong before is right at once.
func TestClearForgetsWrongPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		shield := guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 1, Per: time.Hour}, Overall: guard.Rate{Burst: 2, Per: time.Hour}})
		d := door(t, v, lockout(), shield)
		logins{{"alice", "new", elsewhere, refused}, {"alice", "new", elsewhere, known}, {"bob", "1", elsewhere, "429 network-limit 1h0m0s"}, {"bob", "1", home, refused}, {"eve", "1", home.Next(), "429 overall-limit 30m0s"}}.run(t, d)
		v.answer = func(_, password string) error {
			if password != "new" {
				return connectors.Reject(connectors.ReasonWrongPassword)
			}
			return nil
		}
		if n := shield.Clear(guard.Filter{}); n != 5 { // two accounts, two networks, and all together
			t.Errorf("cleared %d", n)
		}
		logins{{"alice", "new", elsewhere, "ok"}, {"bob", "1", elsewhere, refused}}.run(t, d)
	})
}

// TestClearUnderWay clears while a password is being checked.
func TestClearUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{during: func(context.Context, string, string) { time.Sleep(time.Second) }}
		shield := guard.NewShield(guard.DefaultLimits())
		d := door(t, v, lockout(), shield)
		done := make(chan struct{})
		go func() {
			defer close(done)
			logins{{"alice", "1", elsewhere, refused}}.run(t, d)
		}()
		synctest.Wait()
		shield.Clear(guard.Filter{})
		logins{{"alice", "2", elsewhere, refused}}.run(t, d)
		<-done
		if list := shield.List(); len(list) != 1 || list[0].Counted != 1 {
			t.Errorf("listed %+v", list)
		}
	})
}

// TestListOfOtherReasons holds that it shows when an account's next password is refused by
// 401 again, also where none was wrong.
func TestListOfOtherReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shield := guard.NewShield(guard.Limits{})
		c := chainOf(t, lockout(), shield, peopled())
		for i := range 3 {
			logins{{"disabled", fmt.Sprint(i), elsewhere, disabled}}.run(t, c)
		}
		if list := shield.List(); len(list) != 1 || list[0].Counted != 0 || !list[0].Until.Equal(time.Now().Add(15*time.Minute)) {
			t.Errorf("listed %+v", list)
		}
	})
}

// TestClearBeforeASuccess holds that a login which was under way when all was cleared takes
// nothing with it of what has come since.
func TestClearBeforeASuccess(t *testing.T) {
	for name, noIDs := range map[string]bool{"located": false, "by name": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{noIDs: noIDs, during: func(_ context.Context, _, password string) {
					if password == "right" {
						time.Sleep(time.Second)
					}
				}}
				shield := guard.NewShield(guard.Limits{})
				d := door(t, v, lockout(), shield)
				var all sync.WaitGroup
				all.Go(func() { logins{{"alice", "right", home, "ok"}}.run(t, d) })
				synctest.Wait()
				shield.Clear(guard.Filter{})
				logins{{"alice", "1", elsewhere, refused}}.run(t, d)
				all.Wait()
				logins{{"alice", "1", elsewhere, known}}.run(t, d)
			})
		})
	}
}

// TestListSaysUntilWhen holds that the next login is let through when all is over that keeps it
// out, and that nothing else holds it up.
func TestListSaysUntilWhen(t *testing.T) {
	spend := logins{{"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, refused}, {"alice", "3", elsewhere, refused}}
	for name, c := range map[string]struct {
		limits guard.Limits
		look   guard.Look
		answer error
		before logins
		spend  logins
		want   time.Duration
	}{
		"wrong":                    {spend: spend, want: 15 * time.Minute},
		"the limit is over later":  {limits: guard.Limits{Account: guard.Rate{Burst: 3, Per: 3 * time.Hour}}, spend: spend, want: time.Hour},
		"the limit is over sooner": {limits: guard.Limits{Account: guard.Rate{Burst: 3, Per: 3 * time.Minute}}, spend: spend, want: 15 * time.Minute},
		"wrong before a success":   {before: logins{{"alice", "0", elsewhere, refused}, {"alice", "right", home, "ok"}}, spend: spend, want: 15 * time.Minute},
		"the realm looks longer":   {look: guard.Look{Budget: 3, Window: time.Hour}, spend: spend, want: 15 * time.Minute},
		"in doubt": {
			answer: connectors.InDoubt(errors.New("somebody else is under way")),
			spend:  logins{{"alice", "1", elsewhere, "outage"}, {"alice", "1", elsewhere, "outage"}, {"alice", "1", elsewhere, "outage"}},
			want:   15 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{}
				if c.answer != nil {
					v.answer = func(string, string) error { return c.answer }
				}
				shield := guard.NewShield(c.limits)
				d := closing(t, guard.Password(v, guard.Config{Settings: lockout(), Shield: shield, Look: c.look, Realm: "corp", Name: "vault"}))
				c.before.run(t, d)
				time.Sleep(5 * time.Minute)
				c.spend.run(t, d)
				if list := shield.List(); len(list) != 1 || !list[0].Until.Equal(time.Now().Add(c.want)) {
					t.Errorf("at %s listed %+v", time.Now(), list)
				}
			})
		})
	}
}

// TestNULsCountForNobody holds that a password which nobody types is not held against a name
// that nobody has, as it is against none that somebody has.
func TestNULsCountForNobody(t *testing.T) {
	shield := guard.NewShield(guard.Limits{})
	d := door(t, &vault{}, lockout(), shield)
	for _, name := range []string{"nobody", "alice"} {
		logins{{name, "right\x00", elsewhere, refused}}.run(t, d)
		if err := d.(connectors.Refuser).RefuseUnknown(t.Context(), connectors.Credentials{Username: name, Password: connectors.NewSecret("right\x00"), RemoteIP: elsewhere}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list := shield.List(); len(list) != 0 {
		t.Errorf("listed %+v", list)
	}
}

// TestListSaysWhoCameLast holds that a password which is known to be wrong is a login, too.
func TestListSaysWhoCameLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shield := guard.NewShield(guard.Limits{})
		d := door(t, &vault{}, lockout(), shield)
		logins{{"alice", "1", elsewhere, refused}}.run(t, d)
		time.Sleep(time.Minute)
		logins{{"alice", "1", home, known}}.run(t, d)
		if list := shield.List(); len(list) != 1 || list[0].Client != home || !list[0].Last.Equal(time.Now()) {
			t.Errorf("listed %+v, want the last from %s now", list, home)
		}
	})
}
