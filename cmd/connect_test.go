package cmd_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/cmd"
	"github.com/shorepass/shorepass/connectors"
)

// TestConnectWithoutFinder holds that a connector which looks nobody up is not said to have
// found somebody.
func TestConnectWithoutFinder(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "shorepass.yaml")
	if err := os.WriteFile(config, []byte(crewConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, messages bytes.Buffer
	code := cmd.Run(t.Context(), []string{"check", "--config", config, "--connect", "--user", "jim"}, cmd.Streams{In: strings.NewReader(""), Out: &out, Err: &messages},
		map[string]connectors.Type{"phrase": {
			Config: func() any { return new(phrase) },
			New:    func(any, connectors.Deps) (connectors.Connector, error) { return phrase{Name: "gangway"}, nil },
		}})
	if want := "    => finds nobody without a password: use explain --login\n"; code != 0 || !strings.Contains(out.String(), want) {
		t.Errorf("exit code %d: %s%s, want %q", code, out.String(), messages.String(), want)
	}
}
