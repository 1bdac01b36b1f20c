package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/connectors"
)

// busy answers token requests when it is told to.
type busy struct{ release chan struct{} }

func (b busy) Token(context.Context, broker.Request) (broker.Response, error) {
	<-b.release
	return broker.Response{Token: "t", ExpiresIn: time.Minute, IssuedAt: time.Now()}, nil
}

// nobody signs in.
type nobody struct{}

func (nobody) SignIn(context.Context, broker.Request) (connectors.Identity, error) {
	return connectors.Identity{}, &broker.Error{Kind: broker.Unauthenticated}
}

// counted keeps what was counted.
type counted struct {
	mu   sync.Mutex
	list []broker.Entry
}

func (c *counted) Count(e broker.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, e)
}

// trust is the keys of a realm.
type trust struct{}

func (trust) JWKS() []byte        { return []byte(`{"keys":[]}`) }
func (trust) Bundle() []byte      { return []byte("a bundle") }
func (trust) Certificate() []byte { return nil }

// crowded is a listener with few places.
type crowded struct {
	http.Handler
	busy
	counted
	log     bytes.Buffer
	answers chan *httptest.ResponseRecorder // in the order in which they come
}

func newCrowded(places int, trusted ...netip.Prefix) *crowded {
	c := &crowded{busy: busy{make(chan struct{})}, answers: make(chan *httptest.ResponseRecorder, 5000)}
	logger := slog.New(slog.NewTextHandler(&c.log, nil))
	c.Handler = server.Gate{AtOnce: places, TrustedProxies: trusted, Counter: &c.counted, Logger: logger}.Before(server.New(server.Config{
		Tokens: c.busy, SelfService: &server.SelfService{Realms: []string{"corp"}, People: nobody{}},
		Realms: map[string]server.Trust{"corp": trust{}}, TrustedProxies: trusted, Logger: logger,
	}))
	return c
}

func (c *crowded) get(ctx context.Context, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody))
	return w
}

// send has requests under way, and waits until each does what it can.
func (c *crowded) send(ctx context.Context, count int) {
	for range count {
		go func() { c.answers <- c.get(ctx, "/token") }()
	}
	synctest.Wait()
}

// statuses are those of the answers that there are.
func (c *crowded) statuses() (list []int) {
	for len(c.answers) > 0 {
		list = append(list, (<-c.answers).Code)
	}
	slices.Sort(list)
	return list
}

func TestTooMuchAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowded(2)
		const waiting = 4096
		c.send(t.Context(), 2+waiting)
		if got := c.statuses(); got != nil {
			t.Fatalf("answered %v", got)
		}

		// One more is turned away at once.
		began := time.Now()
		w := c.get(t.Context(), "/token?service=registry.corp")
		if time.Since(began) != 0 {
			t.Errorf("turned away after %s", time.Since(began))
		}
		var b body
		if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
			t.Fatal(err)
		}
		const text = "too many requests at the moment, which says nothing about your password: try again in a few seconds"
		if w.Code != http.StatusServiceUnavailable || len(b.Errors) != 1 || b.Errors[0].Code != "UNAVAILABLE" || b.Errors[0].Message != text ||
			b.Details != text || b.ErrorDescription != text || b.Error != "temporarily_unavailable" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if after, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || after < 2 || after > 10 {
			t.Errorf("Retry-After: %q", w.Header().Get("Retry-After"))
		}
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Length": strconv.Itoa(w.Body.Len()),
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if id := w.Header().Get("X-Request-Id"); len(id) < 20 || id == c.get(t.Context(), "/token").Header().Get("X-Request-Id") {
			t.Errorf("X-Request-Id: %q", id)
		}

		// People are told as below /api/ everything is told; what registries need is there.
		w = c.get(t.Context(), "/api/v1/tokens")
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Retry-After") == "" || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		for _, path := range []string{"/realms/corp/keys", "/realms/corp/ca.pem"} {
			if w := c.get(t.Context(), path); w.Code != http.StatusOK {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
		for _, path := range []string{"/keys", "/api/v1/ca.pem"} { // which only end like that
			if w := c.get(t.Context(), path); w.Code != http.StatusServiceUnavailable {
				t.Errorf("%s: %d", path, w.Code)
			}
		}

		// Those that wait do so for 0.6 s.
		time.Sleep(600*time.Millisecond - 1)
		synctest.Wait()
		if got := c.statuses(); got != nil {
			t.Errorf("answered early: %v", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got := c.statuses(); len(got) != waiting || slices.Min(got) != http.StatusServiceUnavailable {
			t.Errorf("%d answers, want 503 %d times", len(got), waiting)
		}

		// Afterwards all is as it was.
		close(c.release)
		synctest.Wait()
		if got := c.statuses(); !slices.Equal(got, []int{200, 200}) {
			t.Errorf("those inside: %v", got)
		}
		c.send(t.Context(), 10)
		if got := c.statuses(); len(got) != 10 || slices.Max(got) != http.StatusOK {
			t.Errorf("afterwards: %v", got)
		}
		if count := strings.Count(c.log.String(), "too much at once"); count != 1 || !strings.Contains(c.log.String(), "count=1 at_once=2") {
			t.Errorf("%d lines in the log: %s", count, &c.log)
		}
		if len(c.list) != waiting+5 || c.list[0].ClientIP != "192.0.2.1" || c.list[0].Outcome != "unavailable" || c.list[0].Reason != "overloaded" || c.list[0].Time.IsZero() {
			t.Errorf("counted %d: %+v", len(c.list), c.list[0])
		}
	})
}

// TestTheNextGetsIn has one wait until there is a place, and one hang up before.
func TestTheNextGetsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowded(1)
		c.send(t.Context(), 1)
		gone, hangUp := context.WithCancel(t.Context())
		c.send(gone, 1)
		time.Sleep(100 * time.Millisecond)
		c.send(t.Context(), 1)
		hangUp()
		synctest.Wait()
		if got := c.statuses(); !slices.Equal(got, []int{503}) {
			t.Errorf("who hung up: %v", got)
		}
		time.Sleep(300 * time.Millisecond)
		c.release <- struct{}{}
		synctest.Wait()
		if got := c.statuses(); !slices.Equal(got, []int{200}) {
			t.Errorf("who was inside: %v", got)
		}
		time.Sleep(time.Hour) // nobody inside is thrown out
		c.release <- struct{}{}
		synctest.Wait()
		if got := c.statuses(); !slices.Equal(got, []int{200}) {
			t.Errorf("who waited: %v", got)
		}
	})
}

// TestWaitsEnd holds that those who have waited in vain keep nobody from waiting.
func TestWaitsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowded(1)
		c.send(t.Context(), 1)
		c.send(t.Context(), 4096)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := c.statuses(); len(got) != 4096 || slices.Min(got) != http.StatusServiceUnavailable {
			t.Fatalf("%d answers, want 503 4096 times", len(got))
		}
		c.send(t.Context(), 1)
		close(c.release)
		synctest.Wait()
		if got := c.statuses(); !slices.Equal(got, []int{200, 200}) {
			t.Errorf("who was inside, and who waited next: %v", got)
		}
	})
}

// TestWhoIsTurnedAway holds that behind a proxy it is the client's address that is counted.
func TestWhoIsTurnedAway(t *testing.T) {
	for name, tt := range map[string]struct {
		trusted []netip.Prefix
		want    string
	}{
		"trusted":     {[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "198.51.100.7"},
		"not trusted": {nil, "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowded(1, tt.trusted...)
				c.send(t.Context(), 1)
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/token", http.NoBody)
				r.Header.Set("X-Forwarded-For", "198.51.100.7")
				c.ServeHTTP(httptest.NewRecorder(), r)
				if len(c.list) != 1 || c.list[0].ClientIP != tt.want {
					t.Errorf("counted %+v, want one of %s", c.list, tt.want)
				}
				close(c.release)
			})
		})
	}
}

// TestTheLogTellsSeldom turns many away for a minute.
func TestTheLogTellsSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowded(1)
		c.send(t.Context(), 5)
		for range 600 {
			_ = c.statuses()
			c.send(t.Context(), 5)
			time.Sleep(100 * time.Millisecond)
		}
		close(c.release)
		synctest.Wait()
		if lines := strings.Count(c.log.String(), "\n"); lines < 6 || lines > 7 {
			t.Errorf("%d lines in a minute: %s", lines, &c.log)
		}
	})
}

// TestSlowContentHasNoPlace has a client send the beginning of a form, with one place in all.
func TestSlowContentHasNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowded(1)
		close(c.release)
		content, sends := io.Pipe()
		slow := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/token", content)
		slow.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.ServeHTTP(w, slow)
		}()
		_, _ = io.WriteString(sends, "grant_type=password&username=alice&")
		time.Sleep(time.Minute)
		if got := c.get(t.Context(), "/token").Code; got != http.StatusOK {
			t.Errorf("another gets %d meanwhile", got)
		}
		_, _ = io.WriteString(sends, "password=alice-pw")
		_ = sends.Close()
		if <-done; w.Code != http.StatusOK {
			t.Errorf("the slow one gets %d: %s", w.Code, w.Body)
		}
	})
}

// TestLargeContentsAreBounded has clients behind a proxy begin to send as many large forms as
// there may be, three quarters of them from one network, and not end.
func TestLargeContentsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowded(1, netip.MustParsePrefix("192.0.2.1/32"))
		close(c.release)
		post := func(from string, content io.Reader) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/token", content)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Forwarded-For", from)
			c.ServeHTTP(w, r)
			return w
		}
		form := func(size int) string {
			const form = "grant_type=password&username=alice&password=alice-pw&client_id="
			return form + strings.Repeat("x", size-len(form))
		}
		const most, share, crowd, others, late = 1024, 768, "198.51.100.1", "198.51.100.2", "198.51.100.3"
		large := form(64 << 10)
		began := time.Now()
		turnedAway := func(from string) {
			t.Helper()
			if w := post(from, strings.NewReader(form(4<<10+1))); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || time.Since(began) != 0 {
				t.Errorf("%s sends more and gets %d after %s", from, w.Code, time.Since(began))
			}
		}
		var slow []*io.PipeWriter
		answers := make(chan int, most)
		send := func(from string, count int) {
			for range count {
				content, end := io.Pipe()
				go func() { answers <- post(from, content).Code }()
				_, _ = io.WriteString(end, large[:5<<10])
				slow = append(slow, end)
			}
		}
		send(crowd, share)
		turnedAway(crowd)
		if log := c.log.String(); strings.Count(log, "too much at once") != 1 || !strings.Contains(log, "network=198.51.100.1/32 contents=1024 of_one_network=768") {
			t.Errorf("the log: %s", log)
		}
		send(others, most-share)
		for range share {
			turnedAway(late)
		}
		for _, size := range []int{200, 4 << 10} {
			if w := post(crowd, strings.NewReader(form(size))); w.Code != http.StatusOK || time.Since(began) != 0 {
				t.Errorf("who sends %d bytes gets %d after %s", size, w.Code, time.Since(began))
			}
		}
		if got := c.get(t.Context(), "/token").Code; got != http.StatusOK || time.Since(began) != 0 {
			t.Errorf("who sends nothing gets %d after %s", got, time.Since(began))
		}
		if len(c.list) != 1+share || c.list[1].Reason != "overloaded" || c.list[1].ClientIP != late {
			t.Errorf("counted %+v", c.list)
		}
		for _, s := range slow {
			_, _ = io.WriteString(s, large[5<<10:])
			_ = s.Close()
			if status := <-answers; status != http.StatusOK {
				t.Fatalf("a slow one gets %d", status)
			}
			synctest.Wait()
			if w := post(late, strings.NewReader(large)); w.Code != http.StatusOK {
				t.Fatalf("the next gets %d", w.Code)
			}
		}
		slow = nil
		send(crowd, share) // and all is as it was
		for _, s := range slow {
			_ = s.CloseWithError(io.ErrUnexpectedEOF)
			if status := <-answers; status == http.StatusServiceUnavailable {
				t.Errorf("who comes afterwards gets %d", status)
			}
		}
	})
}

// unread is an answer that its client does not read for a while.
type unread struct {
	*httptest.ResponseRecorder
	read chan struct{}
}

func (u unread) Write(b []byte) (int, error) {
	<-u.read
	return u.ResponseRecorder.Write(b)
}

// TestAnswersThatAreNotReadHaveNoPlace has one place, and a client that does not read what it
// is answered.
func TestAnswersThatAreNotReadHaveNoPlace(t *testing.T) {
	for path, want := range map[string]int{"/token": 200, "/api/v1/openapi.yaml": 200, "/api/v1/tokens": 401, "/nowhere": 404} {
		t.Run(path, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { testUnread(t, path, want) }) })
	}
}

func testUnread(t *testing.T, path string, want int) {
	t.Helper()
	c := newCrowded(1)
	close(c.release)
	slow := unread{httptest.NewRecorder(), make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.ServeHTTP(slow, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
	}()
	synctest.Wait()
	began := time.Now()
	if got := c.get(t.Context(), "/token").Code; got != http.StatusOK || time.Since(began) != 0 {
		t.Errorf("another gets %d after %s", got, time.Since(began))
	}
	close(slow.read)
	if <-done; slow.Code != want {
		t.Errorf("the slow one gets %d", slow.Code)
	}
}

// refuser refuses, after a while in which it needs nothing.
type refuser struct{}

func (refuser) Handles(connectors.Credentials) bool { return true }

func (refuser) Authenticate(context.Context, connectors.Credentials) (connectors.Identity, error) {
	return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
}

func (refuser) RefusalTime() time.Duration { return 10 * time.Second }

// TestWhoWaitsElsewhereHasNoPlace has one place, and requests that wait for a directory.
func TestWhoWaitsElsewhereHasNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := make(chan struct{})
		tokens := func(ctx context.Context, r broker.Request) (broker.Response, error) {
			if r.Credentials != nil {
				connectors.Elsewhere(ctx)
				<-answers
			}
			return broker.Response{Token: "t", ExpiresIn: time.Minute, IssuedAt: time.Now()}, nil
		}
		h := server.Gate{AtOnce: 1, Counter: new(counted), Logger: slog.New(slog.DiscardHandler)}.Before(
			server.New(server.Config{Tokens: tokensFunc(tokens), Logger: slog.New(slog.DiscardHandler)}))
		get := func(user string) int {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/token", http.NoBody)
			if user != "" {
				r.SetBasicAuth(user, "x")
			}
			h.ServeHTTP(w, r)
			return w.Code
		}
		waiting := make(chan int, 20)
		for range cap(waiting) {
			go func() { waiting <- get("alice") }()
		}
		synctest.Wait()
		began := time.Now()
		for range 3 {
			if status := get(""); status != http.StatusOK || time.Since(began) != 0 {
				t.Errorf("another gets %d after %s", status, time.Since(began))
			}
		}
		close(answers)
		for range cap(waiting) {
			if status := <-waiting; status != http.StatusOK {
				t.Errorf("who waited gets %d", status)
			}
		}
	})
}

// hashing is a connector of no name that is sent, whose decoys take a while.
type hashing struct{ connectors.Connector }

func (hashing) Handles(connectors.Credentials) bool { return false }

func (hashing) SpendAsRefusal(context.Context, connectors.Secret) error {
	time.Sleep(10 * time.Second)
	return nil
}

// counting is a connector of no name that is sent, which counts such a one when others are
// through.
type counting struct{ connectors.Connector }

func (counting) Handles(connectors.Credentials) bool { return false }

func (counting) RefuseUnknown(context.Context, connectors.Credentials) error {
	time.Sleep(10 * time.Second)
	return nil
}

func (counting) RefuseNoName(context.Context, connectors.Credentials) error { return nil }

// TestRefusalsThatAreHeldHaveNoPlace has one place, and a refusal that takes ten seconds.
func TestRefusalsThatAreHeldHaveNoPlace(t *testing.T) {
	for name, c := range map[string]connectors.Connector{"held": refuser{}, "at a decoy": hashing{}, "to be counted": counting{}} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { testHeldHaveNoPlace(t, c) }) })
	}
}

func testHeldHaveNoPlace(t *testing.T, c connectors.Connector) {
	t.Helper()
	chain := connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "slow", Connector: c})
	tokens := func(ctx context.Context, r broker.Request) (broker.Response, error) {
		if r.Credentials == nil {
			return broker.Response{Token: "t", ExpiresIn: time.Minute, IssuedAt: time.Now()}, nil
		}
		_, err := chain.Authenticate(ctx, *r.Credentials)
		return broker.Response{}, &broker.Error{Kind: broker.Unauthenticated, Cause: err}
	}
	h := server.Gate{AtOnce: 1, Counter: new(counted), Logger: slog.New(slog.DiscardHandler)}.Before(
		server.New(server.Config{Tokens: tokensFunc(tokens), Logger: slog.New(slog.DiscardHandler)}))
	get := func(user string) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/token", http.NoBody)
		if user != "" {
			r.SetBasicAuth(user, "wrong")
		}
		h.ServeHTTP(w, r)
		return w.Code
	}
	held := make(chan int, 20)
	for range cap(held) {
		go func() { held <- get("alice") }()
	}
	synctest.Wait()
	began := time.Now()
	if status := get(""); status != http.StatusOK || time.Since(began) != 0 {
		t.Errorf("another gets %d after %s", status, time.Since(began))
	}
	for range cap(held) {
		if status := <-held; status != http.StatusUnauthorized {
			t.Errorf("who is held gets %d", status)
		}
	}
	if took := time.Since(began); took < 10*time.Second {
		t.Errorf("they were held for %s", took)
	}
}

type tokensFunc func(context.Context, broker.Request) (broker.Response, error)

func (f tokensFunc) Token(ctx context.Context, r broker.Request) (broker.Response, error) {
	return f(ctx, r)
}
