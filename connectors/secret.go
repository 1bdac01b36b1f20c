package connectors

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// redacted is what every way of printing a Secret shows.
const redacted = "[redacted]"

// Secret is a string that never prints: not with any verb of package fmt, not in
// JSON, YAML or slog, and not through reflection as a field of another struct (the
// value is behind a pointer, of which only the address could show). The zero
// Secret is empty.
type Secret struct{ value *string }

// NewSecret wraps s.
func NewSecret(s string) Secret { return Secret{value: &s} }

// Reveal returns the secret itself. Call it where the value is used, and hand the
// result to nothing that might print it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Blank reports whether the secret is empty or made of NUL characters alone: an
// LDAP server may take such a password for an unauthenticated bind and answer
// success (RFC 4513 §5.1.2).
func (s Secret) Blank() bool { return strings.Trim(s.Reveal(), "\x00") == "" }

// String returns a fixed text.
func (s Secret) String() string { return redacted }

// Format prints a fixed text for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText encodes a fixed text, for JSON and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue logs a fixed text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
