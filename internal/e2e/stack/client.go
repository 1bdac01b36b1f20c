package stack

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
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

// NewClient returns a person who has logged in nowhere yet.
func NewClient(tb testing.TB, r *Registry) *Client {
	tb.Helper()
	dir := tb.TempDir()
	return &Client{tb: tb, dir: dir, registry: r.Addr, env: []string{
		"HOME=" + dir, "DOCKER_CONFIG=" + dir, "XDG_RUNTIME_DIR=" + dir, "REGISTRY_AUTH_FILE=" + filepath.Join(dir, "config.json"), // skopeo's; docker and crane read the same file
	}}
}

// Docker runs the docker command line, without an engine.
func (c *Client) Docker(stdin string, args ...string) Result {
	c.tb.Helper()
	return Run(c.tb, c.env, stdin, Find(c.tb, "docker"), args...)
}

// Crane runs crane.
func (c *Client) Crane(args ...string) Result {
	c.tb.Helper()
	return Run(c.tb, c.env, "", Find(c.tb, "crane"), args...)
}

// Skopeo runs skopeo.
func (c *Client) Skopeo(stdin string, args ...string) Result {
	c.tb.Helper()
	return Run(c.tb, c.env, stdin, Find(c.tb, "skopeo"), append([]string{"--insecure-policy"}, args...)...)
}

// DockerLogin logs in with docker; crane reads the same file.
func (c *Client) DockerLogin(username, password string) Result {
	c.tb.Helper()
	return c.Docker(password, "login", "--username", username, "--password-stdin", c.registry)
}

// SkopeoLogin logs in with skopeo.
func (c *Client) SkopeoLogin(username, password string) Result {
	c.tb.Helper()
	return c.Skopeo(password, "login", "--tls-verify=false", "--username", username, "--password-stdin", c.registry)
}

// Ref is a reference to an image of the client's registry.
func (c *Client) Ref(repository string) string { return c.registry + "/" + repository }

// Image makes a small image in a file that crane and skopeo push.
func (c *Client) Image() string {
	c.tb.Helper()
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	content := []byte("hello from " + c.dir + "\n")
	if err := w.WriteHeader(&tar.Header{Name: "hello.txt", Mode: 0o644, Size: int64(len(content))}); err != nil {
		c.tb.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		c.tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		c.tb.Fatal(err)
	}
	file, image := filepath.Join(c.dir, "layer.tar"), filepath.Join(c.dir, "image.tar")
	if err := os.WriteFile(file, layer.Bytes(), 0o600); err != nil {
		c.tb.Fatal(err)
	}
	if made := c.Crane("append", "--oci-empty-base", "-f", file, "-t", "example/hello:1", "-o", image); made.Code != 0 {
		c.tb.Fatalf("crane append exits %d: %s", made.Code, made.Stderr)
	}
	return image
}
