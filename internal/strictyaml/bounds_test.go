package strictyaml_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/strictyaml"
)

func TestBounds(t *testing.T) {
	laughs := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'j'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 9), c-1)
	}
	var chain strings.Builder
	chain.WriteString("a0: &a0 " + strings.Repeat("[", 60) + strings.Repeat("]", 60) + "\n")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&chain, "a%d: &a%d [*a%d]\n", i, i, i-1)
	}
	deepBlock := ""
	for i := range 110 {
		deepBlock += strings.Repeat(" ", i) + "a:\n"
	}
	tests := []struct{ name, yaml, want string }{
		{"brackets", "a: " + strings.Repeat("[", 5000), "f:1:103: nested deeper than 100 levels"},
		{"braces", strings.Repeat("{a: ", 5000), "f:1:401: nested deeper than 100 levels"},
		{"dashes", strings.Repeat("- ", 5000) + "a", "f:1:201: nested deeper than 100 levels"},
		{"dashes within brackets", "a: [" + strings.Repeat("- ", 100000), "f:1:5: not valid YAML: within brackets, items are separated by commas and have no dash"},
		{"keys within brackets", "[\n" + strings.Repeat("a: b\n", 100000), "f:3:1: not valid YAML: a comma is missing before this"},
		{"indentation", deepBlock, "f:101:101: nested deeper than 100 levels"},
		{"keys", strings.Repeat("a: b\n", 10001), "f:10001:1: more than 10000 keys in one mapping"},
		{"a long key", strings.Repeat("k", 1025) + ": x", "f:1:1: this key is longer than 1024 bytes"},
		{"aliases of aliases", laughs, "f:5:36: aliases add more than 100000 values or 100 levels"},
		{"a chain of aliases", chain.String(), "f:43:12: aliases add more than 100000 values or 100 levels"},
		{"size", strings.Repeat("#", 8<<20+1), "f: has more than 8388608 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := strictyaml.Decode("f", []byte(test.yaml), &map[string]strictyaml.Node{})
			first, _, _ := strings.Cut(fmt.Sprint(err), "\n")
			if first != test.want {
				t.Errorf("got %.200s, want %s", first, test.want)
			}
		})
	}
}

func TestWithinBounds(t *testing.T) {
	tests := []struct{ name, yaml string }{
		{"100 brackets", "a: " + strings.Repeat("[", 99) + strings.Repeat("]", 99)},
		{"10000 list items", "a:\n" + strings.Repeat("  - b: c\n    d: e\n", 20000)},
		{"aliases", "a: &a [x, x, x]\nb: [" + strings.Repeat("*a, ", 10000) + "]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantProblems(t, strictyaml.Decode("f", []byte(test.yaml), &map[string]strictyaml.Node{}))
		})
	}
}

// BenchmarkDecodePolicy reads 10,000 rules.
func BenchmarkDecodePolicy(b *testing.B) {
	var src strings.Builder
	src.WriteString("rules:\n")
	for i := range 10000 {
		fmt.Fprintf(&src, "  - name: team %d\n    groups: [directory:team-%d]\n    repositories: [team%d/**]\n    allow: [pull, push]\n", i, i, i)
	}
	type rule struct {
		Name         mark   `yaml:"name"`
		Groups       []mark `yaml:"groups"`
		Repositories []mark `yaml:"repositories"`
		Allow        []mark `yaml:"allow"`
	}
	for b.Loop() {
		var into struct {
			Rules []rule `yaml:"rules"`
		}
		if err := strictyaml.Decode("f", []byte(src.String()), &into); err != nil || len(into.Rules) != 10000 {
			b.Fatal(err, len(into.Rules))
		}
	}
}
