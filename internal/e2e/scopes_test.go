package e2e_test

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/internal/e2e/stack"
	"github.com/shorepass/shorepass/policy"
)

// somebody is a person of examples/openldap and all that they may do, in words of
// the test's own.
type somebody struct {
	name, password string
	may            map[string]string // actions, by the beginning of the repository's name
	catalog        bool
}

func somebodies() []somebody {
	return []somebody{
		{name: "", may: map[string]string{"public/": "pull"}},
		{
			name: "bob", password: "bob-password",
			may: map[string]string{"public/": "pull", "base/": "pull", "home/bob/": "delete pull push", "web/": "pull push"},
		},
		{
			name: "carol", password: "carol-password",
			may: map[string]string{"public/": "pull", "base/": "pull", "home/carol/": "delete pull push", "release/": "pull"}, catalog: true,
		},
	}
}

// mayAll reports whether all of the access is within what they may do.
func (s somebody) mayAll(a stack.Access) bool {
	if a.Type == "registry" {
		return s.catalog && a.Name == "catalog" && slices.Equal(a.Actions, []string{"*"})
	}
	for prefix, actions := range s.may {
		if a.Type == "repository" && strings.HasPrefix(a.Name, prefix) {
			return !slices.ContainsFunc(a.Actions, func(action string) bool { return !slices.Contains(strings.Fields(actions), action) })
		}
	}
	return false
}

// chaos makes scopes, most of which nobody should ask for.
type chaos struct{ *rand.Rand }

func (c chaos) one(of ...string) string { return of[c.IntN(len(of))] }

// often returns a text that makes sense, and one in so many times another.
func (c chaos) often(sense []string, oneIn int, nonsense []string) string {
	if c.IntN(oneIn) == 0 {
		return c.one(nonsense...)
	}
	return c.one(sense...)
}

func (c chaos) scope() string {
	kind := c.often([]string{"repository"}, 5, []string{"repository(plugin)", "repository(", "repository()", "registry", "plugin", "", "REPOSITORY", "*", "repository\x00", "Repository"})
	host := c.often([]string{""}, 8, []string{"registry.corp.example:5000/", "localhost:5000/", "registry.corp.example/", "EVIL:5000/", "h:0/", "a:b/", ":/", "/", "public:5000/"})
	name := []string{c.often(
		[]string{"public", "public", "base", "home/bob", "home/carol", "home/alice", "web", "release", "platform"}, 4,
		[]string{"public-evil", "web-evil", "home", "PUBLIC", "{*}", "**", "*", "..", "registry-web", "ops"},
	)}
	for range c.IntN(4) {
		name = append(name, c.often([]string{"app", "x", "a.b", "a__b", "a-b", "public", "bob", "shop", "api", "db2", "v1.0", "0"}, 5, []string{
			"", ".", "..", "*", "**", "{user}", "{group}", "{*}", "%2e%2e", "%2F", "..%2f..", "\x00", "\r\n", "ａｐｐ", "ü", "\u202e", "\xff\xfe", "a b", "a:b", "App", "a---", "_a", strings.Repeat("x", 300), "\\", "'", "\"", "$(id)",
		}))
	}
	var actions []string
	for range 1 + c.IntN(4) {
		actions = append(actions, c.often([]string{"pull", "push", "delete", "*"}, 6, []string{"", "admin", "catalog", "PULL", " pull", "\n", "pull\x00", "%70ull", "**"}))
	}
	switch c.IntN(30) {
	case 0:
		return "registry:catalog:" + strings.Join(actions, ",")
	case 1:
		return host + strings.Join(name, ":")
	}
	return kind + ":" + host + strings.Join(name, "/") + ":" + strings.Join(actions, ",")
}

// request returns the scopes of one request: often one, at times more than allowed.
func (c chaos) request() []string {
	n := 1 + c.IntN(3)
	if c.IntN(50) == 0 {
		n = broker.MaxScopes/2 + c.IntN(broker.MaxScopes)
	}
	params := make([]string, n)
	for i := range params {
		params[i] = c.scope()
	}
	if c.IntN(4) == 0 {
		return []string{strings.Join(params, " ")}
	}
	return params
}

// TestHostileScopes asks for a thousand things as people who may do little. Nothing is
// the server's fault; what is granted is what explain says, and within what they may.
func TestHostileScopes(t *testing.T) {
	w := newWorld(t, "")
	for _, s := range somebodies() {
		t.Run("as "+s.name, func(t *testing.T) {
			c := chaos{rand.New(rand.NewPCG(1, 2))}
			requests := make([][]string, 1000)
			for i := range requests {
				requests[i] = c.request()
			}
			explained := explainAll(t, w.broker, s, requests)
			grants := 0
			for _, request := range requests {
				status, want := s.expect(request, explained)
				a := w.broker.Token(t, s.name, s.password, service, request...)
				if a.Status != status {
					t.Errorf("scopes %.1000q: status %d, want %d: %s", request, a.Status, status, a.Body)
				}
				if a.Status != http.StatusOK {
					continue
				}
				got := map[string]bool{}
				for _, access := range a.Claims(t).Access {
					if !s.mayAll(access) {
						t.Errorf("scopes %.1000q: granted %+v", request, access)
					}
					for _, action := range access.Actions {
						got[demand(access.Type, access.Name, action)] = true
					}
				}
				if !maps.Equal(got, want) {
					t.Errorf("scopes %.1000q: granted %v, explain says %v", request, got, want)
				}
				grants += len(got)
			}
			if t.Logf("%d grants", grants); grants < 50 {
				t.Error("few grants: the test shows little")
			}
		})
	}
}

// expect returns how a request should be answered, given all that explain grants.
func (s somebody) expect(request []string, explained map[string]bool) (status int, grants map[string]bool) {
	asked, grants := demands(readable(request)), map[string]bool{}
	for what := range asked {
		if explained[what] {
			grants[what] = true
		}
	}
	switch {
	case tooMuch(request):
		return http.StatusBadRequest, nil
	case s.name == "" && len(asked) > 0 && len(grants) == 0: // what cannot be read was not asked
		return http.StatusUnauthorized, nil
	}
	return http.StatusOK, grants
}

// tooMuch reports whether a request is beyond the broker's limits.
func tooMuch(request []string) bool {
	return len(strings.Join(request, "")) > broker.MaxScopeBytes || len(strings.Fields(strings.Join(request, " "))) > broker.MaxScopes
}

// readable returns the scopes of a request that can be read.
func readable(request []string) []policy.Scope {
	var scopes []policy.Scope
	for _, item := range strings.Fields(strings.Join(request, " ")) {
		if scope, err := policy.ParseScope(item); err == nil {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// demands are the single actions that scopes ask for.
func demands(scopes []policy.Scope) map[string]bool {
	all := map[string]bool{}
	for _, s := range scopes {
		for _, action := range s.Actions {
			each := []string{action}
			if s.Type == "repository" && action == "*" {
				each = []string{"pull", "push", "delete"}
			}
			for _, a := range each {
				all[demand(s.Type, s.Name, a)] = true
			}
		}
	}
	return all
}

func demand(kind, name, action string) string { return kind + ":" + name + ":" + action }

// explainAll asks explain for everything that can be read in the requests, and returns
// what it grants.
func explainAll(t *testing.T, b *stack.Broker, s somebody, requests [][]string) map[string]bool {
	t.Helper()
	args := []string{"explain", "--json", "--from", "127.0.0.1"}
	if s.name != "" {
		args = append(args, "--login", s.name)
	}
	for _, request := range requests {
		for _, scope := range readable(request) {
			args = append(args, scope.String())
		}
	}
	granted := map[string]bool{}
	for _, d := range explain(t, b, s.password, args).Decisions {
		if d.Granted {
			granted[d.Scope+":"+d.Action] = true
		}
	}
	return granted
}
