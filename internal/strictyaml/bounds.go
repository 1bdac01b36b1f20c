package strictyaml

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

// The bounds of a document. The parser calls itself for every level, and for every
// key of a block mapping once more: without bounds, a file could exhaust its stack,
// which no recover catches.
const (
	maxDepth = 100
	maxKeys  = 10000  // of one block mapping
	maxKey   = 1024   // bytes of a key; YAML's own limit for keys on one line (YAML 1.2.2 §7.4.2)
	maxAlias = 100000 // nodes that aliases may add

	maxFaults = 100 // after so many, what is there is no YAML
)

// level is a block mapping or block list that is open.
type level struct{ column, keys int }

// gauge follows the nesting of a stream of tokens.
type gauge struct {
	block  []level
	flow   int // how many brackets and braces are open
	colons int // since the last bracket, brace or comma
}

// fault is something wrong with a token.
type fault struct {
	token   *token.Token
	message string
}

// preflight finds, in the tokens, what the parser must not be given and what is not
// supported.
func preflight(tokens token.Tokens) []fault {
	var g gauge
	var faults []fault
	for i, tk := range tokens {
		at, message := tk, unsupported(tokens, i)
		if message == "" {
			if tk.Type == token.MappingValueType && i > 0 {
				at = tokens[i-1]
			}
			message = g.add(tk, at)
		}
		if message != "" {
			faults = append(faults, fault{at, message})
		}
		if g.exceeded() || len(faults) == maxFaults {
			return faults
		}
	}
	return faults
}

// unsupported says why the token is refused, if it is.
func unsupported(tokens token.Tokens, i int) string {
	switch tokens[i].Type {
	case token.TagType:
		return `tags are not supported: put text that begins with "!" in quotes`
	case token.MergeKeyType:
		return "merge keys (<<) are not supported: write the keys out"
	case token.DirectiveType:
		return `directives are not supported: put text that begins with "%" in quotes`
	case token.MappingKeyType:
		return "keys introduced by ? are not supported"
	case token.AnchorType:
		if i >= 2 && tokens[i-2].Type == token.AnchorType {
			return "a value has one anchor at most"
		}
	}
	return ""
}

// add takes the next token; at is where its key, list or value begins.
func (g *gauge) add(tk, at *token.Token) string {
	switch tk.Type {
	case token.SequenceStartType, token.MappingStartType:
		g.flow, g.colons = g.flow+1, 0
	case token.SequenceEndType, token.MappingEndType:
		g.flow, g.colons = max(0, g.flow-1), 0
	case token.CollectEntryType:
		g.colons = 0
	case token.DocumentHeaderType, token.DocumentEndType:
		*g = gauge{}
	case token.MappingValueType:
		g.colons++
		switch {
		case len(at.Value) > maxKey:
			return fmt.Sprintf("this key is longer than %d bytes", maxKey)
		case g.flow > 0 && g.colons > 1:
			return "not valid YAML: a comma is missing before this"
		}
		g.line(at.Position.Column, 1)
	case token.SequenceEntryType:
		if g.flow > 0 {
			return "not valid YAML: within brackets, items are separated by commas and have no dash"
		}
		g.line(at.Position.Column, 0)
	}
	switch {
	case g.tooDeep():
		return fmt.Sprintf("nested deeper than %d levels", maxDepth)
	case g.tooWide():
		return fmt.Sprintf("more than %d keys in one mapping", maxKeys)
	}
	return ""
}

// line opens or continues the block collection at the column.
func (g *gauge) line(column, keys int) {
	if g.flow > 0 {
		return
	}
	top := len(g.block)
	for top > 0 && g.block[top-1].column > column {
		top--
	}
	g.block = g.block[:top]
	if top == 0 || g.block[top-1].column < column {
		g.block = append(g.block, level{column: column})
	}
	g.block[len(g.block)-1].keys += keys
}

func (g *gauge) tooDeep() bool { return g.flow+len(g.block) > maxDepth }

func (g *gauge) tooWide() bool {
	return len(g.block) > 0 && g.block[len(g.block)-1].keys > maxKeys
}

// exceeded reports whether the rest need not be looked at.
func (g *gauge) exceeded() bool { return g.tooDeep() || g.tooWide() }
