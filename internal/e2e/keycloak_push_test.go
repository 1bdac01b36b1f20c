package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestKeycloakGroupsDecideAPush logs in to Keycloak through real clients, and has its
// groups decide what a real registry lets them do.
func TestKeycloakGroupsDecideAPush(t *testing.T) {
	k, engine := startKeycloak(t), stack.StartEngine(t)
	for _, version := range stack.Registries() {
		t.Run(string(version), func(t *testing.T) {
			b := keycloakBroker(t, k)
			r := stack.StartRegistry(t, b, version)
			alice, bob, carol, rita := stack.NewClient(t, r), stack.NewClient(t, r), stack.NewClient(t, r), stack.NewClient(t, r)
			ok(t, alice.DockerLogin("Alice@corp.example", "alice-password"))
			ok(t, bob.DockerLogin("bob", "bob-password"))
			ok(t, carol.DockerLogin("carol", "carol-password"))

			image := alice.Image()
			ok(t, alice.Crane("push", image, alice.Ref("platform/app:1")))         // of platform
			ok(t, alice.Crane("push", image, alice.Ref("platform/release/app:1"))) // and no contractor
			ok(t, alice.Crane("push", image, alice.Ref("home/alice/app:1")))
			ok(t, bob.Crane("push", image, bob.Ref("platform/app:2")))
			ok(t, bob.Crane("manifest", bob.Ref("platform/release/app:1")))
			denied(t, bob.Crane("push", image, bob.Ref("platform/release/app:2"))) // of platform, but a contractor
			denied(t, carol.Crane("push", image, carol.Ref("platform/app:3")))     // of no group
			denied(t, carol.Crane("manifest", carol.Ref("platform/app:1")))
			ok(t, carol.Crane("push", image, carol.Ref("home/carol/app:1")))
			denied(t, carol.Crane("push", image, carol.Ref("home/alice/app:2")))
			for repository, tags := range map[string]string{"platform/app": "1 2", "platform/release/app": "1", "home/alice/app": "1"} {
				listed := alice.Crane("ls", alice.Ref(repository))
				if got := slices.Sorted(slices.Values(strings.Fields(listed.Stdout))); strings.Join(got, " ") != tags {
					t.Errorf("%s has the tags %q, want %q: %s", repository, got, tags, listed.Stderr)
				}
			}
			for _, p := range []struct {
				name, refused string
			}{{"alice", ""}, {"bob", "platform/release/docker:1"}, {"carol", "platform/docker:1"}} {
				c := engine.NewClient(t, r)
				ok(t, c.DockerLogin(p.name, p.name+"-password"))
				ok(t, dockerPush(t, c, "home/"+p.name+"/docker:1"))
				if p.refused == "" {
					ok(t, dockerPush(t, c, "platform/docker:2"))
				} else if got := dockerPush(t, c, p.refused); got.Code == 0 || !strings.Contains(got.Stderr, "denied: requested access to the resource is denied") {
					t.Errorf("docker push of %s to %s exits %d: %s", p.name, p.refused, got.Code, got.Text())
				}
			}
			digest := strings.TrimSpace(ok(t, alice.Crane("digest", alice.Ref("platform/app:1"))))
			denied(t, bob.Crane("delete", bob.Ref("platform/app@"+digest)))
			ok(t, alice.Crane("delete", alice.Ref("platform/app@"+digest))) // of platform/oncall

			login := rita.DockerLogin("rita", "rita-password")
			if login.Code == 0 || !strings.Contains(login.Stderr, "log in with an access token") {
				t.Errorf("docker login of an account with a required action exits %d: %s", login.Code, login.Text())
			}
			for _, e := range b.Audit(t) {
				if e.Username == "Alice@corp.example" && e.Subject != "sso:alice" {
					t.Errorf("the subject is %q, not the canonical name", e.Subject)
				}
			}
		})
	}
}

// dockerPush pushes an image of the client's from its engine.
func dockerPush(t *testing.T, c *stack.Client, repository string) stack.Result {
	t.Helper()
	ok(t, c.Docker("", "load", "--input", c.Image()))
	ok(t, c.Docker("", "tag", c.ImageName(), c.Ref(repository)))
	return c.Docker("", "push", c.Ref(repository))
}

// denied wants a command to fail. What crane says of a push that is refused depends on
// how far it had come.
func denied(t *testing.T, r stack.Result) {
	t.Helper()
	if r.Code == 0 {
		t.Errorf("granted, should be refused:\n%s", r.Text())
	}
}
