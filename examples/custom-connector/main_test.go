package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program is the built one.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "shorepass-staff-")
	if err == nil {
		program = filepath.Join(dir, "shorepass-staff")
		err = exec.Command("go", "build", "-o", program, ".").Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// run runs a command line of the program.
func run(t *testing.T, stdin string, args ...string) (code int, printed string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env, cmd.Stdin = append(os.Environ(), "STAFF_TOKEN=token"), strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// TestCheck checks the configuration that comes with the example.
func TestCheck(t *testing.T) {
	if code, printed := run(t, "", "check", "--config", "shorepass.yaml"); code != 0 || !strings.HasSuffix(printed, "shorepass.yaml: fine\n") {
		t.Errorf("check exits %d and prints %s", code, printed)
	}
}

// TestCheckSaysWhere holds that a fault of the connector's configuration has a line.
func TestCheckSaysWhere(t *testing.T) {
	code, printed := run(t, "", "check", "--config", configFor(t, "http://staff.corp.example"))
	if code != 1 || !strings.Contains(printed, "shorepass.yaml:10:11: url: want https://HOST") {
		t.Errorf("check exits %d and prints %s", code, printed)
	}
}

// TestExplainLogin logs in to a service.
func TestExplainLogin(t *testing.T) {
	code, printed := run(t, "alice-password", "explain", "--config", configFor(t, serveStaff(t)), "--login", "alice", "repository:platform/app:push")
	if code != 0 || !strings.Contains(printed, `granted  repository:platform/app  push  allowed by rule "platform owns its namespace"`) {
		t.Errorf("explain exits %d and prints %s", code, printed)
	}
}

// serveStaff starts a service that knows alice.
func serveStaff(t *testing.T) (url string) {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"id": "7", "name": "alice", "groups": []string{"platform"}})
	}))
	t.Cleanup(service.Close)
	return strings.Replace(service.URL, "127.0.0.1", "localhost", 1)
}

// TestServe has the program answer a registry client, as alice.
func TestServe(t *testing.T) {
	listen := freeAddr(t)
	config := configFor(t, serveStaff(t), fmt.Sprintf("listen: %s\nmonitor: %s\n", listen, freeAddr(t)))
	ctx, cancel := context.WithCancel(t.Context())
	var log bytes.Buffer
	serve := exec.CommandContext(ctx, program, "serve", "--config", config)
	serve.Env, serve.Stdout, serve.Stderr = append(os.Environ(), "STAFF_TOKEN=token"), &log, &log
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	status, access := 0, ""
	for deadline := time.Now().Add(20 * time.Second); status == 0 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		status, access = askToken(ctx, listen)
	}
	cancel()
	_ = serve.Wait() // it was killed
	if want := `"name":"platform/app","actions":["pull","push"]`; status != http.StatusOK || !strings.Contains(access, want) {
		t.Errorf("status %d, access %s\n%s", status, access, &log)
	}
}

// askToken asks for a token with alice's password; 0 means no answer.
func askToken(ctx context.Context, addr string) (status int, claims string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/token?service=registry.corp.example&scope=repository:platform/app:pull,push", http.NoBody)
	if err != nil {
		return 0, err.Error()
	}
	request.SetBasicAuth("alice", "alice-password")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	var answer struct{ Token string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return response.StatusCode, err.Error()
	}
	parts := strings.Split(answer.Token, ".")
	if len(parts) != 3 {
		return response.StatusCode, "no token"
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	return response.StatusCode, fmt.Sprint(string(payload), err)
}

// freeAddr is an address of this machine that was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprintf("localhost:%d", l.Addr().(*net.TCPAddr).Port)
}

// TestMainIsTenLines holds what the documents say of it, which count no empty lines.
func TestMainIsTenLines(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(strings.ReplaceAll(string(source), "\n\n", "\n"), "\n"); lines > 10 {
		t.Errorf("main.go has %d lines that are not empty", lines)
	}
}

// configFor is the example's configuration for a service somewhere else, with more lines
// at its end.
func configFor(t *testing.T, url string, more ...string) string {
	t.Helper()
	content, err := os.ReadFile("shorepass.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "shorepass.yaml")
	config := strings.Replace(string(content), "https://staff.corp.example", url, 1) + strings.Join(more, "")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
