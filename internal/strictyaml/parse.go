package strictyaml

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parse turns the content of a file into a tree.
func parse(data []byte) (root *node, problems Problems) {
	if len(data) > maxFile {
		return nil, Problems{{Message: fmt.Sprintf("has more than %d bytes", maxFile)}}
	}
	source, problem := clean(data)
	if problem != nil {
		return nil, Problems{*problem}
	}
	defer func() {
		if recover() != nil { // the parser panics on some inputs
			root, problems = nil, Problems{{Line: 1, Column: 1, Message: "not valid YAML: the parser can make nothing of this file"}}
		}
	}()
	file, tokens, faults := syntax(source)
	if changed := locate(source, tokens); changed != nil && len(faults) == 0 {
		faults = []fault{{changed, unquoted}}
	}
	b := builder{anchors: map[string]*node{}}
	for _, f := range faults {
		b.report(position(f.token), f.message)
	}
	if len(faults) == 0 {
		root = b.document(file)
	}
	return root, b.problems
}

// syntax runs the lexer and the parser.
func syntax(source string) (*ast.File, token.Tokens, []fault) {
	tokens, faults := joinColons(tokenize(source))
	if faults = append(faults, preflight(tokens)...); len(faults) > 0 {
		return nil, tokens, faults
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, tokens, []fault{syntaxFault(err)}
	}
	return file, tokens, nil
}

// tokenize runs the lexer. It gives it a last line that is ended: of one that is not,
// the lexer drops a tag, and the spaces that end a block of text.
func tokenize(source string) token.Tokens {
	if source == "" || strings.HasSuffix(source, "\n") {
		return lexer.Tokenize(source)
	}
	tokens := lexer.Tokenize(source + "\n")
	if last := len(tokens) - 1; last > 0 && isBlock(tokens[last-1]) {
		tokens[last].Value = strings.TrimSuffix(tokens[last].Value, "\n") // the one that was added
	}
	return tokens
}

// syntaxFault is the parser's error without what that shows of the document.
func syntaxFault(err error) fault {
	var located interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if errors.As(err, &located) {
		return fault{located.GetToken(), "not valid YAML: " + advice(located.GetMessage())}
	}
	return fault{nil, "not valid YAML"}
}

// advice says in plain words what the parser's message means. What the message
// quotes from the document could be a secret and is left out.
func advice(message string) string {
	for _, known := range []struct{ part, advice string }{
		{"tab", "a tab cannot stand here: use spaces"},
		{"'\t'", "a tab cannot stand here: use spaces"},
		{"reserved character", "a value cannot begin with this character: put it in quotes"},
		{"tag character", `tags are not supported: put text that begins with "!" in quotes`},
		{"header option", `"|" and ">" begin a block of text: put text that begins with one in quotes`},
		{"multi-line content", `"|" and ">" begin a block of text: put text that begins with one in quotes`},
		{"escape character", `unknown escape after a backslash: in single quotes, a backslash is itself`},
		{"quoted text", "the quotation mark is never closed"},
		{"end token '}'", `"{" is never closed`},
		{"end token ']'", `"[" is never closed`},
		{"corresponding to ']'", `"]" was never opened`},
		{"corresponding to '}'", `"}" was never opened`},
		{"invalid key for this map", "a key is text, not a list or a mapping"},
		{"mapping value is not allowed", "keys cannot begin here: check the indentation, or put text with a colon in quotes"},
		{"non-map value", `want "key: value" here: a colon is missing, or the indentation is wrong`},
		{"unexpected key name", `want "key: value" here: a colon is missing, or the indentation is wrong`},
		{"not allowed in this context", "this cannot stand here: check the indentation"},
	} {
		if strings.Contains(message, known.part) {
			return known.advice
		}
	}
	before, _, _ := strings.Cut(message, `"`)
	return strings.TrimSpace(before)
}
