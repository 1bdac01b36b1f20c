package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestReloadLetsLoginsEnd has a client hang up whose password an upstream was sent, and the
// configuration read again: the login is carried to its end, and nothing is in doubt.
func TestReloadLetsLoginsEnd(t *testing.T) {
	t.Parallel()
	asked, answer, ended := make(chan bool), make(chan bool), make(chan error, 1)
	b := startAsking(t, verifies(func(r *http.Request) string {
		asked <- true
		<-answer
		ended <- r.Context().Err()
		return "[]"
	}), "", `{name: dev, authenticated: true, repositories: ["app/**"], allow: [pull, push]}`)
	ctx, hangUp := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := b.Ask(ctx, "alice", "alice-password", service)
		gone <- err
	}()
	<-asked
	hangUp()
	if err := <-gone; err == nil {
		t.Error("the client has an answer")
	}
	reload(t, b, reloaded)
	time.Sleep(500 * time.Millisecond) // in which what is closed at once would be
	answer <- true
	if err := <-ended; err != nil {
		t.Errorf("the question was broken off: %v", err)
	}
	go func() { // the next one
		<-asked
		answer <- true
		<-ended
	}()
	if a := b.Token(t, "alice", "alice-password", service); a.Status != http.StatusOK {
		t.Errorf("status %d: %s", a.Status, a.Body)
	}
	if r := b.Command(t, "", "lockouts", "list", "--json"); r.Code != 0 || r.Stdout != "[]\n" {
		t.Errorf("lockouts: %s", r.Text())
	}
}

// TestReloadIsRecorded holds that nothing is taken up of which the audit log has no line.
func TestReloadIsRecorded(t *testing.T) {
	t.Parallel()
	config := `listen: '{{listen}}'
monitor: '{{monitor}}'
audit: {file: /dev/full}
realms:
  - name: corp
    services: [%s]
    connectors: [{name: local, type: static, config: {file: users.yaml}}]
    policy: {rules: [{name: dev, authenticated: true, repositories: ["app/**"], allow: [pull, push]}]}
`
	b := stack.NewBroker(t, program, fmt.Sprintf(config, service), map[string]string{"users.yaml": "users:\n" + userLine(t, "alice", "alice-password")})
	b.Process = stack.Start(t, nil, b.Program, "serve", "--config", b.Config)
	b.WaitFor(t, "broker that serves", 20*time.Second, func() bool { return strings.Contains(b.Output.String(), "msg=serving") })
	write(t, b, "shorepass.yaml", strings.Replace(read(t, b, "shorepass.yaml"), "name: corp", "name: other", 1))
	reload(t, b, notReloaded)
	if r := b.Command(t, "", "keys", "list"); r.Code != 1 || !strings.Contains(r.Text(), "no realm other") {
		t.Errorf("the realms are others: exit code %d, %s", r.Code, r.Text())
	}
}
