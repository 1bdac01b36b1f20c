package oidc_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// jealous makes the provider one that refuses parallel logins of a name, as Keycloak
// does, and counts the grants of each.
func jealous(p *provider, takes time.Duration) *sync.Map {
	var busy, grants sync.Map
	p.handlers[pathToken] = func(w http.ResponseWriter, r *http.Request) {
		name := r.Form.Get("username")
		count, _ := grants.LoadOrStore(name, new(atomic.Int32))
		count.(*atomic.Int32).Add(1)
		if _, taken := busy.LoadOrStore(name, true); taken {
			refuse(400, "invalid_grant", "Invalid user credentials")(w, r)
			return
		}
		defer busy.Delete(name)
		time.Sleep(takes)
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
			if i%6 < 2 {
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
		if n := count.(*atomic.Int32).Load(); n > 15 {
			t.Errorf("%d grants for %s, want one for each of ten guesses, and few for the right password", n, name)
		}
	}
}

// TestNamesDoNotWaitForOneAnother holds that only logins by one name are one after the
// other.
func TestNamesDoNotWaitForOneAnother(t *testing.T) {
	p := newProvider(t)
	jealous(p, 300*time.Millisecond)
	c := p.connect()
	c.mustLogin(t)
	start := time.Now()
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
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("ten people took %v: one after the other", took)
	}
}

// TestLoginOutlivesItsCaller holds that one who goes away takes nothing from those who
// log in alike.
func TestLoginOutlivesItsCaller(t *testing.T) {
	p := newProvider(t)
	c := p.connect()
	c.mustLogin(t)
	asked, answer := make(chan struct{}, 2), make(chan struct{})
	p.handlers[pathToken] = func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-answer
		p.serveToken(w, r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := c.login(ctx)
		left <- err
	}()
	<-asked
	stayed := make(chan error, 1)
	go func() {
		_, err := c.login(t.Context())
		stayed <- err
	}()
	cancel()
	if err := <-left; err == nil {
		t.Error("a canceled login came to an end")
	}
	close(answer)
	if err := <-stayed; err != nil {
		t.Errorf("the other one: %v", err)
	}
}
