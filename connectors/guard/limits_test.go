package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// five is a rate of five in an hour.
func five() guard.Rate { return guard.Rate{Burst: 5, Per: time.Hour} }

func TestNetworkLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		d := door(t, v, lockout(), guard.NewShield(guard.Limits{Network: five()}))
		logins{{"owner", "right", elsewhere, "ok"}}.run(t, d)
		for i := range 5 {
			logins{
				{fmt.Sprint("user", i), "1", elsewhere, refused},
				{fmt.Sprint("user", i), "1", elsewhere, known}, // costs nothing
				{"owner", "right", elsewhere, "ok"},
			}.run(t, d)
		}
		v.take()
		located := v.located
		logins{
			{"user5", "1", elsewhere, "429 network-limit 12m0s"},
			{"user5", "right", elsewhere, "429 network-limit 12m0s"},
			{"user1", "1", elsewhere, known},
			{"owner", "1", elsewhere, refused}, // at home there
			{"owner", "right", elsewhere, "ok"},
			{"user5", "right", home, "ok"},
		}.run(t, d)
		wantSent(t, v, "owner:1", "owner:right", "user5:right")
		if v.located != located+3 {
			t.Errorf("located %d times more, want 3", v.located-located)
		}
		time.Sleep(12 * time.Minute)
		logins{
			{"user6", "right", elsewhere, "ok"}, // costs nothing
			{"user6", "1", elsewhere, refused},  // which does, although at home by now
			{"user7", "1", elsewhere, "429 network-limit 12m0s"},
			{"user6", "2", elsewhere, refused}, // and leaves no debt behind
			{"user7", "1", elsewhere, "429 network-limit 12m0s"},
		}.run(t, d)
	})
}

// TestOldPasswordsAreNoGuesses holds that a password that was refused long ago, and is sent
// for ever, takes nothing of the limits again.
func TestOldPasswordsAreNoGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		rate := guard.Rate{Burst: 2, Per: 30 * 24 * time.Hour}
		d := door(t, v, lockout(), guard.NewShield(guard.Limits{Network: rate, Account: rate, Overall: rate}))
		for range 20 {
			logins{{"alice", "old", elsewhere, refused}, {"alice", "old", elsewhere, known}}.run(t, d)
			time.Sleep(time.Hour)
		}
		logins{{"alice", "1", elsewhere, refused}, {"alice", "2", elsewhere, "429 overall-limit 340h0m0s"}, {"alice", "old", elsewhere, refused}}.run(t, d)
	})
}

func TestAccountLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		d := door(t, v, lockout(), guard.NewShield(guard.Limits{Account: five()}))
		logins{
			{"alice", "right", home, "ok"},
			{"alice", "1", elsewhere, refused},
			{"alice", "2", elsewhere, refused},
			{"alice", "3", elsewhere, refused},
			{"alice", "4", elsewhere, "429 lockout 15m0s"}, // not sent, and not counted
			{"alice", "right", home, "ok"},                 // which does not clear it
			{"alice", "4", elsewhere, refused},
			{"alice@corp", "5", elsewhere, refused},
			{"alice", "6", elsewhere, "429 account-limit 12m0s"},
			{"alice", "right", elsewhere, "429 account-limit 12m0s"},
			{"alice", "5", elsewhere, known},
			{"bob", "1", elsewhere, refused},
			{"alice", "6", home, refused},
			{"alice", "right", home, "ok"},
		}.run(t, d)
		time.Sleep(12 * time.Minute)
		logins{
			{"alice", "7", elsewhere, refused},
			{"alice", "8", elsewhere, "429 account-limit 12m0s"},
		}.run(t, d)
	})
}

// TestAccountLimitOfOtherReasons holds that a success clears it not even where nothing else
// is left to remember.
func TestAccountLimitOfOtherReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		off := true
		v := &vault{answer: func(string, string) error {
			if off {
				return connectors.Reject(connectors.ReasonDisabled)
			}
			return nil
		}}
		d := door(t, v, lockout(), guard.NewShield(guard.Limits{Account: guard.Rate{Burst: 3, Per: 30 * time.Hour}}))
		logins{{"alice", "1", elsewhere, disabled}, {"alice", "2", elsewhere, disabled}}.run(t, d)
		off = false
		logins{{"alice", "1", home, "ok"}}.run(t, d)
		off = true
		logins{{"alice", "3", elsewhere, disabled}, {"alice", "4", elsewhere, "429 account-limit 10h0m0s"}}.run(t, d)
	})
}

// TestAtHomeByAnotherName holds that who is found to be at home takes nothing of what there
// is elsewhere.
func TestAtHomeByAnotherName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door(t, &vault{}, lockout(), guard.NewShield(guard.Limits{Account: guard.Rate{Burst: 1, Per: time.Hour}}))
		logins{
			{"alice", "right", home, "ok"},
			{"alice@corp", "1", home, refused},
			{"alice", "2", elsewhere, refused},
			{"alice", "3", elsewhere, "429 account-limit 1h0m0s"},
			{"alice", "3", home, refused},
		}.run(t, d)
	})
}

// TestGuessesAtHome have an end, too, which those from elsewhere bring no nearer.
func TestGuessesAtHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shield := guard.NewShield(guard.Limits{Network: five(), Account: five(), Overall: guard.Rate{Burst: 7, Per: time.Hour}})
		d := door(t, &vault{}, lockout(), shield)
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		away := elsewhere
		for i := range 5 {
			logins{{"alice", fmt.Sprint("away", i), away, refused}, {"alice", "right", home, "ok"}}.run(t, d)
			away = away.Next()
		}
		logins{{"alice", "away", away, "429 account-limit 12m0s"}}.run(t, d)
		for i := range 10 { // more than are left to the network, and to all
			logins{{"alice", "right", home, "ok"}, {"alice", fmt.Sprint("home", i), home, refused}}.run(t, d)
		}
		logins{
			{"alice", "home", home, "429 account-limit 6m0s"},
			{"alice", "right", home, "429 account-limit 6m0s"},
			{"alice", "home9", home, known},
			{"bob", "1", home, "429 overall-limit 8m34s"},
		}.run(t, d)
		time.Sleep(6 * time.Minute)
		logins{{"alice", "right", home, "ok"}, {"alice", "home", home, refused}, {"alice", "more", home, "429 account-limit 6m0s"}}.run(t, d)

		time.Sleep(6 * time.Minute) // of those elsewhere there is one more by now
		logins{{"alice", "more", home, refused}}.run(t, d)
		l := shield.List(guard.Filter{Username: "alice"})
		if len(l) != 1 || l[0].Limit != connectors.ReasonAccountLimit || !l[0].Until.Equal(time.Now().Add(6*time.Minute)) {
			t.Errorf("listed %+v", l)
		}
		shield.Clear(guard.Filter{Username: "alice"})
		logins{{"alice", "right", home, "ok"}}.run(t, d)
	})
}

// TestTheLimitAtHomeLasts holds that a success does not clear it, not even where nothing else
// is left to remember.
func TestTheLimitAtHomeLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		off := false
		v := &vault{answer: func(string, string) error {
			if off {
				return connectors.Reject(connectors.ReasonDisabled)
			}
			return nil
		}}
		d := door(t, v, lockout(), guard.NewShield(guard.Limits{Account: guard.Rate{Burst: 1, Per: time.Hour}}))
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		for _, password := range []string{"1", "2"} {
			off = true
			logins{{"alice", password, home, disabled}}.run(t, d)
			off = false
			logins{{"alice", password, home, "ok"}}.run(t, d)
		}
		logins{{"alice", "right", home, "429 account-limit 30m0s"}}.run(t, d)
	})
}

func TestOverallLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		s := lockout()
		s.Cache.TTL = time.Hour
		d := door(t, v, s, guard.NewShield(guard.Limits{Overall: five()}))
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		addr := elsewhere
		for i := range 5 {
			logins{{fmt.Sprint("user", i), "1", addr, refused}}.run(t, d)
			addr = addr.Next()
		}
		logins{
			{"user5", "right", addr, "429 overall-limit 12m0s"},
			{"alice", "right", home, "ok"}, // by the cache
			{"alice", "1", home, refused},  // at home
			{"user1", "1", addr, known},
		}.run(t, d)
	})
}

// TestLimitsOfCrowds holds that logins under way do not get past a limit together, and that
// those of many people, who may all be right, wait for each other.
func TestLimitsOfCrowds(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits guard.Limits
		pass   int    // of those that take nothing, in the end
		wait   string // for the next one, with one more in twelve minutes
	}{
		{"network", guard.Limits{Network: five()}, 20, "429 network-limit 12m0s"},
		{"overall", guard.Limits{Overall: five()}, 20, "429 overall-limit 12m0s"},
		{"account", guard.Limits{Account: five()}, 5, "429 account-limit 12m0s"},
	} {
		name := c.name
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{}
				v.locate = func(string) error { time.Sleep(time.Millisecond); return nil }
				v.during = func(_ context.Context, _, _ string) { time.Sleep(time.Millisecond) }
				s := lockout()
				s.Lockout.Budget = 0
				d := door(t, v, s, guard.NewShield(c.limits))
				crowd := func(password string) map[string]int {
					var mu sync.Mutex
					outcomes := map[string]int{}
					var all sync.WaitGroup
					for i := range 20 {
						all.Go(func() {
							user := fmt.Sprint("user", i)
							if name == "account" {
								user = "alice"
							}
							got := look(login(t.Context(), d, user, fmt.Sprint(password, i), elsewhere))
							mu.Lock()
							outcomes[got[:3]]++
							mu.Unlock()
						})
					}
					all.Wait()
					return outcomes
				}
				v.answer = func(string, string) error { return connectors.ErrNotMine }
				if got := crowd("a"); got["429"] != 20-c.pass {
					t.Errorf("of a name that is not known: %v", got)
				}
				v.answer = nil
				if got := crowd("b"); got["401"] != 5 || got["429"] != 15 {
					t.Errorf("at once: %v", got)
				}
				logins{{"alice", "one more", elsewhere, c.wait}}.run(t, d)
			})
		})
	}
}

// TestCrowdsOfTwoLimits holds that who waits for one limit, and then for another, has the next
// one look who waits for the first.
func TestCrowdsOfTwoLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		v.during = func(_ context.Context, name, _ string) {
			if name == "slow" {
				time.Sleep(time.Second)
			}
			time.Sleep(time.Second / 2)
		}
		limits := guard.Limits{Network: guard.Rate{Burst: 1, Per: time.Hour}, Overall: guard.Rate{Burst: 2, Per: time.Hour}}
		d := door(t, v, lockout(), guard.NewShield(limits))
		begun := time.Now()
		var all sync.WaitGroup
		for _, c := range []struct {
			name, from string
			after      time.Duration
		}{
			{"fast", "192.0.2.1", time.Second / 2},
			{"slow", "192.0.2.2", 3 * time.Second / 2},
			{"neighbour", "192.0.2.2", 2 * time.Second}, // for all together, then for the network
			{"elsewhere", "192.0.2.3", time.Second},     // for all together
		} {
			all.Go(func() {
				got := login(t.Context(), d, c.name, "right", netip.MustParseAddr(c.from))
				if after := time.Since(begun); got != "ok" || after != c.after {
					t.Errorf("%s: %s after %v, want ok after %v", c.name, got, after, c.after)
				}
			})
			synctest.Wait()
		}
		all.Wait()
	})
}

// TestCrowdsGoOn holds that those who wait for a limit go on when there is more of it, or it
// was cleared, whatever becomes of whom they wait for.
func TestCrowdsGoOn(t *testing.T) {
	often, seldom := guard.Rate{Burst: 2, Per: 2 * time.Second}, guard.Rate{Burst: 2, Per: time.Hour}
	const ms = time.Millisecond
	timely, cleared := []time.Duration{1000 * ms, 1500 * ms, 2000 * ms}, []time.Duration{1000 * ms, 1000 * ms, 1500 * ms}
	for name, c := range map[string]struct {
		limits guard.Limits
		clear  func(*guard.Shield)
		want   []time.Duration // when they go on
	}{
		"there is more":           {limits: guard.Limits{Network: often}, want: timely},
		"there is more, together": {limits: guard.Limits{Overall: often}, want: timely},
		"network cleared":         {limits: guard.Limits{Network: seldom}, clear: func(s *guard.Shield) { s.ClearNetworks(netip.PrefixFrom(elsewhere, 32)) }, want: cleared},
		"all cleared":             {limits: guard.Limits{Network: seldom}, clear: func(s *guard.Shield) { s.Clear(guard.Filter{}) }, want: cleared},
		"all cleared, together":   {limits: guard.Limits{Overall: seldom}, clear: func(s *guard.Shield) { s.Clear(guard.Filter{}) }, want: cleared},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{during: func(_ context.Context, name, _ string) {
					time.Sleep(500 * ms)
					if name == "slow" {
						time.Sleep(3 * time.Second)
					}
				}}
				shield := guard.NewShield(c.limits)
				d := door(t, v, lockout(), shield)
				logins{{"alice", "wrong", elsewhere, refused}}.run(t, d)
				begun := time.Now()
				var all sync.WaitGroup
				all.Go(func() { logins{{"slow", "right", elsewhere, "ok"}}.run(t, d) })
				synctest.Wait()
				var mu sync.Mutex
				var got []time.Duration
				for i := range c.want {
					all.Go(func() {
						logins{{fmt.Sprint("user", i), "right", elsewhere, "ok"}}.run(t, d)
						mu.Lock()
						defer mu.Unlock()
						got = append(got, time.Since(begun)-500*ms)
					})
				}
				time.Sleep(time.Second)
				if c.clear != nil {
					c.clear(shield)
				}
				all.Wait()
				if !slices.Equal(got, c.want) {
					t.Errorf("they go on after %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestCrowdsAreBounded holds that those who wait for the limit of one network keep nobody out
// who comes from another, nor have them wait for longer than that.
func TestCrowdsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{during: func(_ context.Context, name, _ string) {
			if name != "alice" {
				time.Sleep(4 * time.Second)
			}
		}}
		d := door(t, v, lockout(), guard.NewShield(guard.Limits{Network: five()}))
		logins{{"alice", "right", home, "ok"}}.run(t, d)
		var all sync.WaitGroup
		all.Go(func() { logins{{"first", "right", elsewhere, "ok"}}.run(t, d) })
		for i := range 4 {
			all.Go(func() { login(t.Context(), d, fmt.Sprint("user", i), "1", elsewhere) })
		}
		synctest.Wait()
		var turnedAway atomic.Int64
		all.Go(func() { logins{{"alice", "right", elsewhere, "outage"}}.run(t, d) }) // waits with them
		synctest.Wait()
		begun := time.Now()
		for i := range 2000 {
			all.Go(func() {
				login(t.Context(), d, fmt.Sprint("more", i), "1", elsewhere)
				if time.Since(begun) == 0 {
					turnedAway.Add(1)
				}
			})
		}
		synctest.Wait()
		if n := turnedAway.Load(); n != 2000-255 {
			t.Errorf("%d are turned away at once, want %d", n, 2000-255)
		}
		all.Go(func() {
			logins{{"alice", "right", home, "ok"}}.run(t, d) // who joins the one that waits
			if took := time.Since(begun); took != 2250*time.Millisecond {
				t.Errorf("at home: after %v, want 2.25s", took)
			}
		})
		all.Wait()

		time.Sleep(time.Hour) // others may wait then
		for i := range 5 {
			all.Go(func() { login(t.Context(), d, fmt.Sprint("user", i), "2", elsewhere) })
		}
		synctest.Wait()
		begun = time.Now()
		logins{{"newcomer", "right", elsewhere, "outage"}}.run(t, d)
		if took := time.Since(begun); took != 2250*time.Millisecond {
			t.Errorf("who waits later: after %v, want 2.25s", took)
		}
		all.Wait()
	})
}

// TestCrowdsBesideNames holds that a login by a name that nobody has waits for others as long
// as its client may, and no longer than logins that the directory is to be asked about.
func TestCrowdsBesideNames(t *testing.T) {
	for patience, want := range map[time.Duration]time.Duration{time.Second: time.Second, time.Minute: 2250 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			v := &vault{during: func(context.Context, string, string) { time.Sleep(3 * time.Second) }}
			d := door(t, v, lockout(), guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 1, Per: time.Hour}}))
			go login(t.Context(), d, "alice", "right", elsewhere)
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			begun := time.Now()
			err := d.(connectors.Refuser).RefuseUnknown(ctx, connectors.Credentials{Username: "nobody", Password: connectors.NewSecret("1"), RemoteIP: elsewhere})
			if took := time.Since(begun); !errors.Is(err, connectors.ErrBusy) || took != want {
				t.Errorf("%v after %v, want busy after %v", err, took, want)
			}
			time.Sleep(3 * time.Second)
		})
	}
}

// TestClientNetworks holds what counts as one client.
func TestClientNetworks(t *testing.T) {
	for name, c := range map[string]struct {
		addr func(i int) netip.Addr
		one  bool
	}{
		"one /64":      {func(i int) netip.Addr { return netip.AddrFrom16([16]byte{0: 0x20, 1: 1, 15: byte(i)}) }, true},
		"several /64":  {func(i int) netip.Addr { return netip.AddrFrom16([16]byte{0: 0x20, 1: 1, 7: byte(i)}) }, false},
		"IPv4":         {func(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }, false},
		"IPv4 as IPv6": {func(i int) netip.Addr { return netip.AddrFrom16(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).As16()) }, false},
		"not known":    {func(int) netip.Addr { return netip.Addr{} }, true},
		"one IPv4, both": {func(i int) netip.Addr {
			a := netip.AddrFrom4([4]byte{192, 0, 2, 1})
			return []netip.Addr{a, netip.AddrFrom16(a.As16())}[i%2]
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := door(t, &vault{}, lockout(), guard.NewShield(guard.Limits{Network: five()}))
				for i := range 8 {
					want := refused
					if c.one && i >= 5 {
						want = "429 network-limit 12m0s"
					}
					logins{{fmt.Sprint("user", i), "1", c.addr(i), want}}.run(t, d)
				}
			})
		})
	}
}

func TestLimitsValidate(t *testing.T) {
	defaults := guard.DefaultLimits()
	if problems := defaults.Validate(); len(problems) > 0 {
		t.Errorf("the defaults: %v", problems)
	}
	bad := guard.Limits{
		Network: guard.Rate{Burst: -1, Per: time.Second - 1},
		Account: guard.Rate{Burst: 1_000_001, Per: 30*24*time.Hour + 1},
		Overall: guard.Rate{Burst: 0, Per: time.Second},
	}
	var fields []string
	for _, p := range bad.Validate() {
		fields = append(fields, p.Field)
	}
	if want := []string{"network.burst", "network.per", "account.burst", "account.per"}; !slices.Equal(fields, want) {
		t.Errorf("problems of %q, want %q", fields, want)
	}
}

// TestOldPasswordsByAnotherName holds that a password which was tried before for an account
// takes nothing of the limits either where it turns out late whose the name is.
func TestOldPasswordsByAnotherName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{answer: func(string, string) error { return connectors.Reject(connectors.ReasonDisabled) }}
		d := door(t, v, lockout(), guard.NewShield(guard.Limits{Network: guard.Rate{Burst: 2, Per: time.Hour}}))
		logins{
			{"alice", "1", elsewhere, disabled},
			{"alice@corp", "1", elsewhere, disabled},
			{"bob", "1", elsewhere, disabled},
			{"carol", "1", elsewhere, "429 network-limit 30m0s"},
		}.run(t, d)
	})
}

// TestTooManyTake holds that a password which is answered that there were too many takes of
// the limits, each once: be it sent, as for an account that is locked, or not.
func TestTooManyTake(t *testing.T) {
	for name, c := range map[string]struct {
		lockout guard.LockoutSettings
		look    guard.Look
		who     string
		sent    int
	}{
		"a sound account":             {lockout: lockout().Lockout, who: "alice", sent: 3},
		"one that is locked":          {lockout: lockout().Lockout, who: "locked", sent: 5},
		"with a budget of 60":         {lockout: guard.LockoutSettings{Budget: 60, Window: 15 * time.Minute}, look: guard.LookOf(lockout().Lockout), who: "alice", sent: 5},
		"with any":                    {lockout: guard.LockoutSettings{Window: 15 * time.Minute}, look: guard.LookOf(lockout().Lockout), who: "alice", sent: 5},
		"a name that is nobody's":     {lockout: lockout().Lockout, who: "nobody"},
		"a name that is two people's": {lockout: lockout().Lockout, who: "ambiguous"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := peopled()
				g := closing(t, guard.Password(v, guard.Config{Settings: guard.Settings{Lockout: c.lockout}, Look: c.look, Shield: guard.NewShield(guard.Limits{Network: five()}), Realm: "corp", Name: "c0"}))
				chain := connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "c0", Connector: unpaced{g, g.(connectors.Refuser)}})
				for i, want := range []string{"401", "401", "401", "429 15m0s", "429 15m0s", "429 12m0s", "429 12m0s"} {
					if got := look(login(t.Context(), chain, c.who, fmt.Sprint("guess", i), elsewhere)); got != want {
						t.Errorf("guess %d: %s, want %s", i+1, got, want)
					}
				}
				wantLooks := func(password, want string) {
					t.Helper()
					if got := look(login(t.Context(), chain, c.who, password, elsewhere)); got != want {
						t.Errorf("%s: %s, want %s", password, got, want)
					}
				}
				wantLooks("guess3", "429 15m0s") // which takes nothing again
				wantLooks("guess0", "401")
				if got := slices.Compact(slices.Sorted(slices.Values(v.take()))); len(got) != c.sent {
					t.Errorf("sent %q, want %d", got, c.sent)
				}
			})
		})
	}
}
