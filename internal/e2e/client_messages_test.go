package e2e_test

import (
	"cmp"
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
	wrongPassword    refusal = "login-wrong-password"
	unknownUser      refusal = "login-unknown-user"
	stalePassword    refusal = "pull-stale-password"
	stalePush        refusal = "push-stale-password"
	loginThrottled   refusal = "login-too-many"
	pullThrottled    refusal = "pull-too-many"
	identityToken    refusal = "pull-identity-token"
	pullAnonymous    refusal = "pull-anonymous"
	pushAnonymous    refusal = "push-anonymous"
	publicAnonymous  refusal = "push-public-anonymous"
	tagsAnonymous    refusal = "tags-anonymous"
	catalogAnonymous refusal = "catalog-anonymous"
	deleteAnonymous  refusal = "delete-anonymous"
	pullDenied       refusal = "pull-denied"
	pushDenied       refusal = "push-denied"
	deleteDenied     refusal = "delete-denied"
	tagsDenied       refusal = "tags-denied"
	catalogDenied    refusal = "catalog-denied"
	mountDenied      refusal = "mount-denied"
	loginDown        refusal = "login-directory-down"
	pullDown         refusal = "pull-directory-down"
	pushDown         refusal = "push-directory-down"
	buildDenied      refusal = "build-denied"
	buildAnonymous   refusal = "build-anonymous"
	wrongService     refusal = "pull-wrong-service"
	serverError      refusal = "pull-server-error"
	loginToken       refusal = "login-token"
	pullToken        refusal = "pull-token"
	pushToken        refusal = "push-token"
	pushCeiling      refusal = "push-ceiling"
)

// noise is what programs print of their progress.
var noise = regexp.MustCompile(`level=info|existing blob|pushed blob|^Getting image source|^Copying |^Trying to pull|[0-9] retrying |Changing TLS settings|active check failed|^BuildKit is currently disabled|^environment-variable|^DEPRECATED|^#[0-9]+ |^-+$|^>|^$|^Install the buildx|^https://docs.docker.com/go/buildx`)

// volatile is what differs from run to run in what clients print.
var volatile = regexp.MustCompile(`(?m)time="?[^ "]*"? |^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d |/tmp/[^ :"]+`)

// names are what differs from run to run and has a place in a message.
var names = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`sha256(:|%3A)[0-9a-f]{64}`), "sha256:…"},
	{regexp.MustCompile(`example/hello-[0-9a-f]+`), "example/hello"},
	{regexp.MustCompile(`request ID [0-9A-Za-z-]+`), "request ID …"},
}

// details are the rights that a registry misses, as clients in Go print them, and as the
// registry does. They come in random order.
var details = regexp.MustCompile(`\[map\[.*?\]\]|\[\{[^\]]*\}\]`)

// inOneOrder sorts the rights.
func inOneOrder(details string) string {
	between := "] map["
	if strings.HasPrefix(details, "[{") {
		between = "},{"
	}
	begin, end := len("[{"), len(details)-len("}]")
	if between == "] map[" {
		begin = len("[map[")
	}
	rights := strings.Split(details[begin:end], between)
	slices.Sort(rights)
	return details[:begin] + strings.Join(rights, between) + details[end:]
}

// message is what a user reads of a refusal, without what differs from run to run.
func (m *matrix) message(r stack.Result) string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(r.Stderr), "\n") {
		if line = strings.TrimSpace(line); !noise.MatchString(line) {
			line = details.ReplaceAllStringFunc(volatile.ReplaceAllString(line, ""), inOneOrder)
			for _, n := range names {
				line = n.pattern.ReplaceAllString(line, n.text)
			}
			lines = append(lines, line)
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
	file := messageFile(m.name, what)
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

// messageFile is the file with what a tool's user reads of a refusal.
func messageFile(tool string, what refusal) string {
	return filepath.Join("testdata", "messages", strings.ReplaceAll(strings.ToLower(tool), " ", "-"), string(what)+".txt")
}

// ours is what the broker says of the refusals that it makes itself. Of those of the
// registry, which are of people who are signed in, it only made the token.
var ours = map[refusal]string{
	wrongPassword: textRejected, unknownUser: textRejected, stalePassword: textRejected, stalePush: textRejected,
	pullAnonymous: textAnonymous, pushAnonymous: textAnonymous, buildAnonymous: textAnonymous,
	tagsAnonymous: textAnonymous, catalogAnonymous: textAnonymous, identityToken: textToken,
	loginThrottled: textThrottled, pullThrottled: textThrottled,
	loginDown: textUnavailable, pullDown: textUnavailable, pushDown: textUnavailable,
	wrongService: textRegistry, serverError: textInternal,
	loginToken: textAccess, pullToken: textAccess, pushToken: textAccess,
}

const (
	textRejected    = "wrong user name or password, or the account may not sign in here: check them and log in again"
	textThrottled   = "too many failed logins, with this user name or from this network, which says nothing about your password"
	textToken       = "the identity token that was sent is not valid here: log out of this registry, then log in again"
	textAccess      = "the access token that was sent is not valid here"
	textRegistry    = "whoever runs this registry must configure it as"
	textInternal    = "something went wrong on the server: tell whoever runs this registry, with the request ID …"
	textAnonymous   = "authentication required: log in to this registry first, then try again"
	textUnavailable = "your login cannot be checked at the moment, which says nothing about your password: try again in a few seconds"
)

// likePasswords are the refusals of passwords by which a client tells of those of access
// tokens.
var likePasswords = map[refusal]refusal{loginToken: wrongPassword, pullToken: stalePassword, pushToken: stalePush}

// explains wants the user to read what the broker says, where the tool lets it through.
func (m *matrix) explains(t *testing.T, what refusal, text string) {
	t.Helper()
	hidden := slices.Contains(m.hides, cmp.Or(likePasswords[what], what))
	if want, made := ours[what]; made && strings.Contains(text, want) == hidden {
		t.Errorf("%s shows the broker's words: %t; the opposite is known of it:\n%s", what, strings.Contains(text, want), text)
	}
}
