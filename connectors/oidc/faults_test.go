package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/oidc"
	"github.com/shorepass/shorepass/internal/freeport"
)

// answerWithin is how long a login may take, whatever the provider does: the four seconds
// that it has, and some for a busy machine.
const answerWithin = 8 * time.Second

// TestBadDocuments has the provider publish what cannot be used. The password is sent
// nowhere then.
func TestBadDocuments(t *testing.T) {
	evil := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a server that was not configured is asked for %s", r.URL)
	}))
	defer evil.Close()
	document := func(name string, value any) func(*provider) {
		return func(p *provider) {
			p.edit = func(d map[string]any) {
				if d[name] = value; value == nil {
					delete(d, name)
				}
			}
		}
	}
	answer := func(path string, h http.HandlerFunc) func(*provider) {
		return func(p *provider) { p.handlers[path] = h }
	}
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	many := `{"keys":[` + strings.Repeat(`{},`, 100) + `{}]}`
	for _, tt := range []struct {
		name  string
		spoil func(*provider)
		words string
	}{
		{"another issuer", document("issuer", "https://evil.example"), `it is the document of "https://evil.example"`},
		{"no issuer", document("issuer", nil), "not a discovery document"},
		{"no token endpoint", document("token_endpoint", nil), `its token_endpoint is "": want an https:// address`},
		{"no keys", document("jwks_uri", nil), `its jwks_uri is "": want an https:// address`},
		{"keys that are no text", document("jwks_uri", 7), "discovery"},
		{"a token endpoint in clear", document("token_endpoint", "http://sso.corp.example/token"), "passwords would be sent in clear"},
		{"a userinfo endpoint in clear", document("userinfo_endpoint", "http://sso.corp.example/userinfo"), "passwords would be sent in clear"},
		{"a relative endpoint", document("token_endpoint", "/token"), "want an https:// address"},
		{"a file", document("jwks_uri", "file:///etc/passwd"), "want an https:// address"},
		{"discovery not found", answer(pathDiscovery, http.NotFound), "404"},
		{"discovery fails", answer(pathDiscovery, text(500, "<html>"+strings.Repeat("x", 10_000))), "500"},
		{"discovery is a page", answer(pathDiscovery, text(200, "<html>")), "discovery"},
		{"discovery of 10 MB", answer(pathDiscovery, text(200, `{"x":"`+strings.Repeat("x", 10<<20)+`"}`)), "larger than 1048576 bytes"},
		{"discovery elsewhere", answer(pathDiscovery, redirectTo(evil.URL+pathDiscovery)), "redirects to another server"},
		{"discovery round and round", answer(pathDiscovery, redirectTo(pathDiscovery+"?"+strings.Repeat("x", 3000))), "redirects on and on"},
		{"keys not found", answer(pathKeys, http.NotFound), "status 404"},
		{"keys fail", answer(pathKeys, text(500, "{}")), "status 500"},
		{"keys are a page", answer(pathKeys, text(200, "<html>")), "not JSON"},
		{"keys of another kind", answer(pathKeys, text(200, `{"keys":{"a":1}}`)), "not a key set"},
		{"no keys in the set", answer(pathKeys, text(200, `{"keys":[]}`)), "no public key for signatures"},
		{"secret keys alone", answer(pathKeys, text(200, `{"keys":[{"kty":"oct","k":"AAAA","kid":"first"}]}`)), "no public key for signatures"},
		{"many keys", answer(pathKeys, text(200, many)), "more than 100 keys"},
		{"keys of 10 MB", answer(pathKeys, text(200, `{"keys":["`+strings.Repeat("x", 10<<20)+`"]}`)), "larger than 1048576 bytes"},
		{"keys elsewhere", answer(pathKeys, redirectTo(evil.URL+pathKeys)), "redirects to another server"},
		{"headers without end", answer(pathKeys, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }), "has too long a header"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProvider(t)
			tt.spoil(p)
			_, err := p.connect().login(t.Context())
			wantOutage(t, err, tt.words)
			wantMark(t, err, true) // nobody can log in
			if n := p.count(pathToken); n > 0 {
				t.Errorf("the password was sent all the same, %d times", n)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// TestRedirectsOfThePassword has the token endpoint redirect, to another server and to
// itself, and repeat what was posted: the password goes nowhere, neither on nor into the
// error.
func TestRedirectsOfThePassword(t *testing.T) {
	evil := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the password is sent on: %s %s", r.Method, r.URL)
	}))
	defer evil.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for to, words := range map[string]string{
			evil.URL + "/token":                "it redirects to " + evil.URL + ", where the password is not sent",
			"http://x:y@127.0.0.1:1/":          "it redirects to http://127.0.0.1:1, where the password is not sent",
			pathToken + "/2":                   "where the password is not sent",
			"http://[half:an:address/":         "it redirects to what is not an address",
			"//" + strings.Repeat("x", 20_000): "where the password is not sent",
		} {
			p := newProvider(t)
			p.handlers[pathToken] = func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", to+"?"+r.Form.Encode()+strings.Repeat("x", 3000))
				w.WriteHeader(status)
			}
			_, err := p.connect().login(t.Context())
			wantOutage(t, err, words)
			if n := p.count(pathToken + "/2"); n > 0 {
				t.Errorf("status %d: followed %d times", status, n)
			}
			if err != nil && (len(err.Error()) > 1000 || strings.Contains(err.Error(), "grant_type")) {
				t.Errorf("status %d: the error is %.2000v", status, err)
			}
		}
	}
}

// TestUnreadableAnswers has the token endpoint repeat the password where package net/http or
// x/oauth2 quote what they cannot read.
func TestUnreadableAnswers(t *testing.T) {
	for _, answer := range []string{
		"PASSWORD\r\n\r\n",
		"HTTP/1.1 PASSWORD OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nPASSWORD\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: PASSWORD\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: PASSWORD\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nPASSWORD\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 34\r\n\r\n{\"expires_in\":1000000000PASSWORD}",
	} {
		const password = "4242424242"
		p := newProvider(t)
		p.handlers[pathToken] = func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, strings.ReplaceAll(answer, "PASSWORD", password))
			_ = conn.Close()
		}
		_, err := p.connect().Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret(password)})
		wantOutage(t, err, "checking the password at")
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("%q: the error shows the password: %v", answer, err)
		}
	}
}

// TestSlowProviders has each endpoint hang, and trickle a byte a second: a login is
// over in time.
func TestSlowProviders(t *testing.T) {
	t.Parallel()
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	trickle := func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write([]byte(" ")); err != nil {
				return
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-time.After(time.Second):
			}
		}
	}
	var group sync.WaitGroup
	defer group.Wait()
	for kind, handler := range map[string]http.HandlerFunc{"hangs": hang, "trickles": trickle} {
		for _, path := range []string{pathDiscovery, pathKeys, pathToken, pathUserinfo} {
			p := newProvider(t)
			p.userinfo = map[string]any{}
			p.handlers[path] = handler
			c := p.connect(withGroups("groups"))
			group.Go(func() {
				start := time.Now()
				_, err := c.login(t.Context())
				wantOutage(t, err, "did not answer in time")
				wantMark(t, err, true)
				if took := time.Since(start); took > answerWithin {
					t.Errorf("%s %s: it took %v", path, kind, took)
				}
			})
		}
	}
}

// TestAllOfItSlow has every answer come just in time for its own deadline: the whole
// login has one too.
func TestAllOfItSlow(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	slow := func(right func(http.ResponseWriter)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(1700 * time.Millisecond):
				right(w)
			}
		}
	}
	p.handlers[pathDiscovery] = slow(p.serveDiscovery)
	p.handlers[pathToken] = slow(func(w http.ResponseWriter) {
		reply(w, 200, map[string]any{"access_token": "the-access-token", "token_type": "Bearer", "id_token": p.idToken()})
	})
	p.userinfo = map[string]any{}
	p.handlers[pathUserinfo] = slow(func(w http.ResponseWriter) { reply(w, 200, map[string]any{"sub": "0815"}) })
	c := p.connect(withGroups("groups"))
	start := time.Now()
	_, err := c.login(t.Context())
	wantOutage(t, err, "did not answer in time")
	if took := time.Since(start); took > answerWithin {
		t.Errorf("it took %v", took)
	}
}

// TestCallerWhoGoesAway holds that a login ends with its context, and that the fetch
// which it began goes on for the others.
func TestCallerWhoGoesAway(t *testing.T) {
	p := newProvider(t)
	begun, go1 := make(chan struct{}), make(chan struct{})
	var once sync.Once
	p.handlers[pathDiscovery] = func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() { close(begun) })
		<-go1
		p.serveDiscovery(w)
	}
	c := p.connect()
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := c.login(ctx)
		failed <- err
	}()
	<-begun
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the context's", err)
	}
	close(go1)
	c.mustLogin(t)
	if n := p.count(pathDiscovery); n != 1 {
		t.Errorf("the discovery document was fetched %d times, want once", n)
	}
}

// TestStartsBeforeTheProvider makes the connector, and lets people try, before there is
// a provider at its address. It is found when it comes.
func TestStartsBeforeTheProvider(t *testing.T) {
	address := fmt.Sprint("127.0.0.1:", freeport.For(t))
	p := unstarted(t)
	p.URL = "http://" + address
	c := p.connect()
	for range 50 {
		start := time.Now()
		_, err := c.login(t.Context())
		wantOutage(t, err, "nothing listens there")
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it took %v to notice that nothing is there", took)
		}
	}

	var err error
	if p.Listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	p.URL = ""
	p.Start()
	t.Cleanup(p.Close)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err = c.login(t.Context()); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the provider is up, and still: %v", err)
		}
	}
}

// TestRecovery has each document be bad at first, and then as it should be: logins work
// within ten seconds, without a restart.
func TestRecovery(t *testing.T) {
	t.Parallel()
	var group sync.WaitGroup
	defer group.Wait()
	for name, fault := range map[string]http.HandlerFunc{
		"500":       refuse(http.StatusInternalServerError, "", ""),
		"a page":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"10 MB":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 10<<20)) },
		"it hangs":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"cut short": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		for _, path := range []string{pathDiscovery, pathKeys, pathToken} {
			p := newProvider(t)
			p.handlers[path] = fault
			c := p.connect()
			group.Go(func() {
				_, err := c.login(t.Context())
				wantOutage(t, err, "")
				p.mu.Lock()
				delete(p.handlers, path)
				p.mu.Unlock()
				for mended := time.Now(); ; time.Sleep(100 * time.Millisecond) {
					if _, err = c.login(t.Context()); err == nil {
						return
					}
					if time.Since(mended) > 10*time.Second {
						t.Errorf("%s, %s: ten seconds later: %v", path, name, err)
						return
					}
				}
			})
		}
	}
}

// TestClosed holds that a closed connector says so.
func TestClosed(t *testing.T) {
	p := newProvider(t)
	d, err := oidc.New(p.config(), connectors.Deps{Name: "sso"}, oidc.NewAccounts())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err = d.Verify(t.Context(), connectors.Account{Username: "alice"}, connectors.NewSecret(goodPassword))
	wantOutage(t, err, "closed")
}
