package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/internal/strictyaml"
)

// schemaPaths lists the path of every key of the schema, such as
// "realms[].signing.algorithm". Below a connector's config are the keys of all types.
func schemaPaths(t *testing.T) []string {
	t.Helper()
	s := schema{t: t, structs: config.SchemaTypes()}
	s.walk("", s.structs[""])
	return s.paths
}

type schema struct {
	t       *testing.T
	structs map[string]reflect.Type
	paths   []string
}

func (s *schema) walk(path string, typ reflect.Type) {
	switch typ.Kind() {
	case reflect.Pointer:
		s.walk(path, typ.Elem())
	case reflect.Slice:
		s.walk(path+"[]", typ.Elem())
	case reflect.Struct:
		if typ == reflect.TypeFor[strictyaml.Node]() {
			s.node(path)
			return
		}
		for i := range typ.NumField() {
			key, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
			if key == "" || key == "-" {
				continue
			}
			below := key
			if path != "" {
				below = path + "." + key
			}
			s.paths = append(s.paths, below)
			s.walk(below, typ.Field(i).Type)
		}
	}
}

// node walks what is decoded later.
func (s *schema) node(path string) {
	if path == "realms[].connectors[].config" {
		for _, typ := range types() {
			s.walk(path, reflect.TypeOf(typ.Config()))
		}
		return
	}
	typ, ok := s.structs[path]
	if !ok {
		s.t.Fatalf("SchemaTypes does not say what stands at %s", path)
	}
	s.walk(path, typ)
}

// find returns where a document has the key: at any index of the lists on the way.
func find(root strictyaml.Node, lines []string, path string) (strictyaml.Problem, bool) {
	before, after, list := strings.Cut(path, "[]")
	if list {
		for i := range 16 { // more than any list there has
			if p, ok := find(root, lines, fmt.Sprintf("%s[%d]%s", before, i, after)); ok {
				return p, true
			}
		}
		return strictyaml.Problem{}, false
	}
	// Where there is no such key, Problem names a part that is called otherwise.
	p := root.Problem(path, "")
	key := path[strings.LastIndexByte(path, '.')+1:]
	return p, strings.HasPrefix(string([]rune(lines[p.Line-1])[p.Column-1:]), key+":")
}

// TestTypos misspells every key of the schema in a full configuration, one at a time,
// and expects exactly that to be reported.
func TestTypos(t *testing.T) {
	const full = "testdata/good/full.yaml"
	content, err := os.ReadFile(full)
	if err != nil {
		t.Fatal(err)
	}
	root, err := strictyaml.Parse(full, content)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(content), "\n")
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("testdata/good")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "shorepass.yaml")
	paths := schemaPaths(t)
	if len(paths) < 60 {
		t.Errorf("only %d keys", len(paths))
	}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			at, ok := find(root, lines, path)
			if !ok {
				t.Fatalf("%s lacks this key: add it", full)
			}
			key := path[strings.LastIndexByte(path, '.')+1:]
			typo := key[:len(key)-1] + "q" + key[len(key)-1:]
			write(t, file, replaceAt(lines, at, key, typo))
			_, err := config.Load(file, types())
			want := fmt.Sprintf("%s:%d:%d: unknown key %q; did you mean %q?", file, at.Line, at.Column, typo, key)
			if err == nil || err.Error() != want {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
		})
	}
}

// replaceAt replaces a key by another.
func replaceAt(lines []string, at strictyaml.Problem, key, typo string) string {
	changed := append([]string(nil), lines...)
	line := []rune(lines[at.Line-1])
	changed[at.Line-1] = string(line[:at.Column-1]) + typo + string(line[at.Column-1+len(key):])
	return strings.Join(changed, "\n")
}

// TestTypoInPolicyFile does so for a key of a policy file.
func TestTypoInPolicyFile(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "policy.yaml"), "rules:\n  - name: a\n    anyone: true\n    repositorie: [a]\n    allow: [pull]\n")
	write(t, filepath.Join(folder, "shorepass.yaml"), "realms:\n  - {name: a, services: [b], policy: policy.yaml}\n")
	_, err := config.Load(filepath.Join(folder, "shorepass.yaml"), types())
	want := filepath.Join(folder, "policy.yaml") + `:4:5: unknown key "repositorie"; did you mean "repositories"?`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSchemaPaths(t *testing.T) {
	paths := strings.Join(schemaPaths(t), "\n") + "\n"
	for _, want := range []string{
		"listen", "tls.cert_file", "realms[].services[].name", "realms[].connectors[].config.users.base_dn",
		"realms[].connectors[].config." + reflect.TypeFor[static.Config]().Field(0).Tag.Get("yaml"), "realms[].policy.rules[].deny",
	} {
		if !strings.Contains("\n"+paths, "\n"+want+"\n") {
			t.Errorf("no %s in\n%s", want, paths)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// keysOf lists the paths of the keys of a struct.
func keysOf(t *testing.T, v any) []string {
	t.Helper()
	s := schema{t: t}
	s.walk("", reflect.TypeOf(v))
	return s.paths
}
