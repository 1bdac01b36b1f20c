package oidc_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors/oidc"
)

// TestOperationsPage looks in the code for what docs/operations.md has the log say; "…" stands
// for anything.
func TestOperationsPage(t *testing.T) {
	content, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(content), "\n## OpenID providers\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := regexp.MustCompile("(?m)^\\| `(.*?)` \\|").FindAllStringSubmatch(section, -1)
	if len(rows) < 10 {
		t.Fatalf("the page has %d texts", len(rows))
	}
	said := append(texts(t), oidc.ErrCrowd.Error(), oidc.ErrMany.Error())
	for _, r := range rows {
		text := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(strings.ReplaceAll(r[1], `"…"`, "…")), "…", ".*"))
		if !slices.ContainsFunc(said, text.MatchString) {
			t.Errorf("nothing says %q", r[1])
		}
	}
}

// texts are those that stand in the code.
func texts(t *testing.T) (list []string) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					list = append(list, text)
				}
			}
			return true
		})
	}
	return list
}
