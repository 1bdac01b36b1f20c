package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestContributingWalkthrough wants what CONTRIBUTING.md shows of the example's code,
// and the tests that it names, to be there.
func TestContributingWalkthrough(t *testing.T) {
	var code strings.Builder
	err := filepath.WalkDir("../../examples/connector", func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		content, err := os.ReadFile(path)
		code.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	walk := section(t, document(t, "CONTRIBUTING.md"), "Adding a connector")
	blocks := regexp.MustCompile("(?s)\n```go\n(.*?)```\n").FindAllStringSubmatch(walk, -1)
	if len(blocks) < 5 {
		t.Errorf("there are %d blocks of code", len(blocks))
	}
	for _, b := range blocks {
		if !strings.Contains(code.String(), b[1]) {
			t.Errorf("examples/connector does not have\n%s", b[1])
		}
	}
	before, _, _ := strings.Cut(walk, "To make it part of Shorepass")
	for _, m := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(before, -1) {
		if !strings.Contains(code.String(), "func "+m[1]+"(") {
			t.Errorf("examples/connector has no %s", m[1])
		}
	}
}
