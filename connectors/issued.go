package connectors

import (
	"hash/crc32"
	"iter"
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

// muchDigits are as many as no name has behind what tokens begin with.
const muchDigits = 32

// maxSearched is the length of the texts, in bytes, in which tokens are looked for that
// have lost their prefix: a checksum has to tell those, for each place they may be at.
// What is longer was not pasted by mistake in place of a user name or a password.
const maxSearched = 256

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

// HoldsToken reports whether there is a token, or so much of one that the rest could be
// guessed, in a text that people choose, such as a user name. Other text that begins as
// tokens do may be what something is called.
func HoldsToken(text string) bool {
	for run := range digitRuns(text) {
		_, whole := run.unprefixed(text)
		if whole || run.end-run.start >= muchDigits && run.prefixed(text) {
			return true
		}
	}
	return false
}

// WithoutTokens returns the text with no more than the public ids of tokens in it: for the
// record of what clients send, who put tokens into the wrong place at times.
func WithoutTokens(text string) string {
	var cleaned strings.Builder
	from := 0
	for run := range digitRuns(text) {
		start, ok := run.start, run.prefixed(text)
		if !ok {
			start, ok = run.unprefixed(text)
		}
		if !ok || start+idDigits >= run.end {
			continue
		}
		cleaned.WriteString(text[from : start+idDigits])
		cleaned.WriteString("…")
		from = run.end
	}
	if from == 0 {
		return text
	}
	return cleaned.String() + text[from:]
}

// digitRun is where a text has TokenDigits alone, and none before and behind them.
type digitRun struct{ start, end int }

// digitRuns finds the runs of digits that may be of a token: those that are longer than a
// public id.
func digitRuns(text string) iter.Seq[digitRun] {
	return func(yield func(digitRun) bool) {
		for i := 0; i < len(text); i++ {
			start := i
			for i < len(text) && isTokenDigit(text[i]) {
				i++
			}
			if i-start > idDigits && !yield(digitRun{start, i}) {
				return
			}
		}
	}
}

func isTokenDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// prefixed reports whether the prefix of a token stands before the digits, in letters of
// either case.
func (r digitRun) prefixed(text string) bool {
	before := text[:r.start]
	before = before[max(0, len(before)-len(AccessTokenPrefix)):]
	return strings.EqualFold(before, AccessTokenPrefix) || strings.EqualFold(before, IdentityTokenPrefix)
}

// unprefixed returns where in the run a token begins that has lost its prefix.
func (r digitRun) unprefixed(text string) (start int, ok bool) {
	if len(text) > maxSearched {
		return 0, false
	}
	for start := r.start; start+allDigits <= r.end; start++ {
		body, sum := text[start:start+allDigits-checksumDigits], text[start+allDigits-checksumDigits:start+allDigits]
		if sum == TokenChecksum(AccessTokenPrefix+body) || sum == TokenChecksum(IdentityTokenPrefix+body) {
			return start, true
		}
	}
	return 0, false
}
