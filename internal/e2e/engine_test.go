package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestEngine builds an image without any base and runs it.
func TestEngine(t *testing.T) {
	docker := stack.StartEngine(t).NewClient(t, &stack.Registry{}).Docker
	dir := t.TempDir()
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "shorepass"), content, 0o755); err != nil {
		t.Fatal(err)
	}
	ok(t, docker("FROM scratch\nCOPY shorepass /shorepass\nENTRYPOINT [\"/shorepass\"]\n", "build", "--tag", "shorepass:e2e", "--file", "-", dir))
	if got := ok(t, docker("", "run", "--network", "none", "shorepass:e2e", "version")); !strings.Contains(got, "shorepass") {
		t.Errorf("the image prints %q", got)
	}
}
