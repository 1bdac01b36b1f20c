package strictyaml_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/strictyaml"
)

// FuzzDecode decodes anything: it never panics, and what it reports lies within the
// file, on one line each, and is the same however the lines end.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("name: x\nadmin: true\nage: 1\ntimeout: 1d\ntags: [a, 'b', \"c\"]\nlabels: {a: b}\nwork: &w {street: x}\nhomes:\n  - *w\n"))
	f.Add([]byte("password: {env: HOME}\nkey: |\n  a\n  b\nextra:\n- 1\n-\n"))
	f.Add([]byte("---\n# c\nservice: {name: >-\n  x}\n...\n"))
	f.Add([]byte("? a\n: !b <<\n*c\n%d\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := decodeAll(t, data)
		if bytes.ContainsRune(data, '\r') {
			return
		}
		if crlf := decodeAll(t, bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))); crlf.Error() != got.Error() {
			t.Errorf("with LF:\n%s\nwith CRLF:\n%s", got, crlf)
		}
	})
}

func decodeAll(t *testing.T, data []byte) strictyaml.Problems {
	err := strictyaml.Decode("f", data, &person{})
	if err == nil {
		return nil
	}
	var problems strictyaml.Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("not a list of problems: %v", err)
	}
	lines := strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n")
	for _, p := range problems {
		switch {
		case p.Line == 0 && p.Column == 0 && len(data) > 8<<20:
		case p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > len([]rune(lines[p.Line-1]))+1:
			t.Errorf("outside of the file: %s", p)
		case p.Message == "" || strings.ContainsAny(p.Message, "\n\r\x1b\x00"):
			t.Errorf("not one line: %q", p.Message)
		}
	}
	return problems
}
