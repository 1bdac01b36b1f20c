package e2e_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// exampleWorld is an example that runs, and people who log in to it.
type exampleWorld struct {
	name, service string
	start         func(*testing.T) *stack.Broker
	people        map[string]string // passwords; "" is the anonymous client
}

func exampleWorlds() []exampleWorld {
	return []exampleWorld{
		{
			"openldap", service, func(t *testing.T) *stack.Broker { return newWorld(t, "").broker },
			map[string]string{"": "", "alice": "alice-password", "bob": "bob-password", "carol": "carol-password", "breakglass": "breakglass-password"},
		},
		{
			"keycloak", service, func(t *testing.T) *stack.Broker { return keycloakBroker(t, startKeycloak(t)) },
			map[string]string{"": "", "alice": "alice-password", "bob": "bob-password", "carol": "carol-password"},
		},
		{
			"webhook", service, func(t *testing.T) *stack.Broker { return webhookBroker(t, startPeople(t)) },
			map[string]string{"": "", "alice": "alice-password", "bob": "bob-password"},
		},
		{"small-team", "registry.team.example", func(t *testing.T) *stack.Broker {
			config := "listen: '{{listen}}'\nmonitor: '{{monitor}}'\n" + example(t, "small-team/shorepass.yaml")
			return stack.StartBroker(t, program, config, map[string]string{"users.yaml": example(t, "small-team/users.yaml")})
		}, map[string]string{"": "", "alice": "alice-password", "bob": "bob-password"}},
		{
			"jwks", "v3.corp.example", startJWKS,
			map[string]string{"alice": "alice-password", "bob": "bob-password"},
		},
		{
			"quickstart", "registry.localhost", startQuickstart,
			map[string]string{"": "", "alice": "alice-password", "bob": "bob-password", "carol": "carol-password"},
		},
	}
}

// startJWKS runs examples/jwks.
func startJWKS(t *testing.T) *stack.Broker {
	t.Helper()
	config := "listen: '{{listen}}'\nmonitor: '{{monitor}}'\npublic_url: http://{{listen}}\n" + example(t, "jwks/shorepass.yaml")
	return stack.StartBroker(t, program, config, map[string]string{"users.yaml": example(t, "jwks/users.yaml")})
}

// startQuickstart runs the demo's configuration with its people in a real slapd.
func startQuickstart(t *testing.T) *stack.Broker {
	t.Helper()
	directory := startCorp(t, example(t, "quickstart/users.ldif"))
	config := replace(t, example(t, "quickstart/shorepass.yaml"),
		"listen: localhost:5001", "listen: '{{listen}}'", "localhost:5002", "'{{monitor}}'",
		"http://localhost:5001", "http://{{listen}}", "ldap://localhost:1389", directory.URL)
	return stack.StartBroker(t, program, config, map[string]string{"policy.yaml": example(t, "quickstart/policy.yaml")})
}

// explanation is what explain --json prints.
type explanation struct {
	Subject struct {
		User   string   `json:"user"`
		Groups []string `json:"groups"`
	} `json:"subject"`
	Decisions []struct {
		Scope, Action, Reason string
		Granted               bool
		Rule                  *string
	} `json:"decisions"`
	Access []stack.Access `json:"access"`
}

// TestExplainTellsWhatTheTokenCarries asks explain and the token endpoint of every
// example the same, as everybody in it: with a login, and with the names made up.
func TestExplainTellsWhatTheTokenCarries(t *testing.T) {
	scopes := []string{"registry:catalog:*"}
	for _, repository := range []string{"platform/app", "home/alice/x", "home/bob/x", "web/shop", "release/app", "base/os", "public/app", "x", "team/a/b/c", "localhost:5000/public/app"} {
		scopes = append(scopes, "repository:"+repository+":pull,push,delete", "repository:"+repository+"/deep:*")
	}
	for _, e := range exampleWorlds() {
		t.Run(e.name, func(t *testing.T) {
			b, some := e.start(t), 0
			for name, password := range e.people {
				token := b.Token(t, name, password, e.service, scopes...)
				var granted []stack.Access
				if name != "" || token.Status == 200 {
					granted = token.Claims(t).Access
				}
				some += len(granted)
				asked := append([]string{"explain", "--json", "--from", "127.0.0.1", "--service", e.service}, scopes...)
				var known explanation
				if name != "" {
					known = explain(t, b, password, append(asked, "--login", name))
					same(t, name+", logged in", known.Access, granted)
					asked = append(asked, "--user", known.Subject.User)
					for _, g := range known.Subject.Groups {
						asked = append(asked, "--group", g)
					}
				}
				madeUp := explain(t, b, "", asked)
				same(t, name+", made up", madeUp.Access, granted)
				checkReasons(t, madeUp)
			}
			if some == 0 {
				t.Error("nobody is granted anything: the test shows nothing")
			}
		})
	}
}

func explain(t *testing.T, b *stack.Broker, stdin string, args []string) explanation {
	t.Helper()
	r := b.Command(t, stdin, args...)
	var e explanation
	if err := json.Unmarshal([]byte(r.Stdout), &e); err != nil {
		t.Fatalf("%v exits %d: %v\n%s", args, r.Code, err, r.Text())
	}
	refused := false
	for _, d := range e.Decisions {
		refused = refused || !d.Granted
	}
	if refused != (r.Code == 1) {
		t.Errorf("exit code %d, refused %v", r.Code, refused)
	}
	return e
}

// checkReasons wants a reason for every action, and of every action that is decided
// by a rule, the rule.
func checkReasons(t *testing.T, e explanation) {
	t.Helper()
	granted := map[string]bool{}
	for _, a := range e.Access {
		for _, action := range a.Actions {
			granted[a.Type+":"+a.Name+" "+action] = true
		}
	}
	for _, d := range e.Decisions {
		if d.Granted != granted[d.Scope+" "+d.Action] || d.Granted != (d.Reason == "allowed") || (d.Rule == nil) != (d.Reason == "no-rule") {
			t.Errorf("decision %+v and access %v differ", d, e.Access)
		}
	}
}

func same(t *testing.T, who string, explained, granted []stack.Access) {
	t.Helper()
	if len(explained)+len(granted) > 0 && !reflect.DeepEqual(explained, granted) {
		t.Errorf("%s: explain says\n%s\nthe token carries\n%s", who, fmt.Sprint(explained), fmt.Sprint(granted))
	}
}

// TestKeycloakExampleCountsForHours holds that the example remembers wrong passwords for as long
// as Keycloak counts them, as the pages say.
func TestKeycloakExampleCountsForHours(t *testing.T) {
	if !strings.Contains(example(t, "keycloak/shorepass.yaml"), "guard: {lockout: {window: 12h}}") {
		t.Error("no window of 12h")
	}
}
