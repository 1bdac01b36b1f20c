package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/connectors"
)

// TestSelfServiceRefusalsAreAlike holds that the API tells of a failed login what the token
// endpoint does, and no more.
func TestSelfServiceRefusalsAreAlike(t *testing.T) {
	clock := new(ticks)
	p := openPeople(t, clock, openStore(t, clock), "", "corp")
	_, want := do(t, request(t, http.MethodGet, p.URL+"/token?service=registry.corp", "", "Authorization", basic("alice", "no")))
	var first string
	for _, user := range []string{"alice:no", "zoe:zoe-pw", "carol:carol-pw", "carol:no", "alice:", "a b:x"} {
		response, err := http.DefaultClient.Do(p.request(t, exchange{method: get, path: api, user: user}))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		id := response.Header.Get("X-Request-Id")
		got := strings.ReplaceAll(dump(response, body), id, "")
		if first == "" {
			first = got
		}
		if got != first || !strings.Contains(got, `"detail":"`+want.Details+`"`) {
			t.Errorf("%s is answered\n%s\nothers\n%s\nthe token endpoint says %q", user, got, first, want.Details)
		}
	}
}

// TestSelfServiceOff holds that the API tells of itself where no realm has it: whoever asks
// for tokens is told that, and nobody is signed in.
func TestSelfServiceOff(t *testing.T) {
	clock := new(ticks)
	p := openPeople(t, clock, openStore(t, clock), "")
	const none = `"detail":"no realm here lets people make access tokens themselves: ask whoever runs this for one"`
	for _, tt := range []struct {
		method, path string
		status       int
		content      string
		says         string
	}{
		{get, api, 404, "application/problem+json", none},
		{post, api, 404, "application/problem+json", none},
		{get, api + "?realm=corp", 404, "application/problem+json", none},
		{remove, api + "/000000000000", 404, "application/problem+json", none},
		{http.MethodPut, api, 405, "application/problem+json", "this path answers to"},
		{get, "/api/v2", 404, "application/problem+json", "there is nothing at this path"},
		{get, "/api/v1/openapi.yaml", 200, "application/yaml", "openapi: 3.1"},
	} {
		before := len(p.Entries(t))
		response, err := http.DefaultClient.Do(p.request(t, exchange{method: tt.method, path: tt.path, user: ofAlice, content: wish}))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != tt.status || response.Header.Get("Content-Type") != tt.content || !strings.Contains(string(body), tt.says) {
			t.Errorf("%s %s: %s %v %s %v", tt.method, tt.path, response.Status, response.Header, body, err)
		}
		if entries := p.Entries(t)[before:]; tt.says == none && (len(entries) != 1 || entries[0].Reason != "no-self-service") {
			t.Errorf("%s %s: recorded %+v", tt.method, tt.path, entries)
		}
	}
}

// panicking is a broker that does not work.
type panicking struct{}

func (panicking) SignIn(context.Context, broker.Request) (connectors.Identity, error) { panic("no") }

func TestSelfServicePanics(t *testing.T) {
	s := httptest.NewServer(server.New(server.Config{
		Logger: slog.New(slog.DiscardHandler), SelfService: &server.SelfService{Realms: []string{"corp"}, People: panicking{}},
	}))
	t.Cleanup(s.Close)
	response, err := http.DefaultClient.Do(request(t, http.MethodGet, s.URL+api, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 500 || response.Header.Get("Content-Type") != "application/problem+json" || !bytes.Contains(body, []byte(response.Header.Get("X-Request-Id"))) {
		t.Errorf("%s %v %s %v", response.Status, response.Header, body, err)
	}
}

// TestNoTokenIsLogged holds that a token does not get into the log where its id was wanted.
func TestNoTokenIsLogged(t *testing.T) {
	clock := new(ticks)
	p := openPeople(t, clock, openStore(t, clock), "", "corp")
	p.play(t, exchange{name: "create", method: post, path: api, user: ofAlice, content: `{"name":"ci","scopes":["repository:platform/**:pull,push","repository:public/a:pull"],"networks":["10.0.0.0/8","192.0.2.1"],"expires":"12h"}`, want: 201})
	const secret = "srp_0123456789abABCDEFGHIJKLMNOPQRSTUVWXYZabcdef3a1QgX" // with the right checksum
	for _, method := range []string{get, remove} {
		response, err := http.DefaultClient.Do(p.request(t, exchange{method: method, path: api + "/" + secret, user: ofAlice}))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != 400 || bytes.Contains(body, []byte(secret[4:])) || !bytes.Contains(body, []byte("0123456789ab")) {
			t.Errorf("%s %s %v", response.Status, body, err)
		}
	}
	if log := p.Log.String(); strings.Contains(log, secret[16:]) || !strings.Contains(log, "/api/v1/tokens/srp_0123456789ab…") {
		t.Errorf("logged\n%s", log)
	}
	for _, e := range p.Entries(t) {
		if line, err := json.Marshal(e); err != nil || bytes.Contains(line, []byte(secret[16:])) {
			t.Errorf("recorded %s, %v", line, err)
		}
	}
}
