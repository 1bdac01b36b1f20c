package e2e_test

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestKeycloakOneAccount has people log in with the right password in two realms at once, or
// by two names at once. Keycloak refuses logins of an account while another is under way:
// nobody is.
func TestKeycloakOneAccount(t *testing.T) {
	k := startKeycloak(t)
	defer func() { _ = k.Unlock(t.Context(), realmCorp) }()
	const lab = "lab.corp.example"
	g := &guarded{broker: keycloakBroker(t, k, "[192.0.2.10]", "[127.0.0.0/8]", "    policy: policy.yaml", `    policy: policy.yaml
  - name: lab
    services: [`+lab+`]
    connectors:
      - {name: sso, type: oidc, guard: {lockout: {window: 12h}}, config: {issuer: "`+k.Issuer(realmCorp)+`", client_id: shorepass, client_secret: {file: client-secret}, groups_claim: groups}}
    policy: policy.yaml`)}
	alice := attempt{from: "192.0.2.2", name: "alice", password: "alice-password", service: "registry.corp.example"}
	carol := attempt{from: "192.0.2.3", name: "carol", password: "carol-password", service: "registry.corp.example"}
	address := carol
	address.name = "carol@corp.example"
	await(t, "login, for which Keycloak wakes up", func() bool { return g.get(t, alice).Status == http.StatusOK })
	wantStatus(t, "carol", g.get(t, carol), http.StatusOK) // so that her names are known
	for range 4 {
		ok(t, g.broker.Command(t, "", "cache", "clear"))
		time.Sleep(time.Second) // Keycloak is at work on nothing any more
		var all sync.WaitGroup
		for _, a := range []attempt{alice, alice.to(lab), carol, address} {
			all.Go(func() { wantStatus(t, a.name+" in "+a.service, g.get(t, a), http.StatusOK) })
		}
		all.Wait()
	}
}
