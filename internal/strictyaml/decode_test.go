package strictyaml_test

import (
	"errors"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/strictyaml"
)

// person has one field of every kind that can be decoded.
type person struct {
	Name     string                   `yaml:"name"`
	Admin    bool                     `yaml:"admin"`
	Age      int                      `yaml:"age"`
	Steps    int64                    `yaml:"steps"`
	Timeout  time.Duration            `yaml:"timeout"`
	Tags     []string                 `yaml:"tags"`
	Labels   map[string]string        `yaml:"labels"`
	Address  address                  `yaml:"address"`
	Work     *address                 `yaml:"work"`
	Homes    []address                `yaml:"homes"`
	Network  netip.Prefix             `yaml:"network"`
	Password connectors.Secret        `yaml:"password"`
	Key      connectors.Path          `yaml:"key"`
	Urls     connectors.OneOrMany     `yaml:"urls"`
	Extra    strictyaml.Node          `yaml:"extra"`
	Service  service                  `yaml:"service"`
	Pointers map[string]*netip.Prefix `yaml:"pointers"`
	Teams    []team                   `yaml:"teams"`
	Hidden   string                   `yaml:"-"`
	Untagged string
}

type team struct {
	Members []string `yaml:"members,required"`
}

type address struct {
	Street string `yaml:"street"`
	Town   string `yaml:"town"`
}

// SetDefaults makes everybody live in the same town.
func (a *address) SetDefaults() { a.Town = "Ghent" }

// service is written as a name or as a mapping.
type service struct{ Name string }

func (s *service) UnmarshalNode(n strictyaml.Node) error {
	if name, ok := n.Text(); ok {
		s.Name = name
		return nil
	}
	var keys struct {
		Name string `yaml:"name,required"`
	}
	err := n.Decode(&keys)
	s.Name = keys.Name
	return err
}

func TestDecode(t *testing.T) {
	const file = "/etc/shorepass/people.yaml"
	tests := []struct {
		name, yaml string
		want       person
	}{
		{"text plain", "name: alice of team é", person{Name: "alice of team é"}},
		{"text in quotes", `name: "a\tb # c: \u00e9"`, person{Name: "a\tb # c: é"}},
		{"text in single quotes", `name: 'it''s'`, person{Name: "it's"}},
		{"text that is a number in quotes", `name: "5"`, person{Name: "5"}},
		{"text that YAML 1.1 took for a boolean", "name: no", person{Name: "no"}},
		{"text over lines", "name: one\n  two\n\n  three", person{Name: "one two\nthree"}},
		{"text in a block", "name: |-\n  one\n  two", person{Name: "one\ntwo"}},
		{"text in a block, blanks at the end of the file", "name: |\n  one  ", person{Name: "one  "}},
		{"text in a block that the file's end ends", "name: |\n  one", person{Name: "one"}},
		{"text in a block, all line breaks kept", "name: |+\n  one \n\n  ", person{Name: "one \n\n"}},
		{"text folded, blanks at the end of the file", "name: >\n  one\n  two  ", person{Name: "one two  "}},
		{"text folded", "name: >-\n  one\n  two", person{Name: "one two"}},
		{"colons and stars without spaces", "tags: [ldap://h:389, directory:team-*, '**/x']", person{Tags: []string{"ldap://h:389", "directory:team-*", "**/x"}}},
		{"colons in a list within braces", "{tags: [directory:dev , a:b:c, http://x:1/y, 12:30, directory:*, e:*f, \"g:h\"]}", person{
			Tags: []string{"directory:dev", "a:b:c", "http://x:1/y", "12:30", "directory:*", "e:*f", "g:h"},
		}},
		{"colons in a value within braces", "{homes: [{street: a:b}, {street: c://d, town: e}]}", person{Homes: []address{{"a:b", "Ghent"}, {"c://d", "e"}}}},
		{"booleans", "admin: true", person{Admin: true}},
		{"numbers", "age: -3\nsteps: 9223372036854775807", person{Age: -3, Steps: 9223372036854775807}},
		{"duration", "timeout: 1h30m", person{Timeout: 90 * time.Minute}},
		{"duration in days", "timeout: 90d", person{Timeout: 90 * 24 * time.Hour}},
		{"duration in days and hours", "timeout: 1d12h", person{Timeout: 36 * time.Hour}},
		{"empty list", "tags: []", person{Tags: []string{}}},
		{"list not indented", "tags:\n- a\n- b", person{Tags: []string{"a", "b"}}},
		{"map", "labels: {a: b, c: d}", person{Labels: map[string]string{"a": "b", "c": "d"}}},
		{"struct", "address: {street: Quay}", person{Address: address{Street: "Quay"}}},
		{"pointer with defaults", "work: {street: Quay}", person{Work: &address{Street: "Quay", Town: "Ghent"}}},
		{"elements with defaults", "homes:\n  - street: a\n  - {street: b, town: c}", person{Homes: []address{{"a", "Ghent"}, {"b", "c"}}}},
		{"text unmarshaler", "network: 10.0.0.0/8", person{Network: netip.MustParsePrefix("10.0.0.0/8")}},
		{"path relative", "key: keys/a.pem", person{Key: "/etc/shorepass/keys/a.pem"}},
		{"path absolute", "key: /run/../a.pem", person{Key: "/a.pem"}},
		{"one", "urls: ldap://a", person{Urls: connectors.OneOrMany{"ldap://a"}}},
		{"many", "urls: [ldap://a, ldap://b]", person{Urls: connectors.OneOrMany{"ldap://a", "ldap://b"}}},
		{"a type of its own, short", "service: registry", person{Service: service{"registry"}}},
		{"a type of its own, long", "service: {name: registry}", person{Service: service{"registry"}}},
		{"anchor and alias", "address: &home {street: Quay}\nhomes: [*home, *home]\nname: &n x\ntags: [*n]", person{
			Name: "x", Address: address{Street: "Quay"}, Homes: []address{{"Quay", "Ghent"}, {"Quay", "Ghent"}}, Tags: []string{"x"},
		}},
		{"document marks and comments", "# first\n---\nname: x # and\n...\n", person{Name: "x"}},
		{"CRLF and a byte order mark", "\ufeffname: x\r\ntags:\r\n  - 'a\r\n    b'\r\n", person{Name: "x", Tags: []string{"a b"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got person
			if err := strictyaml.Decode(file, []byte(test.yaml), &got); err != nil {
				t.Fatal(err)
			}
			got.Extra = strictyaml.Node{}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestDecodeKeepsWhatIsAbsent(t *testing.T) {
	got := person{Name: "kept", Tags: []string{"kept"}, Age: 7, Address: address{Street: "kept", Town: "kept"}}
	if err := strictyaml.Decode("f.yaml", []byte("age: 8\naddress: {town: new}"), &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "kept" || got.Tags[0] != "kept" || got.Age != 8 || got.Address != (address{"kept", "new"}) || got.Work != nil {
		t.Errorf("got %+v", got)
	}
}

func TestDecodeFileTakesPathsFromItsFolder(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "f.yaml"), "key: a.pem")
	t.Chdir(folder)
	var got person
	if err := strictyaml.DecodeFile("f.yaml", &got); err != nil {
		t.Fatal(err)
	}
	here, err := filepath.EvalSymlinks(folder)
	if err != nil {
		t.Fatal(err)
	}
	if want := connectors.Path(filepath.Join(here, "a.pem")); got.Key != want {
		t.Errorf("got %s, want %s", got.Key, want)
	}
}

func TestNode(t *testing.T) {
	var got struct {
		Name   string          `yaml:"name"`
		Given  strictyaml.Node `yaml:"given"`
		Absent strictyaml.Node `yaml:"absent"`
	}
	src := "name: x\ngiven:\n  street: Quay\n  twon: Ghent\n"
	if err := strictyaml.Decode("f.yaml", []byte(src), &got); err != nil {
		t.Fatal(err)
	}
	if !got.Given.Given() || got.Absent.Given() || got.Absent.IsZero() {
		t.Errorf("given: %v, absent: %v", got.Given.Given(), got.Absent.Given())
	}
	var a address
	wantProblems(t, got.Given.Decode(&a), `f.yaml:4:3: unknown key "twon"; did you mean "town"?`)
	var required struct {
		URL string `yaml:"url,required"`
	}
	wantProblems(t, got.Absent.Decode(&required), `f.yaml:1:1: the key "url" is missing`)
	if _, ok := got.Given.Text(); ok {
		t.Error("a mapping has no text")
	}
}

func TestNodeOfAMisspelledKeyIsZero(t *testing.T) {
	var got struct {
		Config strictyaml.Node `yaml:"config,required"`
	}
	err := strictyaml.Decode("f.yaml", []byte("confg: {}"), &got)
	wantProblems(t, err, `f.yaml:1:1: unknown key "confg"; did you mean "config"?`)
	if !got.Config.IsZero() {
		t.Error("the node is not zero")
	}
	var a address
	if err := got.Config.Decode(&a); err != nil {
		t.Errorf("the zero node decodes with %v", err)
	}
}

func TestNodeProblem(t *testing.T) {
	n, err := strictyaml.Parse("f.yaml", []byte("a:\n  b:\n    - c: 1\n    - d: 2\n      e: 3\n"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":          "f.yaml:1:1: m",
		"a":         "f.yaml:1:1: m",
		"a.b":       "f.yaml:2:3: m",
		"a.b[0]":    "f.yaml:3:7: m",
		"a.b[1].e":  "f.yaml:5:7: m",
		"a.b[1].x":  "f.yaml:4:7: m",
		"a.b[2].e":  "f.yaml:2:3: m",
		"a.x.y.z":   "f.yaml:1:1: m",
		"a.b[-1]":   "f.yaml:2:3: m",
		"a.b[1].e.": "f.yaml:5:7: m",
	} {
		if got := n.Problem(path, "%s", "m").String(); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

// TestProblemPaths reads off the paths of problems: of what is faulty, and of the key
// that a misspelled one was meant to be.
func TestProblemPaths(t *testing.T) {
	src := "nmae: x\nage: y\nagee: 1\nzzz: x\ntags: [a, 5]\nlabels: {k: 1}\nwork:\n  town: 5\n  sreet: x\nhomes: [{}, {town: [x]}, {q: x}]\n" +
		"service: {name: 5}\nteams: [{}, {members: []}]\ntags: []\n"
	var problems strictyaml.Problems
	if err := strictyaml.Decode("f.yaml", []byte(src), &person{}); !errors.As(err, &problems) {
		t.Fatal(err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.Path)
	}
	want := []string{
		"name", "age", "?", "?", "tags[1]", "labels.k", "work.town", "work.street", "homes[1].town", "homes[2].?",
		"service.name", "teams[0].members", "teams[1].members", "tags",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestNodeAt(t *testing.T) {
	n, err := strictyaml.Parse("f.yaml", []byte("a:\n  b: [x, {c: y}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"a.b[0]": "x", "a.b[1].c": "y"} {
		if got, ok := n.At(path).Text(); !ok || got != want {
			t.Errorf("%s: got %q", path, got)
		}
	}
	for _, path := range []string{"b", "a.c", "a.b[2]", "a.b[0].c"} {
		if !n.At(path).IsZero() {
			t.Errorf("there is something at %s", path)
		}
	}
	if !(strictyaml.Node{}).At("a").IsZero() {
		t.Error("there is something in nothing")
	}
}

func TestProblemsAreErrors(t *testing.T) {
	err := strictyaml.Decode("f.yaml", []byte("b: 1\na: 2"), &address{})
	var problems strictyaml.Problems
	if !errors.As(err, &problems) || len(problems) != 2 {
		t.Fatalf("got %v", err)
	}
	if p := problems[1]; p.File != "f.yaml" || p.Line != 2 || p.Column != 1 {
		t.Errorf("got %+v", p)
	}
}

func TestProblemsSorted(t *testing.T) {
	got := strictyaml.Problems{
		{File: "b", Line: 1, Column: 1, Message: "m"},
		{File: "a", Line: 2, Column: 1, Message: "m"},
		{File: "a", Line: 1, Column: 9, Message: "second"},
		{File: "a", Line: 1, Column: 9, Message: "first"},
		{File: "a", Line: 1, Column: 9, Message: "second"},
		{File: "a", Message: "whole file"},
	}.Sorted()
	const want = "a: whole file\na:1:9: second\na:1:9: first\na:2:1: m\nb:1:1: m"
	if got.Error() != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
