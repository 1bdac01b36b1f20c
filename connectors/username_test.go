package connectors_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/shorepass/shorepass/connectors"
)

func TestASCIIUsernames(t *testing.T) {
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
			got, ok := connectors.ASCIIUsernames.Parse(tt.typed)
			if got != tt.want || ok != tt.ok {
				t.Errorf("Parse(%q) = %q, %v; want %q, %v", tt.typed, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestUnicodeUsernames(t *testing.T) {
	for _, tt := range []struct {
		name, typed, want string // want "": refused
	}{
		{"ASCII", "a.B_9@x+y-z", "a.b_9@x+y-z"},
		{"lower case", "łukasz", "łukasz"},
		{"upper case", "ŁUKASZ", "łukasz"},
		{"composed", "jos\u00e9", "jos\u00e9"},
		{"decomposed", "jose\u0301", "jos\u00e9"},
		{"marks in another order", "a\u0323\u0302", "\u1ead"},
		{"marks in the other order", "a\u0302\u0323", "\u1ead"},
		{"fullwidth", "\uff41lice", "alice"},
		{"fullwidth upper case", "\uff21lice", "alice"},
		{"halfwidth katakana", "\uff76", "\u30ab"},
		{"Kelvin sign", "\u212Aate", "kate"}, // canonically equivalent
		{"Angstrom sign", "\u212Bsa", "\u00e5sa"},
		{"Greek, upper case", "ΟΔΥΣΣΕΥΣ", "οδυσσευσ"},
		{"Cyrillic", "Иван", "иван"},
		{"Cyrillic in Latin", "\u0430lice", "\u0430lice"}, // another name: what it looks like does not count
		{"dotted capital i", "ALİCE", "ali\u0307ce"},
		{"dotless i", "al\u0131ce", "al\u0131ce"},
		{"sharp s", "Straße", "straße"},
		{"Han", "田中", "田中"},
		{"Hebrew", "דוד", "דוד"},
		{"Hebrew and digits", "דוד1", "דוד1"},
		{"Arabic digits", "\u0627\u0661", "\u0627\u0661"},
		{"Devanagari", "राम", "राम"},
		{"beyond the first plane", "\U00010428", "\U00010428"},
		{"longest", strings.Repeat("ł", 64), strings.Repeat("ł", 64)},
		{"too long", strings.Repeat("ł", 64) + "a", ""},
		{"longer when prepared", strings.Repeat("\u0130", 43), ""},
		{"left-to-right in Hebrew", "דודa", ""},
		{"digit before Hebrew", "1דוד", ""},
		{"Hebrew in left-to-right", "aדוד", ""},
		{"right-to-left override", "\u202ealice", ""},
		{"left-to-right mark", "alice\u200e", ""},
		{"space", "łukasz k", ""},
		{"no-break space", "łukasz\u00a0", ""},
		{"ideographic space", "田\u3000中", ""},
		{"soft hyphen", "ali\u00adce", ""},
		{"zero-width space", "alice\u200b", ""},
		{"zero-width joiner", "ali\u200dce", ""},
		{"zero-width joiner in Devanagari", "क्\u200dष", ""}, // which the profile takes
		{"zero-width non-joiner in Devanagari", "क्\u200cष", ""},
		{"zero-width non-joiner in Persian", "می\u200cخواهم", ""},
		{"middle dot in Catalan", "col·lega", "col·lega"},
		{"middle dot elsewhere", "col·ega", ""},
		{"Arabic, marks as keyboards send them", "محم\u0651\u064eد", "محم\u064e\u0651د"},
		{"byte order mark", "\ufeffalice", ""},
		{"variation selector", "alice\ufe0f", ""},
		{"ligature", "\ufb01ona", ""},
		{"superscript", "alice²", ""},
		{"circled letter", "Ⓐlice", ""},
		{"mathematical letter", "\U0001d41alice", ""},
		{"emoji", "alice🚢", ""},
		{"symbol", "a€", ""},
		{"private use", "\ue000", ""},
		{"not assigned", "\u0378", ""},
		{"noncharacter", "\uffff", ""},
		{"fullwidth star", "\uff0a", ""},
		{"fullwidth parenthesis", "alice\uff09", ""},
		{"fullwidth slash", "a\uff0fb", ""},
		{"fullwidth colon", "a\uff1ab", ""},
		{"fullwidth backslash", "corp\uff3calice", ""},
		{"star", "ł*", ""},
		{"filter", "ł)(uid=*", ""},
		{"DN", "ł,ou=people", ""},
		{"slash", "ł/b", ""},
		{"backslash", `ł\b`, ""},
		{"NUL", "ł\x00", ""},
		{"line feed", "ł\n", ""},
		{"next line", "ł\u0085", ""},
		{"line separator", "ł\u2028", ""},
		{"invalid UTF-8", "ł\xff", ""},
		{"overlong UTF-8", "\xc0\xaf", ""},
		{"surrogate", "\xed\xa0\x80", ""},
		{"empty", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := connectors.UnicodeUsernames.Parse(tt.typed)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("Parse(%q) = %q, %v; want %q", tt.typed, got, ok, tt.want)
			}
		})
	}
}

// FuzzUsername holds what callers rely on: a canonical name is one in its own right,
// bounded, without ASCII that means something elsewhere; and for ASCII both forms are one.
func FuzzUsername(f *testing.F) {
	for _, name := range []string{"alice", "ŁUKASZ", "jose\u0301", "\uff21lice", "דוד", "ALİCE", "\u212A", "ｌ＊", "\xff"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		name, ok := connectors.UnicodeUsernames.Parse(typed)
		ascii, isASCII := connectors.ASCIIUsernames.Parse(typed)
		if isASCII && (!ok || ascii != name) {
			t.Fatalf("Parse(%q) = %q, %v; in ASCII %q", typed, name, ok, ascii)
		}
		if !ok {
			return
		}
		if again, ok := connectors.UnicodeUsernames.Parse(name); !ok || again != name {
			t.Errorf("Parse(%q) = %q, and of that %q, %v", typed, name, again, ok)
		}
		if strings.ContainsFunc(name, isInvisible) {
			t.Errorf("Parse(%q) = %q, which has what cannot be seen", typed, name)
		}
		if len(name) > connectors.MaxUsername || strings.ContainsAny(name, "*:/\\(),=\"'<>#; \x00\n") || !utf8.ValidString(name) {
			t.Errorf("Parse(%q) = %q", typed, name)
		}
		if pattern, ok := connectors.UnicodeUsernames.ParsePattern(name); !ok || pattern != name {
			t.Errorf("ParsePattern(%q) = %q, %v", name, pattern, ok)
		}
	})
}

// isInvisible reports whether a name may have the character and look the same without.
func isInvisible(r rune) bool {
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// FuzzUsernamePattern holds that a pattern which stands as it is can match a name, and
// that one which does not is told a form that stands: a deny by one that cannot match
// would go unnoticed.
func FuzzUsernamePattern(f *testing.F) {
	for _, pattern := range []string{"*", "a*b", "Ł*", "*-jose\u0301@*", "محم\u0651\u064eد.*", "*1דוד", "*·l*", "*\u0301ł", "\u0130*", "क्\u200dष*", "ｌ＊", "\xff*"} {
		f.Add(pattern)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		for _, form := range []connectors.UsernameForm{connectors.ASCIIUsernames, connectors.UnicodeUsernames} {
			canonical, ok := form.ParsePattern(pattern)
			if !ok {
				continue
			}
			if again, ok := form.ParsePattern(canonical); !ok || again != canonical {
				t.Errorf("ParsePattern(%q) = %q, and of that %q, %v", pattern, canonical, again, ok)
			}
			if !matchesSome(form, canonical) {
				t.Errorf("ParsePattern(%q) = %q, which no name matches", pattern, canonical)
			}
		}
	})
}

// matchesSome reports whether some canonical name matches a pattern.
func matchesSome(form connectors.UsernameForm, pattern string) bool {
	for _, run := range []string{"", "l", "\u05d0", "\u03b1", "\u30a2"} {
		typed := strings.ReplaceAll(pattern, "*", run)
		if name, ok := form.Parse(typed); ok && (connectors.UsernamePatterns{pattern}).Match(name) {
			return true
		}
	}
	return false
}

func TestUsernamePattern(t *testing.T) {
	for _, tt := range []struct {
		form          connectors.UsernameForm
		pattern, want string
		ok            bool
	}{
		{connectors.ASCIIUsernames, "*", "*", true},
		{connectors.ASCIIUsernames, "a*b", "a*b", true},
		{connectors.ASCIIUsernames, "A*B", "a*b", true},
		{connectors.ASCIIUsernames, "ł*", "ł*", false},
		{connectors.ASCIIUsernames, "a b", "a b", false},
		{connectors.UnicodeUsernames, "*", "*", true},
		{connectors.UnicodeUsernames, "ł*", "ł*", true},
		{connectors.UnicodeUsernames, "Ł*", "ł*", true},
		{connectors.UnicodeUsernames, "*Ł*@Corp.example", "*ł*@corp.example", true},
		{connectors.UnicodeUsernames, "jose\u0301*", "jos\u00e9*", true},
		{connectors.UnicodeUsernames, "\uff41*", "a*", true},
		{connectors.UnicodeUsernames, "*\u0301", "*\u0301", true},
		{connectors.UnicodeUsernames, "דוד*", "דוד*", true},
		{connectors.UnicodeUsernames, "*דוד", "*דוד", true},
		{connectors.UnicodeUsernames, "ł *", "ł *", false},
		// Parts that are no names by themselves are prepared as well as the others.
		{connectors.UnicodeUsernames, "محم\u0651\u064eد.*", "محم\u064e\u0651د.*", true},
		{connectors.UnicodeUsernames, "*.محم\u0651\u064eد", "*.محم\u064e\u0651د", true},
		{connectors.UnicodeUsernames, "*-jose\u0301@*", "*-jos\u00e9@*", true},
		{connectors.UnicodeUsernames, "*1\uff11דוד", "*11דוד", true},
		{connectors.UnicodeUsernames, "*Z\u0323דוד*", "*\u1e93דוד*", false},
		{connectors.UnicodeUsernames, "דוד*a", "דוד*a", false},
		{connectors.UnicodeUsernames, "1*דוד", "1*דוד", false},
		{connectors.UnicodeUsernames, "*\u0301", "*\u0301", true},
		{connectors.UnicodeUsernames, "*\u0301ł", "*\u0301ł", true},
		{connectors.UnicodeUsernames, "דוד.*", "דוד.*", true},
		{connectors.UnicodeUsernames, "*.ł", "*.ł", true},
		{connectors.UnicodeUsernames, "I\u0307*", "i\u0307*", true},
		{connectors.UnicodeUsernames, "\u0130*", "i\u0307*", true},
		{connectors.UnicodeUsernames, "ΑΣ*", "ασ*", true},
		// Characters that stand beside certain others alone.
		{connectors.UnicodeUsernames, "*·l*", "*·l*", true},
		{connectors.UnicodeUsernames, "*l·*", "*l·*", true},
		{connectors.UnicodeUsernames, "*·a*", "*·a*", false},
		{connectors.UnicodeUsernames, "*\u0375*", "*\u0375*", true},
		{connectors.UnicodeUsernames, "*\u05f3", "*\u05f3", true},
		{connectors.UnicodeUsernames, "*\u30fb*", "*\u30fb*", true},
		{connectors.UnicodeUsernames, "क्\u200dष*", "क्\u200dष*", false},
		{connectors.UnicodeUsernames, strings.Repeat("a", 128) + "*", strings.Repeat("a", 128) + "*", true},
		{connectors.UnicodeUsernames, strings.Repeat("a", 129) + "*", strings.Repeat("a", 129) + "*", false},
		{connectors.UnicodeUsernames, "\xff*", "\xff*", false},
		{connectors.UnicodeUsernames, "", "", false},
		{connectors.ASCIIUsernames, "", "", false},
		{connectors.ASCIIUsernames, "\u212Aate", "\u212Aate", false},
	} {
		if got, ok := tt.form.ParsePattern(tt.pattern); got != tt.want || ok != tt.ok {
			t.Errorf("ParsePattern(%q) = %q, %v; want %q, %v", tt.pattern, got, ok, tt.want, tt.ok)
		}
	}
}

func TestPatternsCover(t *testing.T) {
	for _, tt := range []struct {
		name         string
		some, others connectors.UsernamePatterns
		want         bool
	}{
		{"all, all", nil, nil, true},
		{"all, some", nil, connectors.UsernamePatterns{"a*"}, true},
		{"some, all", connectors.UsernamePatterns{"a*"}, nil, false},
		{"a star, all", connectors.UsernamePatterns{"*"}, nil, true},
		{"two stars, all", connectors.UsernamePatterns{"**"}, nil, true},
		{"the same", connectors.UsernamePatterns{"a*b"}, connectors.UsernamePatterns{"a*b"}, true},
		{"a name", connectors.UsernamePatterns{"a*"}, connectors.UsernamePatterns{"alice"}, true},
		{"another name", connectors.UsernamePatterns{"a*"}, connectors.UsernamePatterns{"alice", "bob"}, false},
		{"a narrower one", connectors.UsernamePatterns{"*@corp.example"}, connectors.UsernamePatterns{"a*@corp.example"}, true},
		{"a wider one", connectors.UsernamePatterns{"a*@corp.example"}, connectors.UsernamePatterns{"*@corp.example"}, false},
		{"one each", connectors.UsernamePatterns{"a*", "b*"}, connectors.UsernamePatterns{"b*c", "a"}, true},
		{"overlapping", connectors.UsernamePatterns{"a*"}, connectors.UsernamePatterns{"*a"}, false},
		{"in the middle", connectors.UsernamePatterns{"*a*"}, connectors.UsernamePatterns{"b*a*c"}, true},
		{"not in the middle", connectors.UsernamePatterns{"*a*"}, connectors.UsernamePatterns{"b*c"}, false},
		{"two parts, one", connectors.UsernamePatterns{"a*a"}, connectors.UsernamePatterns{"a"}, false},
	} {
		if got := tt.some.Cover(tt.others); got != tt.want {
			t.Errorf("%s: %q cover %q: %v, want %v", tt.name, tt.some, tt.others, got, tt.want)
		}
	}
}

func ExampleUsernameForm_Parse() {
	name, ok := connectors.ASCIIUsernames.Parse("Alice")
	fmt.Println(name, ok)
	_, ok = connectors.ASCIIUsernames.Parse("alice )(uid=*")
	fmt.Println(ok)
	// Output:
	// alice true
	// false
}
