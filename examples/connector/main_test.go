package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/cmd"
)

// run runs a command line of the program.
func run(t *testing.T, stdin string, args ...string) (code int, printed string) {
	t.Helper()
	var out bytes.Buffer
	code = cmd.Run(t.Context(), args, cmd.Streams{In: strings.NewReader(stdin), Out: &out, Err: &out}, types())
	return code, out.String()
}

// TestCheck checks the configuration that comes with the example.
func TestCheck(t *testing.T) {
	t.Setenv("STAFF_TOKEN", "token")
	if code, printed := run(t, "", "check", "--config", "shorepass.yaml"); code != 0 || !strings.HasSuffix(printed, "shorepass.yaml: fine\n") {
		t.Errorf("check exits %d and prints %s", code, printed)
	}
}

// TestCheckSaysWhere holds that a fault of the connector's configuration has a line.
func TestCheckSaysWhere(t *testing.T) {
	t.Setenv("STAFF_TOKEN", "token")
	code, printed := run(t, "", "check", "--config", configFor(t, "http://staff.corp.example"))
	if code != 1 || !strings.Contains(printed, "shorepass.yaml:10:11: url: want https://HOST") {
		t.Errorf("check exits %d and prints %s", code, printed)
	}
}

// TestExplainLogin logs in to a service.
func TestExplainLogin(t *testing.T) {
	t.Setenv("STAFF_TOKEN", "token")
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"id": "7", "name": "alice", "groups": []string{"platform"}})
	}))
	defer service.Close()
	url := strings.Replace(service.URL, "127.0.0.1", "localhost", 1)
	code, printed := run(t, "alice-password", "explain", "--config", configFor(t, url), "--login", "alice", "repository:platform/app:push")
	if code != 0 || !strings.Contains(printed, `granted  repository:platform/app  push  allowed by rule "platform owns its namespace"`) {
		t.Errorf("explain exits %d and prints %s", code, printed)
	}
}

// configFor is the example's configuration for a service somewhere else.
func configFor(t *testing.T, url string) string {
	t.Helper()
	content, err := os.ReadFile("shorepass.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "shorepass.yaml")
	config := strings.Replace(string(content), "https://staff.corp.example", url, 1)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
