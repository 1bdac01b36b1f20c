package policy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/policy"
)

// placed gives every text of a document a place of its own: a line for each field
// in which it stands, a column for each of its items. Rule n begins at line 10n,
// its fields follow in the order of the struct.
func placed(doc policy.Document) policy.Document {
	for i := range doc.Rules {
		r, line := &doc.Rules[i], 10*(i+1)
		r.SetPosition("policy.yaml", line, 5)
		r.Name.SetPosition("policy.yaml", line, 11)
		for field, texts := range [][]policy.Text{r.Groups, r.Users, r.Services, r.Networks, r.Repositories, r.Allow, r.Deny} {
			for j := range texts {
				texts[j].SetPosition("policy.yaml", line+1+field, 10+j)
			}
		}
	}
	return doc
}

// The lines of the fields of the first rule.
const (
	atRule         = "policy.yaml:10:5: "
	atName         = "policy.yaml:10:11: "
	atGroups       = "policy.yaml:11:10: "
	atUsers        = "policy.yaml:12:10: "
	atServices     = "policy.yaml:13:10: "
	atNetworks     = "policy.yaml:14:10: "
	atRepositories = "policy.yaml:15:10: "
	atAllow        = "policy.yaml:16:10: "
	atDeny         = "policy.yaml:17:10: "
)

// problem is a rule with one fault, and what is said of it.
type problem struct {
	name string
	rule policy.Rule
	want string
}

func check(t *testing.T, tests []problem) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := policy.Compile(placed(document(tt.rule)))
			if err == nil || p != nil {
				t.Fatalf("compiled: %v, %v", p, err)
			}
			if err.Error() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", err, tt.want)
			}
		})
	}
}

func TestRuleProblems(t *testing.T) {
	all := on("**")
	check(t, []problem{
		{"no name", rule("", anyone, all, allow("pull")), atRule + `a rule has no name: add one, since decisions are explained by it`},
		{"a blank name", rule("  ", anyone, all, allow("pull")), atRule + `a rule has no name: add one, since decisions are explained by it`},
		{"a name of two lines", rule("a\nb", anyone, all, allow("pull")), atName + `the rule name "a\nb" is not a line of plain text`},
		{"no subjects", rule("r", all, allow("pull")), atRule + `rule "r" has no subjects: add groups, users, authenticated: true or anyone: true`},
		{"empty lists of subjects", rule("r", groups(), users(), all, allow("pull")), atRule + `rule "r" has no subjects: add groups, users, authenticated: true or anyone: true`},
		{"neither allow nor deny", rule("r", anyone, all), atRule + `rule "r" neither allows nor denies anything: add allow or deny with actions`},
		{"an empty allow", rule("r", anyone, all, allow()), atRule + `rule "r" neither allows nor denies anything: add allow or deny with actions`},
		{"both allow and deny", rule("r", anyone, all, allow("pull"), deny("push")), atDeny + `rule "r" has both allow and deny: make two rules of it`},
		{"a misspelt action", rule("r", anyone, all, allow("pul")), atAllow + `unknown action "pul": did you mean "pull"?`},
		{"an action in upper case", rule("r", anyone, all, deny("Push")), atDeny + `unknown action "Push": did you mean "push"?`},
		{"an unknown action", rule("r", anyone, all, allow("administer")), atAllow + `unknown action "administer": use pull, push, delete, catalog or *`},
		{"an empty action", rule("r", anyone, all, allow("")), atAllow + `unknown action "": use pull, push, delete, catalog or *`},
		{"no repositories", rule("r", anyone, allow("pull")), atRule + `rule "r" has no repositories: add them, "**" for every one`},
		{"an empty list of repositories", rule("r", anyone, on(), deny("*")), atRule + `rule "r" has no repositories: add them, "**" for every one`},
		{"catalog with repositories", rule("r", anyone, all, allow("catalog")), atRepositories + `catalog is of the whole realm and takes no repositories: remove them`},
		{"catalog with other actions", rule("r", anyone, all, allow("catalog", "pull")), atAllow + `catalog stands beside other actions, but is of the whole realm and takes no repositories: make a rule of its own for it`},
		{"catalog with a star", rule("r", anyone, deny("catalog", "*")), atDeny + `catalog stands beside other actions, but is of the whole realm and takes no repositories: make a rule of its own for it`},
		{"a misspelt service", rule("r", anyone, services("registy.test"), all, allow("pull")), atServices + `unknown service "registy.test": did you mean "registry.test"?`},
		{"an unknown service", rule("r", anyone, services("elsewhere.example"), all, deny("pull")), atServices + `unknown service "elsewhere.example": use registry.test or v3.test`},
		{"services are no patterns", rule("r", anyone, services("*"), all, allow("pull")), atServices + `unknown service "*": use registry.test or v3.test`},
		{"an empty list of services", rule("r", anyone, services(), all, deny("pull")), atRule + `rule "r" has an empty list of services: name one, or remove the key`},
		{"an empty list of networks", rule("r", anyone, networks(), all, allow("pull")), atRule + `rule "r" has an empty list of networks: name one, or remove the key`},
		{"no network", rule("r", anyone, networks("office"), all, allow("pull")), atNetworks + `network "office" is not an address and a prefix length, such as "10.0.0.0/8" or "2001:db8::/32"`},
		{"a prefix too long", rule("r", anyone, networks("10.0.0.0/33"), all, allow("pull")), atNetworks + `network "10.0.0.0/33" is not an address and a prefix length, such as "10.0.0.0/8" or "2001:db8::/32"`},
		{"a network with a zone", rule("r", anyone, networks("fe80::%eth0/10"), all, allow("pull")), atNetworks + `network "fe80::%eth0/10" is not an address and a prefix length, such as "10.0.0.0/8" or "2001:db8::/32"`},
		{"a bare address", rule("r", anyone, networks("10.0.0.1"), all, allow("pull")), atNetworks + `network "10.0.0.1" has no prefix length: for the one address write "10.0.0.1/32"`},
		{"a bare IPv6 address", rule("r", anyone, networks("2001:db8::1"), all, allow("pull")), atNetworks + `network "2001:db8::1" has no prefix length: for the one address write "2001:db8::1/128"`},
		{"host bits", rule("r", anyone, networks("10.0.0.5/8"), all, allow("pull")), atNetworks + `network "10.0.0.5/8" has bits beyond its prefix: write "10.0.0.0/8", or "10.0.0.5/32" for the one address`},
		{"IPv4 within IPv6", rule("r", anyone, networks("::ffff:10.0.0.0/104"), all, allow("pull")), atNetworks + `network "::ffff:10.0.0.0/104" is IPv4 within IPv6, as no client address is compared: write it as IPv4`},
	})
}

func TestSubjectProblems(t *testing.T) {
	const userNames = ", and user names have only a-z, 0-9 and . _ @ + -, with * for any run of them"
	all := on("**")
	check(t, []problem{
		{"a group without its connector", rule("r", groups("platform"), all, allow("pull")), atGroups + `groups: "platform" is not of the form connector:name: write "directory:platform"`},
		{"a user without its connector", rule("r", users("alice"), all, deny("pull")), atUsers + `users: "alice" is not of the form connector:name: write "directory:alice"`},
		{"a star alone", rule("r", users("*"), all, allow("pull")), atUsers + `users: "*" is not of the form connector:name: write "directory:*"`},
		{"an empty group", rule("r", groups(""), all, allow("pull")), atGroups + `groups: "" is not of the form connector:name`},
		{"an empty name", rule("r", groups("directory:"), all, allow("pull")), atGroups + `groups: "directory:" is not of the form connector:name`},
		{"an empty connector", rule("r", groups(":platform"), all, allow("pull")), atGroups + `groups: ":platform" is not of the form connector:name`},
		{"a misspelt connector", rule("r", groups("dirctory:platform"), all, deny("pull")), atGroups + `groups: unknown connector "dirctory" in "dirctory:platform": did you mean "directory"?`},
		{"an unknown connector", rule("r", users("github:alice"), all, deny("pull")), atUsers + `users: unknown connector "github" in "github:alice": use directory, sso or local`},
		{"a connector in upper case", rule("r", users("SSO:alice"), all, deny("pull")), atUsers + `users: unknown connector "SSO" in "SSO:alice": did you mean "sso"?`},
		{"a pattern of no connector", rule("r", users("ldap*:alice"), all, deny("pull")), atUsers + `users: unknown connector "ldap*" in "ldap*:alice": use directory, sso or local`},
		{"a user in upper case", rule("r", users("sso:Alice"), all, deny("pull")), atUsers + `users: "sso:Alice" has upper case, and these names are always lower case: write "sso:alice"`},
		{"a user in upper case, with a star", rule("r", users("*:ALICE-*"), all, deny("pull")), atUsers + `users: "*:ALICE-*" has upper case, and these names are always lower case: write "*:alice-*"`},
		{"a user of another alphabet", rule("r", users("sso:éva"), all, deny("pull")), atUsers + `users: "sso:éva" has the character 'é'` + userNames},
		{"a user with a comma", rule("r", users("local:b,x"), all, deny("pull")), atUsers + `users: "local:b,x" has the character ','` + userNames},
		{"a user with a space", rule("r", users("directory:al ice"), all, deny("pull")), atUsers + `users: "directory:al ice" has the character ' '` + userNames},
		{"a user with a slash", rule("r", users("directory:a/*"), all, deny("pull")), atUsers + `users: "directory:a/*" has the character '/'` + userNames},
		{"a user with a colon", rule("r", users("directory:a:B"), all, deny("pull")), atUsers + `users: "directory:a:B" has the character ':'` + userNames},
		{"a directory's group in upper case", rule("r", groups("directory:Platform"), all, deny("pull")), atGroups + `groups: "directory:Platform" has upper case, and these names are always lower case: write "directory:platform"`},
		{"a directory's group with spaces that do not count", rule("r", groups("directory:ops  team"), all, deny("pull")), atGroups + `groups: "directory:ops  team" is not spelled as these names are: write "directory:ops team"`},
		{"a directory's group in upper case and with such spaces", rule("r", groups("directory:Ops  *"), all, deny("pull")), atGroups + `groups: "directory:Ops  *" has upper case, and these names are always lower case: write "directory:ops *"`},
		{"spaces that count with one connector alone", rule("r", groups("*:ops  team"), all, deny("*")), atGroups + `groups: "*:ops  team" is not spelled as the groups of connector "directory" are: write "*:ops team", or one rule for each connector`},
		{"a group in upper case where one connector has none", rule("r", groups("*:Ops"), all, deny("*")), atGroups + `groups: "*:Ops" has upper case, and the groups of connector "directory" are always lower case: write "*:ops", or one rule for each connector`},
		{"a group with a character that cannot be seen", rule("r", groups("sso:op\u200bs"), all, deny("pull")), atGroups + `groups: "sso:op\u200bs" has the character U+200B, which cannot be seen: remove it, or write * in its place`},
		{"white space before the name", rule("r", groups("directory: platform"), all, deny("pull")), atGroups + `groups: "directory: platform" has white space around the name: remove it`},
		{"a control character", rule("r", groups("sso:a\x00b"), all, deny("pull")), atGroups + `groups: "sso:a\x00b" is not a line of plain text`},
		{"a template", rule("r", groups("sso:{user}"), all, deny("pull")), atGroups + `groups: "sso:{user}": {user} stands in repositories alone; here * matches any run of characters`},
	})
}

func TestNamesThatAreNoProblem(t *testing.T) {
	for name, r := range map[string]policy.Rule{
		"spaces where they count":                           rule("r", groups("sso:ops  team"), on("**"), allow("pull")),
		"upper case where groups may have it":               rule("r", groups("sso:Platform"), on("**"), allow("pull")),
		"upper case where all groups matched may have it":   rule("r", groups("*o:Platform"), on("**"), allow("pull")),
		"a group of another alphabet":                       rule("r", groups("sso:Équipe (été), R&D"), on("**"), allow("pull")),
		"all that user names may have":                      rule("r", users("sso:az.09_x@y+z-*"), on("**"), allow("pull")),
		"a group name with spaces and colons":               rule("r", groups("sso:Domain Users: all"), on("**"), allow("pull")),
		"a pattern of connectors":                           rule("r", users("d*y:alice"), on("**"), allow("pull")),
		"catalog denied":                                    rule("r", anyone, deny("catalog")),
		"an action twice":                                   rule("r", anyone, on("**"), allow("pull", "pull", "*")),
		"all of IPv4 and IPv6":                              rule("r", anyone, networks("0.0.0.0/0", "::/0"), on("**"), allow("pull")),
		"a template for groups and users that can give it":  rule("r", groups("sso:a-*"), users("sso:b-*"), on("{*}/**", "{user}"), allow("pull")),
		"a group template for a group without a star":       rule("r", groups("sso:a"), on("{group}/**"), allow("pull")),
		"a segment that a star makes right":                 rule("r", anyone, on("a_*", "*-b", "a.*.b", "*:*/a", "a:5*/b", "*0"), allow("pull")),
		"the longest name":                                  rule("r", anyone, on(strings.Repeat("a/", 127)+"a"), allow("pull")),
		"a longer pattern that stars make short enough":     rule("r", anyone, on(strings.Repeat("*", 1)+strings.Repeat("/*", 127)), allow("pull")),
		"a host with a port":                                rule("r", anyone, on("registry.test:5000/**"), allow("pull")),
		"the same pattern twice":                            rule("r", groups("sso:a", "sso:a"), on("a", "a"), allow("pull")),
		"a name with characters that quoting would change":  rule(`who "owns" <it> & how?`, anyone, on("**"), allow("pull")),
		"a name whose first letter is of another alphabet":  rule("équipe", anyone, on("**"), allow("pull")),
		"authenticated beside users":                        rule("r", authenticated, users("sso:a"), on("{user}/**"), allow("pull")),
		"anyone beside authenticated":                       rule("r", authenticated, anyone, on("**"), allow("pull")),
		"services and networks of the realm":                rule("r", anyone, services("registry.test", "v3.test"), networks("10.0.0.0/8"), on("**"), allow("pull")),
		"users of a connector whose groups are upper case":  rule("r", users("sso:*"), on("**"), allow("pull")),
		"a pattern of nothing but a segment of single star": rule("r", anyone, on("*"), allow("pull")),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := policy.Compile(document(r)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOneThingToName(t *testing.T) {
	_, err := policy.Compile(policy.Document{
		Rules:      []policy.Rule{rule("r", users("github:alice"), on("**"), allow("pull"))},
		Connectors: []policy.Connector{{Name: "directory"}},
	})
	if want := `policy: users: unknown connector "github" in "github:alice": use directory`; err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestNothingToName(t *testing.T) {
	_, err := policy.Compile(policy.Document{Rules: []policy.Rule{
		rule("r", groups("platform"), users("sso:alice"), services("registry.test"), on("**"), allow("pull")),
	}})
	want := `policy: users: unknown connector "sso" in "sso:alice": the realm has none
policy: groups: "platform" is not of the form connector:name
policy: unknown service "registry.test": the realm has none`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestAllProblemsInTheOrderOfTheFile(t *testing.T) {
	_, err := policy.Compile(placed(document(
		rule("a", users("Alice", "sso:*"), networks("x", "10.0.0.0/8", "y"), on("{group}", "B", "c//d"), allow("push", "grab")),
		rule("b", anyone, on("**"), allow("pull")),
		rule("a", groups("directory:x"), on("{*}/**"), deny("pull")),
		rule("", allow("pull")),
	)))
	want := `policy.yaml:12:10: users: "Alice" is not of the form connector:name: write "directory:Alice"
policy.yaml:14:10: network "x" is not an address and a prefix length, such as "10.0.0.0/8" or "2001:db8::/32"
policy.yaml:14:12: network "y" is not an address and a prefix length, such as "10.0.0.0/8" or "2001:db8::/32"
policy.yaml:15:10: repository pattern "{group}": {group} has no value for every subject of the rule, since users: "sso:*" matches by no group: give the rule groups alone
policy.yaml:15:11: repository pattern "B": no repository name has upper case: write it in lower case
policy.yaml:15:12: repository pattern "c//d" has an empty path segment: remove the second slash
policy.yaml:16:11: unknown action "grab": use pull, push, delete, catalog or *
policy.yaml:30:11: the rule name "a" is taken (policy.yaml:10:11): choose another, since decisions are explained by it
policy.yaml:35:10: repository pattern "{*}/**": {*} has no value for every subject of the rule, since the name part of "directory:x" has no star, not one: give the rule groups or users alone, each with one * after the colon
policy.yaml:40:5: a rule has no name: add one, since decisions are explained by it
policy.yaml:40:5: this rule has no subjects: add groups, users, authenticated: true or anyone: true
policy.yaml:40:5: this rule has no repositories: add them, "**" for every one`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	var problems policy.Problems
	if !errors.As(err, &problems) || len(problems) != strings.Count(want, "\n")+1 {
		t.Fatalf("the error is %T with %d problems", err, len(problems))
	}
	if first := (policy.Problem{At: policy.Position{File: "policy.yaml", Line: 12, Column: 10}, Message: `users: "Alice" is not of the form connector:name: write "directory:Alice"`}); problems[0] != first {
		t.Errorf("the first is %+v", problems[0])
	}
}

// What is done to a document after it was compiled changes nothing.
func TestPolicyIsIndependentOfItsDocument(t *testing.T) {
	doc := document(rule("r", users("directory:alice"), services("registry.test"), networks("192.0.2.0/24"), on("a/**"), allow("pull")))
	p, err := policy.Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]policy.Text{doc.Rules[0].Users, doc.Rules[0].Services, doc.Rules[0].Networks, doc.Rules[0].Repositories, doc.Rules[0].Allow} {
		list[0].Value = "x"
	}
	doc.Rules[0].Name.Value, doc.Connectors[0].Name, doc.Services[0] = "x", "x", "x"
	want := "repository:a/b:pull allowed [r]"
	if got := show(p.Decide(user("directory:alice"), scopes(t, "repository:a/b:pull"))); got != want || !slices.Equal(policy.Lint(p), nil) {
		t.Errorf("got %s", got)
	}
}
