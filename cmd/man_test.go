package cmd_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/cmd"
)

// TestManIsCurrent compares the manual page that is checked in with what the commands say of
// themselves.
func TestManIsCurrent(t *testing.T) {
	const path = "../docs/man/shorepass.1"
	page := printed(t, "man")
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	checkedIn, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if page != string(checkedIn) {
		t.Errorf("%s is not what \"shorepass man\" prints: run go test ./cmd -update", path)
	}
	for _, r := range page {
		if r > '~' {
			t.Fatalf("it has the character %q, which not every roff reads", r)
		}
	}
}

// printed runs a command line and returns what it prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if code := cmd.Run(t.Context(), args, cmd.Streams{In: strings.NewReader(""), Out: &out, Err: &out}, nil); code != 0 {
		t.Fatalf("%q exits %d:\n%s", args, code, &out)
	}
	return out.String()
}
