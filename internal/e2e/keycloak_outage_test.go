package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/keycloak"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestKeycloakOutages stops and hangs Keycloak under the running broker, and restarts
// it: clients get 503 within five seconds and never 401, and logins work again within
// ten seconds of its return. The second broker even starts while it is down.
//
// Brute-force protection would refuse the first login after a pause, while Keycloak works
// at those that were given up.
func TestKeycloakOutages(t *testing.T) {
	k := startKeycloak(t)
	lab := []string{k.Issuer(realmCorp), k.Issuer(realmLab), "guard: {", "guard: {cache: {ttl: 0s, unknown: 0s}, "}
	before := keycloakBroker(t, k, lab...)
	wantLogin(t, before, time.Minute)

	if err := k.Stop(); err != nil {
		t.Fatal(err)
	}
	down := true
	defer func() { // the other tests need it
		if down {
			if err := k.Start(); err != nil {
				t.Error(err)
			}
		}
	}()
	early := keycloakBroker(t, k, lab...)
	for name, b := range map[string]*stack.Broker{"that knew it": before, "that never saw it": early} {
		t.Run("stopped, for a broker "+name, func(t *testing.T) { wantOutages(t, b) })
	}
	if err := k.Start(); err != nil {
		t.Fatal(err)
	}
	down = false
	for name, b := range map[string]*stack.Broker{"that knew it": before, "that never saw it": early} {
		t.Run("started again, for a broker "+name, func(t *testing.T) { wantLogin(t, b, 10*time.Second) })
	}

	t.Run("hung", func(t *testing.T) {
		defer resume(t, k) // the other tests need it
		f := failing{broker: before, person: "carol", end: func() { pause(t, k) }, mend: func() { resume(t, k) }}
		f.survives(t)
	})
	t.Run("realm disabled", func(t *testing.T) {
		enable(t, k, realmLab, false)
		defer enable(t, k, realmLab, true) // the other tests need it
		wantOutages(t, before)
		before.WaitFor(t, "line that says that the realm is disabled", 15*time.Second, func() bool { // one each ten seconds
			before.Token(t, "alice", "alice-password", service)
			return hasLine(before.Output.String(), "the realm is disabled at the provider")
		})
	})
	for _, b := range []*stack.Broker{before, early} {
		wantLogin(t, b, 10*time.Second)
		for _, e := range b.Audit(t) {
			if e.Outcome == "unauthenticated" {
				t.Errorf("an outage was counted as a failed login: %+v", e)
			}
		}
	}
}

// enable switches a realm on or off.
func enable(t *testing.T, k *keycloak.Server, realm string, on bool) {
	t.Helper()
	if err := k.Ask(context.WithoutCancel(t.Context()), http.MethodPut, realm, map[string]bool{"enabled": on}, nil); err != nil {
		t.Fatal(err)
	}
}

// pause stops Keycloak from running.
func pause(t *testing.T, k *keycloak.Server) {
	t.Helper()
	if err := k.Pause(); err != nil {
		t.Fatal(err)
	}
}

// resume has it go on.
func resume(t *testing.T, k *keycloak.Server) {
	t.Helper()
	if err := k.Resume(); err != nil {
		t.Fatal(err)
	}
}

// wantOutages wants people to be told to try again, and the rest to go on.
func wantOutages(t *testing.T, b *stack.Broker) {
	t.Helper()
	for range 3 {
		a := b.Token(t, "alice", "alice-password", service, "repository:public/app:pull")
		if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.Took > 5*time.Second {
			t.Errorf("status %d, Retry-After %q after %s: %s", a.Status, a.Header.Get("Retry-After"), a.Took, a.Body)
		}
	}
	if a := b.Token(t, "", "", service, "repository:public/app:pull"); a.Status != http.StatusOK {
		t.Errorf("anonymous: status %d after %s", a.Status, a.Took)
	}
	if got := b.Ready(); got != http.StatusOK {
		t.Errorf("/readyz: status %d", got)
	}
}

// wantLogin wants a login to work within the time.
func wantLogin(t *testing.T, b *stack.Broker, within time.Duration) {
	t.Helper()
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		a := b.Token(t, "carol", "carol-password", service) // a login of alice's would count for a while
		if a.Status == http.StatusOK {
			return
		}
		if time.Since(start) > within {
			t.Fatalf("status %d %s after Keycloak is there: %s\n%s", a.Status, within, a.Body, b.Output)
		}
	}
}

// TestOperatorsAreTold looks for the log line of each fault that only an administrator
// can mend, and for what the person reads.
func TestOperatorsAreTold(t *testing.T) {
	k := startKeycloak(t)
	const rejected, unavailable = "wrong user name or password", "your login cannot be checked at the moment"
	for _, tt := range []struct {
		name   string
		edits  []string
		secret string
		user   string
		status int
		person string
		log    []string
	}{
		{
			name: "the client's secret", secret: "not-it", user: "alice", status: http.StatusServiceUnavailable, person: unavailable,
			log: []string{"refuses our own client", "check client_id, client_secret and client_auth"},
		},
		{
			name: "a client without the password grant", edits: []string{"client_id: shorepass", "client_id: portal"}, secret: "portal-client-secret",
			user: "alice", status: http.StatusServiceUnavailable, person: unavailable, log: []string{"Client not allowed for direct access grants", "direct access grants"},
		},
		{
			name: "a claim that is no list", edits: []string{"groups_claim: groups ", "groups_claim: email "}, user: "alice", status: http.StatusServiceUnavailable,
			person: unavailable, log: []string{"the claim email is a text, not a list"},
		},
		{
			name: "a claim that nobody has", edits: []string{"groups_claim: groups ", "groups_claim: grops "}, user: "alice", status: http.StatusOK,
			log: []string{"level=WARN", "no token of this provider has carried the groups claim so far", "groups_claim=grops"},
		},
		{
			name: "groups that are required", edits: []string{"groups_claim: groups ", "groups_required: true\n          groups_claim: groups "}, user: "carol", status: http.StatusUnauthorized,
			person: rejected, log: []string{"level=WARN", "login refused: the claim groups is missing"},
		},
		{name: "a required action", user: "rita", status: http.StatusUnauthorized, person: "log in with an access token in place of the password"},
		{name: "a disabled account", user: "dora", status: http.StatusUnauthorized, person: rejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := keycloakBroker(t, k, tt.edits...)
			if tt.secret != "" {
				b = restartWith(t, b, tt.secret)
			}
			a := b.Token(t, tt.user, tt.user+"-password", service)
			if a.Status != tt.status || !strings.Contains(a.Body, tt.person) {
				t.Errorf("status %d, want %d that says %q: %s", a.Status, tt.status, tt.person, a.Body)
			}
			if len(tt.log) > 0 {
				b.WaitFor(t, fmt.Sprintf("log line that says %q", tt.log), 5*time.Second, func() bool { return hasLine(b.Output.String(), tt.log...) })
			}
			for _, secret := range []string{tt.user + "-password", "keycloak-client-secret", "portal-client-secret"} {
				if strings.Contains(b.Output.String(), secret) {
					t.Errorf("the log shows %q", secret)
				}
			}
		})
	}
}

// restartWith starts the broker anew with another secret of the client.
func restartWith(t *testing.T, b *stack.Broker, secret string) *stack.Broker {
	t.Helper()
	if err := b.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	b.Wait(t, 10*time.Second)
	if err := os.WriteFile(filepath.Join(b.Dir, "client-secret"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Serve(t)
	return b
}

// hasLine reports whether a line of the text has all the words.
func hasLine(text string, words ...string) bool {
	for line := range strings.Lines(text) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			return true
		}
	}
	return false
}
