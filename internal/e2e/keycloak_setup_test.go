package e2e_test

import (
	"errors"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/oidc"
	"github.com/shorepass/shorepass/internal/e2e/keycloak"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// The realms of the Keycloak of the tests, both made of examples/keycloak/realm.json.
const (
	realmCorp = "corp" // as it is
	realmLab  = "lab"  // without brute-force protection, for tests that guess
)

// sharedKeycloak is the one Keycloak of a test run, started when the first test needs
// it.
type sharedKeycloak struct {
	mu     sync.Mutex
	dir    string
	server *keycloak.Server
	err    error
}

var sso sharedKeycloak

// startKeycloak returns the Keycloak of the run. Tests that use it are not parallel, and
// leave it as they found it.
func startKeycloak(tb testing.TB) *keycloak.Server {
	tb.Helper()
	sso.mu.Lock()
	defer sso.mu.Unlock()
	if sso.server == nil && sso.err == nil {
		// People's passwords are hashed in a way that costs little.
		corp := replace(tb, example(tb, "keycloak/realm.json"), `"sslRequired": "external",`, `"sslRequired": "external", "passwordPolicy": "hashAlgorithm(pbkdf2-sha256) and hashIterations(1)",`)
		lab := replace(tb, corp, `"realm": "corp"`, `"realm": "lab"`, `"bruteForceProtected": true`, `"bruteForceProtected": false`)
		if sso.dir, sso.err = os.MkdirTemp("", "shorepass-keycloak-"); sso.err == nil {
			sso.server, sso.err = keycloak.Start(sso.dir, []byte(corp), []byte(lab))
		}
		for _, realm := range []string{realmCorp, realmLab} {
			if sso.err == nil {
				form := url.Values{"client_id": {"shorepass"}, "client_secret": {"keycloak-client-secret"}, "scope": {"openid"}, "username": {"alice"}, "password": {"alice-password"}}
				sso.err = sso.server.Wake(tb.Context(), realm, form)
			}
		}
	}
	if sso.err != nil {
		tb.Fatal(sso.err)
	}
	// Keycloak locks an account where the last failed login of another test is a moment ago.
	if err := sso.server.Unlock(tb.Context(), realmCorp); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the end of Keycloak's log:\n%s", sso.server.Log())
		}
	})
	return sso.server
}

// close ends the Keycloak, if there is one.
func (s *sharedKeycloak) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.server != nil {
		err = s.server.Stop()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// oidcConfig is a configuration for the client of the example.
func oidcConfig(k *keycloak.Server, realm string) *oidc.Config {
	c := oidc.DefaultConfig()
	c.Issuer = k.Issuer(realm)
	c.ClientID = "shorepass"
	c.ClientSecret = connectors.NewSecret("keycloak-client-secret")
	c.GroupsClaim = "groups"
	return c
}

// oidcConnector is the provider behind its guards, as the program has it.
func oidcConnector(tb testing.TB, c *oidc.Config) connectors.Connector {
	tb.Helper()
	d, err := oidc.New(c, connectors.Deps{Realm: "corp", Name: "sso"}, oidc.NewAccounts())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	return guard.Password(d, guard.Config{})
}

// keycloakBroker starts the program with examples/keycloak and this Keycloak. edits are
// pairs of texts of shorepass.yaml and what to put in their place.
func keycloakBroker(tb testing.TB, k *keycloak.Server, edits ...string) *stack.Broker {
	tb.Helper()
	pairs := append([]string{
		"0.0.0.0:5001", "{{listen}}",
		"localhost:5002", "{{monitor}}",
		"https://login.corp.example", "http://{{listen}}",
		"https://sso.corp.example/realms/corp", k.Issuer(realmCorp),
	}, edits...)
	return stack.StartBroker(tb, program, replace(tb, example(tb, "keycloak/shorepass.yaml"), pairs...), map[string]string{
		"client-secret": "keycloak-client-secret\n",
		"policy.yaml":   example(tb, "keycloak/policy.yaml"),
	})
}
