package connectors_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
)

func TestParseUsername(t *testing.T) {
	tests := []struct {
		name, typed, want string
		ok                bool
	}{
		{"plain", "alice", "alice", true},
		{"lower-cased", "Alice", "alice", true},
		{"every class", "a.B_9@x+y-z", "a.b_9@x+y-z", true},
		{"longest", strings.Repeat("a", 128), strings.Repeat("a", 128), true},
		{"too long", strings.Repeat("a", 129), "", false},
		{"empty", "", "", false},
		{"space before", " alice", "", false},
		{"space after", "alice ", "", false},
		{"no-break space", "alice\u00a0", "", false},
		{"fullwidth", "ａlice", "", false},
		{"Kelvin sign", "\u212Aate", "", false},
		{"dotted capital i", "alİce", "", false},
		{"soft hyphen", "ali\u00adce", "", false},
		{"NUL", "alice\x00", "", false},
		{"colon", "a:b", "", false},
		{"slash", "a/b", "", false},
		{"star", "*", "", false},
		{"filter", "alice)(uid=*", "", false},
		{"DN", "alice,ou=people", "", false},
		{"backslash", `corp\alice`, "", false},
		{"invalid UTF-8", "ali\xffce", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := connectors.ParseUsername(tt.typed)
			if got != tt.want || ok != tt.ok {
				t.Errorf("ParseUsername(%q) = %q, %v; want %q, %v", tt.typed, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func ExampleParseUsername() {
	name, ok := connectors.ParseUsername("Alice")
	fmt.Println(name, ok)
	_, ok = connectors.ParseUsername("alice )(uid=*")
	fmt.Println(ok)
	// Output:
	// alice true
	// false
}
