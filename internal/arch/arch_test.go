package arch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/shorepass/shorepass"

// goPackage is what "go list -json" says of a package.
type goPackage struct {
	ImportPath string
	Dir        string
	Doc        string
	Imports    []string
	Deps       []string
	GoFiles    []string
}

// rule says what the packages below a room may import of this module.
type rule struct {
	room  string   // package path below the module; "/..." takes in what is below it
	may   []string // packages of this module that it may import, likewise
	std   bool     // and nothing outside the standard library
	never []string // packages that it must not import
	deps  []string // packages that it must not even depend on
}

// testSupport makes brokers of real parts for tests; no program imports it.
const testSupport = "broker/brokertest"

// rules are the arrows; every package of the module falls under one.
var rules = []rule{
	{room: "policy", std: true, never: []string{"os", "time", "context", "io/fs", "net", "net/http", "log", "log/slog", "math/rand", "math/rand/v2"}},
	{room: "connectors"},
	{room: "connectors/guard", may: []string{"connectors"}},
	{room: "connectors/connectortest", may: []string{"connectors"}},
	{room: "connectors/ldap", may: []string{"connectors", "internal/files", "internal/keypair"}},
	{room: "connectors/oidc", may: []string{"connectors", "internal/files", "internal/reach"}},
	{room: "connectors/pat", may: []string{"connectors"}},
	{room: "connectors/static", may: []string{"connectors", "internal/strictyaml", "internal/files"}},
	{room: "connectors/webhook", may: []string{"connectors", "internal/files", "internal/keypair", "internal/reach"}},
	{room: "broker/token", may: []string{"internal/files"}},
	{room: "broker", may: []string{"connectors", "policy", "broker/token"}, deps: []string{"net/http"}},
	{room: testSupport, may: []string{"..."}},
	{room: "broker/access", may: []string{"broker", "connectors", "connectors/pat", "policy", "internal/strictyaml"}, deps: []string{"net/http"}},
	{room: "broker/server", may: []string{"broker", "broker/access", "broker/token", "connectors", "internal/files", "internal/keypair", "internal/strictjson"}},
	{room: "internal/strictjson", std: true},
	{room: "internal/strictyaml", may: []string{"connectors", "internal/files"}},
	{room: "internal/config", may: []string{"internal/manual", "internal/starter", "internal/strictyaml", "connectors", "connectors/guard", "policy"}},
	{room: "internal/audit", may: []string{"broker", "connectors"}},
	{room: "internal/arch"},
	{room: "internal/files"},
	{room: "internal/freeport", std: true},
	{room: "internal/reach"},
	{room: "internal/backup", may: []string{"internal/files", "internal/store"}},
	{room: "internal/manual"},
	{room: "internal/starter", std: true},
	{room: "docs"},
	{room: "internal/store", may: []string{"connectors/pat", "internal/files"}},
	{room: "internal/keypair", may: []string{"internal/files"}},
	{room: "internal/verifycases", may: []string{"broker/token"}},
	{room: "cmd", may: []string{"..."}},
	{room: "cmd/shorepass", may: []string{"cmd"}},
}

func TestImportsPointOneWay(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		i := slices.IndexFunc(rules, func(r rule) bool { return covers(r.room, room) })
		if i < 0 {
			t.Errorf("package %s has no rule here: say what it may import", room)
			continue
		}
		checkImports(t, p, rules[i])
	}
}

func TestOnlyTheWiringKnowsConnectors(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			isConnector := strings.HasPrefix(imported, module+"/connectors/") && imported != module+"/connectors/guard" // is none
			if ownsRows := imported == module+"/connectors/pat"; ownsRows && (p.ImportPath == module+"/internal/store" || p.ImportPath == module+"/broker/access") {
				continue // they keep and make its tokens
			}
			if isConnector && p.ImportPath != module+"/cmd" && p.ImportPath != module+"/"+testSupport {
				t.Errorf("%s imports %s: package cmd alone knows which connectors there are", p.ImportPath, imported)
			}
			if imported == module+"/"+testSupport {
				t.Errorf("%s imports %s outside of its tests", p.ImportPath, imported)
			}
		}
	}
	for _, name := range goFiles(t, "cmd") {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, implementation := range []string{"connectors/ldap\"", "connectors/oidc\"", "connectors/static\"", "connectors/webhook\"", "connectors/pat\""} {
			if bytes.Contains(source, []byte(implementation)) && filepath.Base(name) != "wire.go" {
				t.Errorf("%s imports %s: wire.go alone does", name, implementation)
			}
		}
	}
}

func TestEveryPackageSaysWhyItIsThere(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("package %s has no package comment", p.ImportPath)
		}
		if _, err := os.Stat(filepath.Join(p.Dir, "doc.go")); err != nil && !slices.Equal(p.GoFiles, []string{"main.go"}) {
			t.Errorf("package %s has no doc.go", p.ImportPath)
		}
	}
}

func TestNoInitFunctions(t *testing.T) {
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s/%s has an init function", p.ImportPath, name)
				}
			}
		}
	}
}

func checkImports(t *testing.T, p goPackage, r rule) {
	t.Helper()
	for _, imported := range p.Imports {
		inner, ours := strings.CutPrefix(imported, module+"/")
		switch {
		case ours && !slices.ContainsFunc(r.may, func(may string) bool { return covers(may, inner) }):
			t.Errorf("%s must not import %s", p.ImportPath, inner)
		case !ours && r.std && strings.Contains(strings.Split(imported, "/")[0], "."):
			t.Errorf("%s must import the standard library alone, not %s", p.ImportPath, imported)
		}
	}
	for _, never := range r.never {
		if slices.Contains(p.Imports, never) {
			t.Errorf("%s must not import %s", p.ImportPath, never)
		}
	}
	for _, dep := range r.deps {
		if slices.Contains(p.Deps, dep) {
			t.Errorf("%s must not depend on %s", p.ImportPath, dep)
		}
	}
}

// covers reports whether pattern, a package or a package and all below it, takes in
// the package.
func covers(pattern, name string) bool {
	if pattern == "..." {
		return true
	}
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == tree || strings.HasPrefix(name, tree+"/")
	}
	return name == pattern
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Doc,Imports,Deps,GoFiles", module+"/...")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages: the test looks in the wrong place", len(all))
	}
	return all
}

func goFiles(t *testing.T, room string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", "..", room, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files in %s: %v", room, err)
	}
	return names
}
