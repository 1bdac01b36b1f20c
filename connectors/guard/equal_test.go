package guard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// lister is a vault that lists its names.
type lister struct{ *vault }

func (lister) Lists(name string) bool { return !strings.HasPrefix(name, "nobody") }

func (lister) Usernames() []string { return nil }

// peopled is a directory with somebody for every reason of a refusal: by these names no
// password is right.
func peopled() *vault {
	return &vault{
		locate: func(name string) error {
			if name == "ambiguous" {
				return connectors.Reject(connectors.ReasonAmbiguous)
			}
			return nil
		},
		answer: func(name, password string) error {
			switch name {
			case "disabled":
				return connectors.Reject(connectors.ReasonDisabled)
			case "locked":
				return connectors.Reject(connectors.ReasonLocked)
			case "late": // who shows to be nobody when a password is checked
				return connectors.ErrNotMine
			}
			if password != "right" {
				return connectors.Reject(connectors.ReasonWrongPassword)
			}
			return nil
		},
	}
}

func names() []string {
	return []string{"alice", "disabled", "locked", "late", "ambiguous", "nobody"}
}

// unpaced is a guarded connector whose refusals take no time.
type unpaced struct {
	connectors.Connector
	connectors.Refuser
}

// chainOf makes a chain of directories.
func chainOf(t *testing.T, s guard.Settings, shield *guard.Shield, directories ...connectors.Directory) *connectors.Chain {
	t.Helper()
	var members []connectors.Member
	for i, d := range directories {
		name := fmt.Sprintf("c%d", i)
		c := closing(t, guard.Password(d, guard.Config{Settings: s, Shield: shield, Realm: "corp", Name: name}))
		members = append(members, connectors.Member{Name: name, Connector: unpaced{c, c.(connectors.Refuser)}})
	}
	return connectors.NewChain(connectors.ASCIIUsernames, members...)
}

// TestEqualLook holds that what clients see does not tell why a login failed, nor whether
// there is such an account: how many passwords are refused, which are, and for how long.
func TestEqualLook(t *testing.T) {
	script := []struct {
		after    time.Duration
		password string
		want     string
	}{
		{0, "1", "401"},
		{0, "1", "401"},
		{time.Minute, "2", "401"},
		{time.Minute, "3", "401"},
		{0, "4", "429 15m0s"}, // after the last of them
		{0, "5", "429 15m0s"},
		{0, "1", "401"},
		{5 * time.Minute, "3", "401"},
		{0, "4", "429 10m0s"},
		{10*time.Minute - 1, "5", "429 0s"},
		{1, "5", "401"}, // the others are forgotten
		{0, "1", "401"},
		{time.Minute, "1", "401"},
		{0, "2", "401"},
		{0, "3", "429 15m0s"},
		{0, "5", "401"},
		{time.Hour, "6", "401"},
		{0, "7", "401"},
		{0, "8", "401"},
		{0, "9", "429 15m0s"},
	}
	for name, directories := range map[string]func() []connectors.Directory{
		"one":    func() []connectors.Directory { return []connectors.Directory{peopled()} },
		"a list": func() []connectors.Directory { return []connectors.Directory{lister{peopled()}} },
		"a list, then it": func() []connectors.Directory {
			return []connectors.Directory{lister{&vault{locate: func(string) error { return connectors.ErrNotMine }}}, peopled()}
		},
	} {
		for _, unknown := range []time.Duration{0, 30 * time.Second} {
			t.Run(fmt.Sprintf("%s, unknown %s", name, unknown), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := lockout()
					s.Cache.Unknown = unknown
					limits := guard.DefaultLimits()
					c := chainOf(t, s, guard.NewShield(limits), directories()...)
					for i, step := range script {
						time.Sleep(step.after)
						for _, name := range names() {
							if got := look(login(t.Context(), c, name, step.password, elsewhere)); got != step.want {
								t.Errorf("step %d, %s by %s: %s, want %s", i+1, name, step.password, got, step.want)
							}
						}
					}
				})
			})
		}
	}
}

// TestEqualLookOfARealm holds that what clients see does not tell which connector has a name
// where these do not send as many wrong passwords, nor remember them for as long: for any
// sequence of wrong ones.
func TestEqualLookOfARealm(t *testing.T) {
	settings := []guard.LockoutSettings{{Budget: 3, Window: 15 * time.Minute}, {Budget: 5, Window: time.Hour}, {Window: time.Minute}, {Budget: 7, Window: 5 * time.Minute}}
	want := guard.Look{Budget: 3, Window: time.Hour}
	if got := guard.LookOf(settings...); got != want {
		t.Fatalf("the look is %+v, want %+v", got, want)
	}
	people := []string{"nobody", "0-sound", "0-disabled", "1-sound", "1-disabled", "2-sound", "3-sound"}
	for seed := range 90 {
		limits := []guard.Limits{{}, {Account: guard.Rate{Burst: 4, Per: 12 * time.Hour}}}[seed%2]
		steps := rapid.Custom(func(rt *rapid.T) []step {
			return rapid.SliceOfN(rapid.Custom(drawStep), 20, 60).Draw(rt, "steps")
		}).Example(seed)
		looks := map[string][]string{}
		for _, who := range people {
			synctest.Test(t, func(t *testing.T) {
				c := realmOf(t, want, limits, settings)
				for _, s := range steps {
					time.Sleep(s.after)
					looks[who] = append(looks[who], look(login(t.Context(), c, who, s.password, elsewhere)))
				}
			})
			if !slices.Equal(looks[who], looks["nobody"]) {
				t.Fatalf("%v:\n%s: %v\nnobody: %v", steps, who, looks[who], looks["nobody"])
			}
		}
	}
}

// TestSentByItsOwn holds that the look of a realm is no bound of what is sent: the right
// password passes when the connector's own settings let it.
func TestSentByItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &vault{}
		c := closing(t, guard.Password(d, guard.Config{Settings: lockout(), Look: guard.Look{Budget: 2, Window: time.Hour}, Realm: "corp", Name: "vault"}))
		logins{
			{"alice", "1", elsewhere, refused},
			{"alice", "2", elsewhere, refused},
		}.run(t, c)
		for _, tt := range []struct {
			password string
			asked    bool
		}{{"3", true}, {"3", false}, {"right", false}} {
			var throttled *connectors.Throttled
			_, err := c.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret(tt.password)})
			if !errors.As(err, &throttled) || throttled.Asked != tt.asked || throttled.RetryAfter != time.Hour {
				t.Errorf("%s: %+v, want asked: %v", tt.password, err, tt.asked)
			}
		}
		wantSent(t, d, "alice:1", "alice:2", "alice:3")
		time.Sleep(15 * time.Minute)
		logins{
			{"alice", "1", elsewhere, refused}, // it is wrong no longer than its own window
			{"alice", "4", elsewhere, "429 lockout 45m0s"},
			{"alice", "right", elsewhere, "ok"},
		}.run(t, c)
		wantSent(t, d, "alice:1", "alice:4", "alice:right")
	})
}

// realmOf makes a realm of a connector for each of the settings, where the names are those
// that begin with its number. No password is right.
func realmOf(t *testing.T, l guard.Look, limits guard.Limits, settings []guard.LockoutSettings) *connectors.Chain {
	t.Helper()
	shield := guard.NewShield(limits)
	var members []connectors.Member
	for i, s := range settings {
		number := fmt.Sprint(i)
		d := &vault{space: number, locate: func(name string) error {
			if !strings.HasPrefix(name, number) {
				return connectors.ErrNotMine
			}
			return nil
		}, answer: func(name, _ string) error {
			if strings.HasSuffix(name, "disabled") {
				return connectors.Reject(connectors.ReasonDisabled)
			}
			return connectors.Reject(connectors.ReasonWrongPassword)
		}}
		c := closing(t, guard.Password(d, guard.Config{Settings: guard.Settings{Lockout: s}, Look: l, Shield: shield, Realm: "corp", Name: "c" + number}))
		members = append(members, connectors.Member{Name: "c" + number, Connector: unpaced{c, c.(connectors.Refuser)}})
	}
	return connectors.NewChain(connectors.ASCIIUsernames, members...)
}

// TestEqualLimits holds that limits do not tell either: nobody is counted more often than
// anybody else.
func TestEqualLimits(t *testing.T) {
	for name, limits := range map[string]guard.Limits{
		"account": {Account: guard.Rate{Burst: 8, Per: 240 * time.Hour}},
		"network": {Network: guard.Rate{Burst: 8, Per: 240 * time.Hour}},
		"overall": {Overall: guard.Rate{Burst: 8, Per: 240 * time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			looks := map[string][]string{}
			for _, who := range names() {
				synctest.Test(t, func(t *testing.T) {
					c := chainOf(t, lockout(), guard.NewShield(limits), peopled())
					for i := range 12 {
						for range 2 {
							looks[who] = append(looks[who], look(login(t.Context(), c, who, fmt.Sprint(i), elsewhere)))
						}
						time.Sleep(3 * time.Minute)
					}
				})
			}
			want := looks["alice"]
			if n := len(slices.DeleteFunc(slices.Clone(want), func(l string) bool { return l != "401" })); n != 8 { // of three, four that were too many, and one
				t.Errorf("%d logins are answered by 401, want 8: %v", n, want)
			}
			for _, who := range names() {
				if !slices.Equal(looks[who], want) {
					t.Errorf("%s: %v\nalice: %v", who, looks[who], want)
				}
			}
		})
	}
}

// TestEqualMemory holds that passwords which were refused long ago are remembered for as long,
// whatever they were refused for: as long as there are no more than 32 others.
func TestEqualMemory(t *testing.T) {
	for _, who := range names() {
		synctest.Test(t, func(t *testing.T) {
			c := chainOf(t, lockout(), guard.NewShield(guard.DefaultLimits()), peopled())
			try := func(password string) string { return look(login(t.Context(), c, who, password, elsewhere)) }
			some := func(prefix string, n int) {
				for i := range n {
					try(fmt.Sprint(prefix, i))
				}
			}
			some("first", 3)
			try("again")
			some("more", 26) // thirty in all, which is the limit
			try("again")     // does not prolong the memory of it
			time.Sleep(5 * time.Hour)
			some("later", 4)
			time.Sleep(16 * time.Minute)
			some("last", 2)
			if got := try("again"); !strings.HasPrefix(got, "429 ") {
				t.Errorf("%s: %s", who, got)
			}
		})
	}
}

// TestEqualLimitsOfARealm holds that a limit which is spent does not tell which connector has a
// name, by the passwords that were refused before, nor keeps out who is at home there.
func TestEqualLimitsOfARealm(t *testing.T) {
	spent := guard.Rate{Burst: 4, Per: 40 * time.Hour}
	settings := []guard.LockoutSettings{lockout().Lockout, lockout().Lockout}
	for name, limits := range map[string]guard.Limits{"network": {Network: spent}, "overall": {Overall: spent}} {
		for _, who := range []string{"0alice", "1alice", "nobody", "no name"} {
			t.Run(name+", "+who, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := realmOf(t, guard.LookOf(lockout().Lockout), limits, settings)
					for i, want := range []string{"401", "401", "401", "429 15m0s", "429 10h0m0s"} {
						if got := look(login(t.Context(), c, who, fmt.Sprint(i), elsewhere)); got != want {
							t.Errorf("password %d: %s, want %s", i, got, want)
						}
					}
					for i, want := range []string{"401", "401", "401", "429 15m0s", "429 10h0m0s"} {
						if got := look(login(t.Context(), c, who, fmt.Sprint(i), elsewhere)); got != want {
							t.Errorf("password %d again: %s, want %s", i, got, want)
						}
					}
				})
			})
		}
	}
}

// TestHomeOfALaterConnector holds that the limits of many keep nobody out who is at home, though
// the first connector of the realm knows nothing of the account.
func TestHomeOfALaterConnector(t *testing.T) {
	for _, noIDs := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			shield := guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 2, Per: 200 * time.Hour}})
			var members []connectors.Member
			for name, d := range map[string]*vault{"first": {space: "1", locate: func(string) error { return connectors.ErrNotMine }}, "vault": {space: "2", noIDs: noIDs}} {
				c := closing(t, guard.Password(d, guard.Config{Settings: lockout(), Shield: shield, Realm: "corp", Name: name}))
				members = append(members, connectors.Member{Name: name, Connector: unpaced{c, c.(connectors.Refuser)}})
			}
			slices.SortFunc(members, func(a, b connectors.Member) int { return strings.Compare(a.Name, b.Name) })
			c := connectors.NewChain(connectors.ASCIIUsernames, members...)
			for _, step := range []struct{ password, want string }{{"right", "200"}, {"1", "401"}, {"2", "401"}, {"3", "401"}, {"right", "200"}} {
				if got := look(login(t.Context(), c, "alice", step.password, home)); got != step.want {
					t.Errorf("no ids %t, %s: %s, want %s", noIDs, step.password, got, step.want)
				}
			}
			if got := look(login(t.Context(), c, "bob", "1", home)); got != "429 100h0m0s" {
				t.Errorf("no ids %t, who is not at home: %s", noIDs, got)
			}
		})
	}
}

// TestReasonsOfUnknownNames holds that the record tells what the client is not told.
func TestReasonsOfUnknownNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unknown, unhandled := string(connectors.ReasonUnknown), string(connectors.ReasonUnhandled)
		for reason, c := range map[string]*connectors.Chain{
			unknown:   chainOf(t, lockout(), nil, peopled()),
			unhandled: chainOf(t, lockout(), nil, lister{peopled()}),
		} {
			logins{
				{"nobody", "1", elsewhere, reason},
				{"nobody", "2", elsewhere, reason},
				{"NOBODY", "3", elsewhere, reason},
				{"nobody", "4", elsewhere, "429 lockout 15m0s"},
				{"nobody", "2", elsewhere, reason},
				{"nobody2", "4", elsewhere, reason},
				{"not a name", "1", elsewhere, string(connectors.ReasonBadUsername)},
				{"not a name", "2", elsewhere, string(connectors.ReasonBadUsername)},
				{"not a name", "3", elsewhere, string(connectors.ReasonBadUsername)},
				{"not a name", "4", elsewhere, "429 lockout 15m0s"},
				{"not a name", "2", elsewhere, string(connectors.ReasonBadUsername)},
				{"NOT a name", "4", elsewhere, string(connectors.ReasonBadUsername)}, // another text
			}.run(t, c)
		}
	})
}

// TestTokensAreNotCounted holds that who sends what Shorepass hands out is no guesser.
func TestTokensAreNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shield := guard.NewShield(guard.Limits{})
		c := chainOf(t, lockout(), shield, peopled())
		for i := range 5 {
			token := fmt.Sprintf("srp_%048d", i)
			for _, cred := range []connectors.Credentials{
				{Username: "nobody", Password: connectors.NewSecret(token)},
				{Username: token, Password: connectors.NewSecret("x")},
				{Password: connectors.NewSecret(token), Refresh: true},
				{Password: connectors.NewSecret(fmt.Sprint("of another server", i)), Refresh: true},
				{Password: connectors.NewSecret(fmt.Sprint("of another server", i))},
				{Username: "nobody", Password: connectors.NewSecret(fmt.Sprintf("nul%d\x00", i))},
			} {
				if _, err := c.Authenticate(context.Background(), cred); look(outcomeOf(err)) != "401" {
					t.Errorf("%v", err)
				}
			}
		}
		if list := shield.List(); len(list) != 0 {
			t.Errorf("listed: %+v", list)
		}
	})
}

// TestDomainsAtTheEnd holds that a name is counted by a connector that takes its form,
// wherever that is, so that both spellings are one name; and what is no name to any, by
// itself.
func TestDomainsAtTheEnd(t *testing.T) {
	for name, directories := range map[string][]connectors.Directory{
		"first": {&inDomain{}, lister{peopled()}}, "last": {lister{peopled()}, &inDomain{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := chainOf(t, lockout(), guard.NewShield(guard.Limits{}), directories...)
				for _, spellings := range [][]string{{`CORP\nobody`, "nobody", `corp\NOBODY`, `CORP\nobody`}, {`EVIL\nobody`, `EVIL\nobody`, `EVIL\nobody`, `EVIL\nobody`}} {
					for i, want := range []string{"401", "401", "401", "429 15m0s"} {
						if got := look(login(t.Context(), c, spellings[i], fmt.Sprint(i), elsewhere)); got != want {
							t.Errorf("login %d by %s: %s, want %s", i+1, spellings[i], got, want)
						}
					}
				}
			})
		})
	}
}

// TestWhatIsNoName holds that it is counted in every limit, as a name that nobody has is, and
// that no more is remembered of it than of a password.
func TestWhatIsNoName(t *testing.T) {
	const text = "not a name, but (perhaps) a password"
	for limit, limits := range map[string]guard.Limits{
		"account-limit": {Account: guard.Rate{Burst: 2, Per: time.Hour}},
		"network-limit": {Network: guard.Rate{Burst: 2, Per: time.Hour}},
		"overall-limit": {Overall: guard.Rate{Burst: 2, Per: time.Hour}},
	} {
		t.Run(limit, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shield := guard.NewShield(limits)
				c := chainOf(t, lockout(), shield, lister{peopled()}, peopled())
				no := string(connectors.ReasonBadUsername)
				logins{
					{text, "1", elsewhere, no},
					{text, "1", elsewhere, no}, // which costs nothing
					{text, "2", elsewhere, no},
					{text, "3", elsewhere, "429 " + limit + " 30m0s"},
				}.run(t, c)
				if list := fmt.Sprintf("%+v", shield.List()); !strings.Contains(list, "no name") || strings.Contains(list, "perhaps") {
					t.Errorf("listed: %s", list)
				}
			})
		})
	}
}

// TestNobodysSettings holds that a name which nobody has is counted as clients see it, not as
// the connector would that happens to count it.
func TestNobodysSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shield := guard.NewShield(guard.Limits{})
		s := lockout()
		s.Lockout.Budget, s.Lockout.Window = 5, time.Minute
		c := closing(t, guard.Password(&vault{}, guard.Config{Settings: s, Look: guard.Look{Budget: 3, Window: 15 * time.Minute}, Shield: shield, Realm: "corp", Name: "vault"}))
		for i := range 3 {
			if err := c.(connectors.Refuser).RefuseUnknown(t.Context(), connectors.Credentials{Username: "nobody", Password: connectors.NewSecret(fmt.Sprint(i))}); err != nil {
				t.Fatal(err)
			}
		}
		until := time.Now().Add(15 * time.Minute)
		time.Sleep(10 * time.Minute)
		list := shield.List()
		if len(list) != 1 || list[0].Refused != 3 || list[0].Budget != 3 || !list[0].Until.Equal(until) {
			t.Errorf("listed %+v, want three refused of three until %s", list, until)
		}
	})
}
