package e2e_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

var update = flag.Bool("update", false, "write the golden files anew")

// ok wants a command to succeed and returns what it printed.
func ok(t *testing.T, r stack.Result) string {
	t.Helper()
	if r.Code != 0 {
		t.Fatalf("exit code %d:\n%s", r.Code, r.Text())
	}
	return r.Text()
}

// refusal is something that a user is refused, and the name of its golden file.
type refusal string

// The refusals, in the order of docs/clients.md.
const (
	wrongPassword  refusal = "login-wrong-password"
	unknownUser    refusal = "login-unknown-user"
	stalePassword  refusal = "pull-stale-password"
	pullAnonymous  refusal = "pull-anonymous"
	pushAnonymous  refusal = "push-anonymous"
	pullDenied     refusal = "pull-denied"
	pushDenied     refusal = "push-denied"
	deleteDenied   refusal = "delete-denied"
	tagsDenied     refusal = "tags-denied"
	catalogDenied  refusal = "catalog-denied"
	mountDenied    refusal = "mount-denied"
	loginDown      refusal = "login-directory-down"
	pullDown       refusal = "pull-directory-down"
	buildDenied    refusal = "build-denied"
	buildAnonymous refusal = "build-anonymous"
)

// noise is what programs print of their progress.
var noise = regexp.MustCompile(`level=info|existing blob|pushed blob|^Getting image source|^Copying |^Trying to pull|[0-9] retrying |Changing TLS settings|active check failed|^BuildKit is currently disabled|^environment-variable|^DEPRECATED|^#[0-9]+ |^-+$|^>|^$|^Install the buildx|^https://docs.docker.com/go/buildx`)

// volatile is what differs from run to run in what clients print.
// The details of a registry's refusal come in random order.
var volatile = regexp.MustCompile(`(?m)time="?[^ "]*"? |^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d |/tmp/[^ :"]+|[:;] \[map\[.*\]\]|,\\"detail\\":\[.*?\]`)

// digests stand for themselves.
var digests = regexp.MustCompile(`sha256(:|%3A)[0-9a-f]{64}`)

// message is what a user reads of a refusal, without what differs from run to run.
func (m *matrix) message(r stack.Result) string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(r.Stderr), "\n") {
		if line = strings.TrimSpace(line); !noise.MatchString(line) {
			lines = append(lines, digests.ReplaceAllString(volatile.ReplaceAllString(line, ""), "sha256:…"))
		}
	}
	return strings.NewReplacer(m.w.registry.Addr, "{{registry}}", m.w.broker.Addr, "{{broker}}", "/"+m.id, "/app", "%2F"+m.id, "%2Fapp").Replace(strings.Join(lines, "\n")) + "\n"
}

// refused wants a command to fail with the text of the golden file.
func (m *matrix) refused(t *testing.T, what refusal, r stack.Result) {
	t.Helper()
	if r.Code == 0 {
		t.Errorf("%s: granted, should be refused:\n%s", what, r.Text())
		return
	}
	got := m.message(r)
	file := filepath.Join("testdata", "messages", strings.ReplaceAll(strings.ToLower(m.name), " ", "-"), string(what)+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: the user reads\n%s\nshould read\n%s", what, got, want)
	}
	m.results.reads[what] = got
	m.explains(t, what, got)
}

// ours is what the broker says of the refusals that it makes itself. Of those of the
// registry, which are of people who are signed in, it only made the token.
var ours = map[refusal]string{
	wrongPassword: textRejected, unknownUser: textRejected, stalePassword: textRejected,
	pullAnonymous: textAnonymous, pushAnonymous: textAnonymous, buildAnonymous: textAnonymous,
	loginDown: textUnavailable, pullDown: textUnavailable,
}

const (
	textRejected    = "wrong user name or password, or the account may not sign in here: check them and log in again"
	textAnonymous   = "authentication required: log in to this registry first, then try again"
	textUnavailable = "your login cannot be checked at the moment, which says nothing about your password: try again in a few seconds"
)

// explains wants the user to read what the broker says, where the tool lets it through.
func (m *matrix) explains(t *testing.T, what refusal, text string) {
	t.Helper()
	if want, made := ours[what]; made && strings.Contains(text, want) == slices.Contains(m.hides, what) {
		t.Errorf("%s shows the broker's words: %t; the opposite is known of it:\n%s", what, strings.Contains(text, want), text)
	}
}
