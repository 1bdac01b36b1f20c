package connectors

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// GroupForm is the form that the names of a connector's groups have, on people and in
// rules: the one rule for which spellings are one group.
type GroupForm int

const (
	// ComposedGroups are spelled as the connector has them, but for being composed
	// (Unicode normalization form C): a directory may keep, and an editor may write, é
	// as one character or as two, and nobody can see which.
	ComposedGroups GroupForm = iota

	// FoldedGroups are in lower case besides, and white space is one space between words:
	// the names of a directory that compares them so.
	FoldedGroups
)

// Canonical returns the name of a group in the form.
func (f GroupForm) Canonical(name string) string {
	if f == FoldedGroups {
		return lowerCase(strings.Join(strings.Fields(name), " "))
	}
	return norm.NFC.String(name)
}

// lowerCase returns s in lower case and composed: what user names and groups have in
// common. Whether s was composed makes no difference, as it would to strings.ToLower,
// which takes İ for i, and a capital sigma becomes the same small one at the end of a
// word as elsewhere.
func lowerCase(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	lower := cases.Lower(language.Und, cases.HandleFinalSigma(false))
	return norm.NFC.String(lower.String(s))
}
