package strictyaml

import (
	"strings"

	"github.com/goccy/go-yaml/token"
)

// joinColons mends what the lexer does to {groups: [team:dev]}: within braces it
// takes every colon for the end of a key, where YAML wants a space after it
// (YAML 1.2.2 §7.3.3). In the place of a key, {team:dev}, nobody can mean the colon
// for a part of it: there, the missing space is a fault.
func joinColons(tokens token.Tokens) (token.Tokens, []fault) {
	var joined token.Tokens
	var faults []fault
	var open []token.Type // the brackets and braces that are open
	for i := 0; i < len(tokens); i++ {
		tk := tokens[i]
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			open = append(open, tk.Type)
		case token.SequenceEndType, token.MappingEndType:
			open = open[:max(0, len(open)-1)]
		case token.MappingValueType:
			if len(open) == 0 || len(joined) == 0 || i+1 == len(tokens) || !touch(joined[len(joined)-1], tk, tokens[i+1]) {
				break
			}
			if open[len(open)-1] == token.MappingStartType {
				faults = append(faults, fault{tk, "a colon after a key needs a space after it"})
				break
			}
			last := len(joined) - 1
			joined[last], i = join(joined[last], tokens, i)
			continue
		}
		joined = append(joined, tk)
	}
	return joined, faults
}

// touch reports whether the colon stands between a text without quotes and something
// that could go on with it, and no space on either side.
func touch(before, colon, after *token.Token) bool {
	return isPlain(before) && !endsInSpace(before.Origin) && colon.Origin == ":" && goesOn(after)
}

func endsInSpace(s string) bool { return strings.TrimRight(s, " \t\n") != s }

// goesOn reports whether the token continues the text right before it.
func goesOn(tk *token.Token) bool {
	switch tk.Type {
	case token.CollectEntryType, token.SequenceStartType, token.SequenceEndType, token.MappingStartType, token.MappingEndType,
		token.CommentType, token.InvalidType:
		return false
	}
	return tk.Origin != "" && strings.TrimLeft(tk.Origin, " \t\n") == tk.Origin
}

// join appends to text the colon at i and what goes on after it. It returns the index
// of the last token that it took.
func join(text *token.Token, tokens token.Tokens, i int) (*token.Token, int) {
	origin := text.Origin + tokens[i].Origin
	for i+1 < len(tokens) && !endsInSpace(origin) && goesOn(tokens[i+1]) {
		i++
		origin += tokens[i].Origin
	}
	return token.String(folded(origin), origin, text.Position), i
}
