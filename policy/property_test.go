package policy_test

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shorepass/shorepass/policy"
)

// The alphabets are small, so that what is drawn collides.
func oneOf(t *rapid.T, label string, values ...string) string {
	return rapid.SampledFrom(values).Draw(t, label)
}

func list(t *rapid.T, label string, least, most int, one func() string) []string {
	values := make([]string, rapid.IntRange(least, most).Draw(t, label))
	for i := range values {
		values[i] = one()
	}
	return values
}

func drawSubjectPattern(t *rapid.T, more ...string) string {
	names := append([]string{"a", "b", "ab", "a*", "*b", "a*b", "*", "**", "*a*", "*b*", "*ab*", "a*a*", "*a*b*", "*a**b*", ".."}, more...)
	return oneOf(t, "connector", "c", "c", "d", "*", "c*") + ":" + oneOf(t, "name", names...)
}

func drawUsers(t *rapid.T) string  { return drawSubjectPattern(t) }
func drawGroups(t *rapid.T) string { return drawSubjectPattern(t, "a/*", "*/*", "a:b") }

// drawPattern draws a pattern with only the templates that the rule's subjects can
// give.
func drawPattern(t *rapid.T, r policy.Rule) string {
	segments := []string{"a", "b", "ab", "a*", "*b", "*a*", "*ab*", "*a*b*", "a*b*", "*", "**", "**", "**"}
	if !r.Anyone {
		segments = append(segments, "{user}")
	}
	if !r.Anyone && !r.Authenticated {
		named := slices.Concat(r.Groups, r.Users)
		if !slices.ContainsFunc(named, func(p policy.Text) bool { return strings.Count(p.Value[strings.Index(p.Value, ":"):], "*") != 1 }) {
			segments = append(segments, "{*}", "{*}")
		}
		if len(r.Users) == 0 {
			segments = append(segments, "{group}", "{group}")
		}
	}
	pattern := strings.Join(list(t, "segments", 1, 7, func() string { return oneOf(t, "segment", segments...) }), "/")
	if oneOf(t, "host", "", "", "", "host") != "" {
		pattern = "a:1/" + pattern
	}
	return pattern
}

func drawRule(t *rapid.T, name string, effects ...string) policy.Rule {
	r := policy.Rule{Name: text(name)}
	switch oneOf(t, "subjects", "anyone", "authenticated", "users", "groups", "both") {
	case "anyone":
		r.Anyone = true
	case "authenticated":
		r.Authenticated = true
	case "users":
		r.Users = texts(list(t, "users", 1, 2, func() string { return drawUsers(t) })...)
	case "groups":
		r.Groups = texts(list(t, "groups", 1, 2, func() string { return drawGroups(t) })...)
	default:
		r.Users, r.Groups = texts(drawUsers(t)), texts(drawGroups(t))
	}
	actions := texts("catalog")
	if oneOf(t, "of", "catalog", "repositories", "repositories", "repositories") == "repositories" {
		actions = texts(list(t, "actions", 1, 2, func() string { return oneOf(t, "action", "pull", "push", "delete", "*") })...)
		r.Repositories = texts(list(t, "repositories", 1, 2, func() string { return drawPattern(t, r) })...)
	}
	if r.Allow = actions; oneOf(t, "effect", effects...) == "deny" {
		r.Allow, r.Deny = nil, actions
	}
	if oneOf(t, "service", "", "", "s") != "" {
		r.Services = texts("s")
	}
	if oneOf(t, "network", "", "", "n") != "" {
		r.Networks = texts(oneOf(t, "prefix", "10.0.0.0/8", "10.0.0.1/32", "2001:db8::/32"))
	}
	return r
}

// drawAlike makes a rule speak of the same as another one, with actions of its own
// or the same.
func drawAlike(t *rapid.T, r, of policy.Rule) policy.Rule {
	alike := of
	alike.Name = r.Name
	if (len(r.Repositories) > 0) == (len(of.Repositories) > 0) && oneOf(t, "actions", "same", "own") == "own" {
		alike.Allow, alike.Deny = r.Allow, r.Deny
	}
	if oneOf(t, "conditions", "same", "own") == "own" {
		alike.Services, alike.Networks = r.Services, r.Networks
	}
	return alike
}

func drawDocument(t *rapid.T, effects ...string) policy.Document {
	doc := policy.Document{Connectors: []policy.Connector{{Name: "c"}, {Name: "d"}}, Services: []string{"s", "s2"}}
	for _, name := range []string{"1", "2", "3", "4", "5", "6", "7", "8"}[:rapid.IntRange(0, 8).Draw(t, "rules")] {
		r := drawRule(t, name, effects...)
		if n := len(doc.Rules); n > 0 && oneOf(t, "again", "", "", "", "again") != "" {
			r = drawAlike(t, r, doc.Rules[rapid.IntRange(0, n-1).Draw(t, "of")])
		}
		doc.Rules = append(doc.Rules, r)
	}
	return doc
}

func drawName(t *rapid.T) string {
	return oneOf(t, "connector", "c", "c", "d", "e") + ":" + oneOf(t, "name", "a", "b", "ab", "aab", "abb", "a/b", "a:b", "*", "..", "**", "A")
}

func drawSubject(t *rapid.T) policy.Subject {
	s := policy.Subject{Service: oneOf(t, "service", "s", "s2", ""), Ceiling: policy.Unlimited()}
	if oneOf(t, "signed in", "yes", "yes", "yes", "no") == "yes" {
		s.User = drawName(t)
	}
	s.Groups = list(t, "groups", 0, 3, func() string { return drawName(t) })
	if addr := oneOf(t, "address", "", "10.0.0.1", "::ffff:10.0.0.2", "11.0.0.1", "2001:db8::1"); addr != "" {
		s.Addr = netip.MustParseAddr(addr)
	}
	return s
}

func drawRepository(t *rapid.T) string {
	name := strings.Join(list(t, "segments", 1, 7, func() string { return oneOf(t, "segment", "a", "b", "ab", "aab", "abb") }), "/")
	return oneOf(t, "host", "", "", "", "a:1/") + name
}

func drawAsked(t *rapid.T) []policy.Scope {
	asked := make([]policy.Scope, rapid.IntRange(1, 4).Draw(t, "scopes"))
	for i := range asked {
		asked[i] = policy.Scope{Type: "registry", Name: "catalog", Actions: []string{"*"}}
		if oneOf(t, "of", "catalog", "repository", "repository", "repository") == "repository" {
			asked[i] = policy.Scope{Type: "repository", Name: drawRepository(t)}
			asked[i].Actions = list(t, "actions", 1, 3, func() string { return oneOf(t, "action", "pull", "push", "delete", "*", "other") })
		}
	}
	return asked
}

// asks runs a property for a number of subjects and what they ask.
func asks(t *rapid.T, property func(policy.Subject, []policy.Scope)) {
	for range 20 {
		property(drawSubject(t), drawAsked(t))
	}
}

func mustCompile(t *rapid.T, doc policy.Document) *policy.Policy {
	p, err := policy.Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// grants is the set of what is granted.
func grants(d policy.Decision) map[policy.Outcome]bool {
	set := map[policy.Outcome]bool{}
	for _, a := range d.Access {
		for _, action := range a.Actions {
			set[policy.Outcome{Type: a.Type, Name: a.Name, Action: action}] = true
		}
	}
	return set
}

func subset(small, large policy.Decision) bool {
	in := grants(large)
	for g := range grants(small) {
		if !in[g] {
			return false
		}
	}
	return true
}

func TestAgreesWithNaiveEvaluator(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := drawDocument(t, "allow", "allow", "deny")
		p := mustCompile(t, doc)
		asks(t, func(s policy.Subject, asked []policy.Scope) {
			if scopes := list(t, "ceiling", 0, 2, func() string {
				return oneOf(t, "scope", "registry:catalog:*", "repository:a/**:*", "repository:**:pull", "repository:*/b:push")
			}); len(scopes) > 0 {
				s.Ceiling, _ = policy.ParseCeiling(scopes)
			}
			for _, o := range p.Decide(s, asked).Outcomes {
				name, action := o.Name, o.Action
				if o.Type == "registry" {
					name, action = "", "catalog"
				}
				if reason, rule := naive(doc, s, name, action); o.Reason != reason || o.Rule != rule || o.Granted != (reason == policy.Allowed) {
					t.Fatalf("got %+v, the naive evaluator says %s by %q", o, reason, rule)
				}
			}
		})
	})
}

func TestGrantsWithinWhatIsAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mustCompile(t, drawDocument(t, "allow"))
		asks(t, func(s policy.Subject, asked []policy.Scope) {
			for g := range grants(p.Decide(s, asked)) {
				if !slices.ContainsFunc(asked, func(a policy.Scope) bool {
					return a.Type == g.Type && a.Name == g.Name && (slices.Contains(a.Actions, g.Action) || slices.Contains(a.Actions, "*") && g.Type == "repository")
				}) {
					t.Fatalf("granted %+v of %v", g, asked)
				}
				if g.Action == "*" && g.Type == "repository" {
					t.Fatalf("a star was granted: %+v", g)
				}
			}
		})
	})
}

func TestADenyNeverWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := drawDocument(t, "allow", "deny")
		before := mustCompile(t, doc)
		doc.Rules = append(slices.Clone(doc.Rules), drawRule(t, "one more", "deny"))
		after := mustCompile(t, doc)
		asks(t, func(s policy.Subject, asked []policy.Scope) {
			if b, a := before.Decide(s, asked), after.Decide(s, asked); !subset(a, b) {
				t.Fatalf("before %s, after %s", granted(b), granted(a))
			}
		})
	})
}

func TestAGroupNeverNarrowsWithoutDenies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mustCompile(t, drawDocument(t, "allow"))
		asks(t, func(s policy.Subject, asked []policy.Scope) {
			before := p.Decide(s, asked)
			s.Groups = append(slices.Clone(s.Groups), drawName(t))
			if after := p.Decide(s, asked); !subset(before, after) {
				t.Fatalf("before %s, after %s", granted(before), granted(after))
			}
		})
	})
}

func TestOrderOfRulesGroupsAndScopesNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := drawDocument(t, "allow", "deny")
		p := mustCompile(t, doc)
		doc.Rules = rapid.Permutation(doc.Rules).Draw(t, "order")
		shuffled := mustCompile(t, doc)
		asks(t, func(s policy.Subject, asked []policy.Scope) {
			before := p.Decide(s, asked)
			s.Groups = rapid.Permutation(s.Groups).Draw(t, "groups")
			after := shuffled.Decide(s, rapid.Permutation(asked).Draw(t, "asked"))
			for i := range before.Outcomes {
				before.Outcomes[i].Rule, after.Outcomes[i].Rule = "", ""
			}
			if !slices.Equal(before.Outcomes, after.Outcomes) || granted(before) != granted(after) {
				t.Fatalf("before\n%s\nafter\n%s", show(before), show(after))
			}
		})
	})
}

// Renaming runs through patterns, names and, since templates compare with them,
// users and groups.
func TestRenamingRepositoriesEverywhereChangesNothing(t *testing.T) {
	rename := strings.NewReplacer("a", "x", "b", "y").Replace
	rapid.Check(t, func(t *rapid.T) {
		doc := drawDocument(t, "allow", "deny")
		renamed := doc
		renamed.Rules = slices.Clone(doc.Rules)
		for i := range renamed.Rules {
			r := &renamed.Rules[i]
			for _, field := range []*[]policy.Text{&r.Users, &r.Groups, &r.Repositories} {
				var values []string
				for _, v := range *field {
					values = append(values, rename(v.Value))
				}
				*field = texts(values...)
			}
		}
		p, q := mustCompile(t, doc), mustCompile(t, renamed)
		asks(t, func(s policy.Subject, asked []policy.Scope) {
			before := p.Decide(s, asked)
			s.User, s.Groups, asked = rename(s.User), slices.Clone(s.Groups), slices.Clone(asked)
			for i := range s.Groups {
				s.Groups[i] = rename(s.Groups[i])
			}
			for i := range asked {
				if asked[i].Type == "repository" {
					asked[i].Name = rename(asked[i].Name)
				}
			}
			after := q.Decide(s, asked)
			for i, o := range before.Outcomes {
				if o.Type == "repository" {
					o.Name = rename(o.Name)
				}
				if !slices.Contains(after.Outcomes, o) || len(after.Outcomes) != len(before.Outcomes) {
					t.Fatalf("%d: before\n%s\nafter\n%s", i, show(before), show(after))
				}
			}
		})
	})
}

func TestACeilingNeverWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mustCompile(t, drawDocument(t, "allow", "allow", "deny"))
		asks(t, func(s policy.Subject, asked []policy.Scope) {
			before := p.Decide(s, asked)
			patterns := list(t, "ceiling", 0, 3, func() string { return "repository:" + drawPattern(t, policy.Rule{Anyone: true}) + ":pull" })
			ceiling, err := policy.ParseCeiling(append(patterns, "registry:catalog:*"))
			if err != nil {
				t.Fatal(err)
			}
			s.Ceiling = ceiling
			after := p.Decide(s, asked)
			if !subset(after, before) {
				t.Fatalf("before %s, after %s", granted(before), granted(after))
			}
			s.Ceiling = policy.Ceiling{}
			if nothing := p.Decide(s, asked); len(nothing.Access) != 0 {
				t.Fatalf("the zero ceiling: %s", granted(nothing))
			}
		})
	})
}

// What a ceiling covers grants nothing that it does not grant itself.
func TestCoveredCeilingsGrantNoMore(t *testing.T) {
	p := compile(t, rule("all", anyone, on("**"), allow("*")), rule("list", anyone, allow("catalog")))
	covered := 0
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			wide := list(t, "wide", 1, 2, func() string { return drawCeilingScope(t, drawPattern(t, policy.Rule{Anyone: true})) })
			narrow := list(t, "narrow", 1, 2, func() string { return drawCeilingScope(t, drawNear(t, wide)) })
			outer, inner := user("directory:alice"), user("directory:alice")
			var err error
			if outer.Ceiling, err = policy.ParseCeiling(wide); err != nil {
				t.Fatal(err)
			}
			if inner.Ceiling, err = policy.ParseCeiling(narrow); err != nil || !outer.Ceiling.Covers(inner.Ceiling) {
				continue
			}
			covered++
			for range 20 {
				asked := []policy.Scope{drawWithin(t, narrow)}
				if small, large := p.Decide(inner, asked), p.Decide(outer, asked); len(small.Access) == 0 || !subset(small, large) {
					t.Fatalf("%v covers %v, but grants %s and not %s", wide, narrow, granted(large), granted(small))
				}
			}
		}
	})
	if covered < 50 {
		t.Errorf("%d pairs were covered: the test saw next to nothing", covered)
	}
}

func drawCeilingScope(t *rapid.T, pattern string) string {
	if oneOf(t, "of", "catalog", "repository", "repository", "repository") == "catalog" {
		return "registry:catalog:*"
	}
	return "repository:" + pattern + ":" + oneOf(t, "actions", "pull", "pull,push", "delete", "*")
}

// drawWithin draws a scope that one of a ceiling's lets through.
func drawWithin(t *rapid.T, ceiling []string) policy.Scope {
	scope := oneOf(t, "within", ceiling...)
	if scope == "registry:catalog:*" {
		return policy.Scope{Type: "registry", Name: "catalog", Actions: []string{"*"}}
	}
	pattern := strings.TrimPrefix(scope[:strings.LastIndex(scope, ":")], "repository:")
	var name []string
	for _, segment := range strings.Split(pattern, "/") {
		switch {
		case segment == "**":
			name = append(name, list(t, "segments", 1, 3, func() string { return oneOf(t, "segment", "a", "b", "ab") })...)
		case strings.Trim(segment, "*") == "":
			name = append(name, oneOf(t, "segment", "a", "b", "ab"))
		default:
			name = append(name, strings.ReplaceAll(segment, "*", oneOf(t, "star", "", "a", "b")))
		}
	}
	return policy.Scope{Type: "repository", Name: strings.Join(name, "/"), Actions: []string{"*"}}
}

// drawNear draws a pattern that differs in one segment or none from that of one of the
// scopes.
func drawNear(t *rapid.T, scopes []string) string {
	pattern := strings.TrimPrefix(oneOf(t, "near", scopes...), "repository:")
	segments := strings.Split(pattern[:strings.LastIndex(pattern, ":")], "/")
	i := rapid.IntRange(0, len(segments)-1).Draw(t, "at")
	segments[i] = oneOf(t, "instead", segments[i], "a", "ab", "a*", "*", "**", "a/b", "*/b", "**/a")
	return strings.Join(segments, "/")
}

// All rules that Lint finds to change nothing may go at once.
func TestIdleRulesChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := drawDocument(t, "allow", "allow", "deny")
		p := mustCompile(t, doc)
		idle := map[string]bool{}
		for _, f := range policy.Lint(p) {
			if strings.HasPrefix(f.Message, "this rule changes nothing") {
				idle[f.Rule] = true
			}
		}
		doc.Rules = slices.DeleteFunc(slices.Clone(doc.Rules), func(r policy.Rule) bool { return idle[r.Name.Value] })
		without := mustCompile(t, doc)
		asks(t, func(s policy.Subject, asked []policy.Scope) {
			if b, a := grants(p.Decide(s, asked)), grants(without.Decide(s, asked)); !maps.Equal(b, a) {
				t.Fatalf("without the rules %v: before %v, after %v", slices.Sorted(maps.Keys(idle)), b, a)
			}
		})
	})
}

func TestDecideIsTotal(t *testing.T) {
	p := compile(t, manual()...)
	rapid.Check(t, func(t *rapid.T) {
		s := policy.Subject{User: rapid.String().Draw(t, "user"), Groups: rapid.SliceOf(rapid.String()).Draw(t, "groups"), Ceiling: policy.Unlimited()}
		scope := policy.Scope{
			Type: rapid.StringMatching(`repository|registry|.*`).Draw(t, "type"),
			Name: rapid.StringMatching(`catalog|(public/|[a-z./:*]*)*.*`).Draw(t, "name"), Actions: rapid.SliceOf(rapid.String()).Draw(t, "actions"),
		}
		scope.Actions = append(scope.Actions, "pull", "*")
		for g := range grants(p.Decide(s, []policy.Scope{scope})) {
			read, err := policy.ParseScope(g.Type + ":" + g.Name + ":" + g.Action)
			if err != nil || read.Name != scope.Name {
				t.Fatalf("granted %+v, which reads as %v, %v", g, read, err)
			}
		}
	})
}
