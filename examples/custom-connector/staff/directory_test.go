package staff_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/examples/custom-connector/staff"
)

// connect makes the connector as the program does, for names that the patterns take.
func connect(tb testing.TB, url string, usernames ...string) connectors.Connector {
	tb.Helper()
	d, err := staff.New(&staff.Config{URL: url, Token: connectors.NewSecret(token)}, connectors.Deps{Name: "staff"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = d.Close() })
	return guard.Password(d, guard.Config{Usernames: usernames})
}

// TestContract runs the contract of connectors against the service.
func TestContract(t *testing.T) {
	service, stopped := startService(t), httptest.NewServer(nil)
	stopped.Close()
	connectortest.Run(t, connectortest.Fixture{
		Name:          "staff",
		New:           func(tb testing.TB) connectors.Connector { return connect(tb, service.URL, "a*", "c*", "nobody") },
		Down:          func(tb testing.TB) connectors.Connector { return connect(tb, stopped.URL) },
		Good:          connectortest.Login{Username: "alice", Password: "alice-password"},
		Username:      "alice",
		Groups:        []string{"platform", "on-call"},
		WrongPassword: "wrong-canary-7f3a",
		Unknown:       "nobody",
		Unhandled:     "bob",
		Disabled:      connectortest.Login{Username: "carol", Password: "carol-password"},
		Spellings:     []string{"Alice", "ALICE"},
	})
}

// TestOddAnswers holds that what is no answer is an outage, never a refusal.
func TestOddAnswers(t *testing.T) {
	const alice = `{"id":"7","name":"alice","groups":[]}`
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"no JSON":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"no id":     func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"name":"alice","groups":[]}`) },
		"no name":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"id":"7","groups":[]}`) },
		"no groups": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"id":"7","name":"alice"}`) },
		"groups are null": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"id":"7","name":"alice","groups":null}`)
		},
		"too much": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat(" ", 1<<20)+alice)
		},
		"server error":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"our own token": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://localhost:1/", http.StatusFound)
		},
		"login fails": func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			_, _ = io.WriteString(w, alice)
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(answer))
			defer server.Close()
			_, err := connect(t, server.URL).Authenticate(context.Background(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret("alice-password")})
			if err == nil || errors.Is(err, connectors.ErrRejected) || errors.Is(err, connectors.ErrNotMine) {
				t.Errorf("error = %v, want an outage", err)
			}
		})
	}
}

// TestConfig holds what a configuration must have.
func TestConfig(t *testing.T) {
	for name, tt := range map[string]struct {
		url, token string
		want       int
	}{
		"https":              {"https://staff.example", "t", 0},
		"http on loopback":   {"http://localhost:8080", "t", 0},
		"http elsewhere":     {"http://staff.example", "t", 1},
		"no URL at all":      {"", "t", 1},
		"another scheme":     {"ldap://localhost", "t", 1},
		"nothing":            {"", "", 2},
		"a URL without host": {"https://", "t", 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := staff.Config{URL: tt.url, Token: connectors.NewSecret(tt.token)}
			if got := c.Validate(); len(got) != tt.want {
				t.Errorf("Validate() = %v, want %d problems", got, tt.want)
			}
		})
	}
}
