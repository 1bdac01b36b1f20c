package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/connectors"
)

// administration is the admin API on a socket.
type administration struct {
	*brokertest.Fixture
	admin  *server.Admin
	client http.Client
}

func openAdministration(t *testing.T) *administration {
	t.Helper()
	realm := brokertest.Realm{Name: "corp", Services: []string{"registry.corp"}, Policy: rules}
	a := &administration{Fixture: brokertest.New(t, "", realm)}
	clock := new(ticks)
	kept := openStore(t, clock)
	logger := slog.New(slog.NewTextHandler(a.Log, nil))
	tokens := access.New(access.Config{
		Keeper: kept, Lookup: kept, Auditor: a.Auditor, Logger: logger, Now: clock.now,
		Realms: map[string]access.Realm{"corp": {
			Connectors: []access.Connector{{Member: connectors.Member{Name: "tokens", Tokens: true}}, {Member: brokertest.Local(t)}, {Member: connectors.Member{Name: "directory", Connector: down{}}}},
			Policy:     brokertest.Compile(t, realm),
		}},
	})
	socket := filepath.Join(t.TempDir(), "admin.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	a.admin = &server.Admin{Tokens: tokens, Auditor: a.Auditor, Logger: logger}
	s := server.AdminHTTP(a.admin.Handler(), logger)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	a.client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(a.client.CloseIdleConnections)
	return a
}

// ask sends a request and returns the status and the body.
func (a *administration) ask(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://admin/v1/realms/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := a.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

// made makes a token of alice's.
func (a *administration) made(t *testing.T, name string) server.MadeToken {
	t.Helper()
	status, body := a.ask(t, post, "corp/tokens", `{"owner":"local:alice","name":"`+name+`","scopes":["repository:platform/**:pull"]}`)
	var token server.MadeToken
	if err := json.Unmarshal([]byte(body), &token); err != nil || status != http.StatusCreated || !strings.HasPrefix(token.Secret, "srp_"+token.ID) {
		t.Fatalf("status %d, %s, %v", status, body, err)
	}
	return token
}

func TestAdminTokens(t *testing.T) {
	a := openAdministration(t)
	first := a.made(t, "first")
	e := a.Last(t)
	if e.Act != "create-token" || e.Token != first.ID || e.Owner != "local:alice" || e.RequestID == "" || e.UID == nil || *e.UID != uint32(os.Getuid()) { //nolint:gosec // a user's number
		t.Errorf("recorded %+v", e)
	}
	for i := range 4 {
		a.made(t, fmt.Sprint("token ", i))
	}
	const none = "/000000000000"
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"show", get, "corp/tokens/" + first.ID, "", 200, `"name":"first"`},
		{"all", get, "corp/tokens", "", 200, `"name":"first"`},
		{"nobody's", get, "corp/tokens?owner=local:bob", "", 200, `{"tokens":[]}`},
		{"no realm", get, "lab/tokens", "", 404, `there is no realm \"lab\"`},
		{"no token", get, "corp/tokens" + none, "", 404, "no access token with the id 000000000000"},
		{"no id", get, "corp/tokens/x", "", 404, "this is no token's id"},
		{"the token itself", get, "corp/tokens/" + first.Secret, "", 400, "this is a token itself, where its id was wanted: write " + first.ID},
		{"a parameter that is not there", get, "corp/tokens?page=2", "", 400, `there is no parameter \"page\" here, only owner, all, after, limit`},
		{"a parameter twice", get, "corp/tokens?limit=2&limit=3", "", 400, ""},
		{"a limit", get, "corp/tokens?limit=0", "", 400, ""},
		{"a place", get, "corp/tokens?after=x", "", 400, "after is no place in a list of tokens"},
		{"no such owner", post, "corp/tokens", `{"owner":"local:dora","name":"a","scopes":["repository:**:pull"]}`, 404, "knows nobody"},
		{"an owner whom nobody can look up", post, "corp/tokens", `{"owner":"directory:x","name":"a","scopes":["repository:**:pull"]}`, 404, "cannot look anybody up"},
		{"a name that is taken", post, "corp/tokens", `{"owner":"local:alice","name":"first","scopes":["repository:**:pull"]}`, 409, "already"},
		{"an unknown field", post, "corp/tokens", `{"owner":"local:alice","nmae":"a"}`, 400, `there is no field \"nmae\"`},
		{"more than JSON", post, "corp/tokens", `{"owner":"local:alice"} {}`, 400, "something stands after the JSON object"},
		{"no JSON", post, "corp/tokens", `owner=local:alice`, 400, "must be a JSON object"},
		{"a large body", post, "corp/tokens", `{"name":"` + strings.Repeat("x", 70_000) + `"}`, 400, "larger than 65536 bytes"},
		{"another method", http.MethodPut, "corp/tokens", "", 405, "GET, POST alone"},
		{"revoke", remove, "corp/tokens/" + first.ID, "", 200, `"status":"revoked"`},
		{"revoke again", remove, "corp/tokens/" + first.ID, "", 200, "was revoked before, at "},
		{"revoke nobody's", post, "corp/tokens/revoke-all", `{"owner":"local:bob"}`, 404, "local:bob has no access token in realm corp"},
		{"revoke no owner's", post, "corp/tokens/revoke-all", `{}`, 400, "name their owner"},
		{"revoke all", post, "corp/tokens/revoke-all", `{"owner":"local:alice"}`, 200, `"name":"token 3"`},
		{"revoke all again", post, "corp/tokens/revoke-all", `{"owner":"local:alice"}`, 200, "has no access token that counts"},
		{"none is left", get, "corp/tokens", "", 200, `{"tokens":[]}`},
		{"but those that were", get, "corp/tokens?all=true&limit=100", "", 200, `"name":"first"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(a.Entries(t))
			status, body := a.ask(t, tt.method, tt.path, tt.body)
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("status %d, %s, want %d, %s", status, body, tt.status, tt.want)
			}
			if status >= 400 && !strings.Contains(body, `"details":`) {
				t.Errorf("%s has not the form of a failure", body)
			}
			if strings.Contains(body, first.Secret[16:48]) || strings.Contains(a.Log.String(), first.Secret[16:48]) {
				t.Error("the secret is shown again")
			}
			if recorded := len(a.Entries(t)) - before; recorded > 1 || recorded == 0 && status < 400 {
				t.Errorf("%d lines recorded", recorded)
			}
		})
	}
}

// TestAdminTokenPages holds that page after page has every token once.
func TestAdminTokenPages(t *testing.T) {
	a := openAdministration(t)
	for i := range 5 {
		a.made(t, fmt.Sprint(i))
	}
	seen := map[string]bool{}
	after, pages := "", 0
	for ; pages == 0 || after != ""; pages++ {
		_, body := a.ask(t, get, "corp/tokens?limit=2&after="+after, "")
		var page server.TokenPage
		if err := json.Unmarshal([]byte(body), &page); err != nil || len(page.Tokens) > 2 || len(page.Tokens) == 0 {
			t.Fatalf("%s, %v", body, err)
		}
		for _, one := range page.Tokens {
			seen[one.ID] = true
		}
		after = page.Next
	}
	if pages != 3 || len(seen) != 5 {
		t.Errorf("%d tokens on %d pages", len(seen), pages)
	}
}

// TestOneTokenOfAName holds that of many who make a token of one name at once, one does.
func TestOneTokenOfAName(t *testing.T) {
	a := openAdministration(t)
	statuses := make(chan int, 20)
	var wait sync.WaitGroup
	for range cap(statuses) {
		wait.Go(func() {
			status, _ := a.ask(t, post, "corp/tokens", `{"owner":"local:alice","name":"ci","scopes":["repository:platform/**:pull"]}`)
			statuses <- status
		})
	}
	wait.Wait()
	close(statuses)
	count := map[int]int{}
	for status := range statuses {
		count[status]++
	}
	if count[http.StatusCreated] != 1 || count[http.StatusConflict] != cap(statuses)-1 {
		t.Errorf("statuses %v", count)
	}
	granted := 0
	for _, e := range a.Entries(t) {
		if e.Outcome == broker.OutcomeGranted {
			granted++
		}
	}
	if granted != 1 {
		t.Errorf("%d recorded as made", granted)
	}
}

// lost is an answer that cannot be sent.
type lost struct{ http.ResponseWriter }

func (lost) FlushError() error { return syscall.EPIPE }

// TestAnswerLost holds that a token is taken back whose answer cannot be sent, and that this is
// recorded.
func TestAnswerLost(t *testing.T) {
	a := openAdministration(t)
	r := httptest.NewRequestWithContext(t.Context(), post, "http://admin/v1/realms/corp/tokens", strings.NewReader(`{"owner":"local:alice","name":"ci","scopes":["repository:platform/**:pull"]}`))
	r.Header.Set("Content-Type", "application/json")
	a.admin.Handler().ServeHTTP(lost{httptest.NewRecorder()}, r)
	if e := a.Last(t); e.Act != "revoke-token" || e.Outcome != broker.OutcomeGranted || e.Token == "" {
		t.Errorf("recorded %+v", e)
	}
	if _, body := a.ask(t, get, "corp/tokens", ""); body != `{"tokens":[]}` {
		t.Errorf("there are %s", body)
	}
}
