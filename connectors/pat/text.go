package pat

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"

	"github.com/shorepass/shorepass/connectors"
)

// The form of a token's text; see the package comment.
const (
	idLength       = 12
	secretLength   = 32
	checksumLength = 6
	textLength     = len(connectors.AccessTokenPrefix) + idLength + secretLength + checksumLength

	digits = connectors.TokenDigits
)

// Text is a token's text that has its form, its checksum included.
type Text struct{ secret connectors.Secret }

// NewText makes the text of a new token.
func NewText() Text {
	body := connectors.AccessTokenPrefix + randomDigits(idLength+secretLength)
	return Text{connectors.NewSecret(body + connectors.TokenChecksum(body))}
}

// ParseText reads a token's text. Without the right form and checksum, it is none.
func ParseText(s connectors.Secret) (Text, bool) {
	text := s.Reveal()
	if len(text) != textLength || !strings.HasPrefix(text, connectors.AccessTokenPrefix) {
		return Text{}, false
	}
	body := text[:textLength-checksumLength]
	if strings.Trim(body[len(connectors.AccessTokenPrefix):], digits) != "" || connectors.TokenChecksum(body) != text[len(body):] {
		return Text{}, false
	}
	return Text{s}, true
}

// ID is the token's public id.
func (t Text) ID() string { return t.secret.Reveal()[len(connectors.AccessTokenPrefix):][:idLength] }

// Hash is the SHA-256 of the text, by which it is known again. The secret's random bits
// are too many to try, so that a slow hash would add nothing.
func (t Text) Hash() [sha256.Size]byte { return sha256.Sum256([]byte(t.secret.Reveal())) }

// Secret is the text itself, to be shown once.
func (t Text) Secret() connectors.Secret { return t.secret }

// IsID reports whether s has the form of a public id.
func IsID(s string) bool { return len(s) == idLength && strings.Trim(s, digits) == "" }

// randomDigits returns n digits, each as likely as the others.
func randomDigits(n int) string {
	text := make([]byte, 0, n)
	random := make([]byte, 2*n)
	for len(text) < n {
		_, _ = rand.Read(random) // never fails: see crypto/rand
		for _, b := range random {
			if int(b) < 256/len(digits)*len(digits) && len(text) < n {
				text = append(text, digits[int(b)%len(digits)])
			}
		}
	}
	return string(text)
}
