package e2e_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestClientVersions holds docs/clients.md to the versions that peers.sh installs.
func TestClientVersions(t *testing.T) {
	page := strings.Join(strings.Fields(document(t, "docs/clients.md")), " ")
	want := func(program, version string) {
		t.Helper()
		if !strings.Contains(page, program+" "+version) {
			t.Errorf("docs/clients.md does not name %s %s, which make peers installs", program, version)
		}
	}
	script := document(t, "internal/e2e/peers.sh")
	for _, program := range []string{"registry", "crane", "oras", "regctl", "helm"} {
		pin := regexp.MustCompile(`/cmd/` + program + `@v([0-9.]+)`).FindStringSubmatch(script)
		if pin == nil {
			t.Fatalf("peers.sh has no version of %s", program)
		}
		want(program, pin[1])
	}
	release, err := os.ReadFile("/etc/os-release")
	if err != nil || !strings.Contains(string(release), "\nVERSION_CODENAME=bookworm\n") {
		return // the page speaks of Debian 12
	}
	for program, name := range map[string]string{
		"docker.io": "docker", "podman": "podman", "buildah": "buildah", "skopeo": "skopeo",
		"containerd": "containerd", "docker-registry": "registries",
	} {
		version := ok(t, stack.Run(t, nil, "", "dpkg-query", "-W", "-f", "${source:Upstream-Version}", program))
		version, _, _ = strings.Cut(version, "+")
		version, _, _ = strings.Cut(version, "~")
		want(name, version)
	}
}
