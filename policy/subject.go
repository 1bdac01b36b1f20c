package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// subjectKind is a way in which a rule names its subjects.
type subjectKind uint8

const (
	byAnyone subjectKind = iota
	byAuthenticated
	byUser
	byGroup
)

// String returns the key of a kind that is given by patterns.
func (k subjectKind) String() string {
	if k == byUser {
		return "users"
	}
	return "groups"
}

// subjectPattern is one of the subjects of a rule.
type subjectPattern struct {
	kind            subjectKind
	connector, name glob // of users and groups
	at              Position
}

// String returns the pattern as it is written.
func (s subjectPattern) String() string { return s.connector.String() + ":" + s.name.String() }

// lacks returns why the subject cannot give a template its value, or "".
func (s subjectPattern) lacks(t templates) string {
	switch {
	case s.kind == byAnyone:
		return "anyone: true takes in people who are not signed in"
	case t == templateUser:
		return ""
	case s.kind == byAuthenticated:
		return "authenticated: true matches by no pattern"
	case t == templateGroup && s.kind == byUser:
		return fmt.Sprintf("users: %q matches by no group", s)
	case t == templateStar && s.name.stars() != 1:
		return fmt.Sprintf("the name part of %q has %s, not one", s, stars(s.name.stars()))
	}
	return ""
}

func stars(n int) string {
	if n == 0 {
		return "no star"
	}
	return fmt.Sprintf("%d stars", n)
}

// dead reports whether no repository can have what the template stands for, for
// any subject that the pattern matches.
func (s subjectPattern) dead(t templates) bool {
	named := t == templateUser && s.kind == byUser || t == templateGroup && s.kind == byGroup
	return named && !isComponent(strings.ReplaceAll(s.name.String(), "*", "x"))
}

// splitName splits CONNECTOR:NAME at the first colon. Both must be there.
func splitName(text string) (connector, name string, ok bool) {
	connector, name, ok = strings.Cut(text, ":")
	return connector, name, ok && connector != "" && name != ""
}

// realm is what the rules of a document may name.
type realm struct {
	connectors  []Connector
	services    []string
	userPattern func(string) (string, bool) // nil: ASCII
}

// connectorNames returns the connectors that give names.
func (r realm) connectorNames() []string {
	var names []string
	for _, c := range r.connectors {
		if !c.NoNames {
			names = append(names, c.Name)
		}
	}
	return names
}

// matching returns the connectors that the connector part of a pattern matches, of those
// that give names.
func (r realm) matching(g glob) []Connector {
	return slices.DeleteFunc(slices.Clone(r.connectors), func(c Connector) bool { return c.NoNames || !g.match(c.Name) })
}

// nameless reports whether the connector part of a pattern matches one that gives no names.
func (r realm) nameless(g glob) bool {
	return slices.ContainsFunc(r.connectors, func(c Connector) bool { return c.NoNames && g.match(c.Name) })
}

// parseSubject reads a pattern of users or groups.
func (r realm) parseSubject(kind subjectKind, text Text) (subjectPattern, error) {
	if !isLine(text.Value) {
		return subjectPattern{}, fmt.Errorf("%s: %q is not a line of plain text", kind, text.Value)
	}
	connector, name, ok := splitName(text.Value)
	if !ok {
		return subjectPattern{}, fmt.Errorf("%s: %q is not of the form connector:name%s", kind, text.Value, r.qualified(text.Value))
	}
	if name != strings.TrimSpace(name) {
		return subjectPattern{}, fmt.Errorf("%s: %q has white space around the name: remove it", kind, text.Value)
	}
	s := subjectPattern{kind, parseGlob(connector), parseGlob(name), text.At}
	for _, t := range []templates{templateUser, templateGroup, templateStar} {
		if strings.Contains(text.Value, t.String()) {
			return subjectPattern{}, fmt.Errorf("%s: %q: %v stands in repositories alone; here * matches any run of characters", kind, text.Value, t)
		}
	}
	matching := r.matching(s.connector)
	if len(matching) == 0 && r.nameless(s.connector) {
		return subjectPattern{}, fmt.Errorf("%s: %q can match nobody, since an access token counts as its owner, under the name and with the groups that the owner has: name the owner's connector%s",
			kind, text.Value, ownersOf(r.connectorNames(), name))
	}
	if len(matching) == 0 {
		return subjectPattern{}, fmt.Errorf("%s: unknown connector %q in %q%s", kind, connector, text.Value, suggest(connector, r.connectorNames()))
	}
	check := checkGroup
	if kind == byUser {
		check = r.checkUser
	}
	if err := check(connector, name, matching); err != nil {
		return subjectPattern{}, fmt.Errorf("%s: %q %w", kind, text.Value, err)
	}
	return s, nil
}

// checkUser refuses a name that no connector gives a user: whoever wrote it meant
// another, and a deny that matches nobody would go unnoticed.
func (r realm) checkUser(connector, name string, _ []Connector) error {
	if r.userPattern != nil {
		return r.checkForm(connector, name)
	}
	lower := strings.ToLower(name)
	for _, c := range lower {
		if c > 'z' || !isAlnum(byte(c)) && !strings.ContainsRune("._@+-*", c) {
			return fmt.Errorf("has the character %q, and user names have only a-z, 0-9 and . _ @ + -, with * for any run of them", c)
		}
	}
	if lower != name {
		return fmt.Errorf("has upper case, and these names are always lower case: write %q", connector+":"+lower)
	}
	return nil
}

// checkForm is checkUser for names beyond ASCII.
func (r realm) checkForm(connector, name string) error {
	canonical, ok := r.userPattern(name)
	switch {
	case !ok:
		return errors.New("matches no user name: these have only letters and digits and . _ @ + -, with * for any run of them")
	case canonical == name:
		return nil
	case canonical == strings.ToLower(name):
		return fmt.Errorf("has upper case, and these names are always lower case: write %q", connector+":"+canonical)
	}
	return fmt.Errorf("is not spelled as user names are: write %q", connector+":"+canonical)
}

// checkGroup refuses a name that no group can have, for one of the connectors that
// it may be of: a deny to groups of all of them would be none for those of that one.
func checkGroup(connector, name string, matching []Connector) error {
	for _, c := range name {
		if !unicode.IsPrint(c) {
			return fmt.Errorf("has the character %U, which cannot be seen: remove it, or write * in its place", c)
		}
	}
	at := slices.IndexFunc(matching, func(c Connector) bool { return c.canonicalGroup(name) != name })
	if at < 0 {
		return nil
	}
	canonical := matching[at].canonicalGroup(name)
	names, instead := "these names", fmt.Sprintf("write %q", connector+":"+canonical)
	if slices.ContainsFunc(matching, func(c Connector) bool { return c.canonicalGroup(name) != canonical }) {
		names = fmt.Sprintf("the groups of connector %q", matching[at].Name)
		instead += ", or one rule for each connector"
	}
	if strings.ContainsFunc(name, unicode.IsUpper) {
		return fmt.Errorf("has upper case, and %s are always lower case: %s", names, instead)
	}
	return fmt.Errorf("is not spelled as %s are: %s", names, instead)
}

// qualified suggests what a name without a connector may have been meant to be.
func (r realm) qualified(name string) string {
	names := r.connectorNames()
	if len(names) == 0 || name == "" || strings.Contains(name, ":") {
		return ""
	}
	return fmt.Sprintf(": write %q", names[0]+":"+name)
}

// ownersOf suggests whose name it was meant to be.
func ownersOf(connectors []string, name string) string {
	if len(connectors) == 0 {
		return ""
	}
	return fmt.Sprintf(", such as %q", connectors[0]+":"+name)
}

// isLine reports whether s is text without control characters.
func isLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
