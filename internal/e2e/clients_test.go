package e2e_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

var update = flag.Bool("update", false, "write the golden files anew")

// ok wants a command to succeed and returns what it printed.
func ok(t *testing.T, r stack.Result) string {
	t.Helper()
	if r.Code != 0 {
		t.Fatalf("exit code %d:\n%s", r.Code, r.Text())
	}
	return r.Text()
}

// volatile is what differs from run to run in what clients print.
// The details of a registry's refusal come in random order.
var volatile = regexp.MustCompile(`(?m)time="[^"]*" |^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d |/tmp/[^ :"]+|sha256:[0-9a-f]{64}|; \[map\[.*\]\]|,\\"detail\\":\[.*?\]`)

// refused wants a command to fail with the text of the golden file.
func refused(t *testing.T, w *world, r stack.Result, golden string) {
	t.Helper()
	if r.Code == 0 {
		t.Fatalf("granted, should be refused:\n%s", r.Text())
	}
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(r.Stderr), "\n") {
		if !strings.Contains(line, "level=info") && !strings.Contains(line, "existing blob") && !strings.Contains(line, "pushed blob") {
			lines = append(lines, volatile.ReplaceAllString(strings.TrimSpace(line), ""))
		}
	}
	got := strings.NewReplacer(w.registry.Addr, "{{registry}}", w.broker.Addr, "{{broker}}").Replace(strings.Join(lines, "\n")) + "\n"
	file := filepath.Join("testdata", "messages", golden+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the user reads\n%s\nshould read\n%s", got, want)
	}
}

// TestClients logs in to a real slapd through real clients, and works with a real
// registry: what the groups allow goes through, and the rest is refused in words.
func TestClients(t *testing.T) {
	for _, version := range stack.Registries() {
		t.Run(string(version), func(t *testing.T) {
			w := newWorld(t, version)
			alice, bob, carol, nobody := w.client(t), w.client(t), w.client(t), w.client(t)
			t.Run("login", func(t *testing.T) {
				if got := ok(t, alice.DockerLogin("alice", "alice-password")); !strings.Contains(got, "Login Succeeded") {
					t.Errorf("docker login prints %s", got)
				}
				ok(t, carol.DockerLogin("carol", "carol-password"))
				if got := ok(t, bob.SkopeoLogin("BOB", "bob-password")); !strings.Contains(got, "Login Succeeded!") {
					t.Errorf("skopeo login prints %s", got)
				}
			})
			t.Run("login refused", func(t *testing.T) {
				refused(t, w, nobody.DockerLogin("alice", "not-her-password"), "docker-login-wrong-password")
				refused(t, w, nobody.DockerLogin("zoe", "zoe-password"), "docker-login-unknown-user")
				refused(t, w, nobody.SkopeoLogin("alice", "not-her-password"), "skopeo-login-wrong-password")
				refused(t, w, nobody.SkopeoLogin("zoe", "zoe-password"), "skopeo-login-unknown-user")
			})
			t.Run("crane", func(t *testing.T) { useCrane(t, w, alice, bob, carol, nobody) })
			t.Run("skopeo", func(t *testing.T) { useSkopeo(t, w, alice, bob, nobody) })
			t.Run("docker", func(t *testing.T) { useDocker(t, w, alice, bob, nobody) })
		})
	}
}

func useCrane(t *testing.T, w *world, alice, bob, carol, nobody *stack.Client) {
	app, image := alice.Ref("platform/crane"), alice.Image()
	ok(t, alice.Crane("push", image, app+":1"))
	ok(t, alice.Crane("push", image, app+":2"))
	ok(t, alice.Crane("push", image, alice.Ref("public/crane:1")))
	ok(t, alice.Crane("push", image, alice.Ref("home/alice/crane:1")))
	tags := strings.Fields(ok(t, alice.Crane("ls", app)))
	if slices.Sort(tags); !slices.Equal(tags, []string{"1", "2"}) {
		t.Errorf("crane ls prints %q", tags)
	}
	digest := strings.TrimSpace(ok(t, alice.Crane("digest", app+":1")))
	ok(t, alice.Crane("pull", app+":1", filepath.Join(t.TempDir(), "pulled.tar")))
	ok(t, alice.Crane("copy", app+":1", alice.Ref("platform/mounted:1"))) // mounts blobs across repositories
	ok(t, nobody.Crane("pull", nobody.Ref("public/crane:1"), filepath.Join(t.TempDir(), "public.tar")))
	if got := ok(t, carol.Crane("catalog", w.registry.Addr)); !strings.Contains(got, "platform/crane\n") {
		t.Errorf("crane catalog prints %q", got)
	}

	refused(t, w, bob.Crane("push", image, app+":3"), "crane-push-denied")
	refused(t, w, bob.Crane("pull", app+":1", "/dev/null"), "crane-pull-denied")
	refused(t, w, nobody.Crane("pull", app+":1", "/dev/null"), "crane-pull-anonymous")
	refused(t, w, nobody.Crane("push", image, app+":3"), "crane-push-anonymous")
	refused(t, w, alice.Crane("push", image, alice.Ref("home/bob/crane:1")), "crane-push-foreign-home")
	refused(t, w, alice.Crane("catalog", w.registry.Addr), "crane-catalog-denied")
	refused(t, w, bob.Crane("delete", app+"@"+digest), "crane-delete-denied")
	ok(t, alice.Crane("delete", app+"@"+digest))
	if r := alice.Crane("digest", app+":1"); r.Code == 0 {
		t.Errorf("the deleted image is still there: %s", r.Text())
	}
}

func useSkopeo(t *testing.T, w *world, alice, bob, nobody *stack.Client) {
	const src, dest = "--src-tls-verify=false", "--dest-tls-verify=false"
	image := "docker-archive:" + alice.Image()
	app, public, web := "docker://"+alice.Ref("platform/skopeo"), "docker://"+alice.Ref("public/skopeo:1"), "docker://"+alice.Ref("web/skopeo:1")
	dir := func() string { return "dir:" + t.TempDir() }
	ok(t, alice.Skopeo("", "copy", dest, image, app+":1"))
	ok(t, alice.Skopeo("", "copy", dest, image, public))
	ok(t, bob.Skopeo("", "copy", dest, image, web)) // the group registry-web has web/…
	ok(t, alice.Skopeo("", "inspect", "--tls-verify=false", app+":1"))
	ok(t, alice.Skopeo("", "copy", src, app+":1", dir()))
	ok(t, alice.Skopeo("", "copy", src, dest, app+":1", "docker://"+alice.Ref("platform/copied:1")))
	ok(t, nobody.Skopeo("", "copy", src, public, dir()))
	if got := ok(t, alice.Skopeo("", "list-tags", "--tls-verify=false", app)); !strings.Contains(got, `"1"`) {
		t.Errorf("skopeo list-tags prints %s", got)
	}

	refused(t, w, bob.Skopeo("", "copy", dest, image, app+":2"), "skopeo-push-denied")
	refused(t, w, bob.Skopeo("", "copy", src, app+":1", dir()), "skopeo-pull-denied")
	refused(t, w, nobody.Skopeo("", "copy", src, app+":1", dir()), "skopeo-pull-anonymous")
	refused(t, w, bob.Skopeo("", "list-tags", "--tls-verify=false", app), "skopeo-tags-denied")
	refused(t, w, bob.Skopeo("", "delete", "--tls-verify=false", app+":1"), "skopeo-delete-denied")
	ok(t, alice.Skopeo("", "delete", "--tls-verify=false", app+":1"))
}

// useDocker pulls a manifest, which the docker command line does without an engine.
func useDocker(t *testing.T, w *world, alice, bob, nobody *stack.Client) {
	ok(t, bob.DockerLogin("bob", "bob-password"))
	image := alice.Image()
	ok(t, alice.Crane("push", image, alice.Ref("platform/docker:1")))
	ok(t, alice.Crane("push", image, alice.Ref("public/docker:1")))
	inspect := func(c *stack.Client, repository string) stack.Result {
		return c.Docker("", "manifest", "inspect", "--insecure", c.Ref(repository))
	}
	if got := ok(t, inspect(alice, "platform/docker:1")); !strings.Contains(got, `"schemaVersion": 2`) {
		t.Errorf("docker manifest inspect prints %s", got)
	}
	ok(t, inspect(nobody, "public/docker:1"))
	refused(t, w, inspect(bob, "platform/docker:1"), "docker-manifest-denied")
	refused(t, w, inspect(nobody, "platform/docker:1"), "docker-manifest-anonymous")
	if got := ok(t, alice.Docker("", "logout", w.registry.Addr)); !strings.Contains(got, "Removing login credentials") {
		t.Errorf("docker logout prints %s", got)
	}
	refused(t, w, inspect(alice, "platform/docker:1"), "docker-manifest-anonymous")
}
