package stack

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Version is a major version of the CNCF registry.
type Version string

// The registries of the tests.
const (
	V2 Version = "v2" // Debian's 2.8
	V3 Version = "v3" // 3.1
)

// Registries are all of them.
func Registries() []Version { return []Version{V2, V3} }

// Registry is a running registry that trusts a broker.
type Registry struct {
	*Process
	Addr string
}

// StartRegistry starts a registry with what "shorepass registry-config" prints for
// it, and nothing else about authentication.
func StartRegistry(tb testing.TB, b *Broker, v Version, args ...string) *Registry {
	tb.Helper()
	dir := tb.TempDir()
	bundle := filepath.Join(dir, "ca.pem")
	auth := b.Command(tb, "", append([]string{"registry-config", "--for", string(v), "--bundle", bundle, "--write-bundle", bundle}, args...)...)
	if auth.Code != 0 {
		tb.Fatalf("registry-config exits %d: %s", auth.Code, auth.Stderr)
	}
	return StartRegistryWith(tb, v, auth.Stdout)
}

// StartRegistryWith starts a registry with the auth section of its configuration.
func StartRegistryWith(tb testing.TB, v Version, auth string) *Registry {
	tb.Helper()
	return startRegistry(tb, v, auth, nil)
}

// startRegistry starts a registry with the auth section of its configuration, or with an
// environment that says the same.
func startRegistry(tb testing.TB, v Version, auth string, env []string) *Registry {
	tb.Helper()
	dir := tb.TempDir()
	r := &Registry{Addr: FreeAddr(tb)}
	config := strings.NewReplacer("{{addr}}", r.Addr, "{{root}}", filepath.Join(dir, "blobs")).Replace(RegistryConfig) + auth
	file := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
	r.Process = Start(tb, env, v.program(tb), "serve", file)
	r.WaitFor(tb, "registry", 20*time.Second, func() bool {
		response, err := http.Get("http://" + r.Addr + "/v2/")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusUnauthorized
	})
	return r
}

func (v Version) program(tb testing.TB) string {
	tb.Helper()
	if v == V2 {
		return Find(tb, "docker-registry")
	}
	return Find(tb, "registry")
}

// RegistryConfig is a registry's configuration, but for its auth section, which comes
// last. {{addr}} and {{root}} stand for its address and the folder of its images.
const RegistryConfig = `version: 0.1
log:
  level: warn
storage:
  filesystem: {rootdirectory: '{{root}}'}
  delete: {enabled: true}
http:
  addr: '{{addr}}'
`
