package connectors_test

import (
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
)

func TestDomain(t *testing.T) {
	for name, c := range map[string]struct {
		domain connectors.Domain
		form   connectors.UsernameForm
		typed  string
		want   string // empty: no user name
	}{
		"bare":                          {"CORP", connectors.ASCIIUsernames, "Alice", "alice"},
		"with the domain":               {"CORP", connectors.ASCIIUsernames, `CORP\Alice`, "alice"},
		"in another case":               {"CORP", connectors.ASCIIUsernames, `corp\ALICE`, "alice"},
		"a domain written small":        {"corp", connectors.ASCIIUsernames, `CORP\alice`, "alice"},
		"an address":                    {"CORP", connectors.ASCIIUsernames, "alice@corp.example", "alice@corp.example"},
		"letters of all scripts":        {"CORP", connectors.UnicodeUsernames, `CORP\Łukasz`, "łukasz"},
		"those where only ASCII is":     {"CORP", connectors.ASCIIUsernames, `CORP\Łukasz`, ""},
		"another domain":                {"CORP", connectors.ASCIIUsernames, `EVIL\alice`, ""},
		"a longer domain":               {"CORP", connectors.ASCIIUsernames, `CORP2\alice`, ""},
		"a letter that folds to K":      {"KORP", connectors.ASCIIUsernames, "\u212aORP\\alice", ""},
		"no domain before it":           {"CORP", connectors.ASCIIUsernames, `\alice`, ""},
		"no name":                       {"CORP", connectors.ASCIIUsernames, `CORP\`, ""},
		"two backslashes":               {"CORP", connectors.ASCIIUsernames, `CORP\\alice`, ""},
		"the domain twice":              {"CORP", connectors.ASCIIUsernames, `CORP\CORP\alice`, ""},
		"an address in the domain":      {"CORP", connectors.ASCIIUsernames, `CORP\alice@corp.example`, ""},
		"a slash":                       {"CORP", connectors.ASCIIUsernames, "CORP/alice", ""},
		"no domain configured":          {"", connectors.ASCIIUsernames, `CORP\alice`, ""},
		"none, and none before it":      {"", connectors.ASCIIUsernames, `\alice`, ""},
		"none, a bare name":             {"", connectors.ASCIIUsernames, "alice", "alice"},
		"what no user name has":         {"CORP", connectors.ASCIIUsernames, `CORP\al*ce`, ""},
		"a name longer than any can be": {"CORP", connectors.ASCIIUsernames, `CORP\` + long(connectors.MaxUsername+1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := c.domain.Parse(c.form, c.typed); got != c.want || ok != (c.want != "") {
				t.Errorf("Parse(%q) = %q, %v, want %q", c.typed, got, ok, c.want)
			}
		})
	}
}

func long(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a'
	}
	return string(b)
}

// FuzzDomain holds that what comes out is a user name as without a domain, and that the
// domain before it changes nothing.
func FuzzDomain(f *testing.F) {
	for _, typed := range []string{"alice", `CORP\alice`, `corp\Łukasz`, `EVIL\alice`, `\`, "alice@corp.example", `CORP\a@b`, `CORP\CORP\a`} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		for _, form := range []connectors.UsernameForm{connectors.ASCIIUsernames, connectors.UnicodeUsernames} {
			name, ok := connectors.Domain("CORP").Parse(form, typed)
			if !ok {
				continue
			}
			if again, ok := form.Parse(name); !ok || again != name {
				t.Errorf("%q became %q, which is no user name", typed, name)
			}
			if _, bare := form.Parse(typed); !bare && !strings.EqualFold(typed[:min(5, len(typed))], `CORP\`) {
				t.Errorf("%q was taken for %q", typed, name)
			}
		}
	})
}
