package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// forgetful is an endpoint that counts passwords, and keeps its answers to them to itself where
// it is told to.
type forgetful struct {
	hangs bool        // else it breaks the connection
	all   bool        // it does so with every question
	on    atomic.Bool // it does so
	wrong atomic.Int64
	end   chan struct{} // closed then
}

func (f *forgetful) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q struct{ Action, Username, Password string }
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	wrong := q.Action == "verify" && q.Password != q.Username+"-password"
	if wrong {
		f.wrong.Add(1)
	}
	if f.on.Load() && (f.all || q.Action == "verify") {
		if f.hangs {
			select {
			case <-r.Context().Done():
			case <-f.end:
			}
		}
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case q.Action == "locate":
		_, _ = fmt.Fprintf(w, `{"result":"account","id":%q,"username":%q}`, q.Username, q.Username)
	case q.Action != "verify":
		_, _ = fmt.Fprint(w, `{"result":"unsupported"}`)
	case wrong:
		_, _ = fmt.Fprint(w, `{"result":"rejected","reason":"wrong-password"}`)
	default:
		_, _ = fmt.Fprintf(w, `{"result":"identity","id":%q,"username":%q,"groups":[]}`, q.Username, q.Username)
	}
}

// TestUnansweredWebhook has a machine send an old password again and again to an endpoint that
// answers no passwords, or nothing at all, and counts them all the same: they are no more than the
// budget, and the owner signs in when it answers again.
func TestUnansweredWebhook(t *testing.T) {
	for _, tt := range []struct {
		name    string
		hangs   bool
		all     bool
		locate  bool
		reloads bool
		most    int64 // wrong passwords that it is sent
	}{
		{"hangs", true, true, false, false, 1},
		{"hangs, and locates", true, true, true, false, 0},
		{"hangs while all is read again", true, true, false, true, 1},
		{"hangs with passwords", true, false, false, false, budget},
		{"hangs with passwords, and locates", true, false, true, false, budget},
		{"breaks", false, true, false, false, 2}, // once more over a fresh connection
		{"breaks with passwords", false, false, false, false, budget},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := &forgetful{hangs: tt.hangs, all: tt.all, end: make(chan struct{})}
			endpoint := httptest.NewServer(f)
			t.Cleanup(func() { close(f.end); endpoint.Close() })
			g := &guarded{broker: stack.StartBroker(t, program, fmt.Sprintf(`listen: '{{listen}}'
monitor: '{{monitor}}'
trusted_proxies: [127.0.0.0/8, '::1']
realms:
  - name: lasting
    services: [%s]
    connectors:
      - name: people
        type: webhook
        guard: {cache: {ttl: 0s}, breaker: {failures: 0}}
        config: {url: '%s', secret: %s, locate: %t, timeout: 1s}
    policy: {rules: [{name: home, authenticated: true, repositories: ["home/{user}/**"], allow: [pull, push]}]}
`, lasting, endpoint.URL, webhookSecret, tt.locate), nil)}
			p := target{name: "alice", password: "alice-password", home: "192.0.2.1", away: "198.51.100.1"}
			await(t, "login, before", func() bool { return g.get(t, p.at(p.home, p.password)).Status == http.StatusOK })
			f.on.Store(true)
			for i := range 8 {
				if tt.reloads {
					reload(t, g.broker, reloaded)
				}
				if got := g.get(t, p.at(p.away, "her-old-password")); got.Status != http.StatusServiceUnavailable && (tt.all || got.Status != http.StatusTooManyRequests) {
					t.Errorf("the old password, time %d: status %d: %s", i+1, got.Status, got.Body)
				}
			}
			if n := f.wrong.Load(); n > tt.most || n == 0 && tt.most > 0 {
				t.Errorf("the endpoint was sent %d wrong passwords, want %d at most", n, tt.most)
			}
			f.on.Store(false)
			await(t, "login, when it answers again", func() bool { return g.get(t, p.at(p.home, p.password)).Status == http.StatusOK })
		})
	}
}
