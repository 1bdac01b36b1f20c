package stack

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Build builds the program of the module at root into dir and returns its path.
func Build(root, dir string) (string, error) {
	path := filepath.Join(dir, "shorepass")
	build := exec.Command("go", "build", "-o", path, "./cmd/shorepass")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// Broker is the program, serving a configuration of a test's.
type Broker struct {
	*Process
	Program string
	Config  string // path of shorepass.yaml
	Dir     string // the folder of Config
	Addr    string // host and port of the token endpoint
	monitor string
}

// NewBroker writes a configuration without starting the program. In the text,
// {{listen}} and {{monitor}} stand for free addresses.
func NewBroker(tb testing.TB, program, config string, files map[string]string) *Broker {
	tb.Helper()
	b := &Broker{Program: program, Dir: tb.TempDir(), Addr: FreeAddr(tb), monitor: FreeAddr(tb)}
	b.Config = filepath.Join(b.Dir, "shorepass.yaml")
	all := map[string]string{"shorepass.yaml": config}
	for name, content := range files {
		all[name] = content
	}
	for name, content := range all {
		content = strings.NewReplacer("{{listen}}", b.Addr, "{{monitor}}", b.monitor).Replace(content)
		if err := os.WriteFile(filepath.Join(b.Dir, name), []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return b
}

// StartBroker writes a configuration, starts the program with it and waits until it
// is ready.
func StartBroker(tb testing.TB, program, config string, files map[string]string) *Broker {
	tb.Helper()
	b := NewBroker(tb, program, config, files)
	b.Serve(tb)
	return b
}

// Serve starts the program and waits until it is ready.
func (b *Broker) Serve(tb testing.TB) {
	tb.Helper()
	b.Process = Start(tb, nil, b.Program, "serve", "--config", b.Config)
	b.WaitFor(tb, "ready broker", 20*time.Second, func() bool { return b.Ready() == http.StatusOK })
}

// Restart kills the program, as a power cut would, and starts it anew.
func (b *Broker) Restart(tb testing.TB) {
	tb.Helper()
	if err := b.Signal(syscall.SIGKILL); err != nil {
		tb.Fatal(err)
	}
	b.Wait(tb, 20*time.Second)
	b.Serve(tb)
}

// ReadyURL is where the program says whether it is ready.
func (b *Broker) ReadyURL() string { return "http://" + b.monitor + "/readyz" }

// Ready asks /readyz; 0 means no answer.
func (b *Broker) Ready() int {
	response, err := http.Get(b.ReadyURL())
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// Command runs another subcommand of the program with the same configuration.
func (b *Broker) Command(tb testing.TB, stdin string, args ...string) Result {
	tb.Helper()
	return Run(tb, nil, stdin, b.Program, append(slices.Clone(args), "--config", b.Config)...)
}

// accessToken is the text of an access token.
var accessToken = regexp.MustCompile(`\bsrp_[0-9A-Za-z]{50}\b`)

// AccessToken makes an access token with "shorepass token create" and more arguments.
func (b *Broker) AccessToken(tb testing.TB, args ...string) string {
	tb.Helper()
	r := b.Command(tb, "", append([]string{"token", "create"}, args...)...)
	found := accessToken.FindAllString(r.Stdout, -1)
	if r.Code != 0 || len(found) != 1 {
		tb.Fatalf("token create exits %d and prints %d tokens: %s", r.Code, len(found), r.Stderr)
	}
	return found[0]
}

// Revoke takes an access token back.
func (b *Broker) Revoke(tb testing.TB, token string) {
	tb.Helper()
	if r := b.Command(tb, "", "token", "revoke", PublicID(token)); r.Code != 0 {
		tb.Fatalf("token revoke exits %d: %s", r.Code, r.Text())
	}
}

// PublicID is the public part of an access token.
func PublicID(token string) string { return token[len("srp_"):][:12] }

// Answer is what the token endpoint said.
type Answer struct {
	Status int
	Header http.Header
	Took   time.Duration
	Body   string
	Token  string `json:"token"`
}

// Token asks for a token with Basic credentials; an empty user name is anonymous. The
// test ends where there is no answer.
func (b *Broker) Token(tb testing.TB, username, password, service string, scopes ...string) Answer {
	tb.Helper()
	a, err := b.Ask(tb.Context(), username, password, service, scopes...)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// Ask is Token for goroutines, and for a broker that may be gone. It fails where the
// answer is not complete.
func (b *Broker) Ask(ctx context.Context, username, password, service string, scopes ...string) (Answer, error) {
	query := url.Values{"service": {service}, "scope": scopes}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.Addr+"/token?"+query.Encode(), http.NoBody)
	if err != nil {
		return Answer{}, err
	}
	if username != "" {
		request.SetBasicAuth(username, password)
	}
	return Send(request)
}

// Send sends a request, and reads an answer that is JSON.
func Send(request *http.Request) (Answer, error) {
	started := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Status: response.StatusCode, Header: response.Header, Took: time.Since(started), Body: string(raw)}
	// Headers that are too large never reach the program's own answers.
	if err := json.Unmarshal(raw, &a); err != nil && a.Status != http.StatusRequestHeaderFieldsTooLarge {
		return Answer{}, fmt.Errorf("%s: %q: %w", response.Status, raw, err)
	}
	return a, nil
}

// Claims are those of a registry token.
type Claims struct {
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	Access   []Access `json:"access"`
}

// Access is one entry of a token's access claim.
type Access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// Claims reads the token's claims; registries check the signature.
func (a Answer) Claims(tb testing.TB) Claims {
	tb.Helper()
	parts := strings.Split(a.Token, ".")
	if len(parts) != 3 {
		tb.Fatalf("status %d, no token: %s", a.Status, a.Body)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		tb.Fatal(err)
	}
	var c Claims
	if err := json.Unmarshal(raw, &c); err != nil {
		tb.Fatal(err)
	}
	return c
}

// Entry is what the tests read of an audit line.
type Entry struct {
	RequestID string `json:"request_id"`
	Subject   string `json:"subject"`
	Username  string `json:"username"`
	Connector string `json:"connector"`
	Via       string `json:"via"`
	Token     string `json:"token"`
	Owner     string `json:"owner"`
	Outcome   string `json:"outcome"`
	Reason    string `json:"reason"`
	Act       string `json:"act"`
	Count     int    `json:"count"` // how many are in this line; 0: one
}

// Audit reads the audit log, data/audit.jsonl beside the configuration. A line that is being
// written, or was when the program was killed, is none yet.
func (b *Broker) Audit(tb testing.TB) []Entry {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join(b.Dir, "data", "audit.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	var entries []Entry
	for line := range strings.Lines(string(content)) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		var e Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			tb.Fatalf("audit line %q: %v", line, err)
		}
		entries = append(entries, e)
	}
	return entries
}
