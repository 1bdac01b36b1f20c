package bench_test

import (
	_ "embed" // for the configuration
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/keycloak"
)

//go:embed testdata/oidc.yaml
var oidcConfiguration string

// BenchmarkProvider is BenchmarkTokens for people of a provider, Keycloak: beside the
// floor, which makes the same grant, Keycloak's own endpoint for registries is asked.
func BenchmarkProvider(b *testing.B) {
	programs.build(b)
	// The connector has a login count for a moment for those who log in alike, whatever the
	// guards remember: these are too many to come back that soon.
	crowd, few := who{name: "worker#", people: 2000}, who{name: "worker#", people: connections}
	k, err := keycloak.StartWith(b.TempDir(), nil, benchRealm(b, crowd.people))
	must(b, err)
	b.Cleanup(func() { must(b, k.Stop()) })
	w := &world{}
	w.start(b, strings.ReplaceAll(oidcConfiguration, "{{issuer}}", k.Issuer("bench")), map[string]string{"policy.yaml": policies})
	const query, again, docker = "?service=oidc&scope=repository:builders/app:pull,push", "?service=again&scope=repository:builders/app:pull,push", "/realms/bench/protocol/docker-v2/auth"
	grant := floor{name: "the password grant", program: startFloor(b, "-token-url", k.Issuer("bench")+"/protocol/openid-connect/token", "-client-id", "shorepass", "-client-secret", "shorepass-secret")}
	own := floor{name: "Keycloak's docker-v2 endpoint", program: &program{k.PID(), strings.TrimPrefix(k.URL, "http://")}, path: docker}
	for range 2 { // Java's compiler takes its time
		newLoad(b, grant.program, query, crowd).run(b, 10*time.Second)
		newLoad(b, own.program, docker+query, crowd).run(b, 10*time.Second)
	}
	for _, p := range []path{
		{name: "Keycloak, each login a new one", who: crowd, query: query, floors: []floor{grant, own}},
		{name: "Keycloak, 16 people at work", who: few, query: again, floors: []floor{own}},
	} {
		p.round, p.place, p.behind = 400*time.Millisecond, ofProviders, []int{k.PID()}
		b.Run(p.name, func(b *testing.B) { p.measure(b, w) })
	}
}

// benchRealm is a realm with as many people as size says, and a client for either endpoint. Its password hash costs next to nothing, so that what is measured is the
// rest.
func benchRealm(b *testing.B, size int) []byte {
	b.Helper()
	type object = map[string]any
	var users []object
	for i := range size {
		name := fmt.Sprintf("worker%d", i)
		users = append(users, object{
			"username": name, "enabled": true, "email": name + "@example.org", "emailVerified": true, "firstName": "A", "lastName": "Worker",
			"groups": []string{"/builders"}, "credentials": []object{{"type": "password", "value": name + "-password"}},
		})
	}
	realm, err := json.Marshal(object{
		"realm": "bench", "enabled": true, "sslRequired": "none", "passwordPolicy": "hashAlgorithm(pbkdf2-sha256) and hashIterations(1)",
		"groups": []object{{"name": "builders"}}, "users": users,
		"clients": []object{
			{"clientId": "oidc", "protocol": "docker-v2", "enabled": true},
			{"clientId": "again", "protocol": "docker-v2", "enabled": true},
			{
				"clientId": "shorepass", "enabled": true, "secret": "shorepass-secret", "standardFlowEnabled": false, "directAccessGrantsEnabled": true,
				"attributes": object{"use.refresh.tokens": "false"},
				"protocolMappers": []object{{
					"name": "groups", "protocol": "openid-connect", "protocolMapper": "oidc-group-membership-mapper",
					"config": object{"claim.name": "groups", "full.path": "false", "id.token.claim": "true"},
				}},
			},
		},
	})
	must(b, err)
	return realm
}
