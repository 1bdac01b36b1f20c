package e2e_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestContributingWalkthrough wants what CONTRIBUTING.md shows of the example's code,
// and the tests that it names, to be there.
func TestContributingWalkthrough(t *testing.T) {
	var code strings.Builder
	err := filepath.WalkDir("../../examples/custom-connector", func(path string, _ os.DirEntry, err error) error {
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
		if b[1] != wiring(t) && !strings.Contains(code.String(), b[1]) {
			t.Errorf("examples/custom-connector does not have\n%s", b[1])
		}
	}
	before, _, _ := strings.Cut(walk, "\n### ")
	for _, m := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(before, -1) {
		if !strings.Contains(code.String(), "func "+m[1]+"(") {
			t.Errorf("examples/custom-connector has no %s", m[1])
		}
	}
}

// wiring is what CONTRIBUTING.md adds to cmd/wire.go.
func wiring(t *testing.T) string {
	t.Helper()
	return fenced(t, strings.ReplaceAll(document(t, "CONTRIBUTING.md"), "\n\n```", "\n```"), "go", "password(staff.New)")
}

// TestContributingOutside types what CONTRIBUTING.md types for a connector outside the
// repository.
func TestContributingOutside(t *testing.T) {
	t.Parallel()
	_, commands, _ := strings.Cut(document(t, "CONTRIBUTING.md"), "\n### Outside this repository\n")
	commands, _, _ = strings.Cut(commands, "\n### ")
	var script []string
	for _, line := range strings.Split(commands, "\n") {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			script = append(script, command)
		}
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	places := strings.NewReplacer("../shorepass-staff", filepath.Join(t.TempDir(), "shorepass-staff"), "../shorepass", root)
	printed := ok(t, stack.RunWithin(t, 3*time.Minute, nil, "", "sh", "-euc", "cd "+root+"\n"+places.Replace(strings.Join(script, "\n"))))
	if !strings.Contains(printed, "shorepass.yaml: fine\n") {
		t.Errorf("the commands print\n%s", printed)
	}
}

// TestContributingInside makes the example part of a copy of the repository, row by row
// of CONTRIBUTING.md's table, and wants each to be missed before it is there.
func TestContributingInside(t *testing.T) {
	t.Parallel()
	dir := copyModule(t)
	change := func(name, old, new string) { // in a file of the copy
		path := filepath.Join(dir, name)
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, []byte(replace(t, string(content), old, new)), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	goTool := func(args ...string) stack.Result {
		return stack.RunWithin(t, 3*time.Minute, nil, "", "go", append([]string{"-C", dir}, args...)...)
	}
	missing := func(want string, args ...string) {
		t.Helper()
		if r := goTool(args...); r.Code == 0 || !strings.Contains(r.Text(), want) {
			t.Errorf("go %s exits %d, want it to miss %q:\n%s", args, r.Code, want, r.Text())
		}
	}
	const architecture, config, imported = "./internal/arch", "./internal/config", "\t\"github.com/shorepass/shorepass/connectors/"
	const static, staff = imported + "static\"\n", imported + "staff\"\n"
	missing("connectors/staff has no rule", "test", architecture)
	change("internal/arch/arch_test.go", "var rules = []rule{\n", "var rules = []rule{\n\t{room: \"connectors/staff\", may: []string{\"connectors\"}},\n")
	change("cmd/wire.go", "\ttypes := map[string]connectors.Type{\n", "\ttypes := map[string]connectors.Type{\n"+wiring(t))
	change("cmd/wire.go", static, staff+static)
	ok(t, goTool("test", architecture))

	missing("connectors/staff is not in types()", "test", config)
	change("internal/config/fixture_test.go", "\treturn map[string]connectors.Type{\n", "\treturn map[string]connectors.Type{\n\t\t\"staff\": {Config: func() any { return new(staff.Config) }},\n")
	change("internal/config/fixture_test.go", static, staff+static)
	missing("no section staff", "test", config)
	change("docs/configuration.md", "\n### static\n", "\n### staff\n\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n| `url` | URL | | The address of the staff service. |\n| `token` | secret | | What Shorepass shows the service to be let in. |\n\n### static\n")
	missing("full.yaml lacks this key", "test", config)
	change("internal/config/testdata/good/full.yaml", "      - name: sso\n", "      - {name: people, type: staff, config: {url: https://staff.example, token: its-token}}\n      - name: sso\n")
	missing("FAIL: TestFull", "test", config)
	change("internal/config/load_test.go", `				{Name: "sso"`, `
				{Name: "people", Type: "staff", Config: &staff.Config{URL: "https://staff.example", Token: connectors.NewSecret("its-token")}},
				{Name: "sso"`)
	change("internal/config/load_test.go", static, staff+static)
	ok(t, goTool("test", config, "-update"))

	ok(t, goTool("test", "./connectors/staff", config))
	change("examples/small-team/shorepass.yaml", "type: static", "type: none")
	missing(", staff, static, ", "run", "./cmd/shorepass", "check", "--config", filepath.Join(dir, "examples/small-team/shorepass.yaml"))
}

// TestMakeAsRoot wants the commands to find Go where its own installer puts it, which is
// not in the PATH that sudo gives.
func TestMakeAsRoot(t *testing.T) {
	variables := stack.Run(t, []string{"PATH=/usr/bin:/bin"}, "", stack.Find(t, "make"), "-C", "../..", "-n", "-p", "needs-go").Stdout
	if !regexp.MustCompile(`(?m)^PATH := .*:/usr/local/go/bin$`).MatchString(variables) {
		t.Error("make has a PATH without /usr/local/go/bin")
	}
}

// copyModule copies what the unit tests need of the repository, with the example's
// package in the place of a connector.
func copyModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put := func(from, to string) {
		err := os.MkdirAll(filepath.Dir(to), 0o700)
		if err == nil {
			var content []byte
			if content, err = os.ReadFile(from); err == nil {
				content = []byte(strings.ReplaceAll(string(content), "shorepass/examples/custom-connector/staff", "shorepass/connectors/staff"))
				err = os.WriteFile(to, content, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{
		"go.mod": "go.mod", "go.sum": "go.sum", "broker": "broker", "cmd": "cmd", "connectors": "connectors", "internal": "internal", "policy": "policy",
		"docs": "docs", "examples/small-team": "examples/small-team", "examples/custom-connector/staff": "connectors/staff",
	} {
		from := filepath.Join("..", "..", from)
		err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
			if e != nil && e.IsDir() && filepath.ToSlash(path) == "../../internal/e2e" {
				return fs.SkipDir
			}
			if err == nil && e.Type().IsRegular() && e.Name() != "type.go" {
				put(path, filepath.Join(dir, to, strings.TrimPrefix(path, from)))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
