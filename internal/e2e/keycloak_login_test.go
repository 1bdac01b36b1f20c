package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/oidc"
)

// TestOIDCContract runs the contract of connectors against Keycloak.
func TestOIDCContract(t *testing.T) {
	k := startKeycloak(t)
	connect := func(edit func(*oidc.Config)) func(testing.TB) connectors.Connector {
		return func(tb testing.TB) connectors.Connector {
			c := oidcConfig(k, realmLab)
			edit(c)
			d, err := oidc.New(c, connectors.Deps{Realm: "corp", Name: "sso"}, oidc.NewAccounts())
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { _ = d.Close() })
			return guard.Password(d, guard.Config{Usernames: []string{"a*", "d*", "no*"}})
		}
	}
	for _, auth := range []string{"basic", "post"} {
		t.Run(auth, func(t *testing.T) {
			connectortest.Run(t, connectortest.Fixture{
				Name:          "sso",
				New:           connect(func(c *oidc.Config) { c.ClientAuth = auth }),
				Down:          connect(func(c *oidc.Config) { c.Issuer = "http://127.0.0.1:1/realms/lab" }),
				Good:          connectortest.Login{Username: "alice", Password: "alice-password"},
				Username:      "alice",
				Groups:        []string{"platform", "platform/oncall"},
				WrongPassword: "wrong-canary-7f3a",
				Disabled:      connectortest.Login{Username: "dora", Password: "dora-password"},
				Unhandled:     "bob",
				Spellings:     append(spellingsOfAlice(), "alice@corp.example", "ALICE@corp.example"),
			})
		})
	}
}

// TestKeycloakClaims reads groups and roles where Keycloak puts them.
func TestKeycloakClaims(t *testing.T) {
	k := startKeycloak(t)
	for _, tt := range []struct {
		claim string
		alice []string
		bob   []string
	}{
		{"groups", []string{"platform", "platform/oncall"}, []string{"contractors", "platform"}},
		{"realm_access.roles", []string{"release-manager"}, nil},
		{"resource_access.reg.roles", []string{"publisher"}, nil},
		{"resource_access.nothing.roles", nil, nil},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			c := oidcConfig(k, realmLab)
			c.GroupsClaim = tt.claim
			connector := oidcConnector(t, c)
			for name, want := range map[string][]string{"alice": tt.alice, "bob": tt.bob, "carol": nil} {
				id := mustSignIn(t, connector, name)
				if !slices.Equal(id.Groups, want) || id.Username != name || !strings.HasPrefix(id.ID, c.Issuer+"#") {
					t.Errorf("%s is %q, id %q, with groups %q, want %q", name, id.Username, id.ID, id.Groups, want)
				}
			}
		})
	}
	t.Run("groups required", func(t *testing.T) {
		c := oidcConfig(k, realmLab)
		c.GroupsRequired = true
		connector := oidcConnector(t, c)
		mustSignIn(t, connector, "alice")
		_, err := signIn(t, connector, "carol", "carol-password")
		wantReason(t, err, connectors.ReasonGroups)
	})
	t.Run("by mail address", func(t *testing.T) {
		c := oidcConfig(k, realmLab)
		c.UsernameClaim, c.UsernameStrip = "email", "@corp.example"
		connector := oidcConnector(t, c)
		for _, typed := range []string{"alice", "Alice@Corp.Example"} {
			if id, err := signIn(t, connector, typed, "alice-password"); err != nil || id.Username != "alice" {
				t.Errorf("%s is %q, error %v", typed, id.Username, err)
			}
		}
	})
}

// TestUserinfoOfKeycloak takes the groups out of the ID token: they come from the
// userinfo endpoint.
func TestUserinfoOfKeycloak(t *testing.T) {
	k := startKeycloak(t)
	var clients []struct {
		ID string `json:"id"`
	}
	if err := k.Ask(t.Context(), http.MethodGet, realmLab+"/clients?clientId=shorepass", nil, &clients); err != nil || len(clients) != 1 {
		t.Fatalf("%d clients, error %v", len(clients), err)
	}
	mappers := realmLab + "/clients/" + clients[0].ID + "/protocol-mappers/models"
	var all []map[string]any
	if err := k.Ask(t.Context(), http.MethodGet, mappers, nil, &all); err != nil {
		t.Fatal(err)
	}
	inToken := func(value string) {
		for _, m := range all {
			if m["name"] != "groups" {
				continue
			}
			m["config"].(map[string]any)["id.token.claim"] = value
			if err := k.Ask(t.Context(), http.MethodPut, fmt.Sprintf("%s/%s", mappers, m["id"]), m, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	inToken("false")
	defer inToken("true")
	connector := oidcConnector(t, oidcConfig(k, realmLab))
	if got := mustSignIn(t, connector, "alice").Groups; !slices.Equal(got, []string{"platform", "platform/oncall"}) {
		t.Errorf("groups %q", got)
	}
}

// TestKeycloakRefusals logs in as those whom Keycloak refuses, and with clients that it
// refuses.
func TestKeycloakRefusals(t *testing.T) {
	k := startKeycloak(t)
	connector := oidcConnector(t, oidcConfig(k, realmLab))
	for _, tt := range []struct {
		name, username, password string
		want                     connectors.Reason
	}{
		{"wrong password", "carol", "not-hers", connectors.ReasonWrongPassword},
		{"unknown", "zoe", "zoe-password", connectors.ReasonWrongPassword},
		{"one-time password missing", "otto", "otto-password", connectors.ReasonWrongPassword}, // Keycloak does not tell
		{"disabled", "dora", "dora-password", connectors.ReasonDisabled},
		{"disabled, and wrong", "dora", "not-hers", connectors.ReasonWrongPassword},
		{"required action", "rita", "rita-password", connectors.ReasonInteraction},
		{"required action, and wrong", "rita", "not-hers", connectors.ReasonWrongPassword},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := signIn(t, connector, tt.username, tt.password)
			wantReason(t, err, tt.want)
		})
	}
	for name, edit := range map[string]func(*oidc.Config){
		"wrong secret":   func(c *oidc.Config) { c.ClientSecret = connectors.NewSecret("not-it") },
		"unknown client": func(c *oidc.Config) { c.ClientID = "nobody" },
		"no secret":      func(c *oidc.Config) { c.ClientSecret, c.ClientAuth = connectors.Secret{}, "none" },
		"direct grants off": func(c *oidc.Config) {
			c.ClientID, c.ClientSecret = "portal", connectors.NewSecret("portal-client-secret")
		},
		"an unknown scope":   func(c *oidc.Config) { c.Scopes = append(c.Scopes, "no-such-scope") },
		"no such realm":      func(c *oidc.Config) { c.Issuer = k.Issuer("nowhere") },
		"the server's root":  func(c *oidc.Config) { c.Issuer = k.URL },
		"issuer with a /":    func(c *oidc.Config) { c.Issuer += "/" },
		"another algorithm":  func(c *oidc.Config) { c.Algorithms = []string{"ES256"} },
		"no such name claim": func(c *oidc.Config) { c.UsernameClaim = "no.such.claim" },
		"groups are no list": func(c *oidc.Config) { c.GroupsClaim = "preferred_username" },
	} {
		t.Run(name, func(t *testing.T) {
			c := oidcConfig(k, realmLab)
			edit(c)
			_, err := signIn(t, oidcConnector(t, c), "alice", "alice-password")
			if !isOutage(err) {
				t.Errorf("error = %v, want an outage", err)
			}
		})
	}
}

// TestBruteForceProtection has Keycloak lock an account: a right password is refused
// then like a wrong one, and is taken again when the lock is off.
func TestBruteForceProtection(t *testing.T) {
	k := startKeycloak(t)
	connector := oidcConnector(t, oidcConfig(k, realmCorp))
	mustSignIn(t, connector, "bob")
	for range 6 { // one more than failureFactor
		_, err := signIn(t, connector, "bob", "a-guess")
		wantReason(t, err, connectors.ReasonWrongPassword)
	}
	connector = oidcConnector(t, oidcConfig(k, realmCorp)) // to the other one, bob's login may still count
	_, err := signIn(t, connector, "bob", "bob-password")
	wantReason(t, err, connectors.ReasonWrongPassword)
	if err := k.Unlock(t.Context(), realmCorp); err != nil {
		t.Fatal(err)
	}
	mustSignIn(t, connector, "bob")
}

// TestParallelLoginsAtKeycloak logs in often at once and again and again, as clients and
// scripts do. Keycloak's brute-force protection refuses parallel logins of an account,
// and those that come right after another.
func TestParallelLoginsAtKeycloak(t *testing.T) {
	k := startKeycloak(t)
	connector := oidcConnector(t, oidcConfig(k, realmCorp))
	mustSignIn(t, connector, "alice")
	var group sync.WaitGroup
	for range 30 {
		group.Go(func() {
			if _, err := signIn(t, connector, "alice", "alice-password"); err != nil {
				t.Errorf("one of many at once: %v", err)
			}
		})
	}
	group.Wait()
	for start := time.Now(); time.Since(start) < 5*time.Second; {
		mustSignIn(t, connector, "alice")
	}
}

// TestKeycloakRotatesItsKey changes the key of the realm while people log in: nobody is
// turned away.
func TestKeycloakRotatesItsKey(t *testing.T) {
	k := startKeycloak(t)
	connector := oidcConnector(t, oidcConfig(k, realmLab))
	mustSignIn(t, connector, "alice")
	stop := make(chan struct{})
	var group sync.WaitGroup
	for _, name := range []string{"alice", "bob", "carol"} {
		group.Go(func() {
			for {
				if _, err := signIn(t, connector, name, name+"-password"); err != nil {
					t.Errorf("while the key rotates: %v", err)
				}
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		})
	}
	err := k.Rotate(t.Context(), realmLab)
	time.Sleep(3 * time.Second) // until no login counts any more that came before
	close(stop)
	group.Wait()
	if err != nil {
		t.Fatal(err)
	}
}
