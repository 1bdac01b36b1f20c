package connectors

import (
	"hash/crc32"
	"regexp"
	"strings"
)

// AccessTokenPrefix is what personal access tokens begin with, and IdentityTokenPrefix
// what is kept for the tokens that stand for a login.
const (
	AccessTokenPrefix   = "srp_"
	IdentityTokenPrefix = "srr_"
)

// TokenDigits are what tokens consist of behind their prefix.
const TokenDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// How many of them are the public id, which comes first, are the checksum, which comes
// last, and are a token.
const (
	idDigits       = 12
	checksumDigits = 6
	allDigits      = 50
)

// issuedText is a token that Shorepass has handed out, as far as it tells more than the
// token's public id: whole, cut off at its end, or in letters of another case.
var issuedText = regexp.MustCompile(`(?i)(sr[pr]_[0-9a-z]{12})[0-9a-z]+`)

// digitsText is where a token may be that has lost its first characters, but none behind
// the prefix.
var digitsText = regexp.MustCompile(`[0-9A-Za-z]{50,}`)

// wholeText is a token in letters of any case, and shortText one that has lost its last.
var (
	wholeText = regexp.MustCompile(`(?i)sr[pr]_[0-9a-z]{50}`)
	shortText = regexp.MustCompile(`(sr[pr]_[0-9A-Za-z]{44})([0-9A-Za-z]{5})`)
)

// TokenChecksum is the checksum of a token's text up to there: its CRC-32 (IEEE 802.3) in
// TokenDigits, the most significant first.
func TokenChecksum(body string) string {
	const base = uint32(len(TokenDigits))
	sum := crc32.ChecksumIEEE([]byte(body))
	var text [checksumDigits]byte
	for i := checksumDigits - 1; i >= 0; i-- {
		text[i] = TokenDigits[sum%base]
		sum /= base
	}
	return string(text[:])
}

// Issued reports whether the secret is or holds what Shorepass itself hands out: it is for
// the connector that handed it out, and no upstream must ever see it. That is what begins
// as a token does, be it whole or not, and what a token was pasted into with more than it,
// such as a space, quotes or a user name.
func (s Secret) Issued() bool {
	text := s.Reveal()
	return hasPrefix(text, AccessTokenPrefix) || hasPrefix(text, IdentityTokenPrefix) || text != WithoutTokens(text)
}

// IssuedForLogin reports whether the secret begins as identity tokens do.
func (s Secret) IssuedForLogin() bool { return hasPrefix(s.Reveal(), IdentityTokenPrefix) }

// hasPrefix is strings.HasPrefix for letters of either case.
func hasPrefix(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// HoldsToken reports whether there is a token in a text that people choose, such as a user
// name: a whole one, or one that has lost or been given a character at an end, which its
// checksum tells. Other text that begins as tokens do may be what somebody is called.
func HoldsToken(text string) bool {
	if len(text) < allDigits {
		return false
	}
	short := shortText.FindStringSubmatch(text)
	return wholeText.MatchString(text) ||
		digitsText.ReplaceAllStringFunc(text, withoutToken) != text ||
		short != nil && strings.HasPrefix(TokenChecksum(short[1]), short[2])
}

// WithoutTokens returns the text with no more than the public ids of tokens in it: for the
// record of what clients send, who put tokens into the wrong place at times.
func WithoutTokens(text string) string {
	if strings.Contains(text, "_") {
		text = issuedText.ReplaceAllString(text, "$1…")
	}
	if len(text) >= allDigits {
		text = digitsText.ReplaceAllStringFunc(text, withoutToken)
	}
	return text
}

// withoutToken is WithoutTokens of digits alone.
func withoutToken(text string) string {
	for i := 0; i+allDigits <= len(text); i++ {
		one := text[i : i+allDigits]
		body, sum := one[:allDigits-checksumDigits], one[allDigits-checksumDigits:]
		if sum == TokenChecksum(AccessTokenPrefix+body) || sum == TokenChecksum(IdentityTokenPrefix+body) {
			return text[:i+idDigits] + "…"
		}
	}
	return text
}
