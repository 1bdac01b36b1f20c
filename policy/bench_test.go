package policy_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/policy"
)

// shape is a way in which many rules may differ from one another. In each text the
// number of the rule stands for #.
type shape struct {
	name                    string
	users, groups           string // of the rule; neither: authenticated
	repositories            string
	user, group, repository string // what rule # alone grants
}

// shapes are the ways that the index must be quick for.
func shapes() []shape {
	return []shape{
		{name: "groups and namespaces", groups: "directory:team-#", repositories: "team-#/**", group: "directory:team-#", repository: "team-#/app"},
		{name: "namespaces", repositories: "team-#/**", repository: "team-#/app"},
		{name: "groups", groups: "directory:team-#", repositories: "**", group: "directory:team-#", repository: "x/app"},
		{name: "group globs", groups: "directory:team-#-*", repositories: "**", group: "directory:team-#-dev", repository: "x/app"},
		{name: "group globs by their end", groups: "directory:*-team-#", repositories: "**", group: "directory:dev-team-#", repository: "x/app"},
		{name: "connector globs", groups: "*:team-#", repositories: "**", group: "directory:team-#", repository: "x/app"},
		{name: "repository globs", repositories: "web-#-*/**", repository: "web-#-front/app"},
		{name: "last segments", repositories: "**/cache-#", repository: "a/b/cache-#"},
		{name: "user template", users: "directory:user-#", repositories: "{user}/**", user: "directory:user-#", repository: "user-#/app"},
		{name: "between ** and **", repositories: "**/team-#/**", repository: "x/team-#/app"},
		{name: "between ** and ** below a name", repositories: "a/**/team-#/**", repository: "a/x/team-#/app"},
		{name: "second between ** and **", repositories: "**/x/**/team-#/**/*-y", repository: "w/x/y/team-#/app/x-y"},
		{name: "between ** and ** after a template", groups: "directory:*", repositories: "**/{group}/**/app-#/**", group: "directory:team", repository: "x/team/y/app-#/z"},
		{name: "infixes", repositories: "*-team-#-*/**", repository: "x-team-#-y/app"},
		{name: "second infixes", repositories: "x/*-team-*-#-*", repository: "x/a-team-b-#-c"},
		{name: "infixes between ** and **", repositories: "**/*-#-*/**", repository: "x/a-#-b/y"},
		{name: "group infixes", groups: "directory:*-team-#-*", repositories: "**", group: "directory:x-team-#-y", repository: "x/app"},
		{name: "all alike", groups: "directory:team", repositories: "**", group: "directory:team", repository: "x/app"},
		{name: "star template", groups: "directory:team-#-*", repositories: "{*}/**", group: "directory:team-#-dev", repository: "dev/app"},
	}
}

func numbered(format string, i int) string {
	return strings.ReplaceAll(format, "#", strconv.Itoa(i))
}

// document makes n rules.
func (s shape) document(n int) policy.Document {
	rules := make([]policy.Rule, n)
	for i := range rules {
		r := policy.Rule{Name: text(numbered("rule #", i)), Repositories: texts(numbered(s.repositories, i)), Allow: texts("pull", "push")}
		switch {
		case s.users != "":
			r.Users = texts(numbered(s.users, i))
		case s.groups != "":
			r.Groups = texts(numbered(s.groups, i))
		default:
			r.Authenticated = true
		}
		rules[i] = r
	}
	return document(rules...)
}

func (s shape) compile(tb testing.TB, n int) *policy.Policy {
	tb.Helper()
	return compile(tb, s.document(n).Rules...)
}

// subject is whom rule i grants something, a member of two groups besides.
func (s shape) subject(i int) policy.Subject {
	subject := policy.Subject{User: "directory:alice", Groups: []string{"directory:staff", "directory:office-7"}, Service: "registry.test", Ceiling: policy.Unlimited()}
	if s.user != "" {
		subject.User = numbered(s.user, i)
	}
	if s.group != "" {
		subject.Groups = append(subject.Groups, numbered(s.group, i))
	}
	return subject
}

// scope is what rule i grants.
func (s shape) scope(i int) string { return "repository:" + numbered(s.repository, i) + ":pull,push" }

func BenchmarkDecide(b *testing.B) {
	for _, s := range shapes() {
		for _, n := range []int{10, 1_000, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", s.name, n), func(b *testing.B) {
				p, subject, asked := s.compile(b, n), s.subject(n/2), scopes(b, s.scope(n/2))
				if d := p.Decide(subject, asked); len(d.Access) != 1 {
					b.Fatalf("access = %v", d.Access)
				}
				b.ReportAllocs()
				for b.Loop() {
					p.Decide(subject, asked)
				}
			})
		}
	}
}

// BenchmarkDecideHeavy asks for a hundred repositories as a member of 5,000 groups,
// under 10,000 rules.
func BenchmarkDecideHeavy(b *testing.B) {
	for _, s := range shapes() {
		b.Run(s.name, func(b *testing.B) {
			p, subject := s.compile(b, 10_000), s.subject(0)
			for i := range 5_000 {
				subject.Groups = append(subject.Groups, s.subject(i).Groups...)
			}
			var asked []policy.Scope
			for i := range 100 {
				asked = append(asked, scopes(b, s.scope(i))...)
			}
			b.ReportAllocs()
			for b.Loop() {
				p.Decide(subject, asked)
			}
		})
	}
}

// BenchmarkDecideTemplateHeavy does so where one rule matches by each of the groups.
func BenchmarkDecideTemplateHeavy(b *testing.B) {
	p, subject := compile(b, rule("r", groups("directory:*"), on("{group}/**"), allow("pull", "push"))), user("directory:alice")
	for i := range 5_000 {
		subject.Groups = append(subject.Groups, numbered("directory:team-#", i))
	}
	var asked []policy.Scope
	for i := range 100 {
		asked = append(asked, scopes(b, numbered("repository:team-#/app:pull,push", 4_900+i))...)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Decide(subject, asked)
	}
}

// linear are policies of n rules which a decision has to look at one by one.
func linear(n int) map[string][]policy.Rule {
	overlapping, networked := make([]policy.Rule, n), make([]policy.Rule, n)
	for i := range n {
		name := numbered("rule #", i)
		// The bits of i, in letters: each of these patterns matches a/a/…/a.
		bits := strings.NewReplacer("0", "a/", "1", "*/").Replace(fmt.Sprintf("%014b", i))
		overlapping[i] = rule(name, groups(numbered("directory:*-#", i), "directory:team"), on(bits+"**"), allow("push"))
		networked[i] = rule(name, groups("directory:team"), networks(fmt.Sprintf("10.%d.%d.0/24", i/256, i%256)), on("**"), allow("pull"))
	}
	return map[string][]policy.Rule{"overlapping patterns": overlapping, "networks alone": networked}
}

// BenchmarkDecideLinear measures what the index cannot narrow.
func BenchmarkDecideLinear(b *testing.B) {
	for name, rules := range linear(10_000) {
		b.Run(name, func(b *testing.B) {
			p, subject := compile(b, rules...), user("directory:alice", "directory:team")
			asked := scopes(b, "repository:"+strings.Repeat("a/", 20)+"a:pull,push")
			b.ReportAllocs()
			for b.Loop() {
				p.Decide(subject, asked)
			}
		})
	}
}

// BenchmarkCompile compiles 10,000 rules.
func BenchmarkCompile(b *testing.B) {
	for _, s := range shapes() {
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.compile(b, 10_000)
			}
		})
	}
}

// BenchmarkLint lints 10,000 rules.
func BenchmarkLint(b *testing.B) {
	policies := map[string]*policy.Policy{}
	for _, s := range shapes() {
		policies[s.name] = s.compile(b, 10_000)
	}
	for name, rules := range linear(10_000) {
		policies[name] = compile(b, rules...)
	}
	for name, p := range policies {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				policy.Lint(p)
			}
		})
	}
}
