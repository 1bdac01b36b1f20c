package e2e_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// ceiling makes what a token may do at most: one to three scopes.
func (c chaos) ceiling() []string {
	var scopes []string
	for range 1 + c.IntN(3) {
		if c.IntN(5) == 0 {
			scopes = append(scopes, "registry:catalog:*")
			continue
		}
		pattern := c.one("**", "**", "platform/**", "platform/**", "public/**", "public/*", "*/app", "*/*/app", "home/**", "home/alice/**", "home/bob/*", "web/**/api", "release/*", "base/a*", "localhost:5000/**", "public/app")
		scopes = append(scopes, "repository:"+pattern+":"+c.one("pull", "push", "delete", "*", "*", "pull,push", "pull,delete"))
	}
	return scopes
}

// sensible is a scope as clients ask for it.
func (c chaos) sensible() string {
	if c.IntN(10) == 0 {
		return "registry:catalog:*"
	}
	name := c.one("platform", "platform", "public", "public", "home/alice", "home/bob", "web", "release", "base", "localhost:5000/public")
	for range 1 + c.IntN(2) {
		name += "/" + c.one("app", "api", "a", "x")
	}
	return "repository:" + name + ":" + c.one("pull", "push", "delete", "*", "pull,push", "delete,pull,push")
}

// TestTokenRights asks for three hundred things with tokens of random ceilings, and with
// the passwords of their owners. A token is granted what its owner is, as far as explain
// says that rules in the words of the ceiling would allow it.
func TestTokenRights(t *testing.T) {
	const tokens, questions = 30, 10
	w := newWorld(t, "", withTokens()...)
	c := chaos{rand.New(rand.NewPCG(6, 300))}
	granted, withheld := 0, 0
	for i := range tokens {
		owner := c.one("alice", "alice", "bob", "carol")
		ceiling, asked := c.ceiling(), make([][]string, questions)
		for j := range asked {
			asked[j] = []string{c.sensible()}
		}
		args := []string{"--owner", "directory:" + owner, "--name", fmt.Sprint("random ", i)}
		for _, scope := range ceiling {
			args = append(args, "--scope", scope)
		}
		token := w.broker.AccessToken(t, args...)
		mays, bounds := explainAll(t, w.broker, somebody{name: owner, password: owner + "-password"}, asked), bounds(t, ceiling, asked)
		for _, scopes := range asked {
			own, got := rights(t, w.broker, owner, owner+"-password", scopes), rights(t, w.broker, "ci", token, scopes)
			want := map[string]bool{}
			for what := range own {
				if want[what] = bounds[what]; !want[what] {
					delete(want, what)
				}
				if !mays[what] {
					t.Errorf("%s is granted %s, and explain says no", owner, what)
				}
			}
			if !maps.Equal(got, want) {
				t.Errorf("a token of %s with the ceiling %q asks for %q and is granted %v, want %v", owner, ceiling, scopes, got, want)
			}
			granted, withheld = granted+len(got), withheld+len(own)-len(got)
		}
	}
	if t.Logf("%d grants, %d withheld", granted, withheld); granted < 40 || withheld < 40 {
		t.Error("the test shows little")
	}
}

// rights are the single actions that somebody is granted.
func rights(t *testing.T, b *stack.Broker, name, password string, scopes []string) map[string]bool {
	t.Helper()
	granted := map[string]bool{}
	for _, access := range b.Token(t, name, password, service, scopes...).Claims(t).Access {
		for _, action := range access.Actions {
			granted[demand(access.Type, access.Name, action)] = true
		}
	}
	return granted
}

// bounds is what a ceiling lets through of all that is asked, as explain says of rules in
// its words.
func bounds(t *testing.T, ceiling []string, asked [][]string) map[string]bool {
	t.Helper()
	var rules strings.Builder
	for i, scope := range ceiling {
		rest, actions := scope[:strings.LastIndex(scope, ":")], scope[strings.LastIndex(scope, ":")+1:]
		if scope == "registry:catalog:*" {
			fmt.Fprintf(&rules, "  - {name: '%d', authenticated: true, allow: [catalog]}\n", i)
			continue
		}
		fmt.Fprintf(&rules, "  - {name: '%d', authenticated: true, repositories: ['%s'], allow: ['%s']}\n", i, strings.TrimPrefix(rest, "repository:"), strings.ReplaceAll(actions, ",", "','"))
	}
	b := stack.NewBroker(t, program, "listen: {{listen}}\nmonitor: {{monitor}}\nrealms:\n  - name: corp\n    services: ["+service+"]\n"+
		"    connectors: [{name: local, type: static, config: {file: users.yaml}}]\n    policy: policy.yaml\n",
		map[string]string{"policy.yaml": "rules:\n" + rules.String(), "users.yaml": example(t, "openldap/users.yaml")})
	args := []string{"explain", "--json", "--user", "local:breakglass"}
	for _, scopes := range asked {
		args = append(args, scopes...)
	}
	granted := map[string]bool{}
	for _, d := range explain(t, b, "", args).Decisions {
		if d.Granted {
			granted[d.Scope+":"+d.Action] = true
		}
	}
	return granted
}
