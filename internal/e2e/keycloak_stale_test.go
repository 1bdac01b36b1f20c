package e2e_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/e2e/keycloak"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// wantFailures fails the test unless Keycloak has counted so many failed logins of an
// account, and has not locked it.
func wantFailures(t *testing.T, k *keycloak.Server, what, username string, want int) {
	t.Helper()
	got, err := k.Failures(t.Context(), realmCorp, username)
	if err != nil {
		t.Fatal(err)
	}
	if got != (keycloak.Failures{Failed: want}) {
		t.Errorf("%s: Keycloak has counted %+v, want %d and no lock", what, got, want)
	}
}

// TestKeycloakFailedLoginsApart sends different wrong passwords for one account at once:
// Keycloak locks accounts for a minute whose logins fail within a second of each other.
func TestKeycloakFailedLoginsApart(t *testing.T) {
	k := startKeycloak(t)
	connector := oidcConnector(t, oidcConfig(k, realmCorp))
	var group sync.WaitGroup
	for i := range 3 {
		group.Go(func() {
			err := connectors.ErrBusy
			for tries := 0; errors.Is(err, connectors.ErrBusy) && tries < 20; tries++ { // where Keycloak is slow, not all have their turn in time
				_, err = signIn(t, connector, "carol", "stale-"+strconv.Itoa(i))
			}
			wantReason(t, err, connectors.ReasonWrongPassword)
		})
	}
	group.Wait()
	wantFailures(t, k, "three at once", "carol", 3)
	mustSignIn(t, connector, "carol")
}

// TestKeycloakStaleCredentials has machines go on with old passwords, at a Keycloak that
// locks after five failed logins, or two within a second.
func TestKeycloakStaleCredentials(t *testing.T) {
	k := startKeycloak(t)
	defer func() {
		if err := k.Unlock(t.Context(), realmCorp); err != nil {
			t.Error(err)
		}
	}()
	g := &guarded{broker: keycloakBroker(t, k, "[192.0.2.10]", "[127.0.0.1]")}
	g.broker.WaitFor(t, "login, for which Keycloak wakes up", time.Minute, func() bool {
		return g.get(t, attempt{from: "192.0.2.2", name: "alice", password: "alice-password"}).Status == http.StatusOK
	})
	t.Run("one password", func(t *testing.T) {
		stale := attempt{from: "198.51.100.1", name: "carol", password: "carols-old-password"}
		if got := g.atOnce(t, 200, stale); got[http.StatusUnauthorized] != 200 {
			t.Errorf("200 at once are answered with %v", got)
		}
		wantStatus(t, "once more", g.get(t, stale), http.StatusUnauthorized)
		wantFailures(t, k, "201 times one wrong password", "carol", 1)
		stale.password = "carol-password"
		wantStatus(t, "the right one", g.get(t, stale), http.StatusOK)
		wantFailures(t, k, "after that", "carol", 0)
	})
	t.Run("an address", func(t *testing.T) { // carol has signed in by her name alone
		for i, name := range []string{"carol@corp.example", "carol", "Carol@Corp.example", "carol", "carol@corp.example"} {
			want := http.StatusUnauthorized
			if i >= budget {
				want = http.StatusTooManyRequests
			}
			guess := attempt{from: "203.0.113.1", name: name, password: fmt.Sprint("a-guess-", i)}
			wantStatus(t, "a guess by "+name, g.get(t, guess), want)
			time.Sleep(1200 * time.Millisecond) // else Keycloak takes it for a machine
		}
		wantFailures(t, k, "guesses by name and address", "carol", budget)
		wantStatus(t, "her address, from where her name was typed", g.get(t, attempt{from: "198.51.100.1", name: "carol@corp.example", password: "carol-password"}), http.StatusOK)
	})
	t.Run("three machines", func(t *testing.T) {
		var machines sync.WaitGroup
		for i := range 3 {
			machines.Go(func() {
				stale := attempt{from: fmt.Sprint("198.51.100.", 10+i), name: "alice", password: fmt.Sprint("old-password-", i)}
				for range 2 {
					got := g.atOnce(t, 10, stale)
					for tries := 0; got[http.StatusServiceUnavailable] == 10 && tries < 20; tries++ { // where Keycloak is slow, not all have their turn in time
						got = g.atOnce(t, 10, stale)
					}
					if got[http.StatusUnauthorized] != 10 {
						t.Errorf("machine %d is answered with %v", i, got)
					}
				}
			})
		}
		machines.Wait()
		wantFailures(t, k, "three wrong passwords, ten times each at once, and again", "alice", 3)
	})
	t.Run("docker push", func(t *testing.T) {
		r := stack.StartRegistry(t, g.broker, stack.V3)
		c := stack.StartEngine(t).NewClient(t, r)
		auth := base64.StdEncoding.EncodeToString([]byte("bob:bobs-old-password"))
		c.File("config.json", fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, r.Addr, auth))
		ok(t, c.Docker("", "load", "--input", c.Layers(10)))
		ok(t, c.Docker("", "tag", c.ImageName(), c.Ref("home/bob/app:1")))
		for range 2 {
			denied(t, c.Docker("", "push", c.Ref("home/bob/app:1")))
		}
		wantFailures(t, k, "two pushes of ten layers", "bob", 1)
	})
	t.Run("locked elsewhere", func(t *testing.T) { testKeycloakLockedElsewhere(t, k, g) })
}

// testKeycloakLockedElsewhere has Keycloak lock an account past Shorepass. It says of the
// right password that it is wrong then, which is remembered after the lock is over, until
// somebody clears that.
func testKeycloakLockedElsewhere(t *testing.T, k *keycloak.Server, g *guarded) {
	if err := k.Unlock(t.Context(), realmCorp); err != nil {
		t.Fatal(err)
	}
	tries := 0
	g.broker.WaitFor(t, "lock on bob", time.Minute, func() bool { // Keycloak does not count what comes while it is at work on another
		tries++ // by connectors that do not know of each other
		_, err := signIn(t, oidcConnector(t, oidcConfig(k, realmCorp)), "bob", fmt.Sprint("typed-at-the-web-page-", tries))
		wantReason(t, err, connectors.ReasonWrongPassword)
		got, err := k.Failures(t.Context(), realmCorp, "bob")
		if err != nil {
			t.Fatal(err)
		}
		return got.Locked
	})
	owner := attempt{from: "192.0.2.1", name: "bob", password: "bob-password"}
	wantStatus(t, "the right password, while locked", g.get(t, owner), http.StatusUnauthorized)
	if got := g.lastReason(t); got != connectors.ReasonWrongPassword {
		t.Errorf("the audit log has %q", got)
	}
	if err := k.Unlock(t.Context(), realmCorp); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, "unlocked", g.get(t, owner), http.StatusUnauthorized)
	if got := g.lastReason(t); got != connectors.ReasonKnownWrong {
		t.Errorf("the audit log has %q", got)
	}
	ok(t, g.broker.Command(t, "", "lockouts", "clear", "--user", "bob"))
	wantStatus(t, "cleared", g.get(t, owner), http.StatusOK)
}
