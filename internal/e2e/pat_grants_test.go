package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// grant is a way of asking for a registry token with an access token.
type grant struct {
	name      string
	basic     []string   // user name and password of the header
	form      url.Values // of a POST; nil: a GET
	query     url.Values // of a GET
	wantToken bool
}

func grantsWith(token string) []grant {
	return []grant{
		{name: "header", basic: []string{"alice", token}, wantToken: true},
		{name: "header, a name that CI made up", basic: []string{"gitlab-ci-token", token}, wantToken: true},
		{name: "header, somebody else's name", basic: []string{"bob", token}, wantToken: true},
		{name: "header, what no user name can be", basic: []string{"Ali ce\x00<>", token}, wantToken: true},
		{name: "header, without a name", basic: []string{"", token}, wantToken: true},
		{name: "header, and an identity token wished for", basic: []string{"alice", token}, query: url.Values{"offline_token": {"true"}, "account": {"alice"}}, wantToken: true},
		{name: "password grant", form: url.Values{"grant_type": {"password"}, "username": {"ci"}, "password": {token}}, wantToken: true},
		{name: "password grant, and an identity token wished for", form: url.Values{"grant_type": {"password"}, "username": {"ci"}, "password": {token}, "access_type": {"offline"}}, wantToken: true},
		{name: "refresh grant", form: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}},
		{name: "as the user name", basic: []string{token, "alice-password"}},
		{name: "as the user name, without a password", basic: []string{token, ""}},
		{name: "with a space before it", basic: []string{"alice", " " + token}},
		{name: "another letter", basic: []string{"alice", "S" + token[1:]}},
	}
}

// TestTokenGrants sends an access token in every place that there is for credentials.
func TestTokenGrants(t *testing.T) {
	w := newWorld(t, "", withTokens()...)
	token := w.mint(t, "alice", "ci")
	for _, g := range grantsWith(token) {
		t.Run(g.name, func(t *testing.T) {
			a := g.ask(t, w.broker)
			entries := w.broker.Audit(t)
			last := entries[len(entries)-1]
			switch {
			case strings.Contains(a.Body, token):
				t.Errorf("the answer repeats the token: %s", a.Body)
			case !g.wantToken && (a.Status != http.StatusUnauthorized || last.Subject != ""):
				t.Errorf("status %d, recorded as %+v", a.Status, last)
			case g.wantToken:
				c := a.Claims(t)
				if c.Subject != "directory:alice" || len(c.Access) != 1 || strings.Contains(a.Body, "refresh_token") {
					t.Errorf("claims %+v of the answer %s", c, a.Body)
				}
				if last.Token != stack.PublicID(token) || last.Subject != "directory:alice" || last.Via != "tokens" {
					t.Errorf("recorded as %+v", last)
				}
			}
		})
	}
}

// ask sends the grant.
func (g grant) ask(t *testing.T, b *stack.Broker) stack.Answer {
	t.Helper()
	query := url.Values{"service": {service}, "scope": {"repository:platform/app:pull"}}
	for name, values := range g.query {
		query[name] = values
	}
	target, method, body := "http://"+b.Addr+"/token?"+query.Encode(), http.MethodGet, io.Reader(http.NoBody)
	if g.form != nil {
		form := url.Values{"service": query["service"], "scope": query["scope"], "client_id": {"e2e"}}
		for name, values := range g.form {
			form[name] = values
		}
		target, method, body = "http://"+b.Addr+"/token", http.MethodPost, strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	if g.form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if g.basic != nil {
		request.SetBasicAuth(g.basic[0], g.basic[1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	a := stack.Answer{Status: response.StatusCode, Header: response.Header, Body: string(text)}
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestTokenAsIdentityToken holds that an access token which somebody has put where docker
// keeps identity tokens is refused in words, and that docker never makes one of it.
func TestTokenAsIdentityToken(t *testing.T) {
	w := newWorld(t, stack.V3, withTokens()...)
	token := w.mint(t, "alice", "ci")
	alice := w.client(t)
	app := alice.Ref("platform/app:1")
	ok(t, alice.DockerLogin("ci", token))
	wantKept(t, alice, "ci:"+token)
	ok(t, alice.Crane("push", alice.Image(), app))
	ok(t, alice.Docker("", "manifest", "inspect", "--insecure", app))

	alice.File("config.json", fmt.Sprintf(`{"auths":{%q:{"auth":"Y2k6","identitytoken":%q}}}`, alice.Registry(), token)) // "ci:"
	for client, r := range map[string]stack.Result{
		"docker": alice.Docker("", "manifest", "inspect", "--insecure", app),
		"crane":  alice.Crane("manifest", app),
		"skopeo": alice.Run("", "skopeo", "inspect", "--tls-verify=false", "docker://"+app),
	} {
		if r.Code == 0 || !strings.Contains(r.Stderr, textToken) || strings.Contains(r.Text(), token) {
			t.Errorf("%s exits %d and says %q", client, r.Code, r.Stderr)
		}
	}
}
