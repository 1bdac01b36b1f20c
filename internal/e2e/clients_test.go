package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// tools are the client programs.
func tools(tb testing.TB, e *stack.Engine) []tool {
	tb.Helper()
	return append(dockers(tb), podman(), buildah(), skopeo(), ctr(e), crane(), oras(), regctl(), helm())
}

// TestClients logs in to a real slapd through real clients, and works with a real
// registry: what the groups allow goes through, and the rest is refused in words.
// docs/clients.md says what was seen.
func TestClients(t *testing.T) {
	engine := stack.StartEngine(t)
	seen := map[string]record{}
	var names []string
	for _, version := range stack.Registries() {
		t.Run(string(version), func(t *testing.T) {
			for _, m := range useClients(t, engine, version) {
				if _, known := seen[m.name]; !known {
					seen[m.name] = newRecord()
					names = append(names, m.name)
				}
				seen[m.name].add(t, m.name, m.results)
			}
		})
	}
	if !t.Failed() {
		checkPage(t, names, seen)
	}
}

// useClients uses every tool in a world of one registry.
func useClients(t *testing.T, engine *stack.Engine, version stack.Version) []*matrix {
	w := newWorld(t, version)
	var all, manifests []*matrix
	for _, u := range tools(t, engine) {
		all = append(all, newMatrix(t, u, w, func(tb testing.TB) *stack.Client { return engine.NewClient(tb, w.registry) }))
	}
	each := func(name string, use func(*matrix, *testing.T)) {
		t.Run(name, func(t *testing.T) {
			for _, m := range all {
				t.Run(m.id, func(t *testing.T) {
					t.Parallel()
					use(m.in(t), t)
				})
			}
		})
	}
	each("works", func(m *matrix, t *testing.T) {
		m.works(t)
		m.refuses(t)
		m.removes(t)
		m.logsOut(t)
	})
	t.Run("ten layers", func(t *testing.T) { tenLayers(t, w, engine) })
	t.Run("docker manifest", func(t *testing.T) {
		for i, program := range stack.FindAll(t, "docker") {
			manifests = append(manifests, dockerManifest(t, w, fmt.Sprintf("manifest%d", i), program))
		}
	})
	w.slapd.Stop(t)
	each("directory down", (*matrix).outage)
	return append(all, manifests...)
}

// mounts is how many blobs the registry has mounted into the repository, as its log
// says. A manifest is put when its blobs are there, so its line comes after theirs.
func (w *world) mounts(tb testing.TB, repository string) int {
	tb.Helper()
	log := func() string { return w.registry.Output.String() }
	w.registry.WaitFor(tb, "manifest in "+repository, 10*time.Second, func() bool {
		return strings.Contains(log(), `"PUT /v2/`+repository+`/manifests/`)
	})
	var count int
	for _, line := range strings.Split(log(), "\n") {
		if strings.Contains(line, `"POST /v2/`+repository+`/blobs/uploads/?`) && strings.Contains(line, "mount=") && strings.Contains(line, `" 201 `) {
			count++
		}
	}
	return count
}
