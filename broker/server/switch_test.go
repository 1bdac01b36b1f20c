package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/broker/server"
)

// shift is a handler that is closed one day, and must not be used by then.
type shift struct {
	closed atomic.Bool
	used   atomic.Int64
	late   *atomic.Int64 // how often one was used that was closed
}

func (s *shift) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.check()
	s.used.Add(1)
	if r.URL.Query().Has("panic") {
		defer s.check()
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusOK)
	s.check()
}

func (s *shift) check() {
	if s.closed.Load() {
		s.late.Add(1)
	}
}

// TestSwitchUnderLoad has a handler replaced again and again while requests come without end.
func TestSwitchUnderLoad(t *testing.T) {
	var late, refused, answered atomic.Int64
	first := &shift{late: &late}
	s := server.NewSwitch(first)
	ctx, stop := context.WithCancel(t.Context())
	var clients, closers sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				switch status := visit(ctx, s, n%7 == 0); status {
				case http.StatusOK:
					answered.Add(1)
				default:
					refused.Add(1)
				}
			}
		})
	}
	all := []*shift{first}
	for n := range 2000 {
		before, next := all[n], &shift{late: &late}
		all = append(all, next)
		wait := s.Replace(next)
		closers.Go(func() {
			wait()
			before.closed.Store(true)
		})
		if n%20 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	closers.Wait() // also while requests go on
	stop()
	clients.Wait()
	used := 0
	for _, one := range all {
		if one.used.Load() > 0 {
			used++
		}
	}
	t.Logf("%d requests were answered by %d handlers", answered.Load(), used)
	if late.Load() > 0 || refused.Load() > 0 {
		t.Errorf("%d times a closed handler was used, %d requests were not answered", late.Load(), refused.Load())
	}
	if answered.Load() < 1000 || used < 10 {
		t.Errorf("%d requests by %d handlers show nothing", answered.Load(), used)
	}
}

// visit sends a request, which may end in a panic, as one does whose client is gone.
func visit(ctx context.Context, h http.Handler, panics bool) (status int) {
	path := "/"
	if panics {
		path = "/?panic"
	}
	w := httptest.NewRecorder()
	defer func() {
		_ = recover() // as package http does
		status = w.Code
	}()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody))
	return status
}

// TestSwitchWaits holds that a handler is waited for until its last request is answered, and
// that those which come meanwhile are answered by the next.
func TestSwitchWaits(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	s := server.NewSwitch(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		inside <- struct{}{}
		<-release
		w.WriteHeader(http.StatusAccepted)
	}))
	const places = 3
	answers := make(chan int, places)
	for range places {
		go func() { answers <- visit(t.Context(), s, false) }()
		<-inside
	}
	wait, waited := s.Replace(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })), make(chan struct{})
	go func() {
		wait()
		close(waited)
	}()
	if got := visit(t.Context(), s, false); got != http.StatusNoContent {
		t.Errorf("the next answers %d", got)
	}
	for n := range places {
		select {
		case <-waited:
			t.Fatalf("nobody waits for %d requests", places-n)
		case release <- struct{}{}:
		}
		if got := <-answers; got != http.StatusAccepted {
			t.Errorf("who was inside is answered %d", got)
		}
	}
	<-waited
}

// TestSwitchHoldsOnlyWhoIsInside has requests wait for a place: it is the handler of when
// they get one that answers them, and nothing of the one before is kept for them.
func TestSwitchHoldsOnlyWhoIsInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := server.NewSwitch(server.New(server.Config{Tokens: busy{release}, Logger: slog.New(slog.DiscardHandler)}))
		h := server.Gate{AtOnce: 1, Counter: new(counted), Logger: slog.New(slog.DiscardHandler)}.Before(s)
		answers := make(chan int, 2)
		for range cap(answers) {
			go func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/token", http.NoBody))
				answers <- w.Code
			}()
			synctest.Wait()
		}
		s.Replace(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		close(release)
		if got := fmt.Sprint(<-answers, <-answers); got != "200 204" {
			t.Errorf("answers %s, want 200 of the old one and 204 of the new", got)
		}
	})
}
