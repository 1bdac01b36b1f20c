package e2e_test

import (
	"fmt"
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
