package strictyaml

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// locate corrects the positions of the tokens: the lexer's own are off after
// trailing spaces, tabs, and text over several lines. It returns the first token
// that the source does not have as the lexer says: there, the lexer has changed what
// was written, or left it out.
func locate(source string, tokens token.Tokens) *token.Token {
	c := cursor{rest: source, line: 1, column: 1}
	for _, tk := range tokens {
		if tk.Type == token.InvalidType && within(source, tk.Position) {
			return nil // the lexer stopped here
		}
		c.skip(len(c.rest) - len(strings.TrimLeft(c.rest, " \t\n")))
		tk.Position.Line, tk.Position.Column = c.line, c.column
		length := c.match(tk)
		if length < 0 {
			return tk
		}
		c.skip(length)
	}
	c.skip(len(c.rest) - len(strings.TrimLeft(c.rest, " \t\n")))
	if c.rest != "" {
		return &token.Token{Position: &token.Position{Line: c.line, Column: c.column}}
	}
	return nil
}

// within reports whether the source has the position.
func within(source string, at *token.Position) bool {
	lines := strings.SplitN(source, "\n", max(1, at.Line)+1)
	return at.Line >= 1 && at.Line <= len(lines) && at.Column >= 1 && at.Column <= utf8.RuneCountInString(lines[at.Line-1])+1
}

// cursor is a place in a source.
type cursor struct {
	rest         string
	line, column int
}

func (c *cursor) skip(length int) {
	for _, r := range c.rest[:length] {
		c.column++
		if r == '\n' {
			c.line, c.column = c.line+1, 1
		}
	}
	c.rest = c.rest[length:]
}

// match returns how many bytes of the source the token covers, or -1 where the
// source does not go on with it.
func (c *cursor) match(tk *token.Token) int {
	if tk.Type == token.DoubleQuoteType {
		return quotedLength(c.rest)
	}
	origin := strings.Trim(tk.Origin, " \t\n")
	if !strings.HasPrefix(c.rest, origin) {
		return -1
	}
	return len(origin)
}

// quotedLength is the length of the text in double quotes that s begins with: what
// the lexer keeps of one with escapes is not what was written.
func quotedLength(s string) int {
	if !strings.HasPrefix(s, `"`) {
		return -1
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}
