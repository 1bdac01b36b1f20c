package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// write writes a file beside the configuration.
func write(t *testing.T, b *stack.Broker, name, content string) {
	t.Helper()
	content = strings.ReplaceAll(content, "{{listen}}", b.Addr)
	if err := os.WriteFile(filepath.Join(b.Dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// read reads a file beside the configuration.
func read(t *testing.T, b *stack.Broker, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(b.Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// What the log says after a SIGHUP.
const (
	reloaded    = "msg=reloaded "
	notReloaded = `msg="not reloaded: `
)

// reload sends SIGHUP and waits until the log says that it has come to what is wanted.
func reload(t *testing.T, b *stack.Broker, want string) {
	t.Helper()
	before, other := strings.Count(b.Output.String(), want), map[string]string{reloaded: notReloaded, notReloaded: reloaded}[want]
	others := strings.Count(b.Output.String(), other)
	if err := b.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	b.WaitFor(t, want, 20*time.Second, func() bool {
		if strings.Count(b.Output.String(), other) > others {
			t.Fatalf("there is %s, want %s", other, want)
		}
		return strings.Count(b.Output.String(), want) > before
	})
}

// userLine is somebody's line in a file of users.
func userLine(t *testing.T, name, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("  - {username: %s, password_hash: '%s'}\n", name, hash)
}

// newReloading is a world whose people may have access tokens.
func newReloading(t *testing.T, edits ...string) *world {
	t.Helper()
	return newWorld(t, "", append([]string{"    connectors:\n", tokensConnector}, edits...)...)
}

// startAsking serves people of an endpoint, whose connector has more lines, maybe.
func startAsking(t *testing.T, endpoint http.Handler, more, policy string) *stack.Broker {
	t.Helper()
	server := httptest.NewServer(endpoint)
	t.Cleanup(server.Close)
	return stack.StartBroker(t, program, fmt.Sprintf(`listen: '{{listen}}'
monitor: '{{monitor}}'
realms:
  - name: corp
    services: [%s]
    connectors:
      - {name: tokens, type: pat}
      - name: people
        type: webhook
        config: {url: '%s', secret: %s, timeout: 4s}
%s    policy: {rules: [%s]}
`, service, server.URL, webhookSecret, more, policy), nil)
}

// verifies is an endpoint that lets everybody pass, in groups (in JSON) that it is told for the request.
func verifies(groups func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Action, Username string }
		_ = json.NewDecoder(r.Body).Decode(&q)
		w.Header().Set("Content-Type", "application/json")
		if q.Action != "verify" {
			_, _ = fmt.Fprint(w, `{"result":"unsupported"}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"result":"identity","id":%q,"username":%[1]q,"groups":%s}`, q.Username, groups(r))
	})
}
