package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestFolderOfAnother holds that a command makes nothing in the folder of another user,
// who could not read it. Only root may give a folder away.
func TestFolderOfAnother(t *testing.T) {
	const other = 12345
	b := stack.NewBroker(t, program, replace(t, example(t, "small-team/shorepass.yaml"), "    connectors:\n", tokensConnector),
		map[string]string{"users.yaml": example(t, "small-team/users.yaml")})
	data := filepath.Join(b.Dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(data, other, other); err != nil {
		t.Fatalf("%v: the tests of this folder run as root", err)
	}
	for _, args := range [][]string{
		{"token", "create", "--owner", "local:alice", "--name", "ci", "--scope", "repository:**:pull"},
		{"restore", b.Config},
	} {
		r := b.Command(t, "", args...)
		left, err := os.ReadDir(data)
		if r.Code != 1 || err != nil || len(left) > 0 || !strings.Contains(r.Stderr, "belongs to the user with the number 12345: run this as that user") {
			t.Errorf("%s: exit code %d: %s; there is %v, %v", args[0], r.Code, r.Stderr, left, err)
		}
	}
}
