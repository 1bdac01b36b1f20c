package stack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Form is a form in which "shorepass registry-config" prints a registry's configuration: a
// --format, or json.
type Form struct{ For, Format string }

// flag names the file that the registry trusts, and the flag with its path.
func (f Form) flag() (name, file string) {
	if f.For == "v3-jwks" {
		return "--jwks", "shorepass-jwks.json"
	}
	return "--bundle", "shorepass-ca.pem"
}

// Print has registry-config write a form into a new folder, with the paths that things have
// there, and returns the folder.
func (f Form) Print(tb testing.TB, b *Broker, args ...string) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	name, file := f.flag()
	args = append([]string{"registry-config", "--for", f.For, name, filepath.Join(dir, file)}, args...)
	show := func(more ...string) string {
		r := b.Command(tb, "", append(args, more...)...)
		if r.Code != 0 {
			tb.Fatalf("registry-config exits %d: %s", r.Code, r.Text())
		}
		return r.Stdout
	}
	if f.Format != "json" {
		show("--format", f.Format, "--out", dir)
		return dir
	}
	show("--out", dir) // what the registry trusts; its configuration is that of the JSON
	auth := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(show("--json")), "{"), "}"))
	if err := os.WriteFile(filepath.Join(dir, "auth.yml"), []byte(auth), 0o600); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// StartRegistryAs starts a registry with a form of what registry-config prints for it.
func StartRegistryAs(tb testing.TB, b *Broker, f Form, args ...string) *Registry {
	tb.Helper()
	version := V3
	if f.For == "v2" {
		version = V2
	}
	dir := f.Print(tb, b, args...)
	switch f.Format {
	case "env":
		return startRegistry(tb, version, "", readEnv(tb, filepath.Join(dir, "registry.env")))
	case "compose":
		return startRegistry(tb, version, "", readCompose(tb, dir, "registry:"+strings.TrimPrefix(string(version), "v")))
	}
	return startRegistry(tb, version, read(tb, filepath.Join(dir, "auth.yml")), nil)
}

// readEnv reads a file as docker run --env-file does: no quotes, and no variables.
func readEnv(tb testing.TB, path string) []string {
	tb.Helper()
	var env []string
	for line := range strings.Lines(read(tb, path)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && !strings.HasPrefix(line, "#") {
			env = append(env, line)
		}
	}
	return env
}

// readCompose has docker-compose read the file in the folder, and returns the environment of
// its registry. What is mounted has to be there, under the path that the registry is told.
func readCompose(tb testing.TB, dir, image string) []string {
	tb.Helper()
	r := Run(tb, nil, "", Find(tb, "docker-compose"), "--project-directory", dir, "--file", filepath.Join(dir, "docker-compose.yml"), "config")
	if r.Code != 0 {
		tb.Fatalf("docker-compose config exits %d: %s", r.Code, r.Text())
	}
	var project struct {
		Services map[string]struct {
			Image       string
			Environment map[string]string
			Volumes     []string
		}
	}
	if err := yaml.Unmarshal([]byte(r.Stdout), &project); err != nil {
		tb.Fatalf("%v\n%s", err, r.Stdout)
	}
	service := project.Services["registry"]
	if service.Image != image {
		tb.Errorf("the image is %q, want %q", service.Image, image)
	}
	var env []string
	mounted := false
	for name, value := range service.Environment {
		value = strings.ReplaceAll(value, "$$", "$") // which config writes for others to read
		env = append(env, name+"="+value)
		for _, v := range service.Volumes {
			from, to, _ := strings.Cut(strings.TrimSuffix(v, ":ro"), ":")
			if to == value && from == value {
				_, err := os.Stat(from)
				mounted = err == nil
			}
		}
	}
	if !mounted {
		tb.Errorf("what the registry trusts is not mounted where it looks for it:\n%s", r.Stdout)
	}
	return env
}

func read(tb testing.TB, path string) string {
	tb.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(content)
}
