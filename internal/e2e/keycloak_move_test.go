package e2e_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/keycloak"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// keycloakPath is that of Keycloak's endpoint for registries, and of ours.
const keycloakPath = "/realms/" + realmCorp + "/protocol/docker-v2/auth"

// TestMoveFromKeycloak moves registries that were set up for Keycloak's own docker-v2
// endpoint to ours, as docs/from-keycloak.md says: what stands in front sends the
// endpoint's path elsewhere, and the realm's own key signs. No registry is restarted,
// and nobody logs in again.
func TestMoveFromKeycloak(t *testing.T) {
	k := startKeycloak(t)
	addDockerClient(t, k, realmCorp)
	gate, certificate := newGateway(t, k.URL), signingCertificate(t, k, realmCorp)
	people := startMovers(t, gate, certificate, pemOf(t, "CERTIFICATE", certificate))

	key, cert := exportPair(t, k, realmCorp, certificate)
	b := keycloakBroker(t, k,
		"public_url: http://{{listen}}", "public_url: "+gate.URL,
		"    policy: policy.yaml", "    signing: {key_file: "+key+", cert_file: "+cert+"}\n    policy: policy.yaml")
	gate.send(t, "http://"+b.Addr)
	for version := range people {
		t.Run("ours, "+string(version), func(t *testing.T) { people[version].in(t).asWeHaveIt(t) })
	}
}

// TestMoveFromKeycloakAndBack is the move of registries that trust both endpoints, which
// needs no key of Keycloak's, and the way back.
func TestMoveFromKeycloakAndBack(t *testing.T) {
	k := startKeycloak(t)
	addDockerClient(t, k, realmCorp)
	gate, certificate := newGateway(t, k.URL), signingCertificate(t, k, realmCorp)
	b := keycloakBroker(t, k, "public_url: http://{{listen}}", "public_url: "+gate.URL)
	ca := askEndpoint(t, http.MethodGet, "http://"+b.Addr+"/realms/"+realmCorp+"/ca.pem", nil, "", "").Body
	people := startMovers(t, gate, certificate, pemOf(t, "CERTIFICATE", certificate)+ca)

	gate.send(t, "http://"+b.Addr)
	for version := range people {
		t.Run("ours, "+string(version), func(t *testing.T) { people[version].in(t).asWeHaveIt(t) })
	}
	gate.send(t, k.URL)
	for version := range people {
		t.Run("Keycloak's again, "+string(version), func(t *testing.T) { people[version].in(t).asKeycloakHasIt(t) })
	}
}

// TestRegistry3AndKeycloak holds what docs/from-keycloak.md says of registries 3: they
// find Keycloak's key in a jwks file alone, and ours by its certificate alone, where there
// are certificates.
func TestRegistry3AndKeycloak(t *testing.T) {
	k := startKeycloak(t)
	addDockerClient(t, k, realmCorp)
	gate, certificate := newGateway(t, k.URL), signingCertificate(t, k, realmCorp)
	b := keycloakBroker(t, k, "public_url: http://{{listen}}", "public_url: "+gate.URL)
	ca := askEndpoint(t, http.MethodGet, "http://"+b.Addr+"/realms/"+realmCorp+"/ca.pem", nil, "", "").Body
	both := authForKeycloak(t, stack.V3, gate.URL, certificate, pemOf(t, "CERTIFICATE", certificate)+ca)
	const scope = "repository:platform/app:pull"
	theirs := askEndpoint(t, http.MethodGet, gate.URL+keycloakPath, url.Values{"service": {service}, "scope": {scope}}, "alice", "alice-password").Token
	ours := b.Token(t, "alice", "alice-password", service, scope).Token
	for _, tt := range []struct {
		name, auth   string
		theirs, ours int
	}{
		{"certificates", withoutLine(both, "jwks:"), http.StatusUnauthorized, http.StatusNotFound}, // let in, and there is nothing yet
		{"keys", withoutLine(both, "rootcertbundle:"), http.StatusNotFound, http.StatusUnauthorized},
		{"both", both, http.StatusNotFound, http.StatusNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := stack.StartRegistryWith(t, stack.V3, tt.auth)
			if got := manifest(t, r, "platform/app", theirs); got != tt.theirs {
				t.Errorf("Keycloak's token: status %d, want %d", got, tt.theirs)
			}
			if got := manifest(t, r, "platform/app", ours); got != tt.ours {
				t.Errorf("our token: status %d, want %d", got, tt.ours)
			}
		})
	}
}

// TestMoveRegistry3WithKeysAlone moves a registry 3 that has Keycloak's key in a jwks file and
// nothing else: with that key, and trust jwks, nothing of it changes.
func TestMoveRegistry3WithKeysAlone(t *testing.T) {
	k := startKeycloak(t)
	addDockerClient(t, k, realmCorp)
	gate, certificate := newGateway(t, k.URL), signingCertificate(t, k, realmCorp)
	both := authForKeycloak(t, stack.V3, gate.URL, certificate, pemOf(t, "CERTIFICATE", certificate))
	r := stack.StartRegistryWith(t, stack.V3, withoutLine(both, "rootcertbundle:"))
	alice := stack.NewClient(t, r)
	ok(t, alice.DockerLogin("alice", "alice-password"))
	ok(t, alice.Crane("push", alice.Image(), alice.Ref("platform/app:1")))

	key, cert := exportPair(t, k, realmCorp, certificate)
	b := keycloakBroker(t, k,
		"public_url: http://{{listen}}", "public_url: "+gate.URL,
		"    services: ["+service+"]", "    services: [{name: "+service+", trust: jwks}]",
		"    policy: policy.yaml", "    signing: {key_file: "+key+", cert_file: "+cert+"}\n    policy: policy.yaml")
	gate.send(t, "http://"+b.Addr)
	ok(t, alice.Crane("push", alice.Image(), alice.Ref("platform/app:2")))
	ok(t, alice.Crane("pull", alice.Ref("platform/app:1"), os.DevNull))
	if c := alice.Crane("push", alice.Image(), alice.Ref("web/app:1")); c.Code == 0 {
		t.Error("alice may write everywhere, as with Keycloak")
	}
}

// withoutLine is the text without the line that has the words.
func withoutLine(text, words string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, words) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// startMovers starts registries that trust Keycloak's endpoint behind the gateway, and
// what else bundle holds, and has people use them.
func startMovers(t *testing.T, gate *gateway, certificate, bundle string) map[stack.Version]mover {
	t.Helper()
	people := map[stack.Version]mover{}
	for _, version := range stack.Registries() {
		r := stack.StartRegistryWith(t, version, authForKeycloak(t, version, gate.URL, certificate, bundle))
		people[version] = mover{alice: stack.NewClient(t, r), bob: stack.NewClient(t, r), nobody: stack.NewClient(t, r)}
		t.Run("Keycloak's, "+string(version), func(t *testing.T) { people[version].in(t).asKeycloakHasIt(t) })
	}
	return people
}

// mover is people of a registry that moves.
type mover struct{ alice, bob, nobody *stack.Client }

func (m mover) in(t *testing.T) mover {
	t.Helper()
	return mover{m.alice.In(t), m.bob.In(t), m.nobody.In(t)}
}

// asKeycloakHasIt is what its endpoint makes of them: whoever has an account may do
// everything, and nobody else anything.
func (m mover) asKeycloakHasIt(t *testing.T) {
	image := m.alice.Image()
	ok(t, m.alice.DockerLogin("alice", "alice-password"))
	ok(t, m.bob.DockerLogin("bob", "bob-password"))
	ok(t, m.alice.Crane("push", image, m.alice.Ref("platform/app:1")))
	ok(t, m.alice.Crane("push", image, m.alice.Ref("public/app:1")))
	ok(t, m.bob.Crane("push", image, m.bob.Ref("platform/release/app:1"))) // a contractor's, whom no rule keeps out
	if r := m.nobody.Crane("manifest", m.nobody.Ref("public/app:1")); r.Code == 0 {
		t.Errorf("an anonymous pull: %s", r.Text())
	}
}

// asWeHaveIt is what the policy of examples/keycloak makes of them.
func (m mover) asWeHaveIt(t *testing.T) {
	image := m.alice.Image()
	ok(t, m.alice.Crane("push", image, m.alice.Ref("platform/app:2"))) // with the login of before
	ok(t, m.bob.DockerLogin("bob", "bob-password"))
	ok(t, m.bob.Crane("manifest", m.bob.Ref("platform/release/app:1")))
	denied(t, m.bob.Crane("push", m.bob.Image(), m.bob.Ref("platform/release/app:2")))
	ok(t, m.nobody.Crane("manifest", m.nobody.Ref("public/app:1")))
	denied(t, m.nobody.Crane("manifest", m.nobody.Ref("platform/app:1")))
}

// gateway stands before the token endpoint, as a reverse proxy does: its host is the one
// that registries and clients know.
type gateway struct {
	URL string
	to  atomic.Pointer[url.URL]
}

func newGateway(t *testing.T, to string) *gateway {
	t.Helper()
	g := &gateway{}
	g.send(t, to)
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(g.to.Load())
		r.Out.Host = r.In.Host
	}})
	t.Cleanup(server.Close)
	g.URL = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return g
}

// send has requests sent to another server from now on.
func (g *gateway) send(t *testing.T, to string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	g.to.Store(u)
}

// addDockerClient gives a realm the client that Keycloak's docker-v2 endpoint wants, for
// the time of the test.
func addDockerClient(t *testing.T, k *keycloak.Server, realm string) {
	t.Helper()
	client := map[string]any{"id": "docker-client-of-" + realm, "clientId": service, "protocol": "docker-v2", "enabled": true}
	if err := k.Ask(t.Context(), http.MethodPost, realm+"/clients", client, nil); err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		if err := k.Ask(ctx, http.MethodDelete, realm+"/clients/docker-client-of-"+realm, nil, nil); err != nil {
			t.Error(err)
		}
	})
}

// signingCertificate is the certificate of the key that a realm signs with, Base64 of DER.
func signingCertificate(t *testing.T, k *keycloak.Server, realm string) string {
	t.Helper()
	var all struct {
		Active map[string]string `json:"active"`
		Keys   []struct {
			KID, Certificate string
		} `json:"keys"`
	}
	if err := k.Ask(t.Context(), http.MethodGet, realm+"/keys", nil, &all); err != nil {
		t.Fatal(err)
	}
	for _, key := range all.Keys {
		if key.KID == all.Active["RS256"] {
			return key.Certificate
		}
	}
	t.Fatalf("no certificate of %s among %d keys", all.Active["RS256"], len(all.Keys))
	return ""
}

// authForKeycloak is the auth section of a registry that trusts Keycloak's endpoint
// behind gate. Registries 3 need the key under the id that Keycloak's docker tokens
// name it by, which is in no document of Keycloak's.
func authForKeycloak(t *testing.T, version stack.Version, gate, certificate, bundle string) string {
	t.Helper()
	dir := t.TempDir()
	auth := fmt.Sprintf(`auth:
  token:
    realm: %s
    service: %s
    issuer: %s
    rootcertbundle: %s
`, gate+keycloakPath, service, gate+"/realms/"+realmCorp, writeIn(t, dir, "realm.pem", bundle))
	if version == stack.V2 {
		return auth
	}
	der, err := base64.StdEncoding.DecodeString(certificate)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB",
		"n":   base64.RawURLEncoding.EncodeToString(parsed.PublicKey.(*rsa.PublicKey).N.Bytes()),
		"kid": kidOfKeycloak(t, gate),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return auth + "    jwks: " + writeIn(t, dir, "jwks.json", string(keys)) + "\n"
}

// kidOfKeycloak is the id of the key in a token of its docker-v2 endpoint.
func kidOfKeycloak(t *testing.T, gate string) string {
	t.Helper()
	a := askEndpoint(t, http.MethodGet, gate+keycloakPath, url.Values{"service": {service}}, "alice", "alice-password")
	raw, err := base64.RawURLEncoding.DecodeString(header(a.Token))
	if err != nil {
		t.Fatal(err)
	}
	var h struct{ KID string }
	if err := json.Unmarshal(raw, &h); err != nil || h.KID == "" {
		t.Fatalf("no key id in %s, error %v", raw, err)
	}
	return h.KID
}

// exportPair stops Keycloak, exports the pair of a certificate, and starts Keycloak
// again. It returns the files of the key and the certificate.
func exportPair(t *testing.T, k *keycloak.Server, realm, certificate string) (keyFile, certFile string) {
	t.Helper()
	if err := k.Stop(); err != nil {
		t.Fatal(err)
	}
	key, err := k.ExportKey(realm, certificate)
	if started := k.Start(); started != nil {
		t.Fatal(started)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return writeIn(t, dir, "realm-key.pem", pemOf(t, "RSA PRIVATE KEY", key)), writeIn(t, dir, "realm.pem", pemOf(t, "CERTIFICATE", certificate))
}

// pemOf is the PEM of Base64 of DER.
func pemOf(t *testing.T, kind, text string) string {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func writeIn(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
