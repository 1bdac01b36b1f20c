package broker_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/policy"
)

// TestTokensNeverWiden draws policies, people and ceilings, and signs in with a token of
// the real connector: what is granted is what its owner would be granted, as far as the
// ceiling goes, which is worked out here in another way.
func TestTokensNeverWiden(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawPolicy(t)
		owner := connectors.Identity{
			Connector: "directory", Via: "directory", ID: "id", Username: pick(t, "user", "a", "b"),
			Groups: drawSome(t, "groups", 0, 3, "a", "b", "ab", "*", "a/b"), Ceiling: connectors.Unlimited(),
		}
		scopes := drawSome(t, "ceiling", 1, 3, "repository:**:*", "repository:a/**:pull", "repository:*/b:pull,push", "repository:a:delete",
			"repository:**/b:*", "repository:a/*/b:push", "registry:catalog:*", "repository:**:pull", "repository:**", "nonsense", "repository:a/{user}:pull", "", "registry:catalog:pull")
		addr := netip.MustParseAddr(pick(t, "address", "10.0.0.1", "11.0.0.1"))
		token := signIn(t, owner, scopes, rapid.Bool().Draw(t, "fixed"))
		if token.Connector != owner.Connector || token.Username != owner.Username || !slices.Equal(token.Groups, owner.Groups) {
			t.Fatalf("the token counts as %+v, its owner is %+v", token, owner)
		}
		for range 10 {
			asked := drawAsk(t)
			owners := granted(rules.Decide(broker.Subject(&owner, "s", addr), asked))
			tokens := granted(rules.Decide(broker.Subject(&token, "s", addr), asked))
			want := slices.DeleteFunc(slices.Clone(owners), func(g string) bool { return !lets(scopes, g) })
			if !slices.Equal(tokens, want) {
				t.Fatalf("ceiling %q: the owner is granted %q and the token %q, want %q", scopes, owners, tokens, want)
			}
		}
	})
}

// signIn signs in with a token of the owner, through the connector and a chain: one whose
// groups an administrator has named, where they are fixed and the owner is not looked up.
func signIn(t *rapid.T, owner connectors.Identity, scopes []string, fixed bool) connectors.Identity {
	text := pat.NewText()
	kept := &oneToken{token: pat.Token{
		Realm: "corp", ID: text.ID(), Hash: text.Hash(), Account: pat.Account{Connector: owner.Connector, ID: owner.ID},
		Scopes: scopes, Expires: time.Now().Add(time.Hour),
	}}
	var directory connectors.Connector = resolving{unresolving{}, owner}
	if fixed {
		directory = unresolving{}
		kept.token.GroupsFixed, kept.token.Groups = true, owner.Groups
		kept.owner = pat.Owner{Username: owner.Username, Groups: []string{"a", "b"}, Seen: time.Now()} // of a login
	}
	memory := pat.NewMemory(kept, kept, slog.New(slog.DiscardHandler))
	defer memory.Close()
	c := pat.New(pat.DefaultConfig(), connectors.Deps{
		Realm: "corp", Name: "tokens", Logger: slog.New(slog.DiscardHandler),
		Sibling: func(string) (connectors.Connector, bool) { return directory, true },
	}, memory)
	defer c.Close()
	chain := connectors.NewChain(connectors.ASCIIUsernames,
		connectors.Member{Name: "tokens", Connector: c, Tokens: true}, connectors.Member{Name: "directory", Connector: directory})
	id, err := chain.Authenticate(context.Background(), connectors.Credentials{Username: "x", Password: text.Secret()})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// oneToken is a database with a token.
type oneToken struct {
	token pat.Token
	owner pat.Owner
}

func (o *oneToken) Token(context.Context, string, string) (pat.Token, error) { return o.token, nil }
func (*oneToken) RecordUses(context.Context, []pat.Use) error                { return nil }
func (*oneToken) Check(context.Context) error                                { return nil }
func (o *oneToken) Owner(_ context.Context, realm string, a pat.Account) (pat.Owner, error) {
	known := o.owner
	known.Realm, known.Account = realm, a
	return known, nil
}
func (*oneToken) SaveOwners(context.Context, []pat.Owner) error { return nil }
func (*oneToken) HasTokens(context.Context, string, pat.Account) (bool, error) {
	return true, nil
}

// resolving knows one person.
type resolving struct {
	unresolving
	who connectors.Identity
}

// unresolving looks nobody up.
type unresolving struct{}

func (unresolving) Handles(connectors.Credentials) bool { return true }

func (unresolving) Authenticate(context.Context, connectors.Credentials) (connectors.Identity, error) {
	return connectors.Identity{}, connectors.ErrNotMine
}

func (r resolving) Resolve(context.Context, string) (connectors.Identity, error) { return r.who, nil }

func pick(t *rapid.T, label string, values ...string) string {
	return rapid.SampledFrom(values).Draw(t, label)
}

func drawSome(t *rapid.T, label string, least, most int, values ...string) []string {
	return rapid.SliceOfN(rapid.SampledFrom(values), least, most).Draw(t, label)
}

func drawPolicy(t *rapid.T) *policy.Policy {
	texts := func(values ...string) []policy.Text {
		list := make([]policy.Text, len(values))
		for i, v := range values {
			list[i].Value = v
		}
		return list
	}
	doc := policy.Document{Connectors: []policy.Connector{{Name: "tokens", NoNames: true}, {Name: "directory"}}, Services: []string{"s"}}
	for i := range rapid.IntRange(0, 6).Draw(t, "rules") {
		r := policy.Rule{Name: policy.Text{Value: fmt.Sprint(i)}}
		switch pick(t, "subjects", "groups", "users", "authenticated", "anyone") {
		case "groups":
			r.Groups = texts(drawSome(t, "groups", 1, 2, "directory:a", "directory:b", "directory:*", "*:ab")...)
		case "users":
			r.Users = texts(drawSome(t, "users", 1, 2, "directory:a", "directory:*", "*:b")...)
		case "authenticated":
			r.Authenticated = true
		default:
			r.Anyone = true
		}
		actions := texts("catalog")
		if pick(t, "of", "catalog", "repositories", "repositories") == "repositories" {
			actions = texts(drawSome(t, "actions", 1, 2, "pull", "push", "delete", "*")...)
			r.Repositories = texts(drawSome(t, "repositories", 1, 2, "**", "a/**", "*/b", "a", "b/*", "a/b")...)
		}
		if r.Allow = actions; pick(t, "effect", "allow", "allow", "deny") == "deny" {
			r.Allow, r.Deny = nil, actions
		}
		if pick(t, "network", "", "", "n") != "" {
			r.Networks = texts("10.0.0.0/8")
		}
		doc.Rules = append(doc.Rules, r)
	}
	p, err := policy.Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func drawAsk(t *rapid.T) []policy.Scope {
	asked := []policy.Scope{{Type: "registry", Name: "catalog", Actions: []string{"*"}}}
	for range rapid.IntRange(0, 3).Draw(t, "scopes") {
		name := strings.Join(drawSome(t, "segments", 1, 4, "a", "b", "ab"), "/")
		asked = append(asked, policy.Scope{Type: "repository", Name: name, Actions: drawSome(t, "actions", 1, 3, "pull", "push", "delete", "*")})
	}
	return asked
}

// granted lists what is granted, as type:name:action.
func granted(d policy.Decision) []string {
	var list []string
	for _, a := range d.Access {
		for _, action := range a.Actions {
			list = append(list, a.Type+":"+a.Name+":"+action)
		}
	}
	return list
}

// lets reports whether a ceiling lets something through: none that cannot be read whole
// lets anything.
func lets(scopes []string, grant string) bool {
	through := false
	for _, scope := range scopes {
		kind, rest, _ := strings.Cut(scope, ":")
		pattern, actions, ok := strings.Cut(rest, ":")
		catalog := scope == "registry:catalog:*"
		if !catalog && (kind != "repository" || !ok || strings.Contains(pattern, "{")) {
			return false
		}
		grantKind, rest, _ := strings.Cut(grant, ":")
		name, action, _ := strings.Cut(rest, ":")
		switch {
		case catalog || grantKind == "registry":
			through = through || catalog && grantKind == "registry"
		case actions == "*" || slices.Contains(strings.Split(actions, ","), action):
			through = through || matches(strings.Split(pattern, "/"), strings.Split(name, "/"))
		}
	}
	return through
}

// matches reports whether segments of patterns match those of a name: "**" takes one or
// more, "*" one.
func matches(pattern, name []string) bool {
	switch {
	case len(pattern) == 0 || len(name) == 0:
		return len(pattern) == len(name)
	case pattern[0] == "**":
		return matches(pattern[1:], name[1:]) || matches(pattern, name[1:])
	case pattern[0] == "*" || pattern[0] == name[0]:
		return matches(pattern[1:], name[1:])
	}
	return false
}
