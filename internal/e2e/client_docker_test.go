package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// dockers are the docker command lines of this machine, which may have releases that
// are years apart.
func dockers(tb testing.TB) []tool {
	tb.Helper()
	var all []tool
	programs := stack.FindAll(tb, "docker")
	for i, program := range programs {
		all = append(all, docker(fmt.Sprintf("docker%d", i), program))
	}
	return append(all, buildKit(programs))
}

// docker is a docker command line with an engine.
func docker(id, program string) tool {
	run := func(p *person, args ...string) stack.Result { return p.Run("", program, args...) }
	return tool{
		name: "docker", id: id, patient: true,
		hides: []refusal{loginDown, pullDown, serverError},
		login: func(p *person) stack.Result {
			return p.Run(p.password, program, "login", "--username", p.name, "--password-stdin", p.Registry())
		},
		logout: func(p *person) stack.Result { return run(p, "logout", p.Registry()) },
		push: func(p *person, ref string) stack.Result {
			return inOrder(
				func() stack.Result { return run(p, "load", "--input", p.Image()) },
				func() stack.Result { return run(p, "tag", p.ImageName(), ref) },
				func() stack.Result { return run(p, "push", ref) },
			)
		},
		pull: func(p *person, ref string) stack.Result {
			_ = run(p, "rmi", ref) // it may not be there
			return run(p, "pull", ref)
		},
		build: func(p *person, base string) stack.Result {
			return p.With("DOCKER_BUILDKIT=0").Run("", program, "build", "--pull", buildContext(p, base))
		},
		mount: func(p *person, from, to string) stack.Result {
			return inOrder(
				func() stack.Result { return run(p, "tag", from, to) },
				func() stack.Result { return run(p, "push", to) },
			)
		},
	}
}

// buildKit is a docker command line with the engine's BuildKit, which fetches base
// images with a client of its own.
func buildKit(programs []string) tool {
	d := docker("", programs[0])
	return tool{
		name: "BuildKit", id: "buildkit", login: d.login, logout: d.logout,
		hides: []refusal{stalePassword, pullThrottled, identityToken, pullAnonymous, loginDown, pullDown, wrongService, serverError},
		build: func(p *person, base string) stack.Result {
			var r stack.Result
			for _, program := range programs {
				r = p.With("DOCKER_BUILDKIT=1").Run("", program, "build", "--progress", "plain", "--pull", buildContext(p, base))
				if !strings.Contains(r.Stderr, "buildx component is missing") { // as it may be for some of them
					break
				}
			}
			return r
		},
	}
}

// buildContext is a folder with a Dockerfile that adds to the base.
func buildContext(p *person, base string) string {
	return filepath.Dir(p.File("build/Dockerfile", "FROM "+base+"\nCOPY Dockerfile /\n"))
}

// manifestName is what docs/clients.md calls it.
const manifestName = "docker manifest"

// dockerManifest works with manifest lists, which the docker command line does without
// an engine. The images that they name are pushed with another tool.
func dockerManifest(t *testing.T, w *world, id, program string) *matrix {
	m := newMatrix(t, tool{name: manifestName, id: id, hides: []refusal{pushAnonymous}}, w, w.client)
	run := func(p *person, args ...string) stack.Result { return p.Run("", program, args...) }
	d := docker("", program)
	create := func(p *person, ref, image string) stack.Result {
		return run(p, "manifest", "create", "--insecure", "--amend", ref, image)
	}
	publish := func(p *person, ref string) stack.Result { return run(p, "manifest", "push", "--insecure", ref) }
	inspect := func(p *person, ref string) stack.Result {
		return run(p, "manifest", "inspect", "--insecure", ref)
	}

	for _, p := range []*person{m.alice, m.bob} {
		ok(t, d.login(p))
	}
	for _, prefix := range []string{"platform", "public"} {
		image := m.repository(prefix) + ":image"
		ok(t, m.admin.Crane("push", m.admin.Image(), image))
		ok(t, create(m.alice, m.ref(prefix), image))
		ok(t, publish(m.alice, m.ref(prefix)))
		if got := ok(t, inspect(m.alice, m.ref(prefix))); !strings.Contains(got, "manifest.list") {
			t.Errorf("docker manifest inspect prints %s", got)
		}
	}
	ok(t, inspect(m.nobody, m.ref("public")))
	maps.Copy(m.results.does, map[operation]string{opLogin: yes, opPush: yes, opPull: yes, opAnonymousPull: yes, opLogout: yes})

	m.refused(t, wrongPassword, d.login(m.nobody.as("alice", "not-her-password")))
	m.refused(t, unknownUser, d.login(m.nobody.as("zoe", "zoe-password")))
	m.refused(t, pullDenied, inspect(m.bob, m.repository("platform")+":image"))
	m.refused(t, pullAnonymous, inspect(m.nobody, m.repository("platform")+":image"))
	public := m.repository("public") + ":image"
	ok(t, create(m.bob, m.ref("platform"), public))
	m.refused(t, pushDenied, publish(m.bob, m.ref("platform")))
	ok(t, create(m.nobody, m.ref("platform"), public))
	m.refused(t, pushAnonymous, publish(m.nobody, m.ref("platform")))
	ok(t, d.logout(m.bob))
	m.refused(t, pullAnonymous, inspect(m.bob, m.repository("platform")+":image"))
	return m
}

// tenLayers pushes an image whose layers go up side by side, mounts them all, and pulls
// them when the engine has none of them left.
func tenLayers(t *testing.T, w *world, e *stack.Engine) {
	alice := e.NewClient(t, w.registry)
	ok(t, w.broker.Command(t, "", "cache", "clear"))
	mark, before := len(w.slapd.Log()), len(w.broker.Audit(t))
	ok(t, alice.DockerLogin("alice", "alice-password"))
	wantKept(t, alice, "alice:alice-password")
	ok(t, alice.Docker("", "load", "--input", alice.Layers(10)))
	for _, repository := range []string{"platform/ten", "home/alice/ten"} {
		ok(t, alice.Docker("", "tag", alice.ImageName(), alice.Ref(repository)))
		ok(t, alice.Docker("", "push", alice.Ref(repository)))
	}
	if got := w.mounts(t, "home/alice/ten"); got != 10 {
		t.Errorf("%d layers are mounted, not 10", got)
	}
	if first, second := ok(t, alice.Crane("digest", alice.Ref("platform/ten"))), ok(t, alice.Crane("digest", alice.Ref("home/alice/ten"))); first != second {
		t.Errorf("pushed %s, mounted %s", first, second)
	}
	ok(t, alice.Docker("", "rmi", alice.ImageName(), alice.Ref("platform/ten"), alice.Ref("home/alice/ten")))
	if got := ok(t, alice.Docker("", "pull", alice.Ref("platform/ten"))); strings.Count(got, "Pull complete") != 10 {
		t.Errorf("docker pull does not fetch ten layers:\n%s", got)
	}
	w.slapd.Settle(t)
	binds := 0
	for _, e := range w.slapd.Events(mark) {
		if e.Kind == "BIND" && e.DN == corpDN("alice") {
			binds++
		}
	}
	asked := len(w.broker.Audit(t)) - before
	t.Logf("docker has asked for a token %d times, which cost the directory %d binds", asked, binds)
	if asked < 4 || binds > 1 {
		t.Errorf("%d tokens cost %d binds, want some tokens and one bind", asked, binds)
	}
}

// staleTenLayers is tenLayers with a password that is right no longer: however many tokens
// docker asks for, the directory is sent it once.
func staleTenLayers(t *testing.T, w *world, e *stack.Engine) {
	m := newMatrix(t, tool{name: "docker", id: "ten"}, w, w.client)
	former := e.NewClient(t, w.registry)
	ok(t, former.DockerLogin(m.former.name, m.former.password))
	ok(t, former.Docker("", "load", "--input", former.Layers(10)))
	ok(t, former.Docker("", "tag", former.ImageName(), former.Ref("platform/stale")))
	w.slapd.Modify(t, fmt.Sprintf("dn: %s\nchangetype: modify\nreplace: userPassword\nuserPassword: new-password\n", corpDN(m.former.name)))
	m.forget(t, m.former.name)
	before := refusedOf(w.broker.Audit(t), m.former.name)
	m.refused(t, stalePush, former.Docker("", "push", former.Ref("platform/stale")))
	asked := refusedOf(w.broker.Audit(t), m.former.name) - before
	t.Logf("docker has asked for a token %d times", asked)
	var pulls sync.WaitGroup
	for range 20 {
		pulls.Go(func() { _ = former.Crane("manifest", former.Ref("platform/ten")) })
	}
	pulls.Wait()
	if n := len(w.slapd.Values(t, corpDN(m.former.name), "pwdFailureTime")); asked == 0 || n != 1 {
		t.Errorf("%d times docker asked, and the directory counts %d wrong passwords, want 1", asked, n)
	}
}

// refusedOf counts somebody's refusals.
func refusedOf(entries []stack.Entry, name string) int {
	n := 0
	for _, e := range entries {
		if e.Username == name && e.Outcome == "unauthenticated" {
			n++
		}
	}
	return n
}

// wantKept wants docker to keep the credentials as docs/clients.md says.
func wantKept(t *testing.T, c *stack.Client, credentials string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(c.Dir(), "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Auths map[string]struct{ Auth string }
	}
	if err := json.Unmarshal(content, &config); err != nil {
		t.Fatal(err)
	}
	if got := config.Auths[c.Registry()].Auth; got != base64.StdEncoding.EncodeToString([]byte(credentials)) {
		t.Errorf("docker keeps %q", got)
	}
}

// inOrder runs commands until one fails, and returns the last result.
func inOrder(commands ...func() stack.Result) stack.Result {
	var r stack.Result
	for _, command := range commands {
		if r = command(); r.Code != 0 {
			break
		}
	}
	return r
}
