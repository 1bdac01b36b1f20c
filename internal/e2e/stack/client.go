package stack

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Client runs the programs that people use, as one person with a configuration of
// their own.
type Client struct {
	tb       testing.TB
	dir      string
	env      []string
	registry string
}

// NewClient returns a person who has logged in nowhere yet, and who has no engine.
func NewClient(tb testing.TB, r *Registry) *Client {
	tb.Helper()
	dir := tb.TempDir()
	c := &Client{tb: tb, dir: dir, registry: r.Addr, env: []string{
		"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_CACHE_HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_RUNTIME_DIR=" + dir,
		"DOCKER_CONFIG=" + dir, "DOCKER_HOST=unix://" + filepath.Join(dir, "no-engine.sock"),
		"REGISTRY_AUTH_FILE=" + filepath.Join(dir, "config.json"), // skopeo's and podman's; docker and crane read the same file
	}}
	c.File("config.json", "{}\n") // podman wants the file that it is told of
	return c
}

// In is the same person in another test.
func (c *Client) In(tb testing.TB) *Client {
	in := *c
	in.tb = tb
	return &in
}

// With is the same person with more in the environment.
func (c *Client) With(env ...string) *Client {
	with := *c
	with.env = append(slices.Clone(c.env), env...)
	return &with
}

// Dir is the person's home.
func (c *Client) Dir() string { return c.dir }

// File writes a file into the person's home, in a folder of its own if the name has
// one, and returns its path.
func (c *Client) File(name, content string) string {
	c.tb.Helper()
	path := filepath.Join(c.dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o750)
	if err == nil {
		err = os.WriteFile(path, []byte(content), 0o600)
	}
	if err != nil {
		c.tb.Fatal(err)
	}
	return path
}

// Registry is the host and port of the person's registry.
func (c *Client) Registry() string { return c.registry }

// Run runs a program; stdin is what it reads.
func (c *Client) Run(stdin, program string, args ...string) Result {
	c.tb.Helper()
	return Run(c.tb, c.env, stdin, Find(c.tb, program), args...)
}

// apart gives a program folders of the person's for those that it keeps for the whole
// machine: what other people have pulled, and what runs.
const apart = `set -e
for folder in /var/lib/containers /run/containers /run/libpod; do
	mkdir -p "$folder" "$HOME/machine$folder"
	mount --bind "$HOME/machine$folder" "$folder"
done
exec "$@"`

// RunApart is Run in a mount namespace, so that podman, buildah and skopeo leave nothing
// behind on the machine, and know nothing of earlier tests. This needs root.
func (c *Client) RunApart(stdin, program string, args ...string) Result {
	c.tb.Helper()
	return c.Run(stdin, "unshare", append([]string{"--mount", "sh", "-c", apart, "sh", Find(c.tb, program)}, args...)...)
}

// Docker runs the docker command line.
func (c *Client) Docker(stdin string, args ...string) Result {
	c.tb.Helper()
	return c.Run(stdin, "docker", args...)
}

// Crane runs crane.
func (c *Client) Crane(args ...string) Result {
	c.tb.Helper()
	return c.Run("", "crane", args...)
}

// DockerLogin logs in with docker; crane reads the same file.
func (c *Client) DockerLogin(username, password string) Result {
	c.tb.Helper()
	return c.Docker(password, "login", "--username", username, "--password-stdin", c.registry)
}

// Ref is a reference to an image of the client's registry.
func (c *Client) Ref(repository string) string { return c.registry + "/" + repository }
