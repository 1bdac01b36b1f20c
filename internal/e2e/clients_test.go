package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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
	switch {
	case t.Failed():
	case !whole(seen):
		t.Log("docs/clients.md and what is left of old golden files are looked at in a whole run only")
	default:
		checkPage(t, names, seen)
		checkFiles(t, seen)
	}
}

// onlyOnce is the registry with which that is done which does not come to a registry, and
// takes long.
const onlyOnce = stack.V3

// useClients uses every tool in a world of one registry.
func useClients(t *testing.T, engine *stack.Engine, version stack.Version) []*matrix {
	w := newWorld(t, version, withTokens()...)
	var all, manifests []*matrix
	client := func(tb testing.TB) *stack.Client { return engine.NewClient(tb, w.registry) }
	for _, u := range tools(t, engine) {
		m := newMatrix(t, u, w, client)
		m.holders = m.newHolders(t, client)
		all = append(all, m)
	}
	each := func(name string, use func(*matrix, *testing.T)) {
		t.Run(name, func(t *testing.T) {
			for _, m := range all {
				t.Run(m.id, func(t *testing.T) {
					t.Parallel()
					use(m.in(t), t)
					m.results.passed[string(version)+"/"+name] = true
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
	if version == onlyOnce {
		each("too many", (*matrix).throttled)
	}
	each("access tokens", (*matrix).usesTokens)
	direct := w.moveAway(t)
	each("another network", (*matrix).fromElsewhere)
	direct()
	t.Run("ten layers", func(t *testing.T) { tenLayers(t, w, engine) })
	t.Run("ten layers, stale password", func(t *testing.T) { staleTenLayers(t, w, engine) })
	t.Run(manifestName, func(t *testing.T) {
		for i, program := range stack.FindAll(t, "docker") {
			m := dockerManifest(t, w, fmt.Sprintf("manifest%d", i), program)
			m.results.passed[string(version)+"/"+manifestName] = true
			manifests = append(manifests, m)
		}
	})
	w.restart(t, "services: ["+service+"]", "services: [registry.other.example]")
	each("wrong service", func(m *matrix, t *testing.T) { m.refused(t, wrongService, m.fetch(m.carol, m.ref("public"))) })
	w.broker.Program = fullDisk(t, w.broker.Program)
	w.restart(t, "services: [registry.other.example]", "services: ["+service+"]", "monitor:", "audit: {stdout: true}\nmonitor:")
	each("server error", func(m *matrix, t *testing.T) { m.refused(t, serverError, m.fetch(m.carol, m.ref("public"))) })
	w.broker.Program = program
	w.restart(t, "audit: {stdout: true}\n", "")
	w.slapd.Stop(t)
	ok(t, w.broker.Command(t, "", "cache", "clear"))
	each("directory down", (*matrix).outage)
	return append(all, manifests...)
}

// whole says whether every part of the test ran with every tool and registry, and not
// only what "go test -run" names.
func whole(seen map[string]record) bool {
	for name, r := range seen {
		parts := []string{"works", "access tokens", "another network", "wrong service", "server error", "directory down"}
		if name == manifestName {
			parts = []string{manifestName}
		} else if !r.passed[string(onlyOnce)+"/too many"] {
			return false
		}
		for _, version := range stack.Registries() {
			if slices.ContainsFunc(parts, func(part string) bool { return !r.passed[string(version)+"/"+part] }) {
				return false
			}
		}
	}
	_, manifests := seen[manifestName]
	return manifests
}

// restart starts the broker anew, with edits of its configuration.
func (w *world) restart(t *testing.T, edits ...string) {
	t.Helper()
	content, err := os.ReadFile(w.broker.Config)
	if err == nil {
		err = os.WriteFile(w.broker.Config, []byte(replace(t, string(content), edits...)), 0o600)
	}
	if err == nil {
		err = w.broker.Signal(syscall.SIGTERM)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.broker.Wait(t, 20*time.Second)
	w.broker.Serve(t)
}

// fullDisk is the program with a standard output that takes nothing.
func fullDisk(t *testing.T, program string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "shorepass")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec '"+program+"' \"$@\" >/dev/full\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return script
}

// mounts is how many blobs the registry has mounted into the repository, as its log
// says. A manifest is put when its blobs are there, so its line comes after theirs.
func (w *world) mounts(tb testing.TB, repository string) int {
	tb.Helper()
	w.logs(tb, `"PUT /v2/`+repository+`/manifests/`)
	return w.mounted(repository)
}

// mounted is mounts so far.
func (w *world) mounted(repository string) int {
	var count int
	for _, line := range strings.Split(w.registry.Output.String(), "\n") {
		if strings.Contains(line, `"POST /v2/`+repository+`/blobs/uploads/?`) && strings.Contains(line, "mount=") && strings.Contains(line, `" 201 `) {
			count++
		}
	}
	return count
}

// logs waits for a line of the registry's log with all the texts.
func (w *world) logs(tb testing.TB, texts ...string) {
	tb.Helper()
	w.logsSince(tb, 0, texts...)
}

// logsSince is logs from a position on. Slashes may be escaped there.
func (w *world) logsSince(tb testing.TB, position int, texts ...string) {
	tb.Helper()
	w.registry.WaitFor(tb, fmt.Sprintf("line in the registry's log with %q", texts), 10*time.Second, func() bool {
		for line := range strings.SplitSeq(strings.ReplaceAll(w.registry.Output.String()[position:], "%2F", "/"), "\n") {
			if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
				return true
			}
		}
		return false
	})
}
