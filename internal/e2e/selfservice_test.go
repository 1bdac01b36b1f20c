package e2e_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// tokensConnector is the beginning of a realm's connectors with one for access tokens,
// which lets people make their own.
const tokensConnector = `    connectors:
      - name: tokens
        type: pat
        config:
          max_login_age: 1h
          self_service: {enabled: true, scopes: ["repository:**:pull,push"]}
`

// holder is somebody who looks after access tokens at a server, on a machine without its
// configuration.
type holder struct {
	t              *testing.T
	broker         *stack.Broker
	name, password string
	flags          []string
}

// token runs "shorepass token" with --server.
func (h holder) token(args ...string) stack.Result {
	h.t.Helper()
	args = append(append([]string{"token"}, args...), "--server", "http://"+h.broker.Addr, "--user", h.name, "--password-stdin")
	return stack.Run(h.t, []string{"HOME=" + h.t.TempDir()}, h.password+"\n", program, append(args, h.flags...)...)
}

// makes makes a token and returns it with its id.
func (h holder) makes(args ...string) (token, id string) {
	h.t.Helper()
	made := h.token(append([]string{"create"}, args...)...)
	ok(h.t, made)
	token = strings.TrimSpace(made.Stdout)
	if len(token) != 54 {
		h.t.Fatalf("a token of %d characters", len(token))
	}
	return token, token[4:16]
}

// asks sends a request to the API, and compares the answer with the description.
func (h holder) asks(d *description, method, path, content string) (int, string) {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), method, "http://"+h.broker.Addr+"/api/v1"+path, strings.NewReader(content))
	if err != nil {
		h.t.Fatal(err)
	}
	request.SetBasicAuth(h.name, h.password)
	if content != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	request.Body, response.Body = io.NopCloser(strings.NewReader(content)), io.NopCloser(bytes.NewReader(body))
	d.check(h.t, request, response)
	return response.StatusCode, string(body)
}

// refused wants a command to exit 1 with a message.
func refused(t *testing.T, r stack.Result, message string) {
	t.Helper()
	if r.Code != 1 || !strings.Contains(r.Stderr, message) || r.Stdout != "" {
		t.Errorf("exits %d: %s\nwant %q", r.Code, r.Text(), message)
	}
}

// TestSelfService has people of a real directory make tokens of their own, use them with
// crane at a real registry, and take them back.
func TestSelfService(t *testing.T) {
	d := readDescription(t)
	w := newWorld(t, stack.V3, "    connectors:\n", tokensConnector)
	alice := holder{t, w.broker, "alice", "alice-password", nil}
	bob := holder{t, w.broker, "bob", "bob-password", nil}
	token, id := alice.makes("--name", "laptop", "--scope", "repository:platform/**:pull,push", "--expires", "12h", "--network", "127.0.0.0/8")

	t.Run("crane uses it", func(t *testing.T) {
		c := w.client(t)
		ok(t, c.Run(token, "crane", "auth", "login", "--username", "ci", "--password-stdin", c.Registry()))
		ok(t, c.Crane("push", c.Image(), c.Ref("platform/app:1")))
		ok(t, c.Crane("manifest", c.Ref("platform/app:1")))
		denied(t, c.Crane("push", c.Image(), c.Ref("home/alice/app:1"))) // hers, and not the token's
	})

	t.Run("one's own alone", func(t *testing.T) {
		bob := holder{t, w.broker, bob.name, bob.password, nil}
		if list := ok(t, bob.token("list", "--all", "--json")); strings.TrimSpace(list) != "[]" {
			t.Errorf("bob sees %s", list)
		}
		refused(t, bob.token("show", id), "no access token with the id "+id)
		refused(t, bob.token("revoke", id), "no access token with the id "+id)
		if r := bob.token("revoke", "--all"); r.Code != 0 || r.Stdout != "" || !strings.Contains(r.Stderr, "you have no access token that counts") {
			t.Errorf("exits %d: %s", r.Code, r.Text())
		}
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			status, theirs := bob.asks(d, method, "/tokens/"+id, "")
			_, nobodys := bob.asks(d, method, "/tokens/000000000000", "")
			if mask(t, theirs, id) != mask(t, nobodys, "000000000000") || status != http.StatusNotFound {
				t.Errorf("%d: of another's token bob reads\n%s\nof none\n%s", status, theirs, nobodys)
			}
		}
	})

	t.Run("a token makes and shows none", func(t *testing.T) {
		for _, name := range []string{"alice", "ci", ""} {
			ci := holder{t, w.broker, name, token, nil}
			for _, path := range []string{"/tokens", "/tokens/" + id} {
				if status, body := ci.asks(d, http.MethodGet, path, ""); status != http.StatusForbidden || !strings.Contains(body, "an access token cannot be used here") {
					t.Errorf("%s: %d %s", path, status, body)
				}
			}
			if status, body := ci.asks(d, http.MethodPost, "/tokens", `{"name":"more","scopes":["repository:**:pull"]}`); status != http.StatusForbidden {
				t.Errorf("%d %s", status, body)
			}
			if status, body := ci.asks(d, http.MethodDelete, "/tokens/"+id, ""); status != http.StatusForbidden {
				t.Errorf("%d %s", status, body)
			}
		}
	})

	t.Run("what the directory refuses", func(t *testing.T) {
		for _, h := range []holder{{t, w.broker, "alice", "wrong", nil}, {t, w.broker, "nobody", "wrong", nil}} {
			refused(t, h.token("list"), "wrong user name or password, or the account may not sign in here")
		}
	})

	t.Run("without the directory", func(t *testing.T) {
		w.slapd.Stop(t)
		ok(t, w.broker.Command(t, "", "cache", "clear"))
		alice := holder{t, w.broker, "alice", "alice-password", nil}
		if status, body := alice.asks(d, http.MethodPost, "/tokens", `{"name":"more","scopes":["repository:**:pull"]}`); status != http.StatusServiceUnavailable {
			t.Errorf("%d %s", status, body)
		}
		refused(t, alice.token("list"), "your login cannot be checked at the moment")
		if a := w.broker.Token(t, "ci", token, service, "repository:platform/app:pull"); a.Status != http.StatusOK {
			t.Errorf("the token itself is answered with %d: %s", a.Status, a.Body)
		}
		w.slapd.Start(t)
	})

	t.Run("revoked at once", func(t *testing.T) {
		alice := holder{t, w.broker, "alice", "alice-password", nil}
		if out := ok(t, alice.token("revoke", id)); !strings.Contains(out, `revoked `+id+`, "laptop", of directory:alice`) {
			t.Errorf("printed %s", out)
		}
		if a := w.broker.Token(t, "ci", token, service, "repository:platform/app:pull"); a.Status != http.StatusUnauthorized {
			t.Errorf("status %d: %s", a.Status, a.Body)
		}
		c := w.client(t)
		ok(t, c.Run(token, "crane", "auth", "login", "--username", "ci", "--password-stdin", c.Registry())) // asks nobody
		if r := c.Crane("manifest", c.Ref("platform/app:1")); r.Code == 0 || !strings.Contains(r.Stderr, "the access token that was sent is not valid here") {
			t.Errorf("exits %d: %s", r.Code, r.Text())
		}
	})
	w.recordsOwnTokens(t, token)
}

// mask takes out what two answers may differ in: the request's id, and the id asked for.
func mask(t *testing.T, body, id string) string {
	t.Helper()
	var p struct{ Instance string }
	if err := json.Unmarshal([]byte(body), &p); err != nil || p.Instance == "" {
		t.Fatalf("%s: %v", body, err)
	}
	return strings.NewReplacer(p.Instance, "", id, "ID").Replace(body)
}

// recordsOwnTokens looks for what people did in the audit log, and for what must not be
// in any log.
func (w *world) recordsOwnTokens(t *testing.T, token string) {
	t.Helper()
	seen := map[string]int{}
	for _, e := range w.broker.Audit(t) {
		seen[strings.Join([]string{e.Subject, e.Act, e.Outcome, e.Reason}, " ")]++
	}
	for _, want := range []string{
		"directory:alice create-token granted ", "directory:alice revoke-token granted ", "directory:bob list-tokens granted ", "directory:bob show-token not-found no-such-token",
		"directory:bob revoke-token not-found no-such-token", " create-token forbidden access-token", " list-tokens unauthenticated wrong-password", " create-token unavailable outage",
	} {
		if seen[want] == 0 {
			t.Errorf("not recorded: %q; recorded are %v", want, seen)
		}
	}
	audit, err := os.ReadFile(filepath.Join(w.broker.Dir, "data", "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for name, log := range map[string]string{"audit log": string(audit), "log": w.broker.Output.String()} {
		if strings.Contains(log, token[16:]) || strings.Contains(log, "alice-password") {
			t.Errorf("a secret is in the %s", name)
		}
	}
}

// TestSelfServiceOverTLS trusts a certificate by --ca-file alone.
func TestSelfServiceOverTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	files := selfSigned(t, key, key.Public())
	files["users.yaml"] = example(t, "small-team/users.yaml")
	config := replace(t, example(t, "small-team/shorepass.yaml"), "    connectors:\n", tokensConnector)
	b := stack.StartBroker(t, program, "listen: '{{listen}}'\nmonitor: '{{monitor}}'\npublic_url: https://{{listen}}\ntls: {cert_file: cert.pem, key_file: key.pem}\n"+config, files)
	list := func(args ...string) stack.Result {
		return stack.Run(t, nil, "wrong\n", program, append([]string{"token", "list", "--server", b.Addr, "--user", "alice"}, args...)...)
	}
	refused(t, list(), "is of an authority that this machine does not trust: name the authority's certificate with --ca-file")
	refused(t, list("--ca-file", filepath.Join(b.Dir, "cert.pem")), "wrong user name or password")
	plain := stack.Run(t, nil, "wrong\n", program, "token", "list", "--server", "http://"+b.Addr, "--user", "alice")
	refused(t, plain, `answers "400 Bad Request", and not as a Shorepass whose people make access tokens themselves`)
}

// TestTokensPageMakeYourOwn types what docs/tokens.md has people type, with their password
// from standard input.
func TestTokensPageMakeYourOwn(t *testing.T) {
	page := section(t, document(t, "docs/tokens.md"), "Make your own")
	w := newWorld(t, stack.V3, "    connectors:\n", tokensConnector)
	typed, want, _ := strings.Cut(fenced(t, page, "console", "$ curl --silent --include"), "\n")
	typed = replace(t, typed, "$ ", "", "https://registry.corp.example", "http://"+w.client(t).Registry())
	r := stack.Run(t, nil, "", "sh", "-c", typed)
	got := strings.TrimSpace(replace(t, r.Stdout, "http://"+w.broker.Addr, "https://login.corp.example"))
	if r.Code != 0 || got != strings.TrimSpace(want) {
		t.Errorf("%s prints\n%s\ndocs/tokens.md has\n%s", typed, got, want)
	}
	for _, c := range []struct{ command, prompt, with string }{
		{"$ shorepass token create ", "Password of alice at login.corp.example:\n", "--user alice --password-stdin"},
		{"$ curl --user ", "Enter host password for user 'alice':\n", "--silent --user alice:alice-password"},
	} {
		typed, want, _ := strings.Cut(fenced(t, page, "console", c.command), "\n")
		typed = replace(t, typed, "$ ", "", "--user alice", c.with, "https://login.corp.example", "http://"+w.broker.Addr)
		typed = strings.Replace(typed, "shorepass ", program+" ", 1)
		r := stack.Run(t, nil, "alice-password\n", "sh", "-c", "exec 2>&1; "+typed)
		if got, want := steadyOwn(r.Stdout), steadyOwn(replace(t, want, c.prompt, "")); r.Code != 0 || got != want {
			t.Errorf("%s prints\n%s\ndocs/tokens.md has\n%s", typed, got, want)
		}
	}
}

// steadyOwn replaces what of the output differs from run to run.
func steadyOwn(text string) string {
	text = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`).ReplaceAllString(steadyTokens(text), "TIME")
	return regexp.MustCompile(`(access token |"id":")[0-9A-Za-z]{12}`).ReplaceAllString(text, "${1}ID")
}
