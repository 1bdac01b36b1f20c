package policy_test

import (
	"strings"
	"testing"
)

func TestPatternProblems(t *testing.T) {
	bad := func(name, pattern, want string) problem {
		return problem{name, rule("r", anyone, on(pattern), deny("pull")), atRepositories + "repository pattern " + want}
	}
	const segment = ": it is letters and digits, with one of . _ __ or any number of - between them"
	check(t, []problem{
		bad("empty", "", `"" is no pattern: for every repository write "**"`),
		bad("a slash", "/", `"/" is no pattern: for every repository write "**"`),
		bad("a leading slash", "/a/b", `"/a/b": a pattern neither starts nor ends with a slash: write "a/b"`),
		bad("a trailing slash", "a/", `"a/": a pattern neither starts nor ends with a slash: write "a"`),
		bad("an empty segment", "a//b", `"a//b" has an empty path segment: remove the second slash`),
		bad("three stars", "a/***", `"a/***": ** is a whole path segment: within a segment write a single *`),
		bad("two stars before a name", "**a", `"**a": ** is a whole path segment: within a segment write a single *`),
		bad("two stars after a name", "a/b**/c", `"a/b**/c": ** is a whole path segment: within a segment write a single *`),
		bad("upper case", "Team/**", `"Team/**": no repository name has upper case: write it in lower case`),
		bad("a character class", "team-[ab]/**", `"team-[ab]/**": '[' has no meaning here: there are no regular expressions and no character classes, only * and **`),
		bad("an alternative", "a|b", `"a|b": '|' has no meaning here: there are no regular expressions and no character classes, only * and **`),
		bad("an anchor", "^a/b$", `"^a/b$": '^' has no meaning here: there are no regular expressions and no character classes, only * and **`),
		bad("any character", "a?b", `"a?b": '?' has no meaning here: there are no regular expressions and no character classes, only * and **`),
		bad("an escape", `a\*b`, `"a\\*b": '\\' has no meaning here: there are no regular expressions and no character classes, only * and **`),
		bad("a regular expression", "a/.*", `"a/.*": no repository has a path segment ".*"`+segment),
		bad("a space", "a b", `"a b": no repository name has the character ' '`),
		bad("a tag", "a/b@latest", `"a/b@latest": no repository name has the character '@'`),
		bad("another alphabet", "é", `"é": no repository name has the character 'é'`),
		bad("NUL", "a\x00", `"a\x00": no repository name has the character '\x00'`),
		bad("no UTF-8", "a\xff", `"a\xff": no repository name has the character '�'`),
		bad("a parent directory", "a/../b", `"a/../b": no repository has a path segment ".."`+segment),
		bad("a leading hyphen", "a/-b", `"a/-b": no repository has a path segment "-b"`+segment),
		bad("a trailing dot", "a./b", `"a./b": no repository has a path segment "a."`+segment),
		bad("two separators", "a/b..c*", `"a/b..c*": no repository has a path segment "b..c*"`+segment),
		bad("a star that cannot make it right", "*-", `"*-": no repository has a path segment "*-"`+segment),
		bad("a port and nothing after it", "registry.test:5000", `"registry.test:5000": a port stands in the first of several path segments, after the host`),
		bad("a tag after a colon", "a/b:latest", `"a/b:latest": a port stands in the first of several path segments, after the host`),
		bad("a port that is none", "registry.test:http/a", `"registry.test:http/a": "http" is no port`),
		bad("a port out of range", "registry.test:70000/a", `"registry.test:70000/a": "70000" is no port`),
		bad("a port out of range with a star", "registry.test:7*0000/a", `"registry.test:7*0000/a": "7*0000" is no port`),
		bad("two ports", "registry.test:1:2/a", `"registry.test:1:2/a": "1:2" is no port`),
		bad("a host that is none", "a_b:5000/c", `"a_b:5000/c": "a_b" is no host name`),
		bad("a host that is empty", ":5000/c", `":5000/c": "" is no host name`),
		bad("too long", strings.Repeat("a", 256), `"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"… matches nothing: a repository name has at most 255 characters`),
		bad("too many segments", "**"+strings.Repeat("/**", 128), `"**/**/**/**/**/**/**/**/**/**/**/**/**/*"… matches nothing: a repository name has at most 255 characters`),
		bad("an unknown template", "home/{users}/**", `"home/{users}/**": braces stand around a template: use {user}, {group} or {*}`),
		bad("braces", "a{1,3}", `"a{1,3}": braces stand around a template: use {user}, {group} or {*}`),
		bad("half a template", "{user/**", `"{user/**": braces stand around a template: use {user}, {group} or {*}`),
		bad("a template with a prefix", "home-{user}/**", `"home-{user}/**": {user} is a whole path segment: put slashes around it`),
		bad("two templates in a segment", "{user}{group}", `"{user}{group}": {user} is a whole path segment: put slashes around it`),
		bad("a star template in a segment", "a-{*}", `"a-{*}": {*} is a whole path segment: put slashes around it`),
	})
}

func TestTemplateProblems(t *testing.T) {
	const pattern = `repository pattern "x/{user}/{group}/{*}": `
	bad := func(name string, subjects part, template, why string) problem {
		r := rule("r", subjects, on("x/"+template), deny("pull"))
		return problem{name, r, atRepositories + `repository pattern "x/` + template + `": ` + template + ` has no value for every subject of the rule, since ` + why}
	}
	const (
		notSignedIn = "anyone: true takes in people who are not signed in: "
		signedIn    = "authenticated: true matches by no pattern: "
		useUser     = "use authenticated, users or groups"
		useGroup    = "give the rule groups alone"
		useStar     = "give the rule groups or users alone, each with one * after the colon"
	)
	check(t, []problem{
		bad("user, anyone", anyone, "{user}", notSignedIn+useUser),
		bad("user, anyone among others", both(anyone, users("sso:a")), "{user}", notSignedIn+useUser),
		bad("group, anyone", anyone, "{group}", notSignedIn+useGroup),
		bad("group, authenticated", authenticated, "{group}", signedIn+useGroup),
		bad("group, users", users("sso:*"), "{group}", `users: "sso:*" matches by no group: `+useGroup),
		bad("group, users beside groups", both(groups("sso:*"), users("sso:a")), "{group}", `users: "sso:a" matches by no group: `+useGroup),
		bad("star, anyone", anyone, "{*}", notSignedIn+useStar),
		bad("star, authenticated beside groups", both(authenticated, groups("sso:a-*")), "{*}", signedIn+useStar),
		bad("star, no star", groups("sso:a"), "{*}", `the name part of "sso:a" has no star, not one: `+useStar),
		bad("star, a star in the connector part", groups("*:a"), "{*}", `the name part of "*:a" has no star, not one: `+useStar),
		bad("star, two stars", users("sso:a-*-*"), "{*}", `the name part of "sso:a-*-*" has 2 stars, not one: `+useStar),
		bad("star, one pattern of two", both(groups("sso:a-*"), users("sso:a")), "{*}", `the name part of "sso:a" has no star, not one: `+useStar),
		{
			"each template that has no value", rule("r", authenticated, on("x/{user}/{group}/{*}"), deny("pull")),
			atRepositories + pattern + "{group} has no value for every subject of the rule, since " + signedIn + useGroup + "\n" +
				atRepositories + pattern + "{*} has no value for every subject of the rule, since " + signedIn + useStar,
		},
	})
}
