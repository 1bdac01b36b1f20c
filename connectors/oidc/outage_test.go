package oidc_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/oidc"
)

// TestWhoseAnOutageIs sorts the token endpoint's outages into those that are everybody's and
// those that may be one account's.
func TestWhoseAnOutageIs(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   bool
	}{
		"500":               {refuse(500, "server_error", ""), true},
		"a rejection: 500":  {refuse(500, "invalid_grant", "Invalid user credentials"), true},
		"503":               {refuse(503, "temporarily_unavailable", ""), true},
		"our client's name": {refuse(401, "invalid_client", ""), true},
		"our client's way":  {refuse(400, "unauthorized_client", ""), true},
		"no such grant":     {refuse(400, "unsupported_grant_type", ""), true},
		"the realm is off":  {refuse(403, "access_denied", "Realm not enabled"), true},
		"429":               {refuse(429, "", ""), false},
		"consent":           {refuse(400, "invalid_grant", "AADSTS65001: The user or administrator has not consented."), false},
		"an odd request":    {refuse(400, "invalid_request", ""), false},
		"something else":    {refuse(400, "purple", ""), false},
		"no ID token":       {answering(`{"access_token":"a","token_type":"Bearer"}`), false},
		"no JSON":           {answering(`<html>`), false},
		"2 MB":              {answering(`{"access_token":"` + strings.Repeat("x", 2<<20) + `"}`), false},
		"it hangs up":       {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true},
		"it breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			answering(`{"access_token":`)(w, nil)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.handlers[pathToken] = tt.answer
			_, err := p.connect().login(t.Context())
			wantOutage(t, err, "")
			wantMark(t, err, tt.want)
		})
	}
}

// answering answers with a body.
func answering(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}

// TestWaitsAreNobodysFault holds that who waits in vain for a turn is busy, and says nothing of
// the provider; and that it is asked for as many at once as it is bound to.
func TestWaitsAreNobodysFault(t *testing.T) {
	for bound, served := range map[int]int{2: 6, 3: 9} { // who wait for two seconds at most
		loggingIn(t, 990*time.Millisecond, func(t *testing.T, l oidc.Logins, p *asking) {
			l.Bound(bound)
			var mu sync.Mutex
			var group sync.WaitGroup
			right, busy, late := 0, 0, 0
			for i := range 20 {
				group.Go(func() {
					err := l.Do(t.Context(), fmt.Sprint("name", i), "right", p.ask)
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						right++
					case errors.Is(err, connectors.ErrUnreachable):
						t.Errorf("error %v, which blames the provider", err)
					case errors.Is(err, connectors.ErrBusy):
						busy++
					default: // had its turn, and no time left
						late++
					}
				})
			}
			group.Wait()
			if right != served || busy == 0 || right+busy+late != 20 || int(p.most) != bound {
				t.Errorf("%d at once: %d let in, %d busy, %d late, want %d let in; at most %d at once", bound, right, busy, late, served, p.most)
			}
		})
	}
}

// TestDoubtAfterNoAnswer holds that a wrong password is in doubt after a login that the
// provider was sent and has not answered.
func TestDoubtAfterNoAnswer(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	var asked atomic.Int32
	p.handlers[pathToken] = func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			<-r.Context().Done()
			return
		}
		refuse(400, "invalid_grant", "Invalid user credentials")(w, r)
	}
	c := p.connect()
	for _, doubtful := range []bool{false, true} {
		_, err := c.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret("old")})
		wantOutage(t, err, "")
		if errors.Is(err, connectors.ErrInDoubt) != doubtful {
			t.Errorf("in doubt: %t, want %t: %v", !doubtful, doubtful, err)
		}
	}
}

// TestNoPasswordForAHungProvider holds that a provider which has not answered a login is sent
// no password before it has answered something.
func TestNoPasswordForAHungProvider(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := p.connect()
	_, err := c.Authenticate(t.Context(), connectors.Credentials{Username: "bob", Password: connectors.NewSecret("wrong")})
	if !errors.Is(err, connectors.ErrRejected) {
		t.Fatal(err)
	}
	before := p.count(pathToken)
	goesOn := make(chan struct{})
	hangs := func(then func(http.ResponseWriter, *http.Request)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-goesOn:
				then(w, r)
			case <-r.Context().Done():
			}
		}
	}
	p.mu.Lock()
	p.handlers[pathToken] = hangs(p.serveToken)
	p.handlers[pathDiscovery] = hangs(func(w http.ResponseWriter, _ *http.Request) { p.serveDiscovery(w) })
	p.mu.Unlock()
	for range 3 {
		_, err := c.login(t.Context())
		wantOutage(t, err, "")
		wantMark(t, err, true)
	}
	if n := p.count(pathToken) - before; n != 1 {
		t.Errorf("it was sent the password %d times, want 1", n)
	}
	close(goesOn)
	if _, err := c.login(t.Context()); err != nil {
		t.Errorf("when it answers again: %v", err)
	}
}
