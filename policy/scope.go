package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxName is the longest repository name, in characters.
const MaxName = 255

// Scope is one item of what a client asks for, such as
// "repository:team/app:pull,push".
type Scope struct {
	Type    string   // "repository" or "registry"; others are read, and never granted
	Class   string   // of "repository(plugin)"; it never reaches an [Access], since registries refuse it there
	Name    string   // may start with HOST:PORT/
	Actions []string // as asked: neither sorted nor merged
}

// ParseScope reads one scope item, as the distribution specification's token scope
// documentation has it: the type is what stands before the first colon, the
// actions what stands after the last. It is strict: names that no repository can
// have, upper case included, an item without actions and an empty action are
// errors. Types and actions that no rule can speak of are not.
func ParseScope(text string) (Scope, error) {
	s, err := parseScope(text)
	if err != nil {
		return Scope{}, fmt.Errorf("scope %.300q: %w", text, err)
	}
	return s, nil
}

// String returns the scope as [ParseScope] reads it.
func (s Scope) String() string {
	kind := s.Type
	if s.Class != "" {
		kind += "(" + s.Class + ")"
	}
	return kind + ":" + s.Name + ":" + strings.Join(s.Actions, ",")
}

func parseScope(text string) (Scope, error) {
	kind, name, actions, ok := cutScope(text)
	if !ok {
		return Scope{}, errors.New("not of the form type:name:actions")
	}
	s := Scope{Type: kind, Name: name}
	if base, class, ok := strings.Cut(kind, "("); ok {
		class, closed := strings.CutSuffix(class, ")")
		if !closed || !isWord(class, isAlnum) {
			return Scope{}, errors.New("a class is lower-case letters and digits in parentheses")
		}
		s.Type, s.Class = base, class
	}
	if !isWord(s.Type, isAlnum) {
		return Scope{}, errors.New("a type is lower-case letters and digits")
	}
	if err := checkName(name); err != nil {
		return Scope{}, err
	}
	if actions == "" {
		return Scope{}, errors.New("no actions")
	}
	s.Actions = strings.Split(actions, ",")
	for _, action := range s.Actions {
		if action != actionAll && !isWord(action, isLetter) {
			return Scope{}, errors.New(`an action is lower-case letters, or "*"`)
		}
	}
	return s, nil
}

// checkName says what is wrong with the name of a repository, if anything.
func checkName(name string) error {
	if name == "" {
		return errors.New("no name")
	}
	if len(name) > MaxName {
		return fmt.Errorf("the name has more than %d characters", MaxName)
	}
	first, rest, more := strings.Cut(name, "/")
	if host, port, ok := strings.Cut(first, ":"); ok {
		if !more || !isHost(host) || !isPort(port) {
			return errors.New("a colon in a name stands between a host and a port, before the first slash")
		}
		first, rest, more = strings.Cut(rest, "/")
	}
	for {
		if !isComponent(first) {
			return fmt.Errorf("no repository has a path segment %.100q", first)
		}
		if !more {
			return nil
		}
		first, rest, more = strings.Cut(rest, "/")
	}
}

// isComponent reports whether s is a path segment of repository names:
// [a-z0-9]+((?:[._]|__|-+)[a-z0-9]+)*.
func isComponent(s string) bool {
	for i := 0; ; i += separator(s[i:]) {
		start := i
		for i < len(s) && isAlnum(s[i]) {
			i++
		}
		if i == start {
			return false
		}
		if i == len(s) {
			return true
		}
	}
}

// separator returns the length of the separator that s starts with, or 0.
func separator(s string) int {
	switch s[0] {
	case '.':
		return 1
	case '_':
		if strings.HasPrefix(s, "__") {
			return 2
		}
		return 1
	}
	return len(s) - len(strings.TrimLeft(s, "-"))
}

// isHost reports whether s is a host name in lower case: repository names have no
// other, and a second spelling of one name would be a way around a deny.
func isHost(s string) bool { return isComponent(s) && !strings.Contains(s, "_") }

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && s[0] != '0'
}

// isWord reports whether s is not empty and made of such characters alone.
func isWord(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return s != ""
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isAlnum(c byte) bool  { return isLetter(c) || isDigit(c) }
