package e2e_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/keycloak"
)

// failuresAt returns what Keycloak has counted against an account.
func failuresAt(t *testing.T, k *keycloak.Server, username string) keycloak.Failures {
	t.Helper()
	f, err := k.Failures(t.Context(), realmCorp, username)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestKeycloakFailedLoginsApart sends different wrong passwords for one account at once:
// Keycloak locks accounts for a minute whose logins fail within a second of each other.
func TestKeycloakFailedLoginsApart(t *testing.T) {
	k := startKeycloak(t)
	connector := oidcConnector(t, oidcConfig(k, realmCorp))
	var group sync.WaitGroup
	for i := range 3 {
		group.Go(func() { _, _ = signIn(t, connector, "carol", "stale-"+strconv.Itoa(i)) })
	}
	group.Wait()
	if got := failuresAt(t, k, "carol"); got != (keycloak.Failures{Failed: 3}) {
		t.Errorf("Keycloak has counted %+v, want three failures and no lock", got)
	}
	mustSignIn(t, connector, "carol")
}
