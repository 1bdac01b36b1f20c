package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// keeper is a broker that keeps access tokens, of people in a file.
type keeper struct {
	*stack.Broker
	admin *http.Client // over the admin socket, which is not in data_dir
}

// keptToken is what the admin API says of a token.
type keptToken struct {
	ID, Name, Status, Secret string
}

// newKeeper writes a configuration, without starting the program.
func newKeeper(t *testing.T) *keeper {
	t.Helper()
	hash := strings.TrimSpace(stack.Run(t, nil, "password\n", program, "users", "hash").Stdout)
	var users strings.Builder
	for _, name := range []string{"alice", "bob", "carol", "dave"} {
		fmt.Fprintf(&users, "  - {username: %s, password_hash: %q, groups: [team]}\n", name, hash)
	}
	k := &keeper{Broker: stack.NewBroker(t, program, `
listen: "{{listen}}"
monitor: "{{monitor}}"
public_url: http://{{listen}}
admin_socket: ./admin.sock
data_dir: ./data
audit: {file: ./audit.jsonl}
realms:
  - name: team
    services: [`+service+`]
    connectors:
      - {name: tokens, type: pat, config: {}}
      - {name: local, type: static, config: {file: users.yaml}}
    policy:
      rules:
        - {name: team, groups: ["local:team"], repositories: [team/**], allow: [pull, push]}
        - {name: public, anyone: true, repositories: [public/**], allow: [pull]}
`, map[string]string{"users.yaml": "users:\n" + users.String()})}
	k.reconnect()
	return k
}

// reconnect forgets the connections to a process that is gone.
func (k *keeper) reconnect() {
	k.admin = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(k.Dir, "admin.sock"))
	}}}
}

// database is the database's file.
func (k *keeper) database() string { return filepath.Join(k.Dir, "data", "shorepass.db") }

// ask asks the admin API. The status is 0 where there was no answer.
func (k *keeper) ask(method, path string, body, into any) (status int, text string) {
	content, err := json.Marshal(body)
	if err != nil {
		return 0, err.Error()
	}
	request, err := http.NewRequest(method, "http://admin/v1/realms/team/"+path, bytes.NewReader(content))
	if err != nil {
		return 0, err.Error()
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := k.admin.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	if into != nil && response.StatusCode < 300 {
		if err := json.Unmarshal(raw, into); err != nil {
			return 0, err.Error()
		}
	}
	return response.StatusCode, string(raw)
}

// make asks for a token of a person in the file.
func (k *keeper) make(owner, name string) (made keptToken, status int, text string) {
	status, text = k.ask(http.MethodPost, "tokens", map[string]any{
		"owner": "local:" + owner, "name": name, "scopes": []string{"repository:team/**:pull"}, "networks": []string{},
	}, &made)
	return made, status, text
}

// mustMake makes a token.
func (k *keeper) mustMake(t *testing.T, owner, name string) keptToken {
	t.Helper()
	made, status, text := k.make(owner, name)
	if status != http.StatusCreated || made.Secret == "" {
		t.Fatalf("making a token: status %d: %s", status, text)
	}
	return made
}

// login signs in with a password or a token.
func (k *keeper) login(t *testing.T, password string) stack.Answer {
	t.Helper()
	return k.Token(t, "alice", password, service, "repository:team/app:pull")
}

// remains wants all that needs no database to be answered.
func (k *keeper) remains(t *testing.T) {
	t.Helper()
	if a := k.login(t, "password"); a.Status != http.StatusOK || a.Took > 2*time.Second {
		t.Errorf("with the password: status %d after %s: %s", a.Status, a.Took, a.Body)
	}
	if a := k.Token(t, "", "", service, "repository:public/app:pull"); a.Status != http.StatusOK || a.Took > 2*time.Second {
		t.Errorf("anonymous: status %d after %s: %s", a.Status, a.Took, a.Body)
	}
	if response, err := http.Get(strings.Replace(k.ReadyURL(), "/readyz", "/livez", 1)); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("/livez: %v", err)
	}
}

// unready waits until the program says that it is not ready.
func (k *keeper) unready(t *testing.T) {
	t.Helper()
	k.WaitFor(t, "database failed at /readyz", 5*time.Second, func() bool {
		response, err := http.Get(k.ReadyURL())
		if err != nil {
			return false
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return response.StatusCode == http.StatusServiceUnavailable && string(text) == "database failed\n"
	})
}

// works wants tokens to be made and taken, within ten seconds of the end of an outage.
func (k *keeper) works(t *testing.T, secret string) {
	t.Helper()
	k.WaitFor(t, "recovery", 10*time.Second, func() bool {
		return k.Ready() == http.StatusOK && k.login(t, secret).Status == http.StatusOK
	})
	made := k.mustMake(t, "alice", "after")
	if a := k.login(t, made.Secret); a.Status != http.StatusOK {
		t.Errorf("with a token that was made afterwards: status %d: %s", a.Status, a.Body)
	}
}

// within starts the program in a mount namespace of its own, in which the script mounts
// what it likes at $DATA. This needs root.
func (k *keeper) within(t *testing.T, script string) {
	t.Helper()
	k.Process = stack.Start(t, []string{"DATA=" + filepath.Join(k.Dir, "data"), "DIR=" + k.Dir}, stack.Find(t, "unshare"), "--mount", "sh", "-ec",
		script+"\n"+`exec "$@"`, "sh", program, "serve", "--config", k.Config)
	k.reconnect()
	k.WaitFor(t, "serving broker", 20*time.Second, func() bool { return k.Ready() != 0 })
}

// inside runs a script in the mount namespace of the program.
func (k *keeper) inside(t *testing.T, script string) {
	t.Helper()
	r := stack.Run(t, []string{"DATA=" + filepath.Join(k.Dir, "data")}, "", stack.Find(t, "nsenter"), "--mount", "--target", fmt.Sprint(k.PID()), "sh", "-ec", script)
	if r.Code != 0 {
		t.Fatalf("%s: %s", script, r.Text())
	}
}

// overwrite replaces the content of a file, and returns what was there.
func overwrite(t *testing.T, path string, content []byte) (before []byte) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return before
}
