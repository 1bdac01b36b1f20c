package strictyaml

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// What the builder says of a value where none can be.
const (
	misplaced = "not valid YAML: this cannot stand here"
	misfit    = "not valid YAML: check the indentation here"
	unquoted  = `text with a tab, or over several lines: put it in double quotes, where \t is a tab and \n a line break`
)

// builder makes a tree of what the parser found. It resolves aliases and checks the
// parser where that is known to be lax. What belongs where it does not know: its
// messages show nothing of the document, which could be a secret.
type builder struct {
	anchors  map[string]*node
	aliased  int // nodes that aliases have added
	flow     int // how many brackets and braces are open
	problems Problems
}

func (b *builder) report(at place, message string) {
	b.problems = append(b.problems, Problem{Line: at.line, Column: at.column, Message: message})
}

// document wants one document in the file.
func (b *builder) document(f *ast.File) *node {
	if len(f.Docs) > 1 {
		b.report(position(f.Docs[1].Start), "a second document begins here: a file has one")
		return nil
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil {
		b.report(place{1, 1}, "the file is empty")
		return nil
	}
	return b.build(f.Docs[0].Body, place{1, 1})
}

// build makes the tree of one value. A value that is not there is placed where its
// key or its dash is, at parent.
func (b *builder) build(n ast.Node, parent place) *node {
	switch n := n.(type) {
	case *ast.MappingNode:
		return b.mapping(n)
	case *ast.MappingValueNode:
		return b.mapping(&ast.MappingNode{Start: n.GetToken(), Values: []*ast.MappingValueNode{n}})
	case *ast.SequenceNode:
		return b.list(n)
	case *ast.AnchorNode:
		value := b.build(n.Value, position(n.Start))
		b.anchors[n.Name.GetToken().Value] = value
		return value
	case *ast.AliasNode:
		return b.alias(n)
	case *ast.LiteralNode:
		if strings.Contains(n.Value.Token.Origin, "\t") {
			b.report(position(n.Start), unquoted)
		}
		return scalar(text, n.Value.Value, position(n.Start))
	case ast.ScalarNode:
		return b.scalar(n.GetToken(), parent)
	}
	b.report(parent, misplaced)
	return scalar(null, "", parent)
}

func (b *builder) scalar(tk *token.Token, parent place) *node {
	switch {
	case tk.Type == token.ImplicitNullType:
		return scalar(null, "", parent)
	case isQuoted(tk):
		return scalar(text, tk.Value, position(tk))
	case strings.Contains(tk.Value, " #"), strings.Contains(tk.Value, "\n#"):
		b.report(position(tk), "a comment cannot stand inside text over several lines")
	case folded(tk.Origin) != tk.Value:
		b.report(position(tk), unquoted)
	}
	return scalar(plainKind(tk.Value), tk.Value, position(tk))
}

// folded is the value of text without quotes (YAML 1.2.2 §6.5): the lexer drops
// tabs, and does not always join lines.
func folded(origin string) string {
	var value strings.Builder
	breaks := 0
	for i, line := range strings.Split(strings.Trim(origin, " \t\n"), "\n") {
		if line = strings.Trim(line, " \t"); line == "" {
			breaks++
			continue
		}
		switch {
		case i == 0:
		case breaks == 0:
			value.WriteByte(' ')
		default:
			value.WriteString(strings.Repeat("\n", breaks))
		}
		value.WriteString(line)
		breaks = 0
	}
	return value.String()
}

func (b *builder) list(n *ast.SequenceNode) *node {
	made := &node{kind: list, place: position(n.Start)}
	b.enter(n.IsFlowStyle)
	for i, value := range n.Values {
		dash := made.place
		if !n.IsFlowStyle {
			dash = position(n.Entries[i].Start)
		}
		item := b.build(value, dash)
		if b.flow == 0 && (dash.column != made.column || item.line > dash.line && !indented(value, item, dash.column+1)) {
			b.report(item.start(), misfit)
		}
		made.items = append(made.items, item)
	}
	b.leave(n.IsFlowStyle)
	made.sum(made.items...)
	return made
}

func (b *builder) mapping(n *ast.MappingNode) *node {
	made := &node{kind: mapping, place: position(n.Start)}
	b.enter(n.IsFlowStyle)
	for _, pair := range n.Values {
		key := b.key(pair.Key)
		value := b.build(pair.Value, key.place)
		made.entries = append(made.entries, entry{key, value})
		least := key.column + 1
		if value.kind == list {
			least = key.column
		}
		if b.flow == 0 && (key.column != made.entries[0].key.column || value.line > key.line && !indented(pair.Value, value, least)) {
			b.report(value.start(), misfit)
		}
		made.sum(key, value)
	}
	b.leave(n.IsFlowStyle)
	made.sum()
	return made
}

// key makes the node of a key.
func (b *builder) key(n ast.MapKeyNode) *node {
	tk := n.GetToken()
	if !isPlain(tk) && !isQuoted(tk) {
		b.report(position(tk), `a key is plain text: put one that begins with "&", "*", "|" or ">" in quotes`)
		return scalar(null, "", position(tk))
	}
	return b.scalar(tk, position(tk))
}

// indented reports whether the value begins at the least column or further right. An
// alias stands for a value somewhere else.
func indented(n ast.Node, value *node, least int) bool {
	_, elsewhere := n.(*ast.AliasNode)
	return elsewhere || value.start().column >= least
}

func (b *builder) enter(flow bool) {
	if flow {
		b.flow++
	}
}

func (b *builder) leave(flow bool) {
	if flow {
		b.flow--
	}
}

func (b *builder) alias(n *ast.AliasNode) *node {
	at := position(n.Start)
	target := b.anchors[n.Value.GetToken().Value]
	if target == nil {
		b.report(at, `no such anchor above: put text that begins with "*" in quotes`)
		return scalar(null, "", at)
	}
	if b.aliased += target.weight; b.aliased > maxAlias || target.depth > maxDepth {
		b.report(at, fmt.Sprintf("aliases add more than %d values or %d levels", maxAlias, maxDepth))
		return scalar(null, "", at)
	}
	return target
}
