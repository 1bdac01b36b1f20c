package cmd_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/cmd"
)

// TestLockoutsSayWhose holds that a limit is said to be of whom it is, also that of clients
// whose address is not known.
func TestLockoutsSayWhose(t *testing.T) {
	dir, err := os.MkdirTemp("", "shorepass") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "admin"))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		says(w, http.StatusOK, "application/json", []server.Lockout{
			{Limit: "network-limit"}, {Limit: "network-limit", Network: "192.0.2.1/32"}, {Limit: "overall-limit"},
		})
	}))
	_ = s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	config := filepath.Join(dir, "shorepass.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "admin_socket: %s\nrealms: [{name: team, services: [registry.team], connectors: [{name: local, type: static, config: {users_file: users.yaml}}], policy: {rules: [{name: all, authenticated: true, repositories: ['**'], allow: [pull]}]}}]\n", l.Addr()), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := cmd.Run(t.Context(), []string{"lockouts", "list", "--config", config}, cmd.Streams{Out: &out, Err: &errs}, nil); code != 0 {
		t.Fatalf("%d, %s", code, &errs)
	}
	for _, want := range []string{`(?m)^no known address .*network-limit`, `(?m)^192\.0\.2\.1/32 .*network-limit`, `(?m)^everybody .*overall-limit`} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %s in\n%s", want, &out)
		}
	}
}
