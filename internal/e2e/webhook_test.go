package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/errors"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/webhook"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// webhookSecret signs the questions.
const webhookSecret = "whsec_c2hvcmVwYXNzIHNob3JlcGFzcyBzaG9yZXBhc3Mh"

// people is examples/webhook/people.py, running.
type people struct {
	*stack.Process
	addr string
}

// startPeople starts the example's endpoint.
func startPeople(tb testing.TB) *people {
	tb.Helper()
	p := &people{addr: stack.FreeAddr(tb)}
	p.start(tb)
	return p
}

func (p *people) start(tb testing.TB) {
	tb.Helper()
	_, port, _ := strings.Cut(p.addr, ":")
	p.Process = stack.Start(tb, []string{"SHOREPASS_SECRET=" + webhookSecret}, stack.Find(tb, "python3"), filepath.Join("..", "..", "examples", "webhook", "people.py"), port)
	p.WaitFor(tb, "answer of people.py", 20*time.Second, func() bool {
		response, err := http.Post("http://"+p.addr, "application/json", http.NoBody)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusUnauthorized // nothing is signed
	})
}

// webhookBroker serves examples/webhook with the endpoint.
func webhookBroker(tb testing.TB, p *people, edits ...string) *stack.Broker {
	tb.Helper()
	edits = append(edits, "http://localhost:8099", "http://"+p.addr, "{env: SHOREPASS_SECRET}", webhookSecret)
	config := "listen: '{{listen}}'\nmonitor: '{{monitor}}'\n" + replace(tb, example(tb, "webhook/shorepass.yaml"), edits...)
	return stack.StartBroker(tb, program, config, nil)
}

// TestWebhookExample holds the example to what the documents say of it.
func TestWebhookExample(t *testing.T) {
	if n := strings.Count(example(t, "webhook/people.py"), "\n"); n > 60 {
		t.Errorf("people.py has %d lines, and the documents say 60", n)
	}
	p := startPeople(t)
	b := webhookBroker(t, p)
	r := b.Command(t, "", "check", "--connect")
	if r.Code != 0 || !hasLine(r.Text(), "ok    probe", "answers locate, verify, resolve") || !hasLine(r.Text(), "ok    signature", "another secret is refused") {
		t.Errorf("check exits %d:\n%s", r.Code, r.Text())
	}
	r = b.Command(t, "", "check", "--connect", "--user", "alice")
	if r.Code != 0 || !hasLine(r.Text(), "ok    resolve", "groups: on-call, platform") {
		t.Errorf("check of alice exits %d:\n%s", r.Code, r.Text())
	}
	r = b.Command(t, "a-guess\n", "explain", "--login", "alice", "repository:platform/app:push")
	if r.Code != 1 || !hasLine(r.Text(), "FAIL  verify") || strings.Contains(r.Text(), "a-guess") {
		t.Errorf("explain exits %d:\n%s", r.Code, r.Text())
	}
}

// TestWebhookExampleReadsNoMoreThanItShould asks the example with lengths that are none.
func TestWebhookExampleReadsNoMoreThanItShould(t *testing.T) {
	p := startPeople(t)
	for _, length := range []string{"-1", "65537", "+1", "x", "1_0"} {
		conn, err := net.DialTimeout("tcp", p.addr, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second)) // it would wait for ten
		_, _ = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: people\r\nContent-Length: %s\r\n\r\n", length)
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
			t.Errorf("length %s: %q, %v", length, answer, err)
		}
		_ = conn.Close()
	}
}

// TestWebhookContract runs the contract of connectors against the example.
func TestWebhookContract(t *testing.T) {
	p := startPeople(t)
	connect := func(url string) func(testing.TB) connectors.Connector {
		return func(tb testing.TB) connectors.Connector {
			return connectWebhook(tb, url, "a*", "c*", "nobody")
		}
	}
	connectortest.Run(t, connectortest.Fixture{
		Name:          "people",
		New:           connect("http://" + p.addr),
		Down:          connect("http://localhost:1"),
		Good:          connectortest.Login{Username: "alice", Password: "alice-password"},
		Username:      "alice",
		Groups:        []string{"platform", "on-call"},
		WrongPassword: "wrong-canary-7f3a",
		Unknown:       "nobody",
		Disabled:      connectortest.Login{Username: "carol", Password: "carol-password"},
		DisabledID:    "p-1003",
		Unhandled:     "bob",
		Spellings:     spellingsOfAlice(),
	})
}

// connectWebhook makes a connector as the program does.
func connectWebhook(tb testing.TB, url string, usernames ...string) connectors.Connector {
	tb.Helper()
	c := webhook.DefaultConfig()
	c.URL, c.Secret, c.Locate, c.Resolve = url, connectors.NewSecret(webhookSecret), true, true
	d, err := webhook.Open(c, connectors.Deps{Realm: "corp", Name: "people"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = d.(io.Closer).Close() })
	return guard.Password(d, guard.Config{Usernames: usernames})
}

// TestWebhookLoginPushPull logs in, pushes and pulls by the example's accounts.
func TestWebhookLoginPushPull(t *testing.T) {
	b := webhookBroker(t, startPeople(t))
	w := &world{broker: b, registry: stack.StartRegistry(t, b, stack.V3)}
	alice, bob, carol := w.client(t), w.client(t), w.client(t)
	login := func(c *stack.Client, name string) stack.Result {
		return c.Run(name+"-password", "crane", "auth", "login", "--username", name, "--password-stdin", c.Registry())
	}
	ok(t, login(alice, "alice"))
	ok(t, login(bob, "bob"))
	image := alice.Image()
	ok(t, alice.Crane("push", image, alice.Ref("platform/app:1")))
	ok(t, alice.Crane("pull", alice.Ref("platform/app:1"), filepath.Join(t.TempDir(), "image.tar")))
	ok(t, bob.Crane("push", image, bob.Ref("home/bob/app:1")))
	denied(t, bob.Crane("push", image, bob.Ref("platform/app:2")))
	denied(t, bob.Crane("manifest", bob.Ref("platform/app:1")))
	_ = login(carol, "carol") // crane keeps what it is given, and asks nobody
	denied(t, carol.Crane("manifest", carol.Ref("platform/app:1")))
	entries := b.Audit(t)
	if last := entries[len(entries)-1]; last.Reason != "disabled" || last.Connector != "people" {
		t.Errorf("of carol, who is disabled, the audit log says %+v", last)
	}
}

// TestWebhookOutages stops and hangs the endpoint under the running broker.
func TestWebhookOutages(t *testing.T) {
	t.Parallel()
	p := startPeople(t)
	old, with := uncached("        type: webhook\n")
	b := webhookBroker(t, p, old, with, "    connectors:\n", "    connectors:\n      - {name: tokens, type: pat}\n")
	f := failing{broker: b, person: "alice", others: map[string]string{"ci": tokenOf(t, b, "people:alice")}}
	f.end, f.mend = func() { _ = p.Signal(syscall.SIGKILL); p.wait(t) }, func() { p.start(t) }
	t.Run("stopped", f.survives)
	f.end, f.mend = func() { p.Pause(t) }, func() { _ = p.Signal(syscall.SIGCONT) }
	t.Run("hung", f.survives)
}

// wait waits for the process to be gone; it was killed.
func (p *people) wait(tb testing.TB) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); syscall.Kill(p.PID(), 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal("people.py is not gone")
		}
	}
}

// TestWebhookDocument validates the OpenAPI document, and holds what is really asked and
// answered against it; the signatures, against the library of Standard Webhooks.
func TestWebhookDocument(t *testing.T) {
	parsed, err := libopenapi.NewDocument([]byte(document(t, "docs/webhook-openapi.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(parsed)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if valid, faults := v.ValidateDocument(); !valid {
		t.Fatalf("the document is not OpenAPI: %s", told(faults))
	}
	signatures, err := standardwebhooks.NewWebhook(webhookSecret)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // the validator's, and of seen
	seen := map[string]int{}
	watch := func(question *http.Request, asked []byte, answer *http.Response) error {
		mu.Lock()
		defer mu.Unlock()
		if answer.StatusCode != http.StatusOK {
			seen["refused"]++
			return nil
		}
		if err := signatures.Verify(asked, question.Header); err != nil {
			t.Errorf("the signature: %v", err)
		}
		question.Body = io.NopCloser(bytes.NewReader(asked))
		said, err := io.ReadAll(answer.Body)
		answer.Body = io.NopCloser(bytes.NewReader(said))
		if valid, faults := v.ValidateHttpRequestResponse(question, answer); !valid {
			t.Errorf("%s and %s are not those of the document: %s", asked, said, told(faults))
		}
		answer.Body = io.NopCloser(bytes.NewReader(said))
		for _, result := range []string{"account", "identity", "not-mine", "rejected", "gone", "ready"} {
			if strings.Contains(string(said), `"result": "`+result+`"`) {
				seen[result]++
			}
		}
		return err
	}
	c := connectWebhook(t, startWatcher(t, startPeople(t).addr, watch))
	for _, name := range []string{"alice", "carol", "nobody"} {
		for _, password := range []string{name + "-password", "a-guess"} {
			_, _ = c.Authenticate(t.Context(), connectors.Credentials{Username: name, Password: connectors.NewSecret(password)})
		}
	}
	resolver := c.(connectors.Resolver)
	_, _ = resolver.Resolve(t.Context(), "p-1001")
	_, _ = resolver.Resolve(t.Context(), "p-1003")
	ctx := connectors.WithTrace(t.Context(), func(connectors.Step) {})
	if err := c.(connectors.Prober).Probe(ctx); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"account", "identity", "not-mine", "rejected", "gone", "ready", "refused"} {
		if seen[want] == 0 {
			t.Errorf("nothing was answered with %s: %v", want, seen)
		}
	}
}

// startWatcher starts a proxy in front of an endpoint, which is shown all that passes.
func startWatcher(t *testing.T, addr string, watch func(question *http.Request, asked []byte, answer *http.Response) error) string {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		question := r.Clone(t.Context())
		r.Body = io.NopCloser(bytes.NewReader(asked))
		one := *proxy
		one.ModifyResponse = func(answer *http.Response) error { return watch(question, asked, answer) }
		one.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// told are faults that the validator has found, in words.
func told(faults []*errors.ValidationError) string {
	var text strings.Builder
	for _, f := range faults {
		text.WriteString(f.Error() + "; ")
		for _, s := range f.SchemaValidationErrors {
			text.WriteString(s.Reason + " at " + s.FieldPath + "; ")
		}
	}
	return text.String()
}
