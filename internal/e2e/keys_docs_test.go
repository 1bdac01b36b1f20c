package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestKeysTranscripts types what the sections on replacing keys and the CA type, with
// examples/jwks, and restarts registries where they say so. Nobody waits for an hour: where
// the manual would, --force is typed, too.
func TestKeysTranscripts(t *testing.T) {
	keys := document(t, "docs/operations.md")
	for _, procedure := range []struct{ heading, registry, service, file string }{
		{"Keys of services with trust jwks", "v3-jwks", withJWKS, "registry/shorepass-jwks.json"},
		{"Replacing the CA", "v3", withX5C, "registry-ca/shorepass-ca.pem"},
	} {
		t.Run(procedure.heading, func(t *testing.T) {
			b := jwksBroker(t)
			ask := func() string {
				return b.Token(t, "bob", "bob-password", procedure.service, "repository:web/app:pull").Token
			}
			form := stack.Form{For: procedure.registry, Format: "yaml"}
			registry := stack.StartRegistryAs(t, b, form, "--service", procedure.service)
			_, text, _ := strings.Cut(keys, "\n### "+procedure.heading+"\n")
			text, _, _ = strings.Cut(text, "\n##")
			blocks := regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(text, -1)
			if len(blocks) < 3 {
				t.Fatalf("%d transcripts", len(blocks))
			}
			for _, block := range blocks {
				typed, want, _ := strings.Cut(block[1], "\n")
				command := replace(t, typed, "$ shorepass ", "exec "+program+" ")
				if strings.HasSuffix(typed, " activate") || strings.HasSuffix(typed, " finish") {
					command += " --force"
				}
				r := stack.Run(t, nil, "", "sh", "-c", "cd "+b.Dir+" && "+command)
				if got := steadyKeys(r.Stdout, b.Addr); r.Code != 0 || got != steadyKeys(want, "localhost:5001") {
					t.Errorf("%s exits %d and prints\n%s%s\ndocs/operations.md has\n%s", typed, r.Code, got, r.Stderr, steadyKeys(want, "localhost:5001"))
				}
				if strings.Contains(typed, "registry-config") { // the registry is restarted with what was written
					wantTaken(t, "before the restart", ask(), trusting{procedure.registry, registry, true})
					registry = stack.StartRegistryWith(t, stack.V3, writtenIn(t, b, procedure.file))
				}
				wantTaken(t, typed, ask(), trusting{procedure.registry, registry, true})
			}
		})
	}
}

// writtenIn is the configuration beside a file that registry-config wrote, with the path
// where that is.
func writtenIn(t *testing.T, b *stack.Broker, file string) string {
	t.Helper()
	path := filepath.Join(b.Dir, file)
	auth, err := os.ReadFile(filepath.Join(filepath.Dir(path), "auth.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return replace(t, string(auth), "/etc/distribution/"+filepath.Base(file), path)
}

// steadyKeys takes out what differs each time: times, key ids and fingerprints, and how wide
// the columns are for them.
func steadyKeys(text, addr string) string {
	text = strings.ReplaceAll(text, addr, "ADDR")
	for _, r := range []struct{ from, to string }{
		{`\d{4}-\d\d-\d\d \d\d:\d\dZ`, "TIME"},
		{`([A-Z2-7]{4}:){11}[A-Z2-7]{4}`, "KID"},
		{`([0-9A-F]{2}:){31}[0-9A-F]{2}|…`, "FINGERPRINT"},
		{`  +`, "  "},
	} {
		text = regexp.MustCompile(r.from).ReplaceAllString(text, r.to)
	}
	return text
}
