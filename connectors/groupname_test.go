package connectors_test

import (
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/shorepass/shorepass/connectors"
)

func TestGroupForm(t *testing.T) {
	for _, tt := range []struct{ name, typed, composed, folded string }{
		{"plain", "ops", "ops", "ops"},
		{"upper case", "Ops Team", "Ops Team", "ops team"},
		{"composed", "Jos\u00e9", "Jos\u00e9", "jos\u00e9"},
		{"decomposed", "Jose\u0301", "Jos\u00e9", "jos\u00e9"},
		{"decomposed, upper case", "JOSE\u0301", "JOS\u00c9", "jos\u00e9"},
		{"dotted capital i", "\u0130T", "\u0130T", "i\u0307t"},
		{"dotted capital i, decomposed", "I\u0307T", "\u0130T", "i\u0307t"},
		{"sigma", "ΟΔΟΣ", "ΟΔΟΣ", "οδοσ"},
		{"spaces", "  ops \t team ", "  ops \t team ", "ops team"},
		{"no-break space", "ops\u00a0team", "ops\u00a0team", "ops team"},
		{"star", "Ops  *", "Ops  *", "ops *"},
		{"fullwidth", "\uff2fps", "\uff2fps", "\uff4fps"},
	} {
		if got := connectors.ComposedGroups.Canonical(tt.typed); got != tt.composed {
			t.Errorf("%s: composed %q, want %q", tt.name, got, tt.composed)
		}
		if got := connectors.FoldedGroups.Canonical(tt.typed); got != tt.folded {
			t.Errorf("%s: folded %q, want %q", tt.name, got, tt.folded)
		}
	}
}

// FuzzGroupForm holds that a canonical name is one in its own right, and that how a name
// is composed makes no other group.
func FuzzGroupForm(f *testing.F) {
	for _, name := range []string{"ops", "Ops  Team", "\u0130T", "I\u0307T", "A\u0302\u0323", "\u212A", "\xff"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, form := range []connectors.GroupForm{connectors.ComposedGroups, connectors.FoldedGroups} {
			got := form.Canonical(name)
			if again := form.Canonical(got); again != got {
				t.Errorf("Canonical(%q) = %q, and of that %q", name, got, again)
			}
			if other := form.Canonical(norm.NFD.String(name)); other != got {
				t.Errorf("Canonical(%q) = %q, decomposed %q", name, got, other)
			}
		}
	})
}
