package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Project is what a docker-compose.yml describes, on an engine of a test's.
type Project struct {
	tb   testing.TB
	env  []string
	args []string
}

// NewProject is the docker-compose.yml in the folder root, with the contents of file
// in its place. It is taken down when the test ends, with all that it made.
func (e *Engine) NewProject(tb testing.TB, root, file string) *Project {
	tb.Helper()
	name := fmt.Sprintf("shorepass%d", os.Getpid())
	p := &Project{tb: tb, env: []string{"DOCKER_HOST=unix://" + e.Socket, "DOCKER_CONFIG=" + tb.TempDir()}}
	p.args = []string{"--project-directory", root, "--file", file, "--project-name", name, "--ansi", "never"}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("docker-compose logs:\n%s", tail(p.Compose("logs", "--no-color").Text(), 8000))
		}
		p.Compose("down", "--volumes", "--timeout", "5")
	})
	return p
}

// Compose runs docker-compose, for at most three minutes.
func (p *Project) Compose(args ...string) Result {
	p.tb.Helper()
	return p.within(3*time.Minute, args...)
}

// Build builds the images, for at most five minutes.
func (p *Project) Build() Result {
	p.tb.Helper()
	return p.within(5*time.Minute, "build")
}

func (p *Project) within(limit time.Duration, args ...string) Result {
	p.tb.Helper()
	return RunWithin(p.tb, limit, p.env, "", Find(p.tb, "docker-compose"), append(slices.Clone(p.args), args...)...)
}

// Docker runs docker on the project's engine.
func (p *Project) Docker(args ...string) Result {
	p.tb.Helper()
	return Run(p.tb, p.env, "", Find(p.tb, "docker"), args...)
}

// Container returns the id of a service's container, running or not.
func (p *Project) Container(service string) string {
	p.tb.Helper()
	r := p.Compose("ps", "--all", "--quiet", service)
	if r.Code != 0 || strings.TrimSpace(r.Stdout) == "" {
		p.tb.Fatalf("there is no container of %s: %s", service, r.Text())
	}
	return strings.TrimSpace(r.Stdout)
}

// Inspect prints what the engine knows of a service's container, through a template.
func (p *Project) Inspect(service, template string) string {
	p.tb.Helper()
	r := p.Docker("inspect", "--format", template, p.Container(service))
	if r.Code != 0 {
		p.tb.Fatalf("docker inspect %s: %s", service, r.Text())
	}
	return strings.TrimSpace(r.Stdout)
}

// image is a base that a Dockerfile names, or an image that docker-compose.yml does.
var image = regexp.MustCompile(`(?m)^\s*(?:FROM|image:) ((?:debian|golang|registry):\S+)`)

// ImportImages gives the engine stand-ins for the images that files of the module at
// root name and that it cannot pull: those of Debian, Go and the registry.
func (e *Engine) ImportImages(tb testing.TB, root string, files ...string) {
	tb.Helper()
	names := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			tb.Fatal(err)
		}
		for _, m := range image.FindAllStringSubmatch(string(content), -1) {
			kind, _, _ := strings.Cut(m[1], ":")
			names[kind] = m[1]
		}
	}
	if len(names) != 3 {
		tb.Fatalf("the files %q name the images %v, want one of Debian, Go and the registry", files, names)
	}
	// It is where the programs are that "make peers" builds.
	debian := filepath.Join(filepath.Dir(Find(tb, "registry")), "..", "debian.tar")
	r := RunWithin(tb, 3*time.Minute, []string{"DOCKER_HOST=unix://" + e.Socket}, "", filepath.Join(root, "internal", "e2e", "images.sh"),
		"import", debian, names["debian"], names["golang"], names["registry"])
	if r.Code != 0 {
		tb.Fatalf("images.sh exits %d; is \"make peers\" done?\n%s", r.Code, r.Text())
	}
}

// officialConfig is the configuration in the registry's official image, as far as it matters.
const officialConfig = `version: 0.1
storage:
  filesystem: {rootdirectory: /var/lib/registry}
http: {addr: ":5000"}
`

// ImportRegistry gives the engine a stand-in for the registry's official image: the program
// of "make peers", with the configuration that the image has.
func (e *Engine) ImportRegistry(tb testing.TB, image string) {
	tb.Helper()
	dir := tb.TempDir()
	for _, folder := range []string{"bin", "tmp", "etc/distribution", "var/lib/registry"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	program, err := os.ReadFile(Find(tb, "registry"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "bin/registry"), program, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "etc/distribution/config.yml"), []byte(officialConfig), 0o644)
	}
	if err != nil {
		tb.Fatal(err)
	}
	r := Run(tb, []string{"DOCKER_HOST=unix://" + e.Socket}, "", "sh", "-c",
		`tar -C "$0" -c . | docker import --change 'ENTRYPOINT ["/bin/registry", "serve", "/etc/distribution/config.yml"]' - "$1"`, dir, image)
	if r.Code != 0 {
		tb.Fatalf("docker import exits %d: %s", r.Code, r.Text())
	}
}
