package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// gated is an endpoint that lets no password pass before the gate is open, and counts them.
type gated struct {
	right string
	gate  chan struct{} // closed when it is open
	asked atomic.Int64
}

func (g *gated) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q struct{ Action, Username, Password string }
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Action != "verify" {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	g.asked.Add(1)
	w.Header().Set("Content-Type", "application/json")
	if q.Password == "alice-password" {
		select {
		case <-g.gate:
		case <-r.Context().Done():
		}
	}
	if q.Password != g.right {
		_, _ = fmt.Fprint(w, `{"result":"rejected","reason":"wrong-password"}`)
		return
	}
	_, _ = fmt.Fprintf(w, `{"result":"identity","id":%q,"username":%q,"groups":[]}`, q.Username, q.Username)
}

// TestReloadDuringAStorm has many send one password, before the configuration is read again and
// after it, while the directory is at work on it. A right one is refused to nobody, where one
// guess is left; a wrong one is sent once.
func TestReloadDuringAStorm(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		right   string
		guesses int
		status  int
		asked   int64 // how often about the password
	}{
		"right": {"alice-password", budget - 1, http.StatusOK, 2}, // each generation asks
		"wrong": {"another", 0, http.StatusUnauthorized, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &gated{right: tt.right, gate: make(chan struct{})}
			b := startAsking(t, g, "", `{name: home, authenticated: true, repositories: ["home/{user}/**"], allow: [pull, push]}`)
			for i := range tt.guesses {
				wantStatus(t, "a guess", b.Token(t, "alice", fmt.Sprint("guess-", i), service), http.StatusUnauthorized)
			}
			before := login(t, b)
			b.WaitFor(t, "the password to be sent", 3*time.Second, func() bool { return g.asked.Load() > int64(tt.guesses) })
			reload(t, b, reloaded)
			after := login(t, b)
			close(g.gate)
			for range logins {
				wantStatus(t, "a login before the reload", (<-before).Answer, tt.status)
				wantStatus(t, "a login after it", (<-after).Answer, tt.status)
			}
			if n := g.asked.Load() - int64(tt.guesses); n != tt.asked {
				t.Errorf("the password was sent %d times, want %d", n, tt.asked)
			}
		})
	}
}
