package e2e_test

import (
	"net/http"
	"testing"
	"time"
)

// TestDirectoryOutages stops and hangs a real slapd under the running broker: clients
// get 503 within five seconds and never 401, what needs no directory goes on, and
// logins work again within ten seconds of its return.
func TestDirectoryOutages(t *testing.T) {
	old, with := uncached("        type: ldap\n")
	w := newWorld(t, "", old, with)
	login := func() int { return w.broker.Token(t, "alice", "alice-password", service).Status }
	if got := login(); got != http.StatusOK {
		t.Fatalf("before: status %d", got)
	}
	outages := []struct {
		name      string
		end, mend func()
	}{
		{"stopped", func() { w.slapd.Stop(t) }, func() { w.slapd.Start(t) }},
		{"hung", func() { w.slapd.Pause(t) }, func() { w.slapd.Resume(t) }},
	}
	for _, o := range outages {
		t.Run(o.name, func(t *testing.T) {
			o.end()
			for range 3 {
				a := w.broker.Token(t, "alice", "alice-password", service, "repository:public/app:pull")
				if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.Took > 5*time.Second {
					t.Errorf("status %d, Retry-After %q after %s: %s", a.Status, a.Header.Get("Retry-After"), a.Took, a.Body)
				}
			}
			if a := w.broker.Token(t, "", "", service, "repository:public/app:pull"); a.Status != http.StatusOK || a.Took > time.Second {
				t.Errorf("anonymous: status %d after %s", a.Status, a.Took)
			}
			if a := w.broker.Token(t, "breakglass", "breakglass-password", service); a.Status != http.StatusOK || a.Took > 2*time.Second {
				t.Errorf("break-glass account: status %d after %s", a.Status, a.Took)
			}
			if got := w.broker.Ready(); got != http.StatusOK {
				t.Errorf("/readyz: status %d", got)
			}
			o.mend()
			back := time.Now()
			for login() != http.StatusOK {
				if time.Since(back) > 10*time.Second {
					t.Fatal("logins do not work ten seconds after the directory's return")
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	for _, e := range w.broker.Audit(t) {
		if e.Outcome == "unauthenticated" {
			t.Errorf("an outage was counted as a failed login: %+v", e)
		}
	}
}
