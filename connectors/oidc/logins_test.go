package oidc_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// jealous makes the provider one that refuses parallel logins of a name, as Keycloak
// does, which is busy a little longer than its answer takes, and counts the grants of
// each.
func jealous(p *provider, takes time.Duration) *sync.Map {
	var grants sync.Map
	var mu sync.Mutex
	busy := map[string]time.Time{} // until when
	p.handlers[pathToken] = func(w http.ResponseWriter, r *http.Request) {
		name := r.Form.Get("username")
		count, _ := grants.LoadOrStore(name, new(atomic.Int32))
		count.(*atomic.Int32).Add(1)
		mu.Lock()
		taken := time.Now().Before(busy[name])
		if !taken {
			busy[name] = time.Now().Add(time.Hour)
		}
		mu.Unlock()
		if taken {
			refuse(400, "invalid_grant", "Invalid user credentials")(w, r)
			return
		}
		time.Sleep(takes)
		mu.Lock()
		busy[name] = time.Now().Add(20 * time.Millisecond)
		mu.Unlock()
		p.serveToken(w, r)
	}
	return &grants
}

// TestParallelLogins has one person log in many times at once, as clients do, and
// somebody guess at the password in between.
func TestParallelLogins(t *testing.T) {
	p := newProvider(t)
	grants := jealous(p, 10*time.Millisecond)
	c := p.connect()
	var group sync.WaitGroup
	for i := range 60 {
		name := []string{"alice", "bob"}[i%2]
		group.Go(func() {
			if i%30 < 2 {
				_, err := c.Authenticate(t.Context(), connectors.Credentials{Username: name, Password: connectors.NewSecret("guess" + string(rune('a'+i)))})
				if reason, _ := reasonOf(err); reason != connectors.ReasonWrongPassword {
					t.Errorf("a guess: error %v", err)
				}
				return
			}
			if _, err := c.Authenticate(t.Context(), connectors.Credentials{Username: name, Password: connectors.NewSecret(goodPassword)}); err != nil {
				t.Errorf("%s, among others: %v", name, err)
			}
		})
	}
	group.Wait()
	for _, name := range []string{"alice", "bob"} {
		count, _ := grants.Load(name)
		if n := count.(*atomic.Int32).Load(); n > 7 {
			t.Errorf("%d grants for %s, want one for each of two guesses, and few for the right password", n, name)
		}
	}
}

// TestNamesDoNotWaitForOneAnother holds that only logins by one name are one after the
// other: none of ten people is answered before two of them have asked.
func TestNamesDoNotWaitForOneAnother(t *testing.T) {
	p := newProvider(t)
	c := p.connect()
	c.mustLogin(t)
	var asked atomic.Int32
	two := make(chan struct{})
	p.mu.Lock()
	p.handlers[pathToken] = func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 2 {
			close(two)
		}
		select {
		case <-two:
			p.serveToken(w, r)
		case <-r.Context().Done():
		}
	}
	p.mu.Unlock()
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			name := "person" + string(rune('a'+i))
			if _, err := c.Authenticate(t.Context(), connectors.Credentials{Username: name, Password: connectors.NewSecret(goodPassword)}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// TestLoginsInARow has one person log in again and again without a pause, as commands in
// a script do. A login counts for two seconds, and not for another password, another
// name or any longer.
func TestLoginsInARow(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	jealous(p, 0)
	c := p.connect()
	login := func(name, password string) error {
		_, err := c.Authenticate(t.Context(), connectors.Credentials{Username: name, Password: connectors.NewSecret(password)})
		return err
	}
	start := time.Now()
	for range 50 {
		if err := login("alice", goodPassword); err != nil {
			t.Errorf("in a row: %v", err)
		}
	}
	if n, took := p.count(pathToken), time.Since(start); n > 1+int(took/(2*time.Second)) {
		t.Errorf("%d grants in %v, want one in two seconds", n, took)
	}
	before := p.count(pathToken)
	for _, attempt := range []struct {
		name, password string
		good           bool
	}{{"alice", "a guess", false}, {"bob", goodPassword, true}, {"alice", goodPassword + " ", false}, {"alic", "e" + goodPassword, false}} {
		if err := login(attempt.name, attempt.password); (err == nil) != attempt.good {
			t.Errorf("%s, another attempt: error %v", attempt.name, err)
		}
	}
	if n := p.count(pathToken) - before; n != 4 {
		t.Errorf("%d grants for four other attempts", n)
	}
	time.Sleep(2100 * time.Millisecond)
	before = p.count(pathToken)
	if err := login("alice", goodPassword); err != nil || p.count(pathToken) != before+1 {
		t.Errorf("two seconds later: error %v, %d grants, want 1", err, p.count(pathToken)-before)
	}
}
