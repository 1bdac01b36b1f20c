package cmd_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/cmd"
)

// realmWithTokens writes a configuration, whose data folder is data beside it.
func realmWithTokens(t *testing.T) (config string) {
	t.Helper()
	dir := t.TempDir()
	config = filepath.Join(dir, "shorepass.yaml")
	for name, text := range map[string]string{
		config: fmt.Sprintf(`
listen: %s
monitor: %s
public_url: http://localhost:5001
data_dir: data
realms:
  - name: team
    services: [registry.team]
    connectors: [{name: tokens, type: pat}, {name: local, type: static, config: {htpasswd: htpasswd}}]
    policy: {rules: [{name: a, anyone: true, repositories: [a], allow: [pull]}]}
`, freePort(t), freePort(t)),
		filepath.Join(dir, "htpasswd"): "alice:$2a$04$QeiFWzkW4FRoRG3a1cVJguhKJgd4bWgJ1Kn7YHfIWXmqsZ8Zy7FV2\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config
}

// run runs a command line and returns its exit code and what it wrote.
func run(ctx context.Context, args ...string) (code int, out, messages string) {
	var stdout, stderr bytes.Buffer
	code = cmd.Run(ctx, args, cmd.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr}, nil)
	return code, stdout.String(), stderr.String()
}

// create makes a token of alice's.
func create(t *testing.T, config, name string) (code int, out, messages string) {
	t.Helper()
	return run(t.Context(), "token", "create", "--config", config, "--owner", "local:alice", "--name", name, "--scope", "repository:**:pull")
}

// hold takes the lock of a data folder, as another process would.
func hold(t *testing.T, dir string) (leave func()) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return func() { _ = f.Close() }
}

// TestAnotherCommand holds that a command, and the process that serves, wait for a command
// that works on the data folder.
func TestAnotherCommand(t *testing.T) {
	t.Parallel()
	config := realmWithTokens(t)
	data := filepath.Join(filepath.Dir(config), "data")
	if code, _, messages := create(t, config, "first"); code != 0 {
		t.Fatal(messages)
	}
	leave := hold(t, data)
	time.AfterFunc(300*time.Millisecond, leave)
	if code, out, messages := create(t, config, "second"); code != 0 || !strings.HasPrefix(out, "srp_") {
		t.Errorf("exit code %d: %s", code, messages)
	}

	leave = hold(t, data)
	time.AfterFunc(300*time.Millisecond, leave)
	if code, _, messages := run(t.Context(), "restore", "--config", config, config); code != 1 || !strings.Contains(messages, "never restored over") {
		t.Errorf("exit code %d: %s", code, messages)
	}

	leave = hold(t, data)
	time.AfterFunc(300*time.Millisecond, leave)
	serving, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan string, 1)
	go func() {
		_, _, messages := run(serving, "serve", "--config", config)
		ended <- messages
	}()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(data, "admin.sock")); err == nil {
			break
		}
		select {
		case messages := <-ended:
			t.Fatalf("nothing serves: %s", messages)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing serves")
		}
	}
	stop()
	<-ended
}

// TestBusyFolder holds what is said where another process does not end, and answers
// nothing.
func TestBusyFolder(t *testing.T) {
	t.Parallel()
	config := realmWithTokens(t)
	if code, _, messages := create(t, config, "first"); code != 0 {
		t.Fatal(messages)
	}
	hold(t, filepath.Join(filepath.Dir(config), "data"))
	code, out, messages := create(t, config, "second")
	if code != 1 || out != "" || !strings.Contains(messages, "another shorepass process works on it, and none answers on the admin socket") {
		t.Errorf("exit code %d: %s", code, messages)
	}
	if code, _, messages := run(t.Context(), "serve", "--config", config); code != 1 || !strings.Contains(messages, "another shorepass process works on it: stop it, if it serves, or wait until it has ended") {
		t.Errorf("serve: exit code %d: %s", code, messages)
	}
}

// TestRestoreWhileSomebodyWorks holds that a restore changes nothing under another process: it
// says whether that serves.
func TestRestoreWhileSomebodyWorks(t *testing.T) {
	t.Parallel()
	config := realmWithTokens(t)
	if code, _, messages := create(t, config, "first"); code != 0 {
		t.Fatal(messages)
	}
	hold(t, filepath.Join(filepath.Dir(config), "data"))
	if code, _, messages := run(t.Context(), "restore", "--config", config, config); code != 1 || !strings.Contains(messages, "another shorepass process works on it, and none answers on the admin socket") {
		t.Errorf("exit code %d: %s", code, messages)
	}
	answers, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(filepath.Dir(config), "data", "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer answers.Close()
	if code, _, messages := run(t.Context(), "restore", "--config", config, config); code != 1 || !strings.Contains(messages, "another shorepass process works on it: stop it first") {
		t.Errorf("exit code %d: %s", code, messages)
	}
}
