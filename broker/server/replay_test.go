package server_test

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/broker/server"
)

// recorded is a request of testdata/requests and the answer that it gets where
// everything is allowed.
type recorded struct {
	from   string // the file
	raw    string // what goes over the wire
	post   bool
	scopes bool     // whether anything is asked
	status string   // 200, 401
	who    string   // of a 200: alice or anonymous; of a 401: why
	access []string // of a 200, as scopes
}

// readRecorded reads a file of testdata/requests; its README has the format.
func readRecorded(t *testing.T, path string) []recorded {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, blocks, _ := strings.Cut("\n"+string(content), "\n### ")
	if !strings.HasPrefix(head, "\n# ") || blocks == "" {
		t.Fatalf("%s: want a comment and requests", path)
	}
	var list []recorded
	for block := range strings.SplitSeq(blocks, "\n### ") {
		title, text, _ := strings.Cut(strings.TrimRight(block, "\n"), "\n")
		want := strings.Fields(title)
		r := recorded{
			from: filepath.Base(path), post: strings.HasPrefix(text, "POST "), scopes: strings.Contains(text, "scope="),
			status: want[0], who: want[1], access: want[2:],
		}
		r.raw = strings.ReplaceAll(text, "\n", "\r\n")
		if !r.post || strings.Contains(text, "\nTransfer-Encoding: chunked\n") {
			r.raw += "\r\n\r\n"
		}
		list = append(list, r)
	}
	return list
}

// world is a set of rights in which the requests are replayed.
type world struct {
	name   string
	policy string
	alice  func(repository, action string) bool // of what she asks for
	anyone bool                                 // whether everybody may pull what the captures pulled anonymously
}

const pullAnonymously = `
  - name: the world
    anyone: true
    repositories: [team/app, cr/app, ct/app]
    allow: [pull]
`

func worlds() []world {
	targets := []string{"team/other", "team/third", "team/ten2", "sk/other", "cr/other", "or/other", "rg/other", "ct/other", "bk/child", "pm/app"}
	return []world{
		{"everything", `
rules:
  - name: platform may do everything
    groups: [local:platform]
    repositories: ["**"]
    allow: ["*"]
  - name: and list it
    groups: [local:platform]
    allow: [catalog]` + pullAnonymously, func(string, string) bool { return true }, true},
		{"pull alone", `
rules:
  - name: platform pulls
    groups: [local:platform]
    repositories: ["**"]
    allow: [pull]` + pullAnonymously, func(_, action string) bool { return action == "pull" }, true},
		{"no right to what is copied or mounted", `
rules:
  - name: the targets
    groups: [local:platform]
    repositories: [` + strings.Join(targets, ", ") + `]
    allow: [pull, push, delete]
`, func(repository, _ string) bool { return slices.Contains(targets, repository) }, false},
		{"nothing", `
rules:
  - name: others
    groups: [local:readers]
    repositories: ["**"]
    allow: ["*"]
`, func(string, string) bool { return false }, false},
	}
}

// in returns the answer that the request gets in a world.
func (r recorded) in(w world) recorded {
	if r.status != "200" {
		return r
	}
	if r.who == "anonymous" {
		if !w.anyone {
			r.status, r.access = "401", nil
		}
		return r
	}
	var access []string
	for _, scope := range r.access {
		part := strings.SplitN(scope, ":", 3)
		actions := slices.DeleteFunc(strings.Split(part[2], ","), func(a string) bool { return !w.alice(part[1], a) })
		if len(actions) > 0 {
			access = append(access, part[0]+":"+part[1]+":"+strings.Join(actions, ","))
		}
	}
	r.access = access
	return r
}

// text is what a person reads who is refused.
func (r recorded) text() string {
	return map[string]string{
		"rejected":  "wrong user name or password, or the account may not sign in here: check them and log in again",
		"token":     "the identity token that was sent is not valid here: log out of this registry, then log in again",
		"anonymous": "authentication required: log in to this registry first, then try again",
	}[r.who]
}

// TestRecordedRequests replays what real clients have sent, as testdata/requests has it:
// its README.md says what was changed.
func TestRecordedRequests(t *testing.T) {
	files, err := filepath.Glob("testdata/requests/*.http")
	if err != nil {
		t.Fatal(err)
	}
	var requests []recorded
	for _, f := range files {
		requests = append(requests, readRecorded(t, f)...)
	}
	for _, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			f := brokertest.New(t, "", brokertest.Realm{Name: "corp", Services: []string{"registry.test"}, Policy: w.policy})
			logger := slog.New(slog.NewTextHandler(f.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			address := serve(t, server.HTTP(server.New(server.Config{Tokens: f.Broker, Logger: logger}), nil, logger))
			for _, r := range requests {
				want := r.in(w)
				want.check(t, f, send(t, address, r))
			}
			checkAudit(t, f, len(requests))
		})
	}
}

// checkAudit wants an entry for each request, and no secret in any.
func checkAudit(t *testing.T, f *brokertest.Fixture, requests int) {
	t.Helper()
	entries := f.Entries(t)
	if len(entries) != requests {
		t.Errorf("%d audit entries for %d requests", len(entries), requests)
	}
	content, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"alice-pw", "wrong\"", "rt-alice", "expired-xyz", strings.TrimPrefix(basic("alice", "alice-pw"), "Basic ")} {
		if bytes.Contains(content, []byte(secret)) {
			t.Errorf("%q is in the audit log", secret)
		}
	}
}

// TestRecordedRequestsAreAll holds that no client is lost from testdata.
func TestRecordedRequestsAreAll(t *testing.T) {
	files, err := filepath.Glob("testdata/requests/*.http")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"buildah": 4, "buildkit": 11, "crane": 40, "ctr": 28, "docker-cli": 15, "docker-engine": 93,
		"helm3": 36, "helm4": 12, "oras": 48, "podman": 28, "regctl": 42, "skopeo": 41,
	}
	got := map[string]int{}
	for _, f := range files {
		base := filepath.Base(f)
		for client := range want {
			if strings.HasPrefix(base, client+"-") {
				got[client] += len(readRecorded(t, f))
			}
		}
	}
	if len(files) != 279 || !maps.Equal(got, want) {
		t.Errorf("%d files, requests %v; want 279, %v", len(files), got, want)
	}
}

// reply is an answer as it came.
type reply struct {
	*http.Response
	body       []byte
	sent, came time.Time
}

// send writes the request's bytes on a connection of its own.
func send(t *testing.T, address string, r recorded) reply {
	t.Helper()
	sent := time.Now()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(sent.Add(20 * time.Second))
	if _, err := io.WriteString(c, r.raw); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%s: %v", r.from, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s: %v", r.from, err)
	}
	return reply{response, body, sent, time.Now()}
}

// check compares a reply with what the client needs.
func (r recorded) check(t *testing.T, f *brokertest.Fixture, got reply) {
	t.Helper()
	if !strings.HasPrefix(got.Status, r.status+" ") {
		t.Errorf("%s: answered %s %s\nwant %s, for\n%s", r.from, got.Status, got.body, r.status, r.raw)
		return
	}
	checkHeaders(t, got.Response)
	var b body
	if err := json.Unmarshal(got.body, &b); err != nil {
		t.Errorf("%s: %v", r.from, err)
		return
	}
	if r.status != "200" {
		checkRefusal(t, got.Response, b, "invalid_grant", "UNAUTHORIZED")
		if b.Details != r.text() {
			t.Errorf("%s: refused with %q, want %q", r.from, b.Details, r.text())
		}
		return
	}
	checkGrant(t, b, r.post)
	checkTimes(t, got, b)
	wantSubject := ""
	if r.who == "alice" {
		wantSubject = "local:alice"
	}
	claims := claimsOf(t, f, b.Token)
	if access := claims.scopes(); claims.Subject != wantSubject || claims.Audience != "registry.test" || !slices.Equal(access, r.access) {
		t.Errorf("%s: a token for %q at %q with %q, want %q with %q", r.from, claims.Subject, claims.Audience, access, wantSubject, r.access)
	}
	if wantScope := strings.Join(r.access, " "); r.post && b.Scope != wantScope {
		t.Errorf("%s: scope %q, want %q", r.from, b.Scope, wantScope)
	}
	if life := claims.Expires - claims.NotBefore; int64(b.ExpiresIn) > life {
		t.Errorf("%s: expires_in %d, of a token of %d seconds", r.from, b.ExpiresIn, life)
	}
	if len(got.body) > 64<<10 || len(b.Token) > 8<<10 {
		t.Errorf("%s: an answer of %d bytes, a token of %d", r.from, len(got.body), len(b.Token))
	}
}

// checkTimes wants issued_at as RFC 3339 in UTC and not backdated, and expires_in a
// whole number: some clients fail on anything else.
func checkTimes(t *testing.T, got reply, b body) {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04:05Z", b.IssuedAt)
	if err != nil || at.Before(got.sent.Truncate(time.Second)) || at.After(got.came) {
		t.Errorf("issued_at %q, for a request between %s and %s", b.IssuedAt, got.sent, got.came)
	}
	if !regexp.MustCompile(`"expires_in":\d+[,}]`).Match(got.body) {
		t.Errorf("expires_in is no whole number: %s", got.body)
	}
}

// claims is what a registry reads of a token.
type claims struct {
	Subject   string `json:"sub"`
	Audience  string `json:"aud"`
	Expires   int64  `json:"exp"`
	NotBefore int64  `json:"nbf"`
	Access    []struct {
		Type, Name string
		Actions    []string
	}
	jwt.RegisteredClaims `json:"-"` // the parser's; checked by hand
}

// scopes returns the access as the test states it.
func (c claims) scopes() []string {
	var list []string
	for _, a := range c.Access {
		list = append(list, a.Type+":"+a.Name+":"+strings.Join(a.Actions, ","))
	}
	return list
}

// claimsOf verifies a token against the realm's bundle, as a registry does.
func claimsOf(t *testing.T, f *brokertest.Fixture, raw string) claims {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(f.Rings["corp"].Bundle())
	var c claims
	_, err := jwt.ParseWithClaims(raw, &c, func(token *jwt.Token) (any, error) {
		x5c, _ := token.Header["x5c"].([]any)
		text, _ := x5c[0].(string)
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		return leaf.PublicKey, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLargestAnswers holds that no answer outgrows what clients take: crane, which
// sends GETs, 64 KiB; oras 128 KiB.
func TestLargestAnswers(t *testing.T) {
	s, _ := public(t)
	var scopes []string // 100, with 16 KiB together
	for i := range 100 {
		scope := fmt.Sprintf("repository:platform/%02d-:*", i)
		scopes = append(scopes, strings.Replace(scope, "-", strings.Repeat("-x", (16<<10/100-len(scope))/2), 1))
	}
	scope := strings.Join(scopes, " ")
	get := request(t, http.MethodGet, s.URL+"/token?service=registry.corp&scope="+url.QueryEscape(scope), "", "Authorization", basic("alice", "alice-pw"))
	post := request(t, http.MethodPost, s.URL+"/token", url.Values{
		"service": {"registry.corp"}, "grant_type": {"password"}, "username": {"alice"}, "password": {"alice-pw"}, "scope": {scope},
	}.Encode())
	for r, most := range map[*http.Request]int{get: 64 << 10, post: 128 << 10} {
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !bytes.Contains(content, []byte("token")) || len(content) > most {
			t.Errorf("%s: %s, %d bytes, %v; want at most %d", r.Method, response.Status, len(content), err, most)
		}
		t.Logf("%s: %d bytes", r.Method, len(content))
	}
}
