package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/cmd"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/audit"
	"github.com/shorepass/shorepass/internal/freeport"
	"github.com/shorepass/shorepass/internal/store"
	"github.com/shorepass/shorepass/policy"
)

// TestTokensOfAPageAndMore lists more tokens than one answer of the admin API has, over
// the socket and in the database.
func TestTokensOfAPageAndMore(t *testing.T) {
	const many = 510
	dir := t.TempDir()
	config := filepath.Join(dir, "shorepass.yaml")
	content := `
listen: LISTEN
monitor: MONITOR
public_url: http://localhost:5001
data_dir: data
realms:
  - name: team
    services: [registry.team]
    connectors: [{name: tokens, type: pat}, {name: local, type: static, config: {htpasswd: htpasswd}}]
    policy: {rules: [{name: a, anyone: true, repositories: [a], allow: [pull]}]}
`
	content = strings.NewReplacer("LISTEN", freePort(t), "MONITOR", freePort(t)).Replace(content)
	for name, text := range map[string]string{config: content, filepath.Join(dir, "htpasswd"): "alice:$2a$04$QeiFWzkW4FRoRG3a1cVJguhKJgd4bWgJ1Kn7YHfIWXmqsZ8Zy7FV2\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keep(t, filepath.Join(dir, "data"), many)

	list := func() ([]access.Token, string) {
		var out, err bytes.Buffer
		code := cmd.Run(t.Context(), []string{"token", "list", "--json", "--config", config}, cmd.Streams{In: strings.NewReader(""), Out: &out, Err: &err}, nil)
		var tokens []access.Token
		if fault := json.Unmarshal(out.Bytes(), &tokens); code != 0 || fault != nil {
			return nil, fmt.Sprintf("exit code %d, %v: %s", code, fault, err.String())
		}
		return tokens, ""
	}
	check := func(where string) {
		t.Helper()
		tokens, fault := list()
		seen := map[string]bool{}
		for _, one := range tokens {
			seen[one.ID] = true
		}
		if len(tokens) != many || len(seen) != many {
			t.Errorf("%s: %d tokens, %d ids. %s", where, len(tokens), len(seen), fault)
		}
	}

	serving, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- cmd.Run(serving, []string{"serve", "--config", config}, cmd.Streams{In: strings.NewReader(""), Out: new(bytes.Buffer), Err: new(bytes.Buffer)}, nil)
	}()
	socket := filepath.Join(dir, "data", "admin.sock")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing serves")
		}
	}
	check("while a process serves")
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
	check("in the database")
}

// freePort is an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	return fmt.Sprint("127.0.0.1:", freeport.For(t))
}

// keep makes a data folder with so many tokens.
func keep(t *testing.T, dir string, many int) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), filepath.Join(dir, store.FileName), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	auditor, err := audit.Open(filepath.Join(dir, "audit.jsonl"), time.Hour, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	service := access.New(access.Config{
		Keeper: s, Lookup: s, Auditor: auditor, Logger: slog.New(slog.DiscardHandler),
		Realms: map[string]access.Realm{"team": {
			Connectors:  []access.Connector{{Member: connectors.Member{Name: "tokens", Tokens: true}}},
			Policy:      new(policy.Policy),
			SelfService: access.SelfService{Enabled: true, DefaultExpiry: time.Hour, MaxExpiry: time.Hour, Scopes: []string{"repository:**:pull"}, MaxTokens: access.MaxTokens},
		}},
	})
	for i := range many {
		name := fmt.Sprint("user", i/access.MaxTokens)
		by := access.Actor{Identity: &connectors.Identity{Connector: "local", Via: "local", ID: name, Username: name, Ceiling: connectors.Unlimited()}}
		if _, err := service.Create(t.Context(), by, access.Spec{Realm: "team", Name: fmt.Sprint(i), Scopes: []string{"repository:**:pull"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := auditor.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
