package server_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/store"
)

var update = flag.Bool("update", false, "write the expected answers anew")

// down is a connector of people whose names begin with x, and whose directory is down.
type down struct{}

func (down) Handles(c connectors.Credentials) bool { return strings.HasPrefix(c.Username, "x") }

func (down) Authenticate(context.Context, connectors.Credentials) (connectors.Identity, error) {
	return connectors.Identity{}, errors.New("the directory is down")
}

// crammed is a connector of people whose names begin with w, and at whose accounts too many
// passwords were tried.
type crammed struct{}

func (crammed) Handles(c connectors.Credentials) bool { return strings.HasPrefix(c.Username, "w") }

func (crammed) Authenticate(context.Context, connectors.Credentials) (connectors.Identity, error) {
	return connectors.Identity{}, &connectors.Throttled{Reason: connectors.ReasonLockout, RetryAfter: 14*time.Minute + time.Second/2}
}

// namesake is a connector of one person, yalice, whose account has the id of another
// connector's.
type namesake struct{}

func (namesake) Handles(c connectors.Credentials) bool { return c.Username == "yalice" }

func (namesake) Authenticate(context.Context, connectors.Credentials) (connectors.Identity, error) {
	return connectors.Identity{Connector: "second", Via: "second", ID: "alice", Username: "yalice", Ceiling: connectors.Unlimited()}, nil
}

// people is the API for people: the realms corp and lab let them make tokens, the realm
// closed does not.
type people struct {
	*httptest.Server
	*brokertest.Fixture
	store *store.Store
	clock *ticks
	ids   []string // of the tokens that were made
}

// ticks is a clock that goes on by itself: tokens are listed by their age.
type ticks struct{ seconds atomic.Int64 }

func (c *ticks) now() time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.seconds.Load()) * time.Second)
}

func openStore(t *testing.T, clock *ticks) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), store.FileName), store.Options{Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// openPeople starts the API for the people of some realms; auditPath may be empty.
func openPeople(t *testing.T, clock *ticks, tokens *store.Store, auditPath string, realms ...string) *people {
	t.Helper()
	var made []brokertest.Realm
	for _, name := range []string{"corp", "lab", "closed"} {
		made = append(made, brokertest.Realm{
			Name: name, Services: []string{"registry." + name}, Policy: rules,
			More: []connectors.Member{{Name: "directory", Connector: down{}}, {Name: "second", Connector: namesake{}}, {Name: "third", Connector: crammed{}}},
		})
	}
	p := &people{Fixture: brokertest.New(t, auditPath, made...), store: tokens, clock: clock}
	logger := slog.New(slog.NewTextHandler(p.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config := access.Config{Realms: map[string]access.Realm{}, Keeper: tokens, Lookup: tokens, Auditor: p.Auditor, Logger: logger, Now: clock.now}
	for _, r := range made {
		config.Realms[r.Name] = access.Realm{
			Connectors: []access.Connector{{Member: connectors.Member{Name: "tokens", Tokens: true}}, {Member: connectors.Member{Name: "local"}}}, Policy: brokertest.Compile(t, r),
			SelfService: access.SelfService{
				Enabled: slices.Contains(realms, r.Name), DefaultExpiry: 30 * 24 * time.Hour, MaxExpiry: 60 * 24 * time.Hour,
				Scopes: []string{"repository:platform/**:pull,push", "repository:public/**:pull"}, MaxTokens: 4,
			},
		}
	}
	p.Server = httptest.NewServer(server.New(server.Config{
		Tokens: p.Broker, Realms: map[string]server.Trust{}, Logger: logger,
		SelfService: &server.SelfService{Realms: realms, People: p.Broker, Tokens: access.New(config)},
	}))
	t.Cleanup(p.Close)
	return p
}

// exchange is a request to the API. ID-1 in a path stands for the id of the first token
// that was made.
type exchange struct {
	name         string
	method, path string
	user         string // name and password; empty: anonymous
	content      string
	header       []string
	want         int
	reason       string // in the audit log, where the sign-in was refused
}

const (
	get, post, remove = http.MethodGet, http.MethodPost, http.MethodDelete
	ofAlice, ofBob    = "alice:alice-pw", "bob:bob-pw"
	api               = "/api/v1/tokens"
	wish              = `{"name":"ci","scopes":["repository:platform/**:pull"]}`
)

// TestSelfService plays what people do, and holds every answer to the byte. Package e2e
// compares the same answers with the description of the API.
func TestSelfService(t *testing.T) {
	exchanges := []exchange{
		{"create", post, api, ofAlice, `{"name":"ci","scopes":["repository:platform/**:pull,push","repository:public/a:pull"],"networks":["10.0.0.0/8","192.0.2.1"],"expires":"12h"}`, nil, 201, ""},
		{"create-defaults", post, api, ofAlice, `{"name":"second","scopes":["repository:public/**:pull"]}`, nil, 201, ""},
		{"create-until-a-date", post, api, ofBob, `{"name":"of bob","scopes":["repository:platform/**:push"],"expires":"2026-03-31"}`, nil, 201, ""},
		{"create-in-the-realm", post, api + "?realm=corp", ofAlice, `{"name":"third","scopes":["repository:public/**:pull"],"expires":"2026-03-31T12:00:00Z"}`, []string{"Content-Type", "application/json; charset=UTF-8"}, 201, ""},
		{"list", get, api, ofAlice, "", nil, 200, ""},
		{"list-others", get, api, ofBob, "", nil, 200, ""},
		{"list-page", get, api + "?limit=2", ofAlice, "", nil, 200, ""},
		{"list-next-page", get, api + "?limit=2&after=1772366402.ID-2", ofAlice, "", nil, 200, ""},
		{"list-head", http.MethodHead, api, ofAlice, "", nil, 200, ""},
		{"show", get, api + "/ID-1", ofAlice, "", nil, 200, ""},
		{"show-in-the-realm", get, api + "/ID-1?realm=corp", ofAlice, "", nil, 200, ""},
		{"show-anothers", get, api + "/ID-1", ofBob, "", nil, 404, ""},
		{"show-none", get, api + "/000000000000", ofBob, "", nil, 404, ""},
		{"show-no-id", get, api + "/x", ofAlice, "", nil, 404, ""},
		{"revoke-anothers", remove, api + "/ID-1", ofBob, "", nil, 404, ""},
		{"revoke-none", remove, api + "/000000000000", ofBob, "", nil, 404, ""},
		{"revoke", remove, api + "/ID-1", ofAlice, "", nil, 200, ""},
		{"revoke-again", remove, api + "/ID-1", ofAlice, "", nil, 200, ""},
		{"list-live", get, api + "?all=false", ofAlice, "", nil, 200, ""},
		{"list-all", get, api + "?all=true&limit=100", ofAlice, "", nil, 200, ""},

		{"create-taken", post, api, ofAlice, `{"name":"second","scopes":["repository:public/**:pull"]}`, nil, 409, ""},
		{"create-beyond-the-realm", post, api, ofAlice, `{"name":"ci","scopes":["repository:**:pull"]}`, nil, 403, ""},
		{"create-too-long", post, api, ofAlice, `{"name":"ci","scopes":["repository:public/**:pull"],"expires":"61d"}`, nil, 403, ""},
		{"create-too-long-for-anybody", post, api, ofAlice, `{"name":"ci","scopes":["repository:public/**:pull"],"expires":"367d"}`, nil, 400, ""},
		{"create-part-of-a-token", post, api, ofAlice, `{"name":"srp_0123456789abABCDEFGHIJKLMNOPQRST","scopes":["repository:public/**:pull"]}`, nil, 400, ""},
		{"create-two-scopes-in-one", post, api, ofAlice, `{"name":"ci","scopes":["repository:public/a:pull repository:public/b:pull"]}`, nil, 400, ""},
		{"create-too-much", post, api, ofAlice, `{"name":"ci","scopes":["repository:public/` + strings.Repeat("a", 200) + `:pull"` + strings.Repeat(`,"repository:public/`+strings.Repeat("b", 200)+`:pull"`, 40) + `]}`, nil, 400, ""},
		{"create-bad-name", post, api, ofAlice, `{"name":"a\u0000b","scopes":["repository:public/**:pull"]}`, nil, 400, ""},
		{"create-bad-scope", post, api, ofAlice, `{"name":"ci","scopes":["repository:public/**:pul"]}`, nil, 400, ""},
		{"create-bad-network", post, api, ofAlice, `{"name":"ci","scopes":["repository:public/**:pull"],"networks":["10.0.0.1/8"]}`, nil, 400, ""},
		{"create-nothing", post, api, ofAlice, `{}`, nil, 400, ""},
		{"create-no-json", post, api, ofAlice, `{"name":`, nil, 400, "bad-content"},
		{"create-list", post, api, ofAlice, `[]`, nil, 400, "bad-content"},
		{"create-unknown-field", post, api, ofAlice, `{"name":"ci","owner":"local:bob"}`, nil, 400, "bad-content"},
		{"create-other-case", post, api, ofAlice, `{"Name":"ci"}`, nil, 400, "bad-content"},
		{"create-field-twice", post, api, ofAlice, `{"name":"ci","name":"x"}`, nil, 400, "bad-content"},
		{"create-wrong-type", post, api, ofAlice, `{"name":1}`, nil, 400, "bad-content"},
		{"create-null", post, api, ofAlice, `{"networks":null}`, nil, 400, "bad-content"},
		{"create-null-in-a-list", post, api, ofAlice, `{"scopes":[null]}`, nil, 400, "bad-content"},
		{"create-more-after-it", post, api, ofAlice, wish + "{}", nil, 400, "bad-content"},
		{"create-no-utf-8", post, api, ofAlice, "{\"name\":\"\xff\"}", nil, 400, "bad-content"},
		{"create-form", post, api, ofAlice, `name=ci`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "bad-content-type"},
		{"create-text", post, api, ofAlice, wish, []string{"Content-Type", "text/plain"}, 415, "bad-content-type"},
		{"create-other-charset", post, api, ofAlice, wish, []string{"Content-Type", "application/json; charset=latin1"}, 415, "bad-content-type"},
		{"create-compressed", post, api, ofAlice, wish, []string{"Content-Encoding", "gzip"}, 415, "bad-content-type"},
		{"create-no-type", post, api, ofAlice, wish, []string{"Content-Type", ""}, 415, "bad-content-type"},
		{"create-too-large", post, api, ofAlice, `{"name":"` + strings.Repeat("x", 64<<10) + `"}`, nil, 413, "too-large"},

		{"unknown-parameter", get, api + "?reaml=corp", ofAlice, "", nil, 400, "bad-query"},
		{"bad-escapes", get, api + "?realm=%zz", ofAlice, "", nil, 400, "bad-query"},
		{"two-realms", get, api + "?realm=corp&realm=lab", ofAlice, "", nil, 400, "repeated-parameter"},
		{"bad-limit", get, api + "?limit=0", ofAlice, "", nil, 400, "bad-query"},
		{"bad-all", get, api + "?all=yes", ofAlice, "", nil, 400, "bad-query"},
		{"bad-after", get, api + "?after=x", ofAlice, "", nil, 400, ""},
		{"two-headers", get, api, ofAlice, "", []string{"Authorization", "Basic " + "YWxpY2U6YWxpY2UtcHc="}, 401, "bad-authorization"},
		{"bad-limit-of-all", get, api + "?limit=101", ofAlice, "", nil, 400, "bad-query"},
		{"nameless", get, api, ":alice-pw", "", nil, 401, "bad-authorization"},
		{"nameless-with-a-token", get, api, ":srp_000000000000", "", nil, 403, "access-token"},
		{"bearer", get, api, "", "", []string{"Authorization", "Bearer x"}, 401, "bad-authorization"},

		{"nothing-there", get, "/api/v2/tokens", ofAlice, "", nil, 404, ""},
		{"other-method", http.MethodPut, api, ofAlice, wish, nil, 405, ""},
		{"other-method-of-one", post, api + "/ID-1", ofAlice, wish, nil, 405, ""},
		{"preflight", http.MethodOptions, api, "", "", []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "POST"}, 204, ""},
		{"preflight-of-one", http.MethodOptions, api + "/ID-1", "", "", []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "DELETE"}, 204, ""},
		{"description", get, "/api/v1/openapi.yaml", "", "", nil, 200, ""},
		{"description-post", post, "/api/v1/openapi.yaml", "", "", nil, 405, ""},
	}
	operations := []exchange{{name: "create", method: post, path: api, content: wish}, {name: "list", method: get, path: api}, {name: "show", method: get, path: api + "/ID-2"}, {name: "revoke", method: remove, path: api + "/ID-2"}}
	for _, o := range operations {
		for _, x := range []exchange{
			{"anonymous", "", "", "", "", nil, 401, "no-credentials"},
			{"wrong-password", "", "", "alice:no", "", nil, 401, "wrong-password"},
			{"unknown", "", "", "zoe:zoe-pw", "", nil, 401, "unhandled"},
			{"disabled", "", "", "carol:carol-pw", "", nil, 401, "disabled"},
			{"with-a-token", "", "", "alice:srp_000000000000", "", nil, 403, "access-token"},
			{"too-many", "", "", "wanda:wanda-pw", "", nil, 429, "lockout"},
			{"outage", "", "", "xaver:xaver-pw", "", nil, 503, "outage"},
			{"closed", "", "?realm=closed", ofAlice, "", nil, 404, "no-self-service"},
			{"no-realm", "", "?realm=evil", ofAlice, "", nil, 404, "no-self-service"},
			{"empty-realm", "", "?realm=", ofAlice, "", nil, 404, "no-self-service"},
			{"bad-query", "", "?x", ofAlice, "", nil, 400, "bad-query"},
		} {
			x.name, x.method, x.path, x.content = o.name+"-"+x.name, o.method, o.path+x.path, o.content
			exchanges = append(exchanges, x)
		}
	}
	clock := new(ticks)
	p := openPeople(t, clock, openStore(t, clock), "", "corp")
	for _, x := range exchanges {
		t.Run(x.name, func(t *testing.T) { p.play(t, x) })
	}
	again := func(on *people, suffix string, want int, reason string) {
		on.ids = p.ids
		for _, o := range operations {
			o.name, o.user, o.want, o.reason = o.name+suffix, ofAlice, want, reason
			t.Run(o.name, func(t *testing.T) { on.play(t, o) })
		}
	}
	again(openPeople(t, clock, p.store, "", "corp", "lab"), "-which-realm", 400, "no-realm")
	again(openPeople(t, clock, p.store, "/dev/full", "corp"), "-unrecorded", 500, "")
	if err := p.store.Close(); err != nil {
		t.Fatal(err)
	}
	again(p, "-no-database", 503, "")
}

// play sends a request and compares the answer with the one expected.
func (p *people) play(t *testing.T, x exchange) {
	t.Helper()
	p.clock.seconds.Add(1)
	r := p.request(t, x)
	var recorded int
	if x.want != 500 { // what cannot be recorded has no record
		recorded = len(p.Entries(t))
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != x.want {
		t.Errorf("status %s, want %d: %s", response.Status, x.want, body)
	}
	for name := range response.Header {
		if strings.HasPrefix(name, "Access-Control") || name == "Set-Cookie" {
			t.Errorf("header %s", name)
		}
	}
	p.note(body)
	id := response.Header.Get("X-Request-Id")
	if x.want != 500 {
		p.checkRecord(t, x, id, recorded)
	}
	p.compare(t, x.name, dumpRequest(x, r), dump(response, body), id)
}

// checkRecord wants one new line in the audit log, or none where nothing was there to be
// done.
func (p *people) checkRecord(t *testing.T, x exchange, requestID string, before int) {
	t.Helper()
	entries := p.Entries(t)
	want := 1
	if x.want == 405 || x.want == 204 || strings.HasPrefix(x.name, "description") || x.name == "nothing-there" {
		want = 0
	}
	if len(entries)-before != want {
		t.Errorf("%d new audit entries, want %d", len(entries)-before, want)
		return
	}
	if want == 0 {
		return
	}
	e := entries[len(entries)-1]
	if e.RequestID != requestID || e.ClientIP != "127.0.0.1" || e.UserAgent != "test" {
		t.Errorf("audit entry %+v", e)
	}
	if e.Act == "" || x.reason != "" && e.Reason != x.reason || (e.Reason == "") != (x.want < 300) {
		t.Errorf("audit entry %+v, want one with the reason %q", e, x.reason)
	}
	if granted := e.Outcome == broker.OutcomeGranted; granted != (x.want < 300) {
		t.Errorf("%d, but audit entry %+v", x.want, e)
	}
}

// request makes the request of an exchange.
func (p *people) request(t *testing.T, x exchange) *http.Request {
	t.Helper()
	path := x.path
	for i, id := range p.ids {
		path = strings.ReplaceAll(path, fmt.Sprintf("ID-%d", i+1), id)
	}
	r, err := http.NewRequestWithContext(t.Context(), x.method, p.URL+path, strings.NewReader(x.content))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "test")
	if x.content != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if name, password, ok := strings.Cut(x.user, ":"); ok {
		r.SetBasicAuth(name, password)
	}
	for i := 0; i < len(x.header); i += 2 {
		switch {
		case x.header[i+1] == "":
			r.Header.Del(x.header[i])
		case x.header[i] == "Content-Type":
			r.Header.Set(x.header[i], x.header[i+1])
		default:
			r.Header.Add(x.header[i], x.header[i+1])
		}
	}
	return r
}

// note remembers the id of a token that was made.
func (p *people) note(body []byte) {
	if m := regexp.MustCompile(`"secret":"srp_(\w{12})`).FindSubmatch(body); m != nil {
		p.ids = append(p.ids, string(m[1]))
	}
}

// compare compares an exchange with testdata/api/NAME.txtar. What differs from run to run
// is written in another way of the same length.
func (p *people) compare(t *testing.T, name, request, response, requestID string) {
	t.Helper()
	steady := []string{requestID, "REQUEST-IDREQUEST-IDREQUES"}
	for i, id := range p.ids {
		steady = append(steady, id, fmt.Sprintf("token%07d", i+1))
	}
	got := string(txtar.Format(&txtar.Archive{Files: []txtar.File{{Name: "request", Data: []byte(request)}, {Name: "response", Data: []byte(response)}}}))
	got = strings.NewReplacer(steady...).Replace(got)
	got = regexp.MustCompile(`srp_(token\d{7})\w{38}`).ReplaceAllString(got, "srp_${1}"+strings.Repeat("0", 38))
	path := filepath.Join("testdata", "api", name+".txtar")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("got\n%s\nwant\n%s(%v; -update writes it anew)", got, want, err)
	}
}

// dumpRequest writes a request as it is sent, with an end to what is long.
func dumpRequest(x exchange, r *http.Request) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\nHost: localhost\n", r.Method, r.URL.RequestURI())
	_ = r.Header.Write(&b)
	content := x.content
	if len(content) > 1000 {
		content = content[:100] + "…"
	}
	if content != "" {
		fmt.Fprintf(&b, "Content-Length: %d\n", len(content))
	}
	fmt.Fprintf(&b, "\n%s\n", strings.ToValidUTF8(content, "?"))
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

// dump writes an answer as it came.
func dump(r *http.Response, body []byte) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %s\n", r.Status)
	r.Header.Del("Date")
	_ = r.Header.Write(&b)
	fmt.Fprintf(&b, "\n")
	if r.Header.Get("Content-Type") != "application/yaml" {
		fmt.Fprintf(&b, "%s\n", body)
	}
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

// TestProblemsAreDocumented compares the types of problems with the page that they lead to.
func TestProblemsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/problems.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{} // status by type
	for _, m := range regexp.MustCompile(`(?m)^## (.+)\n\n(\d+):`).FindAllStringSubmatch(string(page), -1) {
		documented[m[1]] = m[2]
	}
	answers, err := filepath.Glob("testdata/api/*.txtar")
	if err != nil || len(answers) == 0 {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, path := range answers {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`"type":"(.*/docs/problems.md)#([a-z-]+)".*"status":(\d+)`).FindSubmatch(content)
		if m == nil {
			continue
		}
		seen[string(m[2])] = true
		if string(m[3]) != documented[string(m[2])] {
			t.Errorf("%s: type %s with the status %s; documented is %q", path, m[2], m[3], documented[string(m[2])])
		}
	}
	if len(seen) != len(documented) {
		t.Errorf("documented are %v, seen %v", documented, seen)
	}
}
