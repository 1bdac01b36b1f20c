package cmd_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/cmd"
)

// TestMadeFilesAreCurrent compares what is checked in with what the program makes of itself.
func TestMadeFilesAreCurrent(t *testing.T) {
	for path, args := range map[string][]string{
		"../docs/man/shorepass.1":              {"man"},
		"../docs/schema/shorepass.schema.json": {"config", "schema"},
		"../docs/schema/policy.schema.json":    {"config", "schema", "--policy"},
	} {
		made := printed(t, args...)
		if *update {
			if err := os.WriteFile(path, []byte(made), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		checkedIn, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if made != string(checkedIn) {
			t.Errorf("%s is not what \"shorepass %s\" prints: run go test ./cmd -update", path, strings.Join(args, " "))
		}
	}
}

// TestManIsASCII wants a page that every roff reads.
func TestManIsASCII(t *testing.T) {
	for _, r := range printed(t, "man") {
		if r > '~' {
			t.Fatalf("it has the character %q", r)
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
