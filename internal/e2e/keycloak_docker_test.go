package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestKeycloakEndpointCompared asks Keycloak's docker-v2 endpoint and ours the same. The
// table of docs/from-keycloak.md has what comes out here.
func TestKeycloakEndpointCompared(t *testing.T) {
	k := startKeycloak(t)
	addDockerClient(t, k, realmLab)
	b := keycloakBroker(t, k, k.Issuer(realmCorp), k.Issuer(realmLab))
	theirs, ours := k.Issuer(realmLab)+"/protocol/docker-v2", "http://"+b.Addr+"/realms/corp/protocol/docker-v2"
	scopes := func(scopes ...string) url.Values { return url.Values{"service": {service}, "scope": scopes} }
	const get = http.MethodGet
	for _, tt := range []struct {
		name, method, path string
		query              url.Values
		username, password string // "" is anonymous
		theirs, ours       string
	}{
		{"a push that no rule allows", get, "/auth", scopes("repository:platform/app:pull,push"), "carol", "carol-password", "200 platform/app:pull,push", "200"},
		{"the list of all repositories", get, "/auth", scopes("registry:catalog:*"), "carol", "carol-password", "200 catalog:*", "200"},
		{"an anonymous pull", get, "/auth", scopes("repository:public/app:pull"), "", "", "400 text/html", "200 public/app:pull"},
		{"an anonymous pull that no rule allows", get, "/auth", scopes("repository:platform/app:pull"), "", "", "400 text/html", "401 application/json"},
		{"two scopes", get, "/auth", scopes("repository:platform/a:pull", "repository:platform/b:pull"), "alice", "alice-password", "200 platform/a:pull", "200 platform/a:pull platform/b:pull"},
		{"two scopes in one", get, "/auth", scopes("repository:platform/a:pull repository:platform/b:pull"), "alice", "alice-password", "200 platform/a:pull platform/b:pull", "200 platform/a:pull platform/b:pull"},
		{"a port in the name", get, "/auth", scopes("repository:localhost:5000/platform/a:pull"), "alice", "alice-password", "400 text/html", "200"},
		{"POST", http.MethodPost, "/auth", url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {"alice-password"}, "service": {service}, "client_id": {"test"}, "scope": {"repository:platform/a:pull"}}, "", "", "405 application/json", "200 platform/a:pull"},
		{"the path without /auth", get, "", scopes("repository:platform/a:pull"), "alice", "alice-password", "405 application/json", "200 platform/a:pull"},
		{"no service", get, "/auth", url.Values{}, "alice", "alice-password", "400 application/json", "200"},
		{"another service", get, "/auth", url.Values{"service": {"another"}}, "alice", "alice-password", "400 application/json", "400 application/json"},
		{"a mail address", get, "/auth", scopes(), "alice@corp.example", "alice-password", "401 application/json", "200"},
		{"upper case", get, "/auth", scopes(), "ALICE", "alice-password", "200", "200"},
		{"a wrong password", get, "/auth", scopes(), "carol", "not-hers", "401 application/json", "401 application/json"},
		{"disabled", get, "/auth", scopes(), "dora", "dora-password", "401 application/json", "401 application/json"},
		{"a one-time password", get, "/auth", scopes(), "otto", "otto-password", "200", "401 application/json"},
		{"a required action", get, "/auth", scopes(), "rita", "rita-password", "302", "401 application/json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for base, want := range map[string]string{theirs: tt.theirs, ours: tt.ours} {
				if got := askEndpoint(t, tt.method, base+tt.path, tt.query, tt.username, tt.password); got.summary(t) != want {
					t.Errorf("%s answers %q, want %q: %s", base, got.summary(t), want, got.Body)
				}
			}
		})
	}
	t.Run("cookies and access_token", func(t *testing.T) {
		for base, want := range map[string][2]bool{theirs: {true, false}, ours: {false, true}} {
			a := askEndpoint(t, get, base+"/auth", scopes(), "alice", "alice-password")
			if got := [2]bool{len(a.Header.Values("Set-Cookie")) > 0, strings.Contains(a.Body, `"access_token"`)}; got != want {
				t.Errorf("%s: cookies and access_token %v, want %v", base, got, want)
			}
		}
	})
}

// endpointAnswer is what a token endpoint said, ours or another.
type endpointAnswer struct {
	Status int
	Header http.Header
	Body   string
	Token  string `json:"token"`
}

// askEndpoint asks an endpoint, following no redirect.
func askEndpoint(t *testing.T, method, endpoint string, values url.Values, username, password string) endpointAnswer {
	t.Helper()
	var body io.Reader = http.NoBody
	if method == http.MethodPost {
		body = strings.NewReader(values.Encode())
	} else {
		endpoint += "?" + values.Encode()
	}
	request, err := http.NewRequestWithContext(t.Context(), method, endpoint, body)
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if username != "" {
		request.SetBasicAuth(username, password)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := endpointAnswer{Status: response.StatusCode, Header: response.Header, Body: string(raw)}
	if strings.HasPrefix(a.Body, "{") {
		err = json.Unmarshal(raw, &a)
	}
	if err != nil {
		t.Fatalf("%s: %s: %v", endpoint, raw, err)
	}
	return a
}

// summary is the status with what the token grants, or with the form of the refusal.
func (a endpointAnswer) summary(t *testing.T) string {
	t.Helper()
	text := fmt.Sprint(a.Status)
	if a.Status != http.StatusOK {
		kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
		return strings.TrimSpace(text + " " + kind)
	}
	for _, access := range (stack.Answer{Token: a.Token}).Claims(t).Access {
		text += " " + access.Name + ":" + strings.Join(access.Actions, ",")
	}
	return text
}
