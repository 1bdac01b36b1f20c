package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// secretText is a token, in docs/tokens.md with dots for most of it.
var secretText = regexp.MustCompile(`srp_[0-9A-Za-z.]{50}`)

// steadyTokens replaces what of a command about tokens differs from run to run.
func steadyTokens(text string) string {
	text = secretText.ReplaceAllString(text, "SECRET")
	text = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\dZ`).ReplaceAllString(text, "TIME")
	return strings.Join(strings.Fields(text), " ")
}

// TestTokensPage types what docs/tokens.md types, one after the other, with
// examples/openldap and a registry, and compares what is printed. Between them, the token
// is used as the page says.
func TestTokensPage(t *testing.T) {
	page := document(t, "docs/tokens.md")
	w := newWorld(t, stack.V3, "    connectors:\n", "    connectors:\n      - name: tokens\n        type: pat\n")
	person := w.client(t)
	real := map[string]string{} // the document's ids, and those that there are
	var token string
	types := func(command string) string {
		t.Helper()
		typed, want, _ := strings.Cut(fenced(t, page, "console", "$ "+command), "\n")
		for doc, id := range real {
			typed = strings.ReplaceAll(typed, doc, id)
		}
		typed = replace(t, typed, "$ shorepass ", program+" ")
		r := stack.Run(t, nil, "", "sh", "-c", "cd "+w.broker.Dir+" && exec 2>&1; "+typed)
		if secret := secretText.FindString(r.Stdout); secret != "" {
			token = secret
			real[secretText.FindString(want)[4:16]] = secret[4:16]
		}
		got := r.Stdout
		for doc, id := range real {
			got = strings.ReplaceAll(got, id, doc)
		}
		if want, got = steadyTokens(want), steadyTokens(got); want != got {
			t.Errorf("%s prints\n%s\ndocs/tokens.md has\n%s", typed, got, want)
		}
		return token
	}

	ci := types("shorepass token create --owner directory:alice --name ci ")
	ref := person.Ref("platform/app") + ":v1"
	for _, step := range []struct {
		what string
		stack.Result
	}{
		{"login", person.Run(ci, "crane", "auth", "login", "--username", "ci", "--password-stdin", person.Registry())},
		{"push", person.Crane("push", person.Image(), ref)},
		{"pull", person.Crane("pull", ref, "/dev/null")},
	} {
		if step.Code != 0 {
			t.Fatalf("%s: %s", step.what, step.Text())
		}
	}
	time.Sleep(1100 * time.Millisecond) // lists are ordered by the second
	types("shorepass token create --owner directory:alice --name deploy ")
	if r := person.Run(token, "sh", "-c", "cd "+w.broker.Dir+" && exec "+program+" explain --login ci repository:web/app:pull"); r.Code != 1 || !strings.Contains(r.Stdout, "directory:alice") {
		t.Errorf("explain: %s", r.Text())
	}
	restarted(t, w.broker) // which writes uses down at once
	types("shorepass token list\n")
	types("shorepass token show ")
	types("shorepass explain --token ")
	types("shorepass token revoke 4")

	// It is refused at once, by the same registry, and the client says what the page does.
	r := person.Crane("pull", ref, "/dev/null")
	if said := strings.TrimSpace(fenced(t, page, "", "the access token that was sent")); r.Code == 0 || !strings.Contains(r.Text(), said) {
		t.Errorf("with a revoked token, crane says\n%s\ndocs/tokens.md has\n%s", r.Text(), said)
	}
	types("shorepass token revoke --owner ")
	if r := w.broker.Command(t, "", "token", "list", "--json"); strings.TrimSpace(r.Stdout) != "[]" {
		t.Errorf("there are %s", r.Stdout)
	}
	audit, err := os.ReadFile(filepath.Join(w.broker.Dir, "data", "audit.jsonl"))
	if err != nil || strings.Contains(string(audit)+w.broker.Output.String(), ci[16:48]) {
		t.Errorf("the token is in the log or the audit log, or that cannot be read: %v", err)
	}
}
