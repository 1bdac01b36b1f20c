package oidc_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors/oidc"
)

// source is what a keeper fetches from: it numbers its answers.
type source struct {
	mu      sync.Mutex
	fetches int
	down    bool
	takes   time.Duration
}

var errSourceDown = errors.New("the provider is down")

func (s *source) fetch(ctx context.Context) (string, error) {
	s.mu.Lock()
	s.fetches++
	n, down, takes := s.fetches, s.down, s.takes
	s.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if down {
		return "", errSourceDown
	}
	return strconv.Itoa(n), nil
}

func (s *source) set(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func (s *source) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

// keeping runs a test with a keeper and with the clock in its hands.
func keeping(t *testing.T, test func(t *testing.T, k oidc.Keeper, s *source, log *logBuffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		s := &source{takes: time.Millisecond}
		k := oidc.NewKeeper(s.fetch, slog.New(slog.NewTextHandler(&log, nil)))
		defer k.Close()
		test(t, k, s, &log)
	})
}

func wantKept(t *testing.T, what func(context.Context) (string, error), want string) {
	t.Helper()
	if got, err := what(t.Context()); got != want || err != nil {
		t.Errorf("%q, error %v, want %q", got, err, want)
	}
}

func TestKeeperFetchesWhenItIsFirstAsked(t *testing.T) {
	keeping(t, func(t *testing.T, k oidc.Keeper, s *source, _ *logBuffer) {
		time.Sleep(time.Hour)
		if n := s.count(); n != 0 {
			t.Errorf("%d fetches before anybody asked", n)
		}
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() { wantKept(t, k.Get, "1") })
		}
		group.Wait()
		if n := s.count(); n != 1 {
			t.Errorf("%d fetches for fifty who asked at once, want 1", n)
		}
	})
}

// TestKeeperPausesWhileThereIsNothing holds that a provider that is down costs a fetch
// a second, whoever asks, and is found within two.
func TestKeeperPausesWhileThereIsNothing(t *testing.T) {
	keeping(t, func(t *testing.T, k oidc.Keeper, s *source, _ *logBuffer) {
		s.down = true
		for range 100 {
			if _, err := k.Get(t.Context()); !errors.Is(err, errSourceDown) {
				t.Fatalf("error = %v", err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := s.count(); n < 9 || n > 11 {
			t.Errorf("%d fetches in ten seconds, want one a second", n)
		}
		s.set(false)
		time.Sleep(time.Second)
		if _, err := k.Get(t.Context()); err != nil {
			t.Errorf("a second after it came up: %v", err)
		}
	})
}

func TestKeeperRefreshesInTheBackground(t *testing.T) {
	keeping(t, func(t *testing.T, k oidc.Keeper, s *source, log *logBuffer) {
		wantKept(t, k.Get, "1")
		time.Sleep(9 * time.Minute)
		wantKept(t, k.Get, "1")
		time.Sleep(2 * time.Minute)
		wantKept(t, k.Get, "2")

		// It is down for an hour: what was good stays, and the log says so once.
		s.set(true)
		time.Sleep(time.Hour)
		wantKept(t, k.Get, "2")
		if n := strings.Count(log.String(), "the last ones stay"); n != 1 {
			t.Errorf("said %d times that a refresh failed, want once:\n%s", n, log)
		}
		s.set(false)
		before := s.count()
		time.Sleep(6 * time.Second)
		synctest.Wait()
		wantKept(t, k.Get, strconv.Itoa(before+1))
		if n := strings.Count(log.String(), "up to date again"); n != 1 {
			t.Errorf("said %d times that it is well again, want once:\n%s", n, log)
		}
		time.Sleep(9 * time.Minute)
		if n := s.count(); n != before+1 {
			t.Errorf("%d fetches since it is well again, want 1", n-before)
		}
	})
}

// TestKeeperIsForcedRarely has tokens with unknown keys come all the time.
func TestKeeperIsForcedRarely(t *testing.T) {
	keeping(t, func(t *testing.T, k oidc.Keeper, s *source, _ *logBuffer) {
		wantKept(t, k.Get, "1")
		wantKept(t, k.Miss, "2")
		for range 290 {
			time.Sleep(100 * time.Millisecond)
			if got, err := k.Miss(t.Context()); err == nil {
				t.Fatalf("fetched %q within 30 seconds", got)
			}
		}
		wantKept(t, k.Get, "2")
		time.Sleep(time.Second)
		wantKept(t, k.Miss, "3")
		if n := s.count(); n != 3 {
			t.Errorf("%d fetches, want 3", n)
		}
	})
}

// TestKeeperIsForcedForAll has many miss a key at once: they wait for one fetch.
func TestKeeperIsForcedForAll(t *testing.T) {
	keeping(t, func(t *testing.T, k oidc.Keeper, s *source, _ *logBuffer) {
		wantKept(t, k.Get, "1")
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() { wantKept(t, k.Miss, "2") })
		}
		group.Wait()
	})
}

// TestForcedFetchThatFails is made up for in the background, soon.
func TestForcedFetchThatFails(t *testing.T) {
	keeping(t, func(t *testing.T, k oidc.Keeper, s *source, _ *logBuffer) {
		wantKept(t, k.Get, "1")
		s.set(true)
		if _, err := k.Miss(t.Context()); !errors.Is(err, errSourceDown) {
			t.Errorf("error = %v", err)
		}
		wantKept(t, k.Get, "1")
		s.set(false)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		wantKept(t, k.Get, "3")
	})
}

// TestWhoWaitsMayLeave holds that a fetch outlives the one who began it.
func TestWhoWaitsMayLeave(t *testing.T) {
	keeping(t, func(t *testing.T, k oidc.Keeper, s *source, _ *logBuffer) {
		s.takes = 3 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := k.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v", err)
		}
		wantKept(t, k.Get, "1")
	})
}

// TestKeeperEnds holds that nothing goes on after Close, nor can be begun.
func TestKeeperEnds(t *testing.T) {
	keeping(t, func(t *testing.T, k oidc.Keeper, s *source, _ *logBuffer) {
		wantKept(t, k.Get, "1")
		s.takes = time.Hour
		missed := make(chan error)
		go func() {
			_, err := k.Miss(context.Background())
			missed <- err
		}()
		synctest.Wait()
		k.Close()
		if err := <-missed; !errors.Is(err, context.Canceled) {
			t.Errorf("the fetch under way ended with %v", err)
		}
		time.Sleep(24 * time.Hour)
		if n := s.count(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

// TestPanicOfAFetch holds that it is a failed fetch, and not the end of the program.
func TestPanicOfAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := oidc.NewKeeper(func(context.Context) (string, error) { panic("why") }, slog.New(slog.DiscardHandler))
		defer k.Close()
		if _, err := k.Get(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "panic of type string") {
			t.Errorf("error %v", err)
		}
	})
}
