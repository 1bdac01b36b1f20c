package strictyaml_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/strictyaml"
)

// spot complains where it finds X.
type spot struct{}

func (spot) UnmarshalNode(n strictyaml.Node) error {
	if s, ok := n.Text(); ok && (s == "X" || strings.HasPrefix(s, "X ")) {
		return errors.New("found")
	}
	return nil
}

type spots struct {
	A    spot              `yaml:"a"`
	List []spot            `yaml:"list"`
	Map  map[string]spot   `yaml:"map"`
	Deep []map[string]spot `yaml:"deep"`
	In   struct {
		List [][]spot        `yaml:"list"`
		Map  map[string]spot `yaml:"map"`
	} `yaml:"in"`
}

func TestPositions(t *testing.T) {
	tests := []struct{ name, yaml string }{ // ⟦ marks where the problem is
		{"block", "a: ⟦X\n"},
		{"after spaces", "a:      ⟦X   \n"},
		{"before a comment", "a: ⟦X # é: comment\n"},
		{"after comments", "# é\n\n  # é\n---\na: ⟦X\n"},
		{"on the next line", "a:\n  ⟦X\n"},
		{"over lines", "a: ⟦X\n  y\n  z\n"},
		{"over lines, starting on the next", "a:\n  ⟦X\n  y\n"},
		{"single quotes", "a: ⟦'X'\n"},
		{"double quotes with an escape", "a: ⟦\"\\u0058\"\n"},
		{"double quotes over lines", "a: ⟦\"X\n  y\"\n"},
		{"block scalar", "a: ⟦|-\n  X\n"},
		{"folded scalar", "a: ⟦>-\n  X\n  y\n"},
		{"after a block scalar", "map:\n  one: |\n    text: é\n\n    more\n  two: ⟦X\n"},
		{"after an escape", "map: {one: \"\\u00e9\\\"\", two: ⟦X}\n"},
		{"after text over lines", "map:\n  one: text\n    over lines\n\n    more\n  two: ⟦X\n"},
		{"after wide characters", "map: {ключ: 日本語, \"é é\": ⟦X}\n"},
		{"after characters beyond the basic plane", "map: {𝄞𝄞: 😀, b: ⟦X}\n"},
		{"after wide text on the line before", "map:\n  日本: 日本語\n  b: ⟦X\n"},
		{"flow list", "list: [a, 'b', ⟦X, d]\n"},
		{"flow over lines", "list: [\n  é,\n  # comment\n  ⟦X\n]\n"},
		{"flow in flow", "in: {list: [[a, ⟦X], []], map: {}}\n"},
		{"block list", "list:\n  - é\n  -   ⟦X\n"},
		{"block list not indented", "list:\n- é\n- ⟦X\n"},
		{"lists of lists", "in:\n  list:\n    - - a\n      - ⟦X\n"},
		{"mapping in a list", "deep:\n  - b: c\n    d: ⟦X\n"},
		{"flow in a block list", "deep:\n  - {b: c, d: ⟦X}\n"},
		{"key not known", "a: b\n⟦é: X\n"},
		{"key not known in flow", "in: {list: [], ⟦é: X}\n"},
		{"wrong kind: a mapping's first key", "list:\n  # é\n  ⟦é: X\n"},
		{"wrong kind: a flow mapping's first key", "list: { ⟦é: X}\n"},
		{"wrong kind: an empty mapping", "list: ⟦{}\n"},
		{"wrong kind: a list", "map: ⟦[a]\n"},
		{"wrong kind: a block list", "map:\n  ⟦- a\n"},
		{"no value", "map:\n  ⟦é:\n  b: c\n"},
		{"anchored", "a: &é ⟦X\n"},
		{"through an alias", "a: &é ⟦X\nlist: [*é]\n"},
		{"at the end without a line feed", "a: b\nlist: [⟦X]"},
	}
	for _, test := range tests {
		for _, form := range []struct{ name, first, end string }{{"LF", "", "\n"}, {"CRLF", "", "\r\n"}, {"BOM", "\ufeff", "\n"}} {
			t.Run(test.name+"/"+form.name, func(t *testing.T) {
				before, _, found := strings.Cut(test.yaml, "⟦")
				if !found {
					t.Fatal("no mark")
				}
				lines := strings.Split(before, "\n")
				want := fmt.Sprintf("f:%d:%d: ", len(lines), len([]rune(lines[len(lines)-1]))+1)
				src := form.first + strings.ReplaceAll(strings.Replace(test.yaml, "⟦", "", 1), "\n", form.end)
				err := strictyaml.Decode("f", []byte(src), &spots{})
				var problems strictyaml.Problems
				if !errors.As(err, &problems) || len(problems) != 1 || !strings.HasPrefix(problems[0].String(), want) {
					t.Errorf("%q: got %v, want one problem at %s", src, err, want)
				}
			})
		}
	}
}

// mark records where it stands.
type mark struct {
	at string
}

func (m *mark) UnmarshalText([]byte) error { return nil }

func (m *mark) SetPosition(file string, line, column int) {
	m.at = fmt.Sprintf("%s:%d:%d", file, line, column)
}

type marked struct {
	Name mark `yaml:"name"`
	at   string
}

func (m *marked) SetPosition(file string, line, column int) {
	m.at = fmt.Sprintf("%s:%d:%d", file, line, column)
}

func TestSetPosition(t *testing.T) {
	var got struct {
		One   marked   `yaml:"one"`
		Many  []marked `yaml:"many"`
		Ptr   *marked  `yaml:"ptr"`
		Empty marked   `yaml:"empty"`
		None  marked   `yaml:"none"`
		Marks []mark   `yaml:"marks"`
	}
	src := "one: {name: x}\nmany:\n  - name: a\n  -\n    name: b\nptr:\n  # c\n  name: c\nempty: {}\nmarks: [é, x, \"\"]\n"
	if err := strictyaml.Decode("f", []byte(src), &got); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, got, want string }{
		{"mapping", got.One.at, "f:1:7"},
		{"text", got.One.Name.at, "f:1:13"},
		{"element", got.Many[0].at, "f:3:5"},
		{"element on the next line", got.Many[1].at, "f:5:5"},
		{"pointer", got.Ptr.at, "f:8:3"},
		{"empty mapping", got.Empty.at, "f:9:8"},
		{"absent", got.None.at, ""},
		{"texts", got.Marks[1].at, "f:10:12"},
		{"empty text", got.Marks[2].at, "f:10:15"},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, test.got, test.want)
		}
	}
}
