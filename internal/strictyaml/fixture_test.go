package strictyaml_test

import (
	"os"
	"strings"
	"testing"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantProblems compares an error with its lines.
func wantProblems(t *testing.T, err error, lines ...string) {
	t.Helper()
	want := strings.Join(lines, "\n")
	switch {
	case err == nil && want != "":
		t.Errorf("got no error, want\n%s", want)
	case err != nil && err.Error() != want:
		t.Errorf("got\n%s\nwant\n%s", err, want)
	}
}
