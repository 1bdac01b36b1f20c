package policy

import (
	"fmt"
	"strings"
)

// Position is where in a file something stands. Line and Column count from 1; the
// zero Position is unknown.
type Position struct {
	File         string
	Line, Column int
}

// String returns FILE:LINE:COL, as compilers print it.
func (p Position) String() string {
	if p == (Position{}) {
		return "policy"
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Text is a string of a document and where it stands.
type Text struct {
	Value string
	At    Position
}

// UnmarshalText sets the value.
func (t *Text) UnmarshalText(b []byte) error {
	t.Value = string(b)
	return nil
}

// SetPosition notes where the text stands.
func (t *Text) SetPosition(file string, line, column int) { t.At = Position{file, line, column} }

// Rule is one rule as it is written; see the package comment for what each field
// means.
type Rule struct {
	Name          Text   `yaml:"name"`
	Groups        []Text `yaml:"groups"`
	Users         []Text `yaml:"users"`
	Authenticated bool   `yaml:"authenticated"`
	Anyone        bool   `yaml:"anyone"`
	Services      []Text `yaml:"services"`
	Networks      []Text `yaml:"networks"`
	Repositories  []Text `yaml:"repositories"`
	Allow         []Text `yaml:"allow"`
	Deny          []Text `yaml:"deny"`

	At Position `yaml:"-"`
}

// SetPosition notes where the rule begins.
func (r *Rule) SetPosition(file string, line, column int) { r.At = Position{file, line, column} }

// Connector is a connector of the realm, as far as rules can speak of it.
type Connector struct {
	Name string

	// GroupForm returns the form that the name of a group has, or a pattern that can
	// match one, such as lower case where a directory does not tell case apart. nil: any.
	GroupForm func(name string) (canonical string)

	// GroupsMayBeMissing says that a login passes without its groups being known,
	// as one that has none. [Lint] warns of denies that hang on them.
	GroupsMayBeMissing bool

	// NoGroups says that nobody who signs in by the connector is in any group, as
	// with an htpasswd file. [Lint] warns of rules that name one.
	NoGroups bool

	// NoNames says that nobody's name is one of the connector's, as with access tokens,
	// which count under the names of their owners. A rule that names one is a mistake.
	NoNames bool
}

// canonicalGroup returns the form that the name of a group has with the connector.
func (c Connector) canonicalGroup(name string) string {
	if c.GroupForm == nil {
		return name
	}
	return c.GroupForm(name)
}

// Document is what [Compile] takes: the rules of one realm, and the names that
// they may use.
type Document struct {
	Rules      []Rule
	Connectors []Connector
	Services   []string

	// UserPattern returns the form that a pattern of user names has where it can match
	// one, and whether it can. Default: user names are of a-z, 0-9 and . _ @ + -.
	UserPattern func(pattern string) (canonical string, ok bool)
}

// Problem is one fault of a document.
type Problem struct {
	At      Position
	Message string // what is wrong and what to do
}

// Problems are all the faults of a document, in the order of the file.
type Problems []Problem

// Error prints one problem a line, as POSITION: MESSAGE.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.At.String() + ": " + problem.Message
	}
	return strings.Join(lines, "\n")
}
