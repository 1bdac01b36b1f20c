package e2e_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestComposeConfig has docker-compose read the file of the demo.
func TestComposeConfig(t *testing.T) {
	ok(t, stack.Run(t, nil, "", stack.Find(t, "docker-compose"), "--file", "../../docker-compose.yml", "config", "--quiet"))
}

// TestDockerfileGo wants the image to be built with the Go that go.mod asks for.
func TestDockerfileGo(t *testing.T) {
	_, version, _ := strings.Cut(document(t, "go.mod"), "\ngo ")
	version, _, _ = strings.Cut(version, "\n")
	minor := version[:strings.LastIndex(version, ".")]
	if !strings.Contains(document(t, "Dockerfile"), "\nFROM golang:"+minor+".") {
		t.Errorf("go.mod needs go %s: the Dockerfile has another", version)
	}
}

// composeDemo is the demo of docker-compose.yml, on ports of its own.
type composeDemo struct {
	*stack.Project
	engine           *stack.Engine
	registry, broker string // addresses
	folder           string // of the broker's configuration
}

// newComposeDemo prepares the demo. Nothing is changed but the ports.
func newComposeDemo(t *testing.T) *composeDemo {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	port := freePorts(t, 2)
	d := &composeDemo{engine: stack.StartEngine(t), registry: fmt.Sprintf("localhost:%d", port), broker: fmt.Sprintf("localhost:%d", port+1)}
	d.engine.ImportImages(t, root, "Dockerfile", "examples/compose/directory/Dockerfile", "docker-compose.yml")
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil { // the containers' users read it
			t.Fatal(err)
		}
		return path
	}
	d.folder = filepath.Join(dir, "broker")
	if err := os.CopyFS(d.folder, os.DirFS(filepath.Join(root, "examples/compose/broker"))); err != nil {
		t.Fatal(err)
	}
	write("broker/shorepass.yaml", replace(t, example(t, "compose/broker/shorepass.yaml"), "localhost:5011", d.broker))
	registry := write("registry.yml", replace(t, example(t, "compose/registry.yml"), "localhost:5011", d.broker))
	published := func(addr string) string { return "127.0.0.1:" + strings.TrimPrefix(addr, "localhost:") + ":" }
	d.Project = d.engine.NewProject(t, root, write("docker-compose.yml", replace(t, document(t, "docker-compose.yml"),
		"127.0.0.1:5010:", published(d.registry), "127.0.0.1:5011:", published(d.broker),
		"./examples/compose/broker", d.folder, "./examples/compose/registry.yml", registry)))
	return d
}

// TestCompose builds the images and starts them as people do, logs in, pushes, pulls
// and is refused through them, stops them, and starts them again.
func TestCompose(t *testing.T) {
	d := newComposeDemo(t)
	ok(t, d.Build())
	ok(t, d.Compose("up", "--detach"))
	t.Run("least privilege", func(t *testing.T) { checkPrivileges(t, d) })
	t.Run("long life", func(t *testing.T) { checkLongLife(t, d) })
	t.Run("registry-config", func(t *testing.T) { checkRegistryConfig(t, d) })
	alice, bob := d.client(t), d.client(t)
	t.Run("clients", func(t *testing.T) { useCompose(t, d, alice, bob) })
	t.Run("a changed policy", func(t *testing.T) { reloadCompose(t, d, bob) })
	t.Run("break glass", func(t *testing.T) { breakGlass(t, d, alice) })
	t.Run("stop", func(t *testing.T) { stopCompose(t, d) })
	t.Run("start again", func(t *testing.T) {
		ok(t, d.Compose("up", "--detach"))
		ok(t, alice.Docker("", "pull", alice.Ref("platform/app:1")))
	})
	t.Run("take down", func(t *testing.T) {
		ok(t, d.Compose("down", "--volumes"))
		for what, list := range map[string][]string{
			"containers": {"ps", "--all", "--quiet"},
			"volumes":    {"volume", "ls", "--quiet"},
			"networks":   {"network", "ls", "--quiet", "--filter", "driver=bridge"},
		} {
			if left := ok(t, d.Docker(list...)); left != "" {
				t.Errorf("%s are left: %s", what, left)
			}
		}
	})
	t.Run("the image by itself", func(t *testing.T) { useImage(t, d) })
}

// checkLongLife wants the demo to come back after a restart of the machine, to have the
// time to stop, and to print nothing while nobody uses it.
func checkLongLife(t *testing.T, d *composeDemo) {
	for service, want := range map[string]string{"directory": "always", "broker": "always", "trust": "no", "registry": "always"} {
		const life = "{{.HostConfig.RestartPolicy.Name}} {{index .HostConfig.LogConfig.Config \"max-size\"}}"
		if got := d.Inspect(service, life); got != want+" 10m" {
			t.Errorf("%s: restart policy and size of its log are %s", service, got)
		}
	}
	// It takes up to 30.
	if got := d.Inspect("broker", "{{.Config.StopTimeout}}"); got != "40" {
		t.Errorf("the broker has %s seconds to stop", got)
	}
	// Else Docker would not start it again that was sent SIGHUP and ends some day.
	if got := d.Inspect("broker", "{{.Config.StopSignal}}"); got != "SIGTERM" {
		t.Errorf("the broker is stopped by %q", got)
	}
	printed := func() string { // docker-compose mixes the services' lines at random
		lines := slices.Sorted(strings.Lines(ok(t, d.Compose("logs", "--no-color", "directory", "broker"))))
		// By chance slapd says how far it is with a connection: "connection_read(11): no connection!",
		// "connection_input: conn=1006 deferring operation: binding".
		return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, " connection_") }), "")
	}
	before := printed()
	for range 3 {
		ok(t, d.Docker("exec", d.Container("directory"), "ldapwhoami", "-x"))
		ok(t, d.Docker("exec", d.Container("broker"), "shorepass", "health"))
	}
	if after := printed(); after != before {
		t.Errorf("health checks make the log grow from\n%s\nto\n%s", before, after)
	}
}

// breakGlass stops the directory, and has the account for that day do its work.
func breakGlass(t *testing.T, d *composeDemo, alice *stack.Client) {
	ok(t, d.Compose("stop", "directory"))
	ok(t, d.Docker("exec", d.Container("broker"), "shorepass", "cache", "clear"))
	keeper := d.client(t)
	ok(t, keeper.DockerLogin("breakglass", "breakglass-password"))
	ok(t, keeper.Crane("copy", keeper.Ref("platform/app:1"), keeper.Ref("release/app:1")))
	if r := alice.Crane("manifest", alice.Ref("platform/app:1")); r.Code == 0 {
		t.Error("alice comes in while the directory is down")
	}
}

// reloadCompose has another policy take the place of the file, as editors save, and the broker
// read it.
func reloadCompose(t *testing.T, d *composeDemo, bob *stack.Client) {
	push := func() stack.Result { return bob.Crane("copy", bob.Ref("web/app:1"), bob.Ref("platform/bob:1")) }
	if r := push(); r.Code == 0 {
		t.Error("bob pushes without the right")
	}
	policy := filepath.Join(d.folder, "policy.yaml")
	rule := "\n  - {name: bob, users: [directory:bob], repositories: [platform/bob], allow: [pull, push]}\n"
	err := os.WriteFile(policy+".new", []byte(example(t, "compose/broker/policy.yaml")+rule), 0o644) // the container's user reads it
	if err == nil {
		err = os.Rename(policy+".new", policy)
	}
	if err != nil {
		t.Fatal(err)
	}
	ok(t, d.Compose("kill", "-s", "HUP", "broker"))
	eventually(t, "the broker has read the policy", func() bool {
		return strings.Contains(ok(t, d.Compose("logs", "--no-color", "broker")), "msg=reloaded")
	})
	ok(t, push())
}

// TestComposePolicy wants the demo's policy and users file to be those of examples/openldap, but
// for the networks of the account for the day when the directory is down.
func TestComposePolicy(t *testing.T) {
	networks := regexp.MustCompile(`(?m)^    # .*\n|^    networks: .*\n`)
	rules := func(name string) string {
		_, text, _ := strings.Cut(example(t, name), "\nrules:")
		return networks.ReplaceAllString(text, "")
	}
	if got, want := rules("compose/broker/policy.yaml"), rules("openldap/policy.yaml"); got != want || got == "" {
		t.Errorf("examples/compose/broker/policy.yaml has the rules\n%s\nwant\n%s", got, want)
	}
	if got, want := example(t, "compose/broker/users.yaml"), example(t, "openldap/users.yaml"); got != want {
		t.Errorf("examples/compose/broker/users.yaml has\n%s\nwant\n%s", got, want)
	}
}

// client is a person who has not logged in yet.
func (d *composeDemo) client(t *testing.T) *stack.Client {
	return d.engine.NewClient(t, &stack.Registry{Addr: d.registry})
}

func checkPrivileges(t *testing.T, d *composeDemo) {
	if health := d.Inspect("broker", "{{.State.Health.Status}}"); health != "healthy" {
		t.Errorf("the broker is %s", health)
	}
	const rights = "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}"
	for _, service := range []string{"directory", "broker", "trust", "registry"} {
		if got := d.Inspect(service, rights); got != "true [ALL] [no-new-privileges:true]" {
			t.Errorf("%s: read-only root, dropped capabilities and security options are %s", service, got)
		}
	}
	for service, program := range map[string]string{"directory": "slapd", "broker": "shorepass"} {
		processes := ok(t, d.Docker("top", d.Container(service), "-eo", "pid,uid,comm"))
		asUser := regexp.MustCompile(`^\S+ +UID +COMMAND\n *\d+ +[1-9]\d+ +` + program + `\n$`)
		if !asUser.MatchString(processes) {
			t.Errorf("%s runs\n%s\nwant %s alone, as a user without rights", service, processes, program)
		}
	}
	r := d.Docker("exec", d.Container("broker"), "shorepass", "registry-config", "--for", "v3", "--write-bundle", "/etc/ca.pem")
	if r.Code == 0 || !strings.Contains(r.Text(), "read-only file system") {
		t.Errorf("writing to the root file system exits %d: %s", r.Code, r.Text())
	}
	if r := d.Docker("exec", d.Container("directory"), "touch", "/etc/x"); r.Code == 0 {
		t.Error("the directory can write to its root file system")
	}
	history := ok(t, d.Docker("history", "--no-trunc", d.Inspect("broker", "{{.Image}}"))) + ok(t, d.Docker("history", "--no-trunc", d.Inspect("directory", "{{.Image}}")))
	for _, secret := range []string{"service-password", "admin-password", "alice-password", "PRIVATE KEY"} {
		if strings.Contains(history, secret) {
			t.Errorf("the images' history has %q", secret)
		}
	}
}

// checkRegistryConfig compares the registry's file with what the program prints for it.
func checkRegistryConfig(t *testing.T, d *composeDemo) {
	printed := ok(t, d.Docker("exec", d.Container("broker"), "shorepass", "registry-config", "--for", "v3", "--bundle", "/trust/shorepass-ca.pem"))
	_, want, _ := strings.Cut(printed, "\nauth:\n")
	_, got, _ := strings.Cut(replace(t, example(t, "compose/registry.yml"), "localhost:5011", d.broker), "\nauth:\n")
	if got != want {
		t.Errorf("registry.yml has\n%s\nregistry-config prints\n%s", got, want)
	}
}

func useCompose(t *testing.T, d *composeDemo, alice, bob *stack.Client) {
	ok(t, alice.DockerLogin("alice", "alice-password"))
	ok(t, bob.DockerLogin("bob", "bob-password"))
	if r := d.client(t).DockerLogin("bob", "not-his-password"); r.Code == 0 || !strings.Contains(r.Text(), "wrong user name or password") {
		t.Errorf("a wrong password exits %d: %s", r.Code, r.Text())
	}
	ok(t, alice.Docker("", "load", "--input", alice.Image()))
	app, public := alice.Ref("platform/app:1"), alice.Ref("public/app:1")
	for _, ref := range []string{app, public, alice.Ref("web/app:1")} {
		ok(t, alice.Docker("", "tag", alice.ImageName(), ref))
	}
	ok(t, alice.Docker("", "push", app))
	ok(t, alice.Docker("", "push", public))
	ok(t, bob.Docker("", "push", bob.Ref("web/app:1"))) // the group registry-web has web/…
	for _, r := range []stack.Result{bob.Docker("", "push", app), alice.Docker("", "push", alice.Ref("web/app:1"))} {
		if r.Code == 0 || !strings.Contains(r.Text(), "denied") {
			t.Errorf("a push without the right exits %d: %s", r.Code, r.Text())
		}
	}
	ok(t, alice.Docker("", "image", "rm", app, public))
	if r := bob.Docker("", "pull", app); r.Code == 0 {
		t.Errorf("bob pulls %s", app)
	}
	ok(t, alice.Docker("", "pull", app))
	ok(t, d.client(t).Docker("", "pull", public)) // anybody
	ok(t, alice.Crane("copy", app, alice.Ref("platform/copy:1")))

	if log := ok(t, d.Compose("logs", "--no-color", "broker")); !strings.Contains(log, `"subject":"directory:alice"`) {
		t.Errorf("the broker's log tells nothing of alice: %s", log)
	}
	members := ok(t, d.Docker("exec", d.Container("directory"), "ldapsearch", "-x", "-LLL", "-D", "cn=admin,dc=corp,dc=example", "-w", "admin-password", "-b", "ou=groups,dc=corp,dc=example", "(cn=platform)", "member"))
	if !strings.Contains(members, "uid=alice") {
		t.Errorf("ldapsearch in the directory prints %s", members)
	}
}

// stopCompose stops everything: nothing is killed, and the ports are free.
func stopCompose(t *testing.T, d *composeDemo) {
	started := time.Now()
	ok(t, d.Compose("stop"))
	if took := time.Since(started); took < 5*time.Second {
		t.Errorf("stopped after %s, before the broker's five seconds of lame duck", took)
	}
	for _, service := range []string{"directory", "broker", "registry"} {
		if got := d.Inspect(service, "{{.State.Status}} {{.State.ExitCode}}"); got != "exited 0" {
			t.Errorf("%s: %s, want it to end by itself", service, got)
		}
	}
	for _, addr := range []string{d.registry, d.broker} {
		if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			_ = c.Close()
			t.Errorf("%s is still open", addr)
		}
	}
}
