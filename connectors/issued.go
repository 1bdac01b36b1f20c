package connectors

import (
	"regexp"
	"strings"
)

// issuedText is a token that Shorepass has handed out, as far as it tells more than the
// token's public id: whole, cut off, or in letters of another case.
var issuedText = regexp.MustCompile(`(?i)(sr[pr]_[0-9a-z]{12})[0-9a-z]+`)

// WithoutTokens returns the text with no more than the public ids of tokens in it: for the
// record of what clients send, who put tokens into the wrong place at times.
func WithoutTokens(text string) string {
	if !strings.Contains(text, "_") {
		return text
	}
	return issuedText.ReplaceAllString(text, "$1…")
}
