package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/oidc"
)

// asking is a provider that takes its time, and counts who asks it.
type asking struct {
	takes      time.Duration
	asked, now atomic.Int32

	mu   sync.Mutex
	most int32 // at once
}

func (a *asking) ask(ctx context.Context) error {
	a.asked.Add(1)
	a.mu.Lock()
	a.most = max(a.most, a.now.Add(1))
	a.mu.Unlock()
	defer a.now.Add(-1)
	select {
	case <-time.After(a.takes):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (a *asking) refuse(ctx context.Context) error {
	if err := a.ask(ctx); err != nil {
		return err
	}
	return connectors.Reject(connectors.ReasonWrongPassword)
}

// loggingIn runs a test with the clock in its hands.
func loggingIn(t *testing.T, takes time.Duration, test func(t *testing.T, l oidc.Logins, p *asking)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := oidc.NewLogins()
		defer l.Close()
		test(t, l, &asking{takes: takes})
	})
}

// TestGuessesKeepNobodyOut has somebody guess at a password all the time, and its owner
// log in: one whose password was right before, or one whom the guessers leave room.
func TestGuessesKeepNobodyOut(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before bool          // whether the owner has logged in before
		stay   time.Duration // how long each guesser waits for an answer
		within time.Duration // the owner is let in
	}{
		{"many guesses", true, time.Minute, 2305 * time.Millisecond}, // behind two, with their rests
		{"guessers who leave", false, 5 * time.Millisecond, 1200 * time.Millisecond},
		{"guessers who leave late", true, 200 * time.Millisecond, 2305 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			loggingIn(t, 35*time.Millisecond, func(t *testing.T, l oidc.Logins, p *asking) {
				if tt.before {
					if err := l.Do(t.Context(), "alice", "right", p.ask); err != nil {
						t.Fatal(err)
					}
				}
				var group sync.WaitGroup
				defer group.Wait()
				for i := range 1000 { // a hundred a second, for ten
					group.Go(func() {
						time.Sleep(time.Duration(i) * 10 * time.Millisecond)
						ctx, cancel := context.WithTimeout(t.Context(), tt.stay)
						defer cancel()
						start := time.Now()
						err := l.Do(ctx, "alice", "guess"+strconv.Itoa(i), p.refuse)
						if took := time.Since(start); took > 4*time.Second {
							t.Errorf("a guess took %v: %v", took, err)
						}
					})
				}
				for range 3 {
					time.Sleep(2500 * time.Millisecond) // until no login counts any more
					start := time.Now()
					if err := l.Do(t.Context(), "alice", "right", p.ask); err != nil {
						t.Errorf("the right password: %v", err)
					}
					if took := time.Since(start); took > tt.within {
						t.Errorf("the right password took %v", took)
					}
				}
			})
		})
	}
}

// TestGuessesOfOneName holds that those that are too many are refused at once, and as an
// outage.
func TestGuessesOfOneName(t *testing.T) {
	loggingIn(t, time.Second, func(t *testing.T, l oidc.Logins, p *asking) {
		var group sync.WaitGroup
		var refused atomic.Int32
		for i := range 20 {
			group.Go(func() {
				start := time.Now()
				err := l.Do(t.Context(), "alice", strconv.Itoa(i), p.refuse)
				if err != nil && strings.Contains(err.Error(), "logins to this account") && time.Since(start) == 0 {
					refused.Add(1)
				}
				if err == nil || errors.Is(err, connectors.ErrRejected) && time.Since(start) == 0 {
					t.Errorf("error %v", err)
				}
			})
		}
		group.Wait()
		if n := refused.Load(); n != 12 {
			t.Errorf("%d of 20 were refused at once, want 12", n)
		}
	})
}

// TestPrecedenceEnds holds that a password goes first for half a day, unless it was
// refused since.
func TestPrecedenceEnds(t *testing.T) {
	for _, tt := range []struct {
		name    string
		after   time.Duration
		refused bool
		first   bool
	}{
		{"after eleven hours", 11 * time.Hour, false, true},
		{"after thirteen hours", 13 * time.Hour, false, false},
		{"refused since", time.Hour, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			loggingIn(t, 500*time.Millisecond, func(t *testing.T, l oidc.Logins, p *asking) {
				if err := l.Do(t.Context(), "alice", "right", p.ask); err != nil {
					t.Fatal(err)
				}
				time.Sleep(tt.after)
				if tt.refused {
					_ = l.Do(t.Context(), "alice", "right", p.refuse)
					time.Sleep(2 * time.Second)
				}
				var group sync.WaitGroup
				defer group.Wait()
				for i := range 8 {
					group.Go(func() { _ = l.Do(t.Context(), "alice", strconv.Itoa(i), p.refuse) })
				}
				synctest.Wait()
				if err := l.Do(t.Context(), "alice", "right", p.ask); (err == nil) != tt.first {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// TestCrowd has many people come and go again: the provider is asked for a few at a time,
// and for none of those who have left.
func TestCrowd(t *testing.T) {
	loggingIn(t, time.Minute, func(t *testing.T, l oidc.Logins, p *asking) {
		var refused atomic.Int32
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		for i := range 3000 {
			go func() {
				err := l.Do(ctx, "name"+strconv.Itoa(i), "x", p.ask)
				if err == nil {
					t.Error("logged in")
				} else if strings.Contains(err.Error(), "logins wait for the provider") {
					refused.Add(1)
				}
			}()
		}
		time.Sleep(25 * time.Millisecond)
		synctest.Wait()
		if p.most != 32 || refused.Load() != 3000-2048 {
			t.Errorf("%d at a time, %d refused; want 32 and 952", p.most, refused.Load())
		}
		if n := p.now.Load(); n != 0 {
			t.Errorf("the provider is still asked for %d who have left", n)
		}
		time.Sleep(2 * time.Second)
		if underway, _, _ := l.Kept(); underway != 0 {
			t.Errorf("%d things of theirs are kept", underway)
		}
	})
}

// TestProvenInACrowd holds that a password which was right before has its turn also where as many
// others wait as may.
func TestProvenInACrowd(t *testing.T) {
	loggingIn(t, time.Second, func(t *testing.T, l oidc.Logins, p *asking) {
		if err := l.Do(t.Context(), "alice", "right", p.ask); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second) // until that login counts no more
		var crowd sync.WaitGroup
		defer crowd.Wait()
		for i := range 2048 {
			crowd.Go(func() { _ = l.Do(t.Context(), "name"+strconv.Itoa(i), "x", p.ask) })
		}
		synctest.Wait()
		if err := l.Do(t.Context(), "bob", "right", p.ask); !errors.Is(err, connectors.ErrBusy) {
			t.Errorf("one more: error %v", err)
		}
		if err := l.Do(t.Context(), "alice", "right", p.ask); err != nil {
			t.Errorf("whose password was right before: %v", err)
		}
	})
}

// TestAnyNumber holds that the provider is asked for all who are under way where no number is set.
func TestAnyNumber(t *testing.T) {
	loggingIn(t, time.Second, func(t *testing.T, l oidc.Logins, p *asking) {
		l.Bound(0)
		var all sync.WaitGroup
		for i := range 2048 {
			all.Go(func() { _ = l.Do(t.Context(), "name"+strconv.Itoa(i), "right", p.ask) })
		}
		all.Wait()
		if p.most != 2048 {
			t.Errorf("%d at a time, want 2048", p.most)
		}
	})
}

// TestLoginOutlivesItsCaller holds that one who goes away takes nothing from those who
// log in alike.
func TestLoginOutlivesItsCaller(t *testing.T) {
	loggingIn(t, time.Second, func(t *testing.T, l oidc.Logins, p *asking) {
		ctx, cancel := context.WithCancel(t.Context())
		left, stayed := make(chan error, 1), make(chan error, 1)
		go func() { left <- l.Do(ctx, "carol", "right", p.ask) }()
		synctest.Wait()
		go func() { stayed <- l.Do(t.Context(), "carol", "right", p.ask) }()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the one who left: error %v", err)
		}
		if err := <-stayed; err != nil {
			t.Errorf("the other one: %v", err)
		}
		if n := p.asked.Load(); n != 1 {
			t.Errorf("the provider was asked %d times, want once for both", n)
		}
	})
}

// TestComingBack holds that a login which ends without anybody ends nobody else's: not of
// one who comes back while it ends, and not of those who log in alike then.
func TestComingBack(t *testing.T) {
	loggingIn(t, time.Second, func(t *testing.T, l oidc.Logins, p *asking) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_ = l.Do(ctx, "carol", "right", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(100 * time.Millisecond)
			return context.Cause(ctx)
		})
		var group sync.WaitGroup
		for _, after := range []time.Duration{0, 200 * time.Millisecond} {
			group.Go(func() {
				time.Sleep(after)
				if err := l.Do(t.Context(), "carol", "right", p.ask); err != nil {
					t.Errorf("who comes back after %v: %v", after, err)
				}
			})
		}
		group.Wait()
		if n := p.asked.Load(); n != 1 {
			t.Errorf("the provider was asked %d times, want once for both", n)
		}
	})
}

// TestRestAfterWhatWasGivenUp holds that nobody is asked for right after a login that the
// provider may still be at work on.
func TestRestAfterWhatWasGivenUp(t *testing.T) {
	loggingIn(t, time.Second, func(t *testing.T, l oidc.Logins, p *asking) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_ = l.Do(ctx, "alice", "a", p.ask)
		start := time.Now()
		if err := l.Do(t.Context(), "alice", "b", p.ask); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 2100*time.Millisecond {
			t.Errorf("the next one took %v, want a rest of 1.1 seconds and the answer", took)
		}
	})
}

// TestRestAfterAFailure holds that no two logins by one name fail within a second, whichever
// of the passwords was right before, and that those by other names do not wait.
func TestRestAfterAFailure(t *testing.T) {
	loggingIn(t, 10*time.Millisecond, func(t *testing.T, l oidc.Logins, p *asking) {
		if err := l.Do(t.Context(), "alice", "proven", p.ask); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		var (
			mu     sync.Mutex
			failed []time.Time
			group  sync.WaitGroup
		)
		refuse := func(ctx context.Context) error {
			err := p.refuse(ctx)
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, time.Now())
			return err
		}
		start := time.Now()
		for _, password := range []string{"stale", "proven", "older"} {
			group.Go(func() {
				if err := l.Do(t.Context(), "alice", password, refuse); !errors.Is(err, connectors.ErrRejected) {
					t.Errorf("%s: error %v", password, err)
				}
			})
		}
		group.Go(func() {
			if err := l.Do(t.Context(), "bob", "right", p.ask); err != nil || time.Since(start) != p.takes {
				t.Errorf("another name: error %v after %v", err, time.Since(start))
			}
		})
		group.Wait()
		for i := 1; i < len(failed); i++ {
			if apart := failed[i].Sub(failed[i-1]); apart <= time.Second {
				t.Errorf("failures %d and %d are %v apart", i, i+1, apart)
			}
		}
		if err := l.Do(t.Context(), "alice", "right", p.ask); err != nil || time.Since(start) > 4*time.Second {
			t.Errorf("a right one behind three: error %v after %v", err, time.Since(start))
		}
	})
}

// TestRestAfterNoAnswer holds that a login which the provider has not answered may have
// failed.
func TestRestAfterNoAnswer(t *testing.T) {
	loggingIn(t, time.Second, func(t *testing.T, l oidc.Logins, p *asking) {
		_ = l.Do(t.Context(), "alice", "a", func(context.Context) error { return fmt.Errorf("asking: %w", oidc.ErrNoAnswer()) })
		start := time.Now()
		if err := l.Do(t.Context(), "alice", "b", p.ask); err != nil || time.Since(start) != 2100*time.Millisecond {
			t.Errorf("the next one: error %v after %v, want a rest of 1.1 seconds and the answer", err, time.Since(start))
		}
	})
}

// TestDoubts holds that a refusal is in doubt while the provider may be at work on a login
// by the same name that it was sent and that was given up, and only then.
func TestDoubts(t *testing.T) {
	loggingIn(t, 10*time.Millisecond, func(t *testing.T, l oidc.Logins, p *asking) {
		refused := func(name string) bool {
			err := l.Do(t.Context(), name, "password"+strconv.Itoa(int(p.asked.Load())), p.refuse)
			if errors.Is(err, connectors.ErrRejected) == errors.Is(err, connectors.ErrInDoubt) {
				t.Errorf("neither refused nor in doubt: %v", err)
			}
			return errors.Is(err, connectors.ErrRejected)
		}
		fail := func(err error) {
			_ = l.Do(t.Context(), "alice", "a", func(context.Context) error { return fmt.Errorf("asking: %w", err) })
		}
		giveUp := func() { fail(oidc.Unanswered()) }
		if fail(oidc.ErrNoAnswer()); !refused("alice") {
			t.Error("after a login that was never sent, a refusal of the name does not count")
		}
		giveUp()
		for range 2 {
			if refused("alice") {
				t.Error("after a login that was given up, a refusal of the name counts")
			}
		}
		if !refused("bob") {
			t.Error("after a login that was given up, a refusal of another name does not count")
		}
		time.Sleep(15 * time.Second)
		if !refused("alice") {
			t.Error("a while later a refusal does not count")
		}
		giveUp()
		if err := l.Do(t.Context(), "alice", "right", p.ask); err != nil || !refused("alice") {
			t.Errorf("after a login that was right (%v) a refusal does not count", err)
		}
	})
}

// TestDoubtsAreOfPasswords holds that only a wrong password is in doubt: that the account may
// not sign in is no other login's fault.
func TestDoubtsAreOfPasswords(t *testing.T) {
	loggingIn(t, 10*time.Millisecond, func(t *testing.T, l oidc.Logins, _ *asking) {
		_ = l.Do(t.Context(), "alice", "a", func(context.Context) error { return oidc.Unanswered() })
		err := l.Do(t.Context(), "alice", "b", func(context.Context) error { return connectors.Reject(connectors.ReasonDisabled) })
		if reason, _ := reasonOf(err); reason != connectors.ReasonDisabled {
			t.Errorf("error %v, want that the account is disabled", err)
		}
	})
}

// TestDoubtsAreForgotten holds that no more of them are kept than logins were given up of late.
func TestDoubtsAreForgotten(t *testing.T) {
	loggingIn(t, 0, func(t *testing.T, l oidc.Logins, _ *asking) {
		giveUp := func(name string) {
			_ = l.Do(t.Context(), name, "a", func(context.Context) error { return oidc.Unanswered() })
		}
		for i := range 100 {
			giveUp("name" + strconv.Itoa(i))
		}
		time.Sleep(15 * time.Second)
		giveUp("alice")
		if n := l.Doubts(); n != 1 {
			t.Errorf("%d are kept, want 1", n)
		}
	})
}

// TestNoDoubtFromTheQueue has somebody send different passwords at once to a provider that
// takes its time: one that has waited for so long that its answer could not be waited for
// is not sent, and nobody is in doubt.
func TestNoDoubtFromTheQueue(t *testing.T) {
	loggingIn(t, 700*time.Millisecond, func(t *testing.T, l oidc.Logins, p *asking) {
		var group sync.WaitGroup
		var refused, busy atomic.Int32
		for i := range 4 {
			group.Go(func() {
				err := l.Do(t.Context(), "alice", strconv.Itoa(i), func(ctx context.Context) error {
					if err := p.refuse(ctx); errors.Is(err, connectors.ErrRejected) {
						return err
					}
					return oidc.Unanswered()
				})
				switch {
				case errors.Is(err, connectors.ErrRejected):
					refused.Add(1)
				case errors.Is(err, connectors.ErrBusy):
					busy.Add(1)
				default:
					t.Errorf("error %v", err)
				}
			})
		}
		group.Wait()
		if err := l.Do(t.Context(), "alice", "last", p.refuse); !errors.Is(err, connectors.ErrRejected) {
			t.Errorf("after the queue: error %v", err)
		}
		if p.asked.Load() != 3 || refused.Load() != 2 || busy.Load() != 2 {
			t.Errorf("%d sent, %d refused, %d busy; want 3, 2, 2", p.asked.Load(), refused.Load(), busy.Load())
		}
	})
}

// TestLoginsAreForgotten holds that what was kept goes again.
func TestLoginsAreForgotten(t *testing.T) {
	loggingIn(t, time.Millisecond, func(t *testing.T, l oidc.Logins, p *asking) {
		for i := range 10_100 {
			if err := l.Do(t.Context(), "name"+strconv.Itoa(i), "right", p.ask); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(3 * time.Second)
		_ = l.Do(t.Context(), "alice", "right", p.ask)
		time.Sleep(time.Second)
		if underway, good, proven := l.Kept(); underway != 0 || good != 1 || proven != 10_000 {
			t.Errorf("kept: %d of logins under way, %d that count, %d passwords; want 0, 1, 10000", underway, good, proven)
		}
	})
}

// TestLoginsEnd holds that close ends what is under way, and that nothing counts after it.
func TestLoginsEnd(t *testing.T) {
	loggingIn(t, 10*time.Millisecond, func(t *testing.T, l oidc.Logins, p *asking) {
		if err := l.Do(t.Context(), "alice", "right", p.ask); err != nil {
			t.Fatal(err)
		}
		p.takes = time.Minute
		start := time.Now()
		var group sync.WaitGroup
		for _, password := range []string{"asked", "waiting"} {
			group.Go(func() {
				if err := l.Do(t.Context(), "bob", password, p.ask); err == nil || time.Since(start) > time.Second {
					t.Errorf("%s: error %v after %v", password, err, time.Since(start))
				}
			})
		}
		time.Sleep(time.Millisecond)
		l.Close()
		group.Wait()
		if err := l.Do(t.Context(), "alice", "right", p.ask); err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("a login that counted, after the end: error %v", err)
		}
		before := p.asked.Load()
		for i := range 100 {
			if err := l.Do(t.Context(), strconv.Itoa(i), "right", p.ask); err == nil || !strings.Contains(err.Error(), "closed") {
				t.Errorf("after the end: error %v", err)
			}
		}
		if n := p.asked.Load() - before; n != 0 {
			t.Errorf("after the end the provider was asked %d times", n)
		}
	})
}

// TestPanicOfALogin holds that it ends that login alone, and shows nothing.
func TestPanicOfALogin(t *testing.T) {
	loggingIn(t, 0, func(t *testing.T, l oidc.Logins, p *asking) {
		err := l.Do(t.Context(), "alice", "right", func(context.Context) error { panic("right") })
		if err == nil || !strings.HasPrefix(err.Error(), "panic of type string") {
			t.Errorf("error %v", err)
		}
		if err := l.Do(t.Context(), "alice", "right", p.ask); err != nil {
			t.Errorf("the next one: %v", err)
		}
	})
}
