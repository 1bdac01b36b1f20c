package strictyaml

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// kind is what a node of a document is.
type kind int

const (
	null kind = iota
	boolean
	number
	text
	list
	mapping
)

// String names the kind in messages.
func (k kind) String() string {
	switch k {
	case boolean:
		return "a boolean"
	case number:
		return "a number"
	case text:
		return "text"
	case list:
		return "a list"
	case mapping:
		return "a mapping"
	}
	return "nothing"
}

// node is one value of a document. Nodes of an anchor are shared by its aliases, so
// that a document is a graph without cycles.
type node struct {
	place
	kind    kind
	text    string  // of a scalar, as written
	items   []*node // of a list
	entries []entry // of a mapping, in the order of the file
	weight  int     // how many nodes this stands for, aliases followed
	depth   int     // how many levels below this, itself included
}

// place is a line and a column, both from 1.
type place struct{ line, column int }

func position(tk *token.Token) place {
	if tk == nil || tk.Position == nil {
		return place{1, 1}
	}
	return place{max(1, tk.Position.Line), max(1, tk.Position.Column)}
}

// entry is a key of a mapping and its value.
type entry struct{ key, value *node }

// isScalar reports whether the node is one piece of text, of whatever kind.
func (n *node) isScalar() bool {
	return n.kind == text || n.kind == number || n.kind == boolean
}

// start is where the value is said to stand: a mapping, where its first key does.
func (n *node) start() place {
	if len(n.entries) > 0 {
		return n.entries[0].key.place
	}
	return n.place
}

func scalar(k kind, s string, at place) *node {
	return &node{kind: k, text: s, place: at, weight: 1, depth: 1}
}

// sum fills weight and depth from the children.
func (n *node) sum(children ...*node) {
	if n.weight == 0 {
		n.weight, n.depth = 1, 1
	}
	for _, child := range children {
		n.weight += child.weight
		n.depth = max(n.depth, child.depth+1)
	}
}

// numeral matches what YAML takes for a number (YAML 1.2.2 §10.3.2).
var numeral = regexp.MustCompile(`^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)

// plainKind is the kind of a scalar without quotes (YAML 1.2.2 §10.3.2).
func plainKind(s string) kind {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return null
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return boolean
	}
	if numeral.MatchString(s) {
		return number
	}
	return text
}

// isOldBoolean reports whether YAML 1.1 took the text for a boolean.
func isOldBoolean(s string) bool {
	switch strings.ToLower(s) {
	case "yes", "no", "on", "off", "y", "n":
		return true
	}
	return false
}

// isPlain reports whether the token is a scalar without quotes.
func isPlain(tk *token.Token) bool {
	switch tk.Type {
	case token.StringType, token.BoolType, token.NullType, token.InfinityType, token.NanType, token.IntegerType,
		token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType, token.FloatType:
		return true
	}
	return false
}

// isBlock reports whether the token begins a block of text.
func isBlock(tk *token.Token) bool {
	return tk.Type == token.LiteralType || tk.Type == token.FoldedType
}

func isQuoted(tk *token.Token) bool {
	return tk.Type == token.SingleQuoteType || tk.Type == token.DoubleQuoteType
}
