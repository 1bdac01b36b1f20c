package guard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// remembering has a cache alone.
func remembering() guard.Settings {
	return guard.Settings{Cache: guard.CacheSettings{TTL: 2 * time.Minute, Unknown: 30 * time.Second}}
}

// forget forgets a name, or all.
func (g guarded) forget(name string) int {
	return g.Connector.(interface{ Forget(string) int }).Forget(name)
}

func TestRightPasswordsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		g := guardedBy(t, d, remembering())
		g.passes("alice", "right", connectors.AnswerUpstream)
		time.Sleep(2*time.Minute - 1)
		g.passes("alice", "right", connectors.AnswerCache)
		g.passes("Alice", "right", connectors.AnswerCache)
		g.passes("bob", "right", connectors.AnswerUpstream)
		g.passes("alice", "also right", connectors.AnswerUpstream)
		g.want("alice", "wrong", connectors.ErrRejected)
		g.passes("alice", "right", connectors.AnswerCache) // what others type says nothing of it
		time.Sleep(time.Nanosecond)
		g.passes("alice", "right", connectors.AnswerUpstream) // a use does not prolong it
		g.passes("alice", "right", connectors.AnswerCache)
	})
}

func TestRefusalsAndOutagesAreNotRemembered(t *testing.T) {
	for password, want := range map[string]error{
		"wrong": connectors.ErrRejected, "disabled": connectors.ErrRejected, "down": errDown, "odd": errOdd, "busy": connectors.ErrBusy,
	} {
		d := newDesk()
		g := guardedBy(t, d, remembering())
		for range 3 {
			g.want("alice", password, want)
		}
		if d.asked() != 3 {
			t.Errorf("%s: asked %d times", password, d.asked())
		}
	}
}

func TestUnknownNamesAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		g := guardedBy(t, d, remembering())
		g.want("zoe", "unknown", connectors.ErrNotMine)
		time.Sleep(30*time.Second - 1)
		g.want("zoe", "right", connectors.ErrNotMine) // by whatever password
		if d.asked() != 1 {
			t.Errorf("asked %d times", d.asked())
		}
		time.Sleep(time.Nanosecond)
		g.passes("zoe", "right", connectors.AnswerUpstream)
		g.passes("zoe", "right", connectors.AnswerCache)
	})
}

func TestNothingIsRememberedUnlessAsked(t *testing.T) {
	d := newDesk()
	g := guardedBy(t, d, guard.Settings{})
	for range 2 {
		g.passes("alice", "right", connectors.AnswerUpstream)
		g.want("zoe", "unknown", connectors.ErrNotMine)
	}
	if d.asked() != 4 {
		t.Errorf("asked %d times", d.asked())
	}
}

// TestMemoryIsBounded signs more people in than are remembered, and has more names be
// unknown.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // however long it takes
		const most = 8192
		d := newDesk()
		g := guardedBy(t, d, remembering())
		for i := range most {
			g.passes(fmt.Sprintf("user-%d", i), "right", connectors.AnswerUpstream)
			g.want(fmt.Sprintf("nobody-%d", i), "unknown", connectors.ErrNotMine)
		}
		g.passes("user-0", "right", connectors.AnswerCache) // used last, now
		g.passes("one-more", "right", connectors.AnswerUpstream)
		g.want("nobody-more", "unknown", connectors.ErrNotMine)
		g.passes("user-0", "right", connectors.AnswerCache)
		before := d.asked()
		g.passes("user-1", "right", connectors.AnswerUpstream)
		g.want("nobody-1", "unknown", connectors.ErrNotMine)
		g.want("nobody-0", "unknown", connectors.ErrNotMine)
		if n := d.asked() - before; n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
		if n := g.forget(""); n != 2*most {
			t.Errorf("forgot %d, want %d", n, 2*most)
		}
	})
}

func TestForget(t *testing.T) {
	const alias = "alice@corp.example" // another name of alice's
	for name, tt := range map[string]struct {
		forgets int
		gone    []string
	}{
		"":            {5, []string{"alice", alias, "bob", "zoe"}},
		"alice":       {3, []string{"alice", alias}}, // two passwords of hers, and one by another name
		"ALICE":       {3, []string{"alice", alias}},
		alias:         {3, []string{"alice", alias}}, // whoever that is
		"zoe":         {1, []string{"zoe"}},
		"nobody":      {0, nil},
		"no name ( )": {0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			g := guardedBy(t, d, remembering())
			for _, who := range []string{"alice", alias, "bob"} {
				g.passes(who, "right", connectors.AnswerUpstream)
			}
			g.passes("alice", "also right", connectors.AnswerUpstream)
			g.want("zoe", "unknown", connectors.ErrNotMine)
			if n := g.forget(name); n != tt.forgets {
				t.Errorf("forgot %d, want %d", n, tt.forgets)
			}
			for _, who := range []string{"alice", alias, "bob", "zoe"} {
				before := d.asked()
				_, _ = g.login(who, "right")
				if asked := d.asked() > before; asked != slices.Contains(tt.gone, who) {
					t.Errorf("%s: the directory was asked: %v", who, asked)
				}
			}
		})
	}
}

// TestForgetCounts holds that only that is counted as forgotten which would have counted.
func TestForgetCounts(t *testing.T) {
	for stale, want := range map[time.Duration]int{0: 2, time.Minute: 3} {
		synctest.Test(t, func(t *testing.T) {
			s := remembering()
			s.Cache.Stale = stale
			d := newDesk()
			g := guardedBy(t, d, s)
			g.passes("alice", "right", connectors.AnswerUpstream)
			g.want("zoe", "unknown", connectors.ErrNotMine)
			time.Sleep(2 * time.Minute) // both are over
			g.passes("bob", "right", connectors.AnswerUpstream)
			g.want("zed", "unknown", connectors.ErrNotMine)
			if n := g.forget(""); n != want {
				t.Errorf("stale %s: forgot %d, want %d", stale, n, want)
			}
			if n := g.forget(""); n != 0 {
				t.Errorf("stale %s: then forgot %d", stale, n)
			}
		})
	}
}

// TestWhatIsOverTakesNoRoom holds that a login which is over, and is looked up, leaves: what
// counts is not pushed out by it. So does a name.
func TestWhatIsOverTakesNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 8192
		d := newDesk()
		g := guardedBy(t, d, remembering())
		g.passes("first", "right", connectors.AnswerUpstream)
		g.want("nobody-first", "unknown", connectors.ErrNotMine)
		time.Sleep(2 * time.Minute)
		for i := range most - 1 {
			g.passes(fmt.Sprintf("user-%d", i), "right", connectors.AnswerUpstream)
			g.want(fmt.Sprintf("nobody-%d", i), "unknown", connectors.ErrNotMine)
		}
		d.say("right", errDown)
		g.want("first", "right", errDown)
		g.want("nobody-first", "down", errDown)
		d.say("right", nil)
		g.passes("one-more", "right", connectors.AnswerUpstream)
		g.want("nobody-more", "unknown", connectors.ErrNotMine)
		g.passes("user-0", "right", connectors.AnswerCache)
		before := d.asked()
		g.want("nobody-0", "unknown", connectors.ErrNotMine)
		if d.asked() != before {
			t.Error("a name was pushed out")
		}
	})
}

// TestBarred holds that an account of which the directory says that it may not sign in has
// no logins that are remembered, by whatever password and name.
func TestBarred(t *testing.T) {
	const alias = "alice@corp.example"
	for name, tt := range map[string]struct {
		err     error
		by      string
		forgets bool
	}{
		"disabled":          {connectors.Reject(connectors.ReasonDisabled), "alice", true},
		"disabled, by mail": {connectors.Reject(connectors.ReasonDisabled), alias, true},
		"locked":            {connectors.Reject(connectors.ReasonLocked), "alice", true},
		"expired":           {connectors.Reject(connectors.ReasonExpired), "alice", true},
		"to be changed":     {connectors.Reject(connectors.ReasonMustChange), "alice", true},
		"restricted":        {connectors.Reject(connectors.ReasonRestricted), "alice", true},
		"wrong":             {connectors.Reject(connectors.ReasonWrongPassword), "alice", false},
		"an outage":         {errDown, "alice", false},
		"disabled, another": {connectors.Reject(connectors.ReasonDisabled), "carol", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			g := guardedBy(t, d, remembering())
			for _, who := range []string{"alice", alias, "bob"} {
				g.passes(who, "right", connectors.AnswerUpstream)
			}
			d.say("old", tt.err)
			g.want(tt.by, "old", tt.err)
			from := connectors.AnswerCache
			if tt.forgets {
				from = connectors.AnswerUpstream
			}
			g.passes("alice", "right", from)
			g.passes(alias, "right", from)
			g.passes("bob", "right", connectors.AnswerCache)
		})
	}
}

// TestBarredByAnotherName holds that an account is barred by its id, too: nobody has signed in
// to it by the name that the directory was asked about.
func TestBarredByAnotherName(t *testing.T) {
	d := newDesk()
	g := guardedBy(t, d, remembering())
	g.passes("alice", "right", connectors.AnswerUpstream)
	g.want("alice@corp.example", "disabled", d.answers["disabled"])
	g.passes("alice", "right", connectors.AnswerUpstream)
}

// TestGoneAccountsAreForgotten holds that an account which is found to be gone has no logins
// that are remembered, under no name.
func TestGoneAccountsAreForgotten(t *testing.T) {
	d := newDesk()
	g := guardedBy(t, d, remembering())
	g.passes("alice", "right", connectors.AnswerUpstream)
	g.passes("bob", "right", connectors.AnswerUpstream)
	lookUp := func(want error) {
		t.Helper()
		if _, err := g.Connector.(connectors.Resolver).Resolve(t.Context(), "id of alice"); !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
	lookUp(nil)
	g.passes("alice", "right", connectors.AnswerCache)
	d.gone.Store(true)
	lookUp(connectors.ErrGone)
	g.passes("alice", "right", connectors.AnswerUpstream)
	g.passes("bob", "right", connectors.AnswerCache)
}

// TestForgottenMeanwhile holds that an answer which was under way when something was
// forgotten is given, and not remembered.
func TestForgottenMeanwhile(t *testing.T) {
	for what, forget := range map[string]func(guarded, *desk){
		"all": func(g guarded, _ *desk) { g.forget("") },
		"her": func(g guarded, _ *desk) { g.forget("alice") },
		"her, who is gone": func(g guarded, d *desk) {
			d.gone.Store(true)
			_, _ = g.Connector.(connectors.Resolver).Resolve(context.Background(), "id of alice")
		},
	} {
		for password, want := range map[string]error{"right": nil, "unknown": connectors.ErrNotMine} {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk()
				d.takes(time.Second)
				g := guardedBy(t, d, remembering())
				var group sync.WaitGroup
				group.Go(func() { g.want("alice", password, want) })
				synctest.Wait()
				forget(g, d)
				group.Wait()
				g.want("alice", password, want)
				g.want("alice", password, want)
				asked := 2
				if d.gone.Load() && want != nil { // that nobody has the name is remembered: it agrees
					asked = 1
				}
				if d.asked() != asked {
					t.Errorf("%s was forgotten: %s: asked %d times, want %d", what, password, d.asked(), asked)
				}
			})
		}
	}
}

// TestStale holds that what a directory let pass counts for longer while it does not answer:
// in an outage alone, for so long alone, and never after it has said something else.
func TestStale(t *testing.T) {
	const ttl, stale = 2 * time.Minute, 10 * time.Minute
	outages := map[string]error{ // the first says that the directory does not answer, the others do not
		"down": errDown, "odd": errOdd, "busy": connectors.ErrBusy, "busy for others": connectors.Unreachable(connectors.ErrBusy),
		"one account": connectors.OneAccount(errOdd), "one account breaks off": connectors.OneAccount(errDown),
	}
	for name, tt := range map[string]struct {
		stale  time.Duration
		after  time.Duration
		before func(guarded, *desk) // the outage begins
		ends   error                // of the login then; nil: it passes
		others bool                 // it is another password, or another's
	}{
		"in time":                              {stale: stale, after: ttl + stale - 1},
		"too late":                             {stale: stale, after: ttl + stale, ends: errAny},
		"not configured":                       {after: ttl, ends: errAny},
		"another password":                     {stale: stale, after: ttl, others: true, ends: errAny},
		"forgotten":                            {stale: stale, after: ttl, before: func(g guarded, _ *desk) { g.forget("alice") }, ends: errAny},
		"refused since":                        {stale: stale, after: ttl, before: says(connectors.Reject(connectors.ReasonWrongPassword)), ends: errAny},
		"disabled since":                       {stale: stale, after: ttl, before: says(connectors.Reject(connectors.ReasonDisabled)), ends: errAny},
		"unknown since":                        {stale: stale, after: ttl, before: says(connectors.ErrNotMine), ends: errAny},
		"unknown since, with another password": {stale: stale, after: ttl, before: func(g guarded, _ *desk) { g.want("alice", "unknown", connectors.ErrNotMine) }, ends: errAny},
		"gone since":                           {stale: stale, after: ttl, before: func(g guarded, d *desk) { goneFor(g, d) }, ends: errAny},
		"another password passed since":        {stale: stale, after: ttl, before: func(g guarded, _ *desk) { g.passes("alice", "also right", connectors.AnswerUpstream) }, ends: errAny},
		"another password passed sooner": {stale: stale, after: ttl - 1, before: func(g guarded, _ *desk) {
			g.passes("alice@corp.example", "also right", connectors.AnswerUpstream)
			time.Sleep(time.Minute)
		}, ends: errAny},
		"it passed by another name since": {stale: stale, after: ttl, before: func(g guarded, _ *desk) {
			g.passes("alice@corp.example", "also right", connectors.AnswerUpstream)
			g.passes("alice@corp.example", "right", connectors.AnswerUpstream)
		}},
		"it passed by another name alone since": {stale: stale, after: ttl, before: func(g guarded, _ *desk) {
			g.passes("alice", "also right", connectors.AnswerUpstream)
			g.passes("alice@corp.example", "right", connectors.AnswerUpstream)
		}},
		"another's passed since":                {stale: stale, after: ttl, before: func(g guarded, _ *desk) { g.passes("bob", "also right", connectors.AnswerUpstream) }},
		"disabled since, with another password": {stale: stale, after: ttl, before: func(g guarded, d *desk) { g.want("alice", "disabled", d.answers["disabled"]) }, ends: errAny},
		"another's was refused":                 {stale: stale, after: ttl, before: func(g guarded, _ *desk) { _, _ = g.login("bob", "wrong") }},
		"mistyped since":                        {stale: stale, after: ttl, before: func(g guarded, _ *desk) { _, _ = g.login("alice", "wrong") }},
	} {
		for kind, outage := range outages {
			t.Run(name+", "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDesk()
					g := guardedBy(t, d, guard.Settings{Cache: guard.CacheSettings{TTL: ttl, Stale: tt.stale}})
					g.passes("alice", "right", connectors.AnswerUpstream)
					time.Sleep(tt.after)
					if tt.before != nil {
						tt.before(g, d)
					}
					d.say("right", outage)
					d.say("also right", outage)
					password := "right"
					if tt.others {
						password = "also right"
					}
					id, err := g.login("alice", password)
					passes := tt.ends == nil && kind == "down"
					switch {
					case passes && (err != nil || id.Answer != connectors.AnswerStale || id.Username != "alice"):
						t.Errorf("%+v, %v; want her, stale", id, err)
					case !passes && !errors.Is(err, outage):
						t.Errorf("%+v, %v; want %v", id, err, outage)
					}
				})
			})
		}
	}
}

// errAny stands for the outage that there is.
var errAny = errors.New("the outage")

// says has a login of alice's be answered in another way, and then the right one again.
func says(err error) func(guarded, *desk) {
	return func(g guarded, d *desk) {
		d.say("right", err)
		g.want("alice", "right", err)
	}
}

func goneFor(g guarded, d *desk) {
	d.gone.Store(true)
	if _, err := g.Connector.(connectors.Resolver).Resolve(context.Background(), "id of alice"); !errors.Is(err, connectors.ErrGone) {
		g.t.Error(err)
	}
}

// TestStaleAtOnce holds that people are let pass at once where the directory is left alone,
// and before they would give up where it hangs. To one who gives up sooner it may be well.
func TestStaleAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		s := breaking()
		s.Cache = guard.CacheSettings{TTL: time.Minute, Stale: 10 * time.Minute}
		g := guardedBy(t, d, s)
		g.passes("alice", "right", connectors.AnswerUpstream)
		time.Sleep(time.Minute)
		d.takes(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), 4500*time.Millisecond)
		defer cancel()
		if id, err := g.loginIn(ctx, "alice", "right"); err != nil || id.Answer != connectors.AnswerStale {
			t.Errorf("while it hangs: %+v, %v", id, err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second) // what others have left her
		defer cancel()
		if id, err := g.loginIn(ctx, "alice", "right"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("to one who cannot wait: %+v, %v", id, err)
		}
		d.takes(0)
		time.Sleep(time.Hour) // the flight is over
		g = guardedBy(t, d, s)
		g.passes("alice", "right", connectors.AnswerUpstream)
		time.Sleep(time.Minute)
		g.open()
		begun := time.Now()
		g.passes("alice", "right", connectors.AnswerStale)
		g.want("bob", "right", connectors.ErrResting)
		if time.Since(begun) > 0 {
			t.Error("it took time")
		}
	})
}

// TestStaleWhereItIsBusy holds that nobody who was disabled is let pass because others keep a
// directory busy that is well.
func TestStaleWhereItIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		g := guardedBy(t, d, guard.Settings{Cache: guard.CacheSettings{TTL: time.Minute, Stale: 10 * time.Minute}, Bulkhead: guard.BulkheadSettings{Max: 1}})
		g.passes("eve", "right", connectors.AnswerUpstream)
		time.Sleep(time.Minute)
		d.say("right", connectors.Reject(connectors.ReasonDisabled))
		d.takes(2300 * time.Millisecond)
		var group sync.WaitGroup
		group.Go(func() { g.want("mallory", "wrong", connectors.ErrRejected) })
		synctest.Wait()
		g.want("eve", "right", connectors.ErrBusy)
		group.Wait()
		g.want("eve", "right", connectors.ErrRejected)
	})
}

// TestStaleAfterTooMany holds that who is told that there were too many is let pass by what
// is remembered only where the directory has not refused the password, and from where she has
// signed in.
func TestStaleAfterTooMany(t *testing.T) {
	disabled := connectors.Reject(connectors.ReasonDisabled)
	for name, tt := range map[string]struct {
		locate, verify error // that the directory says of her in the meantime
		asked          bool  // about her password
		want           string
	}{
		"not asked":                {want: "429 lockout 15m0s"}, // she has not signed in from there
		"disabled":                 {verify: disabled, asked: true, want: "outage"},
		"disabled, as it is found": {locate: disabled, asked: true, want: "outage"},
		"asked, and right":         {asked: true, want: "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{}
				s := lockout()
				s.Cache = guard.CacheSettings{TTL: time.Minute, Stale: 10 * time.Minute}
				d := door(t, v, s, guard.NewShield(guard.Limits{}))
				logins{{"alice", "right", home, "ok"}}.run(t, d)
				time.Sleep(time.Minute)
				if tt.locate != nil {
					v.locate = func(string) error { return tt.locate }
				}
				for i := range s.Lockout.Budget { // what is shown to be wrong is spent
					login(t.Context(), d, "alice", fmt.Sprint("wrong-", i), elsewhere)
				}
				from := elsewhere
				if tt.asked {
					from = home
				}
				if tt.verify != nil {
					v.answer = func(string, string) error { return tt.verify }
				}
				v.take()
				got := login(t.Context(), d, "alice", "right", from)
				if refused := tt.locate != nil || tt.verify != nil || !tt.asked; refused != strings.HasPrefix(got, "429 lockout") {
					t.Fatalf("the login that is to be refused: %s", got)
				}
				v.locate = func(string) error { return errDown }
				logins{{"alice", "right", from, tt.want}}.run(t, d)
			})
		})
	}
}

// TestUnknownMeanwhile holds that a login which the directory let pass is not remembered where
// the name became unknown to it before the answer was there.
func TestUnknownMeanwhile(t *testing.T) {
	for unknown, answer := range map[time.Duration]error{30 * time.Second: connectors.ErrNotMine, 0: errDown} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk()
			g := guardedBy(t, d, guard.Settings{Cache: guard.CacheSettings{TTL: time.Minute, Stale: 10 * time.Minute, Unknown: unknown}})
			d.takes(2 * time.Second)
			var group sync.WaitGroup
			group.Go(func() { g.passes("alice", "right", connectors.AnswerUpstream) })
			group.Go(func() { g.passes("bob", "right", connectors.AnswerUpstream) })
			time.Sleep(time.Second)
			d.takes(0)
			g.want("alice", "unknown", connectors.ErrNotMine)
			group.Wait()
			d.say("right", errDown)
			g.want("alice", "right", answer)
			g.passes("bob", "right", connectors.AnswerCache) // of whom nothing was said
			time.Sleep(time.Minute)
			g.want("alice", "right", errDown)
			g.passes("bob", "right", connectors.AnswerStale)
		})
	}
}

// TestBarredMeanwhile holds that a login which the directory let pass is not remembered where
// it has said of the account, before the answer was there, that nobody may sign in.
func TestBarredMeanwhile(t *testing.T) {
	for name, tt := range map[string]struct {
		noIDs        bool
		login, other string
	}{
		"by the name":                   {login: "alice", other: "alice"},
		"by another name":               {login: "alice", other: "alice@corp"},
		"by the name, without ids":      {noIDs: true, login: "alice@corp", other: "alice@corp"},
		"by the user name, without ids": {noIDs: true, login: "alice@corp", other: "alice"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{noIDs: tt.noIDs}
				v.during = func(_ context.Context, _, password string) {
					if password == "right" {
						time.Sleep(2 * time.Second)
					}
				}
				v.answer = func(_, password string) error {
					if password != "right" {
						return connectors.Reject(connectors.ReasonDisabled)
					}
					return nil
				}
				d := door(t, v, guard.Settings{Cache: guard.CacheSettings{TTL: time.Minute, Stale: 10 * time.Minute}}, nil)
				var all sync.WaitGroup
				for _, who := range []string{tt.login, "bob"} {
					all.Go(func() { logins{{who, "right", home, "ok"}}.run(t, d) })
				}
				time.Sleep(time.Second)
				logins{{tt.other, "disabled", home, string(connectors.ReasonDisabled)}}.run(t, d)
				all.Wait()
				v.locate = func(string) error { return errDown }
				logins{
					{tt.login, "right", home, "outage"},
					{"bob", "right", home, "ok"}, // of whom nothing was said
				}.run(t, d)
			})
		})
	}
}

// TestAfterForgetting holds that who comes after something was forgotten is not answered by
// what was asked before.
func TestAfterForgetting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(2 * time.Second)
		g := guardedBy(t, d, remembering())
		var group sync.WaitGroup
		group.Go(func() { g.passes("alice", "right", connectors.AnswerUpstream) })
		time.Sleep(time.Second)
		d.say("right", connectors.Reject(connectors.ReasonDisabled))
		g.forget("alice")
		g.want("alice", "right", connectors.ErrRejected)
		group.Wait()
	})
}

// TestGoneIsOfOne holds that an account which is found to be gone does not have others asked
// about anew.
func TestGoneIsOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes(2 * time.Second)
		g := guardedBy(t, d, remembering())
		var group sync.WaitGroup
		group.Go(func() { g.passes("alice", "right", connectors.AnswerUpstream) })
		time.Sleep(time.Second)
		d.gone.Store(true)
		if _, err := g.Connector.(connectors.Resolver).Resolve(t.Context(), "id of bob"); !errors.Is(err, connectors.ErrGone) {
			t.Errorf("bob: %v, want gone", err)
		}
		group.Go(func() { g.passes("alice", "right", connectors.AnswerUpstream) })
		group.Wait()
		g.passes("alice", "right", connectors.AnswerCache)
		if n := d.asked(); n != 1 {
			t.Errorf("asked %d times, want once", n)
		}
	})
}
