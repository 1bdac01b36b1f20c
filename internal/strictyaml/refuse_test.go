package strictyaml_test

import (
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/strictyaml"
)

func TestRefusals(t *testing.T) {
	tests := []struct {
		name, yaml string
		want       []string
	}{
		{"unknown key, near", "adress: {}", []string{`1:1: unknown key "adress"; did you mean "address"?`}},
		{"unknown key, swapped letters", "naem: x", []string{`1:1: unknown key "naem"; did you mean "name"?`}},
		{"unknown key, another case", "NAME: x", []string{`1:1: unknown key "NAME"; did you mean "name"?`}},
		{"unknown key, far", "homes:\n  - color: red", []string{`2:5: unknown key "color"; the keys here are street, town`}},
		{"untagged field", "Untagged: x", []string{`1:1: unknown key "Untagged"; the keys here are name, admin, age, steps, timeout, tags, labels, address, work, homes, network, password, key, urls, extra, service, pointers, teams`}},
		{"unknown keys at every depth", "nam: x\nwork: {twn: x}\nhomes: [{}, {sreet: x}]", []string{
			`1:1: unknown key "nam"; did you mean "name"?`,
			`2:8: unknown key "twn"; did you mean "town"?`,
			`3:14: unknown key "sreet"; did you mean "street"?`,
		}},
		{"number as key", "5: x", []string{`1:1: unknown key "5"; the keys here are name, admin, age, steps, timeout, tags, labels, address, work, homes, network, password, key, urls, extra, service, pointers, teams`}},
		{"duplicate key", "name: x\nage: 1\nname: y", []string{`3:1: duplicate key "name": first in line 1`}},
		{"duplicate key in another form", "name: x\n\"name\": y", []string{`2:1: duplicate key "name": first in line 1`}},
		{"duplicate key of a map", "labels: {a: b, a: c}", []string{`1:16: duplicate key "a": first in line 1`}},
		{"missing key of a type of its own", "service: {}", []string{`1:10: the key "name" is missing`}},
		{"empty required key", "service: {name: ''}", []string{`1:17: "name" is empty`}},
		{"empty required list", "teams: [{members: []}]", []string{`1:19: "members" is empty`}},
		{"no value", "name:\nage: ~\ntags:\n  -\n  - null\nwork:", []string{
			"1:1: no value: give one, or remove the key",
			"2:6: no value: give one, or remove the key",
			"4:3: no value: give one, or remove the key",
			"5:5: no value: give one, or remove the key",
			"6:1: no value: give one, or remove the key",
		}},
		{"number for text", "name: 5\ntags: [1.5, 0x1F, .inf, 1e3]", []string{
			"1:7: want text, got a number: put it in quotes",
			"2:8: want text, got a number: put it in quotes",
			"2:13: want text, got a number: put it in quotes",
			"2:19: want text, got a number: put it in quotes",
			"2:25: want text, got a number: put it in quotes",
		}},
		{"boolean for text", "name: true", []string{"1:7: want text, got a boolean: put it in quotes"}},
		{"list for text", "name: [x]", []string{"1:7: want text, got a list"}},
		{"mapping for text", "name: {x: y}", []string{"1:8: want text, got a mapping"}},
		{"text for a list", "tags: a, b", []string{"1:7: want a list, got text: put it in brackets"}},
		{"mapping for a list", "homes:\n  street: x", []string{"2:3: want a list, got a mapping"}},
		{"list for a mapping", "address: []\nlabels: []", []string{"1:10: want a mapping, got a list", "2:9: want a mapping, got a list"}},
		{"text for a mapping", "address: x\nwork: x", []string{"1:10: want a mapping, got text", "2:7: want a mapping, got text"}},
		{"empty text", "name: ''\naddress: {town: \"\"}\nurls: ''", []string{
			`1:7: "name" is empty: give it a value, or remove the key`,
			`2:17: "town" is empty: give it a value, or remove the key`,
			`3:7: "urls" is empty: give it a value, or remove the key`,
		}},
		{"text for one or many", "urls: 5", []string{"1:7: want text, got a number: put it in quotes"}},
		{"mapping for one or many", "urls: {a: b}", []string{"1:8: want text or a list, got a mapping"}},
		{"boolean of YAML 1.1", "admin: yes", []string{"1:8: want true or false, not yes"}},
		{"boolean of YAML 1.1, upper case", "admin: OFF", []string{"1:8: want true or false, not OFF"}},
		{"text for a boolean", "admin: 'true'", []string{"1:8: want true or false, got text"}},
		{"number for a boolean", "admin: 1", []string{"1:8: want true or false, got a number"}},
		{"text for a number", "age: x\nsteps: '1'", []string{"1:6: want a whole number, got text", "2:8: want a whole number, got text"}},
		{"fraction for a number", "age: 1.5", []string{"1:6: want a whole number, got 1.5"}},
		{"number out of range", "age: 9223372036854775808", []string{"1:6: 9223372036854775808 is too large or too small"}},
		{"duration without a unit", "timeout: 300", []string{"1:10: 300 is a duration without a unit: write 300s, 300m, 300h or 300d"}},
		{"duration in words", "timeout: five minutes", []string{`1:10: "five minutes" is not a duration: want one such as 90s, 5m, 1h30m or 90d`}},
		{"duration of another kind", "timeout: [5m]", []string{"1:10: want a duration such as 90s, 5m, 12h or 90d, got a list"}},
		{"text that its type refuses", "network: '10.0.0.0'", []string{`1:10: netip.ParsePrefix("10.0.0.0"): no '/'`}},
		{"list for a text of its own type", "network: []", []string{"1:10: want text, got a list"}},
		{"pointer to a text of its own type", "pointers: {a: x}", []string{`1:15: netip.ParsePrefix("x"): no '/'`}},
		{"empty path", "key: ''", []string{"1:6: the path is empty"}},
		{"number for a path", "key: 5", []string{"1:6: want text, got a number: put it in quotes"}},
		{"an alias into the wrong kind", "name: &n x\nage: *n\nsteps: *n", []string{"1:10: want a whole number, got text"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := strictyaml.Decode("f", []byte(test.yaml), &person{})
			wantProblems(t, err, prefixed(test.want)...)
		})
	}
}

func TestRefusedSyntax(t *testing.T) {
	const wrongLine = `not valid YAML: want "key: value" here: a colon is missing, or the indentation is wrong`
	const tab = "not valid YAML: a tab cannot stand here: use spaces"
	const text = `text with a tab, or over several lines: put it in double quotes, where \t is a tab and \n a line break`
	tests := []struct{ name, yaml, want string }{
		{"empty", "", "1:1: the file is empty"},
		{"comments alone", "# one\n# two\n", "1:1: the file is empty"},
		{"null alone", "~", "1:1: no value: give one, or remove the key"},
		{"text alone", "name", "1:1: want a mapping, got text"},
		{"list alone", "- name: x", "1:1: want a mapping, got a list"},
		{"two documents", "name: x\n---\nname: y", "2:1: a second document begins here: a file has one"},
		{"an empty second document", "name: x\n---\n", "2:1: a second document begins here: a file has one"},
		{"no colon", "name: x\nage\n", "2:1: " + wrongLine},
		{"no space after the colon", "name:x\nage: 1\n", "1:1: " + wrongLine},
		{"no space after a colon within braces", "{name:x, labels: {a:b}}", "1:6: a colon after a key needs a space after it\nf:1:20: a colon after a key needs a space after it"},
		{"two colons", "name: a: b", "1:7: not valid YAML: keys cannot begin here: check the indentation, or put text with a colon in quotes"},
		{"indented too far", "name: a\n  age: 1", "1:7: not valid YAML: keys cannot begin here: check the indentation, or put text with a colon in quotes"},
		{"a key at the column of an empty item's dash", "tags:\n-\nname: x", "3:1: not valid YAML: check the indentation here"},
		{"tab as indentation", "address:\n\ttown: x", "2:1: " + tab},
		{"tab in text", "name: a\tb", "1:7: " + text},
		{"tab in a block", "name: |\n  a\tb\n", "1:7: " + text},
		{"comment inside text", "name: a\n  b # c\n  d", "3:3: " + "not valid YAML: this cannot stand here: check the indentation"},
		{"quote not closed", "age: 1\nname: 'x", "2:7: not valid YAML: the quotation mark is never closed"},
		{"double quote not closed", "name: \"x\nage: 1", "1:7: not valid YAML: the quotation mark is never closed"},
		{"unknown escape", `name: "a\zb"`, "1:10: not valid YAML: unknown escape after a backslash: in single quotes, a backslash is itself"},
		{"bracket not closed", "tags: [a", `1:7: not valid YAML: "[" is never closed`},
		{"brace not closed", "labels: {a: b", `1:9: not valid YAML: "{" is never closed`},
		{"bracket not opened", "tags: ]", `1:7: not valid YAML: "]" was never opened`},
		{"reserved character", "name: @x", "1:7: not valid YAML: a value cannot begin with this character: put it in quotes"},
		{"tag at the end", "name: !pull", `1:7: tags are not supported: put text that begins with "!" in quotes`},
		{"tag at the end, on a line of its own", "name:\n    !deny", `2:5: tags are not supported: put text that begins with "!" in quotes`},
		{"tag of one character at the end", "name: !", `1:7: tags are not supported: put text that begins with "!" in quotes`},
		{"tag alone", "!!str", `1:1: tags are not supported: put text that begins with "!" in quotes`},
		{"tag", "name: !!str 5", `1:7: tags are not supported: put text that begins with "!" in quotes`},
		{"directive", "%YAML 1.2\n---\nname: x", `1:1: directives are not supported: put text that begins with "%" in quotes`},
		{"merge key", "work: &w {town: x}\naddress:\n  <<: *w", "3:3: merge keys (<<) are not supported: write the keys out"},
		{"question mark", "? name\n: x", "1:1: keys introduced by ? are not supported"},
		{"unknown anchor", "name: *x", `1:7: no such anchor above: put text that begins with "*" in quotes`},
		{"anchor that holds itself", "labels: &a {b: *a}", `1:16: no such anchor above: put text that begins with "*" in quotes`},
		{"a list for a key", "tags: x\n[a]: y", "2:4: not valid YAML: a key is text, not a list or a mapping"},
		{"an alias for a key", "tags: [&a name]\n*a : y", `2:1: a key is plain text: put one that begins with "&", "*", "|" or ">" in quotes`},
		{"an anchor of a key", "&a name: y", `1:1: a key is plain text: put one that begins with "&", "*", "|" or ">" in quotes`},
		{"an item at the column of its dash", "tags:\n  -\n  name: x", "3:3: not valid YAML: check the indentation here"},
		{"two anchors", "name: &a &b x", "1:10: a value has one anchor at most"},
		{"UTF-16", "\xff\xfen\x00", "1:1: this is UTF-16: save the file as UTF-8"},
		{"not UTF-8", "name: x\nage: \xe9", "2:6: this byte is not UTF-8: save the file as UTF-8"},
		{"NUL", "name: a\x00b", "1:8: the control character U+0000 is not allowed: in double quotes, write it as an escape"},
		{"escape character", "name: \x1b[31m", "1:7: the control character U+001B is not allowed: in double quotes, write it as an escape"},
		{"carriage return alone", "name: x\rage: 1", "1:8: a carriage return without a line feed: end lines with LF or CRLF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := strictyaml.Decode("f", []byte(test.yaml), &person{})
			wantProblems(t, err, "f:"+test.want)
		})
	}
}

func TestSeveralUnsupportedAtOnce(t *testing.T) {
	err := strictyaml.Decode("f", []byte("name: !a x\n<<: {}\n? b\n"), &person{})
	wantProblems(t, err,
		`f:1:7: tags are not supported: put text that begins with "!" in quotes`,
		"f:2:1: merge keys (<<) are not supported: write the keys out",
		"f:3:1: keys introduced by ? are not supported")
}

func TestUnsuitableTargets(t *testing.T) {
	wantProblems(t, strictyaml.Decode("f", []byte("a: b"), nil), "f: cannot be decoded into <nil>: want a pointer")
	wantProblems(t, strictyaml.Decode("f", []byte("a: b"), person{}), "f: cannot be decoded into strictyaml_test.person: want a pointer")
	var target struct {
		Float float64        `yaml:"float"`
		Map   map[int]string `yaml:"map"`
	}
	wantProblems(t, strictyaml.Decode("f", []byte("float: 1.5\nmap: {1: a}"), &target),
		"f:1:8: cannot be decoded into the Go type float64",
		"f:2:7: cannot be decoded into the Go type map[int]string")
}

func TestUnreadableFiles(t *testing.T) {
	missing := t.TempDir() + "/none.yaml"
	wantProblems(t, strictyaml.DecodeFile(missing, &person{}), missing+": does not exist")
	folder := t.TempDir()
	wantProblems(t, strictyaml.DecodeFile(folder, &person{}), folder+": is a directory, not a file")
	wantProblems(t, strictyaml.DecodeFile("", &person{}), "the name of the file to read is empty")
}

// prefixed puts the file before each line.
func prefixed(lines []string) []string {
	all := make([]string, len(lines))
	for i, line := range lines {
		all[i] = "f:" + line
	}
	return all
}

func TestMessagesAreOneLine(t *testing.T) {
	err := strictyaml.Decode("f", []byte(`"a\nb\x1b": x`+"\n"+strings.Repeat("k", 200)+": x"), &person{})
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 2 || strings.Contains(err.Error(), "\x1b") || !strings.Contains(lines[1], strings.Repeat("k", 64)+`…"`) {
		t.Errorf("got %q", err)
	}
}
