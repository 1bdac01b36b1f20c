package policy_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/policy"
)

// The grammar of names and scopes once more, as regular expressions.
const (
	componentGrammar = `[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*`
	hostGrammar      = `[a-z0-9]+(?:(?:[.]|-+)[a-z0-9]+)*:([1-9][0-9]{0,4})/`
	nameGrammar      = `(?:` + hostGrammar + `)?` + componentGrammar + `(?:/` + componentGrammar + `)*`
)

var (
	wholeName  = regexp.MustCompile(`^` + nameGrammar + `$`)
	wholeScope = regexp.MustCompile(`^[a-z0-9]+(?:\([a-z0-9]+\))?:(` + nameGrammar + `):(?:\*|[a-z]+)(?:,(?:\*|[a-z]+))*$`)
)

// isName reports whether a repository may have the name.
func isName(name string) bool {
	m := wholeName.FindStringSubmatch(name)
	if m == nil || len(name) > policy.MaxName {
		return false
	}
	port, _ := strconv.Atoi(m[1])
	return port <= 65535
}

// FuzzParseScope: what is read is what the grammar has, reads back the same, and
// under a policy that allows all is granted as asked and no further.
func FuzzParseScope(f *testing.F) {
	p := compile(f, rule("all", anyone, on("**"), allow("*")), rule("list", anyone, allow("catalog")))
	f.Fuzz(func(t *testing.T, text string) {
		s, err := policy.ParseScope(text)
		m := wholeScope.FindStringSubmatch(text)
		if grammatical := m != nil && isName(m[1]); grammatical != (err == nil) {
			t.Fatalf("by the grammar %v, but ParseScope says %v", grammatical, err)
		}
		if err != nil {
			if s.String() != "::" {
				t.Errorf("a scope beside an error: %+v", s)
			}
			return
		}
		if s.String() != text {
			t.Errorf("String() = %q", s)
		}
		known := s.Type == "repository" || s.Type == "registry" && s.Name == "catalog"
		for _, a := range p.Decide(anonymous(), []policy.Scope{s}).Access {
			if !known || a.Type != s.Type || a.Name != s.Name || len(a.Actions) == 0 {
				t.Errorf("granted %+v", a)
			}
		}
	})
}

// FuzzPattern: a pattern that is accepted matches as the naive matcher does, in a
// rule and in a ceiling; one that is refused could not have matched any name.
func FuzzPattern(f *testing.F) {
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if strings.Count(pattern, "*") > 6 || len(name) > policy.MaxName+10 {
			return // the naive matcher would take too long
		}
		p, err := policy.Compile(document(rule("r", groups("directory:team-*"), on(pattern), allow("pull"))))
		s := user("directory:alice", "directory:team-web")
		values := map[string]string{"{user}": "alice", "{group}": "team-web", "{*}": "web"}
		want := isName(name) && path(strings.Split(pattern, "/"), strings.Split(name, "/"), values)
		if err != nil {
			loose := strings.Contains(pattern, "{") || strings.Contains(strings.ReplaceAll("/"+pattern+"/", "/**/", "//"), "**")
			if want && !loose {
				t.Errorf("%q matches %q, and is refused: %v", pattern, name, err)
			}
			return
		}
		if got := pulls(p, s, name); got != want {
			t.Errorf("%q matches %q: %v, the naive matcher says %v", pattern, name, got, want)
		}
		template := strings.Contains(pattern, "{")
		s.Ceiling, err = policy.ParseCeiling([]string{"repository:" + pattern + ":pull"})
		if template != (err != nil) {
			t.Fatalf("ParseCeiling(%q): %v", pattern, err)
		}
		all := compile(t, rule("all", anyone, on("**"), allow("pull")))
		if got := pulls(all, s, name); got != (want && !template) {
			t.Errorf("a ceiling of %q covers %q: %v, the naive matcher says %v", pattern, name, got, want)
		}
		policy.Lint(p)
	})
}
