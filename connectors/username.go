package connectors

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/width"
)

// MaxUsername is the longest user name taken, in bytes: as typed, and in its
// canonical form.
const MaxUsername = 128

// UsernameForm is the form that user names have in a realm, and which spellings are
// one name: the one rule for what people type, what a directory answers, and what
// files and rules name. Directories fold spaces, width and case in ways of their own,
// and each spelling that reached one would be a chance for a second subject.
type UsernameForm int

const (
	// ASCIIUsernames are [A-Za-z0-9._@+-]{1,128}, lower-cased.
	ASCIIUsernames UsernameForm = iota

	// UnicodeUsernames have letters, digits and marks of all scripts besides,
	// prepared as UsernameCaseMapped (RFC 8265 §3.3): fullwidth becomes plain, upper
	// case lower, and combining sequences are composed (NFC). Spaces, symbols,
	// compatibility characters such as ligatures, invisible ones, and left-to-right
	// mixed with right-to-left (RFC 5893) are refused. Of ASCII no more is taken than
	// by ASCIIUsernames.
	UnicodeUsernames
)

// joiners are the invisible characters that the profile takes, between letters of some
// scripts: zero width non-joiner and joiner. With and without them would be two names
// that look the same.
const joiners = "\u200c\u200d"

// Parse returns the canonical form of a user name, and whether it is one. Anything
// else is refused like a wrong password.
func (f UsernameForm) Parse(typed string) (canonical string, ok bool) {
	if typed == "" || len(typed) > MaxUsername {
		return "", false
	}
	canonical = typed
	if !isASCII(typed) {
		if f != UnicodeUsernames {
			return "", false
		}
		var err error
		canonical, err = precis.UsernameCaseMapped.String(typed)
		if err != nil || len(canonical) > MaxUsername || strings.ContainsAny(canonical, joiners) {
			return "", false
		}
	}
	for i := range len(canonical) {
		if c := canonical[i]; c < utf8.RuneSelf && !isUsernameByte(c) {
			return "", false
		}
	}
	if isASCII(canonical) {
		canonical = strings.ToLower(canonical)
	}
	return canonical, true
}

// ParsePattern returns the canonical form of a pattern of user names, in which "*"
// stands for any run of characters, and whether a name can match that.
func (f UsernameForm) ParsePattern(pattern string) (canonical string, ok bool) {
	canonical = pattern
	if f == UnicodeUsernames || isASCII(pattern) {
		canonical = lowerCase(width.Fold.String(pattern)) // as names are, whatever stands beside it
	}
	return canonical, slices.ContainsFunc(starFills(), func(run string) bool {
		filled := strings.ReplaceAll(canonical, "*", run)
		name, taken := f.Parse(filled)
		return taken && name == filled
	})
}

// starFills are what a star stands for in a search for a name that matches. One of them
// goes where any run does: what is written from right to left takes no Latin letter,
// marks may not combine with what is before them, and there are characters that stand
// beside certain ones alone (RFC 5892 appendix A).
func starFills() []string { return []string{"", "l", "\u05d0", "\u03b1", "\u30a2"} }

// String says what user names are made of, for messages.
func (f UsernameForm) String() string {
	if f == UnicodeUsernames {
		return fmt.Sprintf("1 to %d bytes of lower-case letters and digits of any script and . _ @ + -", MaxUsername)
	}
	return fmt.Sprintf("1 to %d of a-z 0-9 . _ @ + -", MaxUsername)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

func isUsernameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._@+-", c) >= 0
}
