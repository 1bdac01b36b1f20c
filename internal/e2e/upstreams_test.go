package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/keycloak"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// startUpstreams starts a broker that asks OpenLDAP first, and Keycloak for whom that
// does not know. Both have a group called platform and an alice.
func startUpstreams(t *testing.T) (*stack.Broker, *keycloak.Server, *slapd.Server) {
	t.Helper()
	k, directory := startKeycloak(t), slapd.Start(t, slapd.Options{})
	return stack.StartBroker(t, program, replace(t, `listen: {{listen}}
monitor: {{monitor}}
realms:
  - name: corp
    services: [registry.corp.example]
    connectors:
      - name: directory
        type: ldap
        config:
          url: {{ldap}}
          bind_dn: `+slapd.ServiceDN+`
          bind_password: `+slapd.ServicePassword+`
          users: {base_dn: "`+slapd.People+`", filter: "(|(uid=alice)(uid=david))"}
          groups: {base_dn: "`+slapd.Groups+`"}
      - name: sso
        type: oidc
        config:
          issuer: {{issuer}}
          client_id: shorepass
          client_secret: keycloak-client-secret
          groups_claim: groups
    policy:
      rules:
        - {name: the directory's platform, groups: ["directory:platform"], repositories: [ldap/**], allow: [pull, push]}
        - {name: single sign-on's platform, groups: ["sso:platform"], repositories: [sso/**], allow: [pull, push]}
        - {name: either, groups: ["*:platform"], repositories: [both/**], allow: [pull]}
        - {name: no contractors, groups: ["sso:contractors"], repositories: [sso/release/**], deny: [push]}
`, "{{ldap}}", directory.URL, "{{issuer}}", k.Issuer(realmLab)), nil), k, directory
}

// addDavid gives Keycloak somebody whom the directory knows too, with another password.
func addDavid(t *testing.T, k *keycloak.Server) {
	t.Helper()
	user := map[string]any{
		"username": "david", "enabled": true, "email": "david@corp.example", "firstName": "David", "lastName": "Dunn",
		"groups":      []string{"/platform"},
		"credentials": []map[string]any{{"type": "password", "value": "david-at-keycloak"}},
	}
	if err := k.Ask(t.Context(), http.MethodPost, realmLab+"/users", user, nil); err != nil {
		t.Fatal(err)
	}
	var found []struct {
		ID string `json:"id"`
	}
	if err := k.Ask(t.Context(), http.MethodGet, realmLab+"/users?username=david&exact=true", nil, &found); err != nil || len(found) != 1 {
		t.Fatalf("%d users, error %v", len(found), err)
	}
	ctx := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		if err := k.Ask(ctx, http.MethodDelete, realmLab+"/users/"+found[0].ID, nil, nil); err != nil {
			t.Error(err)
		}
	})
}

// TestTwoUpstreams holds that each name has one way: the directory decides about those
// whom it knows, Keycloak about the rest, and their groups are never taken for one
// another.
func TestTwoUpstreams(t *testing.T) {
	b, k, directory := startUpstreams(t)
	addDavid(t, k)
	scopes := []string{"repository:ldap/app:pull,push", "repository:sso/app:pull,push", "repository:sso/release/app:pull,push", "repository:both/app:pull,push"}
	for _, tt := range []struct {
		name, username, password string
		status                   int
		subject                  string
		access                   []string
		connector, reason        string // of the audit line
	}{
		{
			name: "known to both", username: "alice", password: "alice-password", status: http.StatusOK, subject: "directory:alice",
			access: []string{"both/app [pull]", "ldap/app [pull push]"}, connector: "directory",
		},
		{
			name: "known to Keycloak alone", username: "bob", password: "bob-password", status: http.StatusOK, subject: "sso:bob",
			access: []string{"both/app [pull]", "sso/app [pull push]", "sso/release/app [pull]"}, connector: "sso",
		},
		{name: "of no group", username: "carol", password: "carol-password", status: http.StatusOK, subject: "sso:carol", connector: "sso"},
		{name: "known to both, with the directory's password", username: "david", password: "david-password", status: http.StatusOK, subject: "directory:david", connector: "directory"},
		{name: "known to both, with Keycloak's password", username: "david", password: "david-at-keycloak", status: http.StatusUnauthorized, connector: "directory", reason: "wrong-password"},
		{name: "known to neither", username: "zoe", password: "zoe-password", status: http.StatusUnauthorized, connector: "sso", reason: "wrong-password"},
		{name: "disabled at Keycloak", username: "dora", password: "dora-password", status: http.StatusUnauthorized, connector: "sso", reason: "disabled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := b.Token(t, tt.username, tt.password, service, scopes...)
			entries := b.Audit(t)
			last := entries[len(entries)-1]
			if a.Status != tt.status || last.Connector != tt.connector || last.Reason != tt.reason {
				t.Fatalf("status %d by connector %q, reason %q; want %d by %q, %q", a.Status, last.Connector, last.Reason, tt.status, tt.connector, tt.reason)
			}
			if tt.status != http.StatusOK {
				return
			}
			var access []string
			claims := a.Claims(t)
			for _, granted := range claims.Access {
				access = append(access, fmt.Sprintf("%s %v", granted.Name, granted.Actions))
			}
			if claims.Subject != tt.subject || !slices.Equal(access, tt.access) {
				t.Errorf("subject %s with %q, want %s with %q", claims.Subject, access, tt.subject, tt.access)
			}
		})
	}
	t.Run("the directory is down", func(t *testing.T) {
		directory.Stop(t)
		defer directory.Start(t)
		ok(t, b.Command(t, "", "cache", "clear")) // where it is that the directory does not know bob
		// An outage never falls through: bob may be the directory's.
		if a := b.Token(t, "bob", "bob-password", service); a.Status != http.StatusServiceUnavailable {
			t.Errorf("status %d: %s", a.Status, a.Body)
		}
	})
}

// TestExplainShowsTheWay has explain sign people in: it says what each connector did.
func TestExplainShowsTheWay(t *testing.T) {
	b, _, _ := startUpstreams(t)
	const passedOn = "=> does not know this name: the next connector that takes it is asked"
	for _, tt := range []struct {
		username, password string
		code               int
		directory, sso     string // what is said of them
		last               string // step of the one that decided
	}{
		{"alice", "alice-password", 0, "=> vouches for directory:alice", "=> not asked", "ok    groups"},
		{"alice", "a-guess", 1, "=> refuses: wrong-password", "=> not asked", "FAIL  password"},
		{"bob", "bob-password", 1, passedOn, "=> vouches for sso:bob", "ok    account"},
		{"zoe", "a-guess", 1, passedOn, "=> refuses: wrong-password", "FAIL  password"},
		{"rita", "rita-password", 1, passedOn, "=> refuses: interaction", "FAIL  password"},
	} {
		t.Run(tt.username+" "+tt.password, func(t *testing.T) {
			r := b.Command(t, tt.password+"\n", "explain", "--login", tt.username, "repository:ldap/app:push")
			if r.Code != tt.code {
				t.Errorf("exit code %d, want %d", r.Code, tt.code)
			}
			way, ofSSO, found := strings.Cut(r.Text(), "connector sso (oidc)")
			if !found || !strings.Contains(way, "connector directory (ldap)") || !strings.Contains(way, tt.directory) || !strings.Contains(ofSSO, tt.sso) || !hasLine(r.Text(), tt.last) {
				t.Errorf("want %q of the directory, %q of single sign-on, and the step %q:\n%s", tt.directory, tt.sso, tt.last, r.Text())
			}
			if strings.Contains(r.Text(), tt.password) {
				t.Error("it shows the password")
			}
		})
	}
}

// TestProbeOfKeycloak has check try the connectors without anybody's password.
func TestProbeOfKeycloak(t *testing.T) {
	b, _, _ := startUpstreams(t)
	r := b.Command(t, "", "check", "--connect")
	if r.Code != 0 || !hasLine(r.Text(), "ok    discovery", "keys: RS256") || !hasLine(r.Text(), "ok    grant", "password") {
		t.Errorf("exit code %d:\n%s", r.Code, r.Text())
	}
}
