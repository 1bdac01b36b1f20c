package e2e_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/broker"
)

// TestOperationsFields compares the manual's table of audit fields with the entry.
func TestOperationsFields(t *testing.T) {
	table, _, _ := strings.Cut(section(t, document(t, "docs/operations.md"), "The audit log"), "\n### ")
	var there, optional []string
	entry := reflect.TypeFor[broker.Entry]()
	for i := range entry.NumField() {
		name, more, _ := strings.Cut(entry.Field(i).Tag.Get("json"), ",")
		if there = append(there, name); more == "omitempty" || more == "omitzero" {
			optional = append(optional, name)
		}
	}
	sameNames(t, "fields", cells(table), there)
	var marked []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)`\\* \\|").FindAllStringSubmatch(table, -1) {
		marked = append(marked, m[1])
	}
	sameNames(t, "fields that may be left out", marked, optional)
}

// TestOperationsEndpoints compares the manual's tables of paths with the texts in the
// code that are paths.
func TestOperationsEndpoints(t *testing.T) {
	var there []string
	for _, name := range []string{"server.go", "monitor.go", "selfservice.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "broker", "server", name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				for _, text := range texts(e) {
					if strings.HasPrefix(text, "/") {
						there = append(there, strings.NewReplacer("{realm}", "REALM", "{id}", "ID").Replace(text))
					}
				}
			}
			return true
		})
	}
	sameNames(t, "paths", cells(section(t, document(t, "docs/operations.md"), "Endpoints")), there)
}

// TestOperationsReasons compares the manual's outcomes and reasons with those in the
// code: constants of the types that hold them, and texts where an error is made.
func TestOperationsReasons(t *testing.T) {
	_, rest, _ := strings.Cut(section(t, document(t, "docs/operations.md"), "The audit log"), "\n### Outcomes and reasons\n")
	rest, _, _ = strings.Cut(rest, "\n### ")
	outcomes, reasons, _ := strings.Cut(rest, "\n| Reason |")
	reasons, acts, _ := strings.Cut(reasons, "\n| Act |")

	var kinds, made, done []string
	for _, folder := range []string{"broker", "broker/access", "broker/server", "broker/token", "connectors", "cmd"} {
		for _, file := range sources(t, folder) {
			ast.Inspect(file, func(n ast.Node) bool {
				if folder != "broker/token" { // whose kinds are those of keys
					kinds = append(kinds, constants(n, "Kind", "Outcome")...)
				}
				made = append(made, append(constants(n, "Reason", "reason"), reasonOf(n)...)...)
				done = append(done, append(constants(n, "Act", "act"), actOf(n)...)...)
				return true
			})
		}
	}
	for _, file := range sources(t, "broker/token") { // whose kinds are others
		ast.Inspect(file, func(n ast.Node) bool {
			done = append(done, constants(n, "Act", "act")...)
			return true
		})
	}
	sameNames(t, "outcomes", cells(outcomes), kinds)
	sameNames(t, "reasons", cells(reasons), made)
	sameNames(t, "acts", cells(acts), done)
}

// sources parses the Go files of a package, without its tests.
func sources(tb testing.TB, folder string) []*ast.File {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*.go"))
	if err != nil {
		tb.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// constants returns the values of text constants of a type, or whose names begin so, with a
// capital or without.
func constants(n ast.Node, typeName, prefix string) []string {
	spec, ok := n.(*ast.ValueSpec)
	if !ok {
		return nil
	}
	var values []string
	for i, value := range spec.Values {
		named, typed := spec.Type.(*ast.Ident)
		if typed && named.Name == typeName || strings.HasPrefix(strings.ToLower(spec.Names[i].Name), strings.ToLower(prefix)) {
			values = append(values, texts(value)...)
		}
	}
	return values
}

// reasonOf returns the reason of an error that is made at n: the field Reason, or the
// argument of the functions that fill it in.
func reasonOf(n ast.Node) []string {
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Reason" {
			return texts(n.Value)
		}
	case *ast.CallExpr:
		switch called(n) {
		case "malformed", "internal":
			return texts(n.Args[0])
		case "malformedField":
			return texts(n.Args[1])
		case "fault":
			return texts(n.Args[2])
		case "invalid":
			for _, field := range texts(n.Args[0]) {
				return []string{"bad-" + field}
			}
		}
	}
	return nil
}

// actOf returns the act that an entry is made of at n.
func actOf(n ast.Node) []string {
	call, ok := n.(*ast.CallExpr)
	if !ok || called(call) != "Act" && called(call) != "recordFile" {
		return nil
	}
	for _, arg := range call.Args {
		if found := texts(arg); len(found) > 0 && found[0] != "" {
			return found
		}
	}
	return nil
}

// called is the name of the function that is called.
func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// texts returns the value of a string literal.
func texts(e ast.Expr) []string {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return nil
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return nil
	}
	return []string{text}
}
