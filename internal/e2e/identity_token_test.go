package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestSavedIdentityToken holds that people whose client has saved the token of another
// server are told to log in again, and that this is all that they need to do.
func TestSavedIdentityToken(t *testing.T) {
	for _, version := range stack.Registries() {
		t.Run(string(version), func(t *testing.T) {
			w := newWorld(t, version)
			alice := w.client(t)
			app := alice.Ref("platform/app:1")
			ok(t, alice.DockerLogin("alice", "alice-password"))
			ok(t, alice.Crane("push", alice.Image(), app))

			alice.File("config.json", fmt.Sprintf(`{"auths":{%q:{"auth":"YWxpY2U6","identitytoken":"of-another-server"}}}`, alice.Registry())) // as docker login saves it: "alice:"
			for client, r := range map[string]stack.Result{
				"docker": alice.Docker("", "manifest", "inspect", "--insecure", app),
				"crane":  alice.Crane("manifest", app),
				"skopeo": alice.Run("", "skopeo", "inspect", "--tls-verify=false", "docker://"+app),
			} {
				const want = "the identity token that was sent is not valid here: log out of this registry, then log in again"
				if r.Code == 0 || !strings.Contains(r.Stderr, want) {
					t.Errorf("%s exits %d and says %q, want %q", client, r.Code, r.Stderr, want)
				}
			}

			ok(t, alice.Docker("", "logout", w.registry.Addr))
			ok(t, alice.DockerLogin("alice", "alice-password"))
			ok(t, alice.Docker("", "manifest", "inspect", "--insecure", app))
			ok(t, alice.Run("", "skopeo", "inspect", "--tls-verify=false", "docker://"+app))
		})
	}
}
