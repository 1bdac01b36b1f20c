package server_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/broker/server"
)

const rules = `
rules:
  - name: platform owns its namespace
    groups: [local:platform]
    repositories: [platform/**]
    allow: [pull, push, delete]
  - name: the world reads public images
    anyone: true
    repositories: [public/**]
    allow: [pull]
`

// public starts the public listener over a broker with the realms corp and other.
func public(t *testing.T, trusted ...netip.Prefix) (*httptest.Server, *brokertest.Fixture) {
	t.Helper()
	f := brokertest.New(t, "",
		brokertest.Realm{Name: "corp", Services: []string{"registry.corp"}, Policy: rules},
		brokertest.Realm{Name: "other", Services: []string{"registry.other"}, Policy: rules})
	cfg := server.Config{Tokens: f.Broker, Realms: map[string]server.Trust{}, TrustedProxies: trusted, Logger: slog.New(slog.NewTextHandler(f.Log, nil))}
	for name, ring := range f.Rings {
		cfg.Realms[name] = ring
	}
	s := httptest.NewServer(server.Gate{AtOnce: 100, TrustedProxies: trusted, Counter: new(counted), Logger: cfg.Logger}.Before(server.New(cfg)))
	t.Cleanup(s.Close)
	return s, f
}

// body is every field of an answer or a refusal.
type body struct {
	Token            string `json:"token"`
	AccessToken      string `json:"access_token"`
	RefreshToken     string `json:"refresh_token"`
	Scope            string `json:"scope"`
	ExpiresIn        int    `json:"expires_in"`
	IssuedAt         string `json:"issued_at"`
	Details          string `json:"details"`
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`
	Errors           []struct{ Code, Message string }
}

func do(t *testing.T, r *http.Request) (*http.Response, body) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var b body
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatalf("%s: body %q: %v", response.Status, raw, err)
	}
	return response, b
}

func request(t *testing.T, method, target, form string, header ...string) *http.Request {
	t.Helper()
	var content io.Reader
	if form != "" {
		content = strings.NewReader(form)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, content)
	if err != nil {
		t.Fatal(err)
	}
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func basic(username, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
}

func TestTokenEndpoint(t *testing.T) {
	const (
		get, post = http.MethodGet, http.MethodPost
		corp      = "/token?service=registry.corp"
		push      = "&scope=repository:platform/app:push,pull"
	)
	alice := basic("alice", "alice-pw")
	form := func(pairs ...string) string {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Add(pairs[i], pairs[i+1])
		}
		return v.Encode()
	}
	tests := []struct {
		name         string
		method, path string
		form         string
		header       []string
		want         int
		wantError    string // the OAuth2 code of a refusal
		wantCode     string // the registry code of a refusal
		wantReason   string // in the audit log
	}{
		{"docker login", get, corp + "&account=alice&client_id=docker&offline_token=true", "", []string{"Authorization", alice}, 200, "", "", ""},
		{"docker push", get, corp + push, "", []string{"Authorization", alice}, 200, "", "", ""},
		{"lower-case scheme", get, corp, "", []string{"Authorization", strings.Replace(alice, "Basic", "basic", 1)}, 200, "", "", ""},
		{"client id with spaces", get, corp + "&client_id=regclient/regctl+%28v0.11.7%29", "", []string{"Authorization", alice}, 200, "", "", ""},
		{"escaped scope", get, corp + "&scope=repository%3Aplatform%2Fapp%3A%2A", "", []string{"Authorization", alice}, 200, "", "", ""},
		{"service twice, the same", get, corp + "&service=registry.corp", "", []string{"Authorization", alice}, 200, "", "", ""},
		{"Keycloak's path", get, "/realms/corp/protocol/docker-v2/auth?service=registry.corp", "", []string{"Authorization", alice}, 200, "", "", ""},
		{"Keycloak's older path", get, "/auth/realms/corp/protocol/docker-v2/auth?service=registry.corp", "", []string{"Authorization", alice}, 200, "", "", ""},
		{"Keycloak's documented path", get, "/realms/corp/protocol/docker-v2?service=registry.corp", "", []string{"Authorization", alice}, 200, "", "", ""},
		{"a realm's only service", get, "/realms/corp/protocol/docker-v2/auth", "", []string{"Authorization", alice}, 200, "", "", ""},
		{"helm login", post, "/token", form("grant_type", "password", "service", "registry.corp", "client_id", "helm", "username", "alice", "password", "alice-pw"), nil, 200, "", "", ""},
		{"ctr push", post, "/token", form("grant_type", "password", "service", "registry.corp", "username", "alice", "password", "alice-pw", "scope", "repository:platform/a:pull repository:platform/a:pull,push"), nil, 200, "", "", ""},
		{"post with a charset", post, "/token", form("grant_type", "password", "service", "registry.corp", "username", "alice", "password", "alice-pw"), []string{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}, 200, "", "", ""},
		{"post with Basic", post, "/token", form("grant_type", "password", "service", "registry.corp"), []string{"Authorization", alice}, 200, "", "", ""},
		{"offline access is ignored", post, "/token", form("grant_type", "password", "service", "registry.corp", "username", "alice", "password", "alice-pw", "access_type", "offline"), nil, 200, "", "", ""},
		{"anonymous", get, corp + "&scope=repository:public/a:pull", "", nil, 200, "", "", ""},

		{"anonymous, refused", get, corp + push, "", nil, 401, "invalid_grant", "UNAUTHORIZED", "no-credentials"},
		{"wrong password", get, corp, "", []string{"Authorization", basic("alice", "no")}, 401, "invalid_grant", "UNAUTHORIZED", "wrong-password"},
		{"wrong password, posted", post, "/token", form("grant_type", "password", "service", "registry.corp", "username", "alice", "password", "no"), nil, 401, "invalid_grant", "UNAUTHORIZED", "wrong-password"},
		{"empty password", get, corp, "", []string{"Authorization", basic("alice", "")}, 401, "invalid_grant", "UNAUTHORIZED", "empty-password"},
		{"empty name and password", get, corp, "", []string{"Authorization", basic("", "")}, 401, "invalid_grant", "UNAUTHORIZED", "bad-authorization"},
		{"empty name and password, posted", post, "/token", form("grant_type", "password", "service", "registry.corp", "username", "", "password", ""), nil, 401, "invalid_grant", "UNAUTHORIZED", "empty-password"},
		{"a token without a name", get, corp, "", []string{"Authorization", basic("", "x")}, 401, "invalid_grant", "UNAUTHORIZED", "unknown-token"},
		{"refresh grant", post, "/token", form("grant_type", "refresh_token", "service", "registry.corp", "refresh_token", "x"), nil, 401, "invalid_grant", "UNAUTHORIZED", "unknown-token"},
		{"refresh grant of nothing but NUL", post, "/token", form("grant_type", "refresh_token", "service", "registry.corp", "refresh_token", "\x00"), nil, 401, "invalid_grant", "UNAUTHORIZED", "empty-password"},
		{"bearer", get, corp + "&scope=repository:public/a:pull", "", []string{"Authorization", "Bearer x"}, 401, "invalid_grant", "UNAUTHORIZED", "bad-authorization"},
		{"empty header", get, corp + "&scope=repository:public/a:pull", "", []string{"Authorization", ""}, 401, "invalid_grant", "UNAUTHORIZED", "bad-authorization"},
		{"no base64", get, corp, "", []string{"Authorization", "Basic !!!"}, 401, "invalid_grant", "UNAUTHORIZED", "bad-authorization"},
		{"no colon", get, corp, "", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("alice"))}, 401, "invalid_grant", "UNAUTHORIZED", "bad-authorization"},
		{"two headers", get, corp, "", []string{"Authorization", alice, "Authorization", alice}, 401, "invalid_grant", "UNAUTHORIZED", "bad-authorization"},

		{"unknown service", get, "/token?service=registry.evil", "", []string{"Authorization", alice}, 400, "invalid_request", "UNSUPPORTED", "unknown-service"},
		{"no service", get, "/token", "", []string{"Authorization", alice}, 400, "invalid_request", "UNSUPPORTED", "no-service"},
		{"unknown realm", get, "/realms/evil/protocol/docker-v2/auth?service=registry.corp", "", []string{"Authorization", alice}, 400, "invalid_request", "UNSUPPORTED", "unknown-realm"},
		{"another realm's service", get, "/realms/other/protocol/docker-v2/auth?service=registry.corp", "", []string{"Authorization", alice}, 400, "invalid_request", "UNSUPPORTED", "unknown-service"},
		{"two services", get, corp + "&service=registry.other", "", []string{"Authorization", alice}, 400, "invalid_request", "UNSUPPORTED", "repeated-parameter"},
		{"bad escapes", get, corp + "&scope=%zz", "", []string{"Authorization", alice}, 400, "invalid_request", "UNSUPPORTED", "bad-query"},
		{"too many scopes", get, corp + strings.Repeat("&scope=repository:a:pull", 101), "", []string{"Authorization", alice}, 400, "invalid_request", "UNSUPPORTED", "too-many-scopes"},
		{"another grant type", post, "/token", form("grant_type", "client_credentials", "service", "registry.corp"), []string{"Authorization", alice}, 400, "unsupported_grant_type", "UNSUPPORTED", "bad-grant-type"},
		{"refresh grant for an unknown service", post, "/token", form("grant_type", "refresh_token", "service", "registry.evil", "refresh_token", "x"), nil, 400, "invalid_request", "UNSUPPORTED", "unknown-service"},
		{"refresh grant without a token", post, "/token", form("grant_type", "refresh_token", "service", "registry.corp"), nil, 400, "invalid_request", "UNSUPPORTED", "no-credentials"},
		{"refresh grant with two tokens", post, "/token", form("grant_type", "refresh_token", "service", "registry.corp", "refresh_token", "x", "refresh_token", "y"), nil, 400, "invalid_request", "UNSUPPORTED", "repeated-parameter"},
		{"refresh grant beside a header", post, "/token", form("grant_type", "refresh_token", "service", "registry.corp", "refresh_token", "x"), []string{"Authorization", alice}, 400, "invalid_request", "UNSUPPORTED", "two-credentials"},
		{"no grant type", post, "/token", form("service", "registry.corp"), nil, 400, "invalid_request", "UNSUPPORTED", "no-grant-type"},
		{"no credentials", post, "/token", form("grant_type", "password", "service", "registry.corp"), nil, 400, "invalid_request", "UNSUPPORTED", "no-credentials"},
		{"credentials twice", post, "/token", form("grant_type", "password", "service", "registry.corp", "username", "alice", "password", "alice-pw"), []string{"Authorization", alice}, 400, "invalid_request", "UNSUPPORTED", "two-credentials"},
		{"two passwords", post, "/token", form("grant_type", "password", "service", "registry.corp", "username", "alice", "password", "a", "password", "b"), nil, 400, "invalid_request", "UNSUPPORTED", "repeated-parameter"},
		{"JSON", post, "/token", "{}", []string{"Content-Type", "application/json"}, 400, "invalid_request", "UNSUPPORTED", "bad-content-type"},
		{"large body", post, "/token", "password=" + strings.Repeat("x", 64<<10), nil, 400, "invalid_request", "UNSUPPORTED", "too-large"},
		{"bad form", post, "/token", "grant_type=%zz", nil, 400, "invalid_request", "UNSUPPORTED", "bad-form"},

		{"nothing there", get, "/tokens", "", nil, 404, "invalid_request", "UNSUPPORTED", ""},
		{"two slashes are no redirect", get, "//token?service=registry.corp", "", nil, 404, "invalid_request", "UNSUPPORTED", ""},
		{"keys of an unknown realm", get, "/realms/evil/keys", "", nil, 404, "invalid_request", "UNSUPPORTED", ""},
		{"bundle of an unknown realm", get, "/realms/evil/ca.pem", "", nil, 404, "invalid_request", "UNSUPPORTED", ""},
		{"DELETE", http.MethodDelete, "/token", "", nil, 405, "invalid_request", "UNSUPPORTED", ""},
		{"POST of keys", post, "/realms/corp/keys", "x=1", nil, 405, "invalid_request", "UNSUPPORTED", ""},
	}
	s, f := public(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(f.Entries(t))
			r := request(t, tt.method, s.URL+tt.path, tt.form)
			for i := 0; i < len(tt.header); i += 2 {
				r.Header[tt.header[i]] = append(r.Header[tt.header[i]], tt.header[i+1])
				if tt.header[i] == "Content-Type" {
					r.Header.Set("Content-Type", tt.header[i+1])
				}
			}
			response, b := do(t, r)
			if response.StatusCode != tt.want {
				t.Fatalf("status %s, want %d: %+v", response.Status, tt.want, b)
			}
			checkHeaders(t, response)
			if tt.want == 200 {
				checkGrant(t, b, tt.method == post)
			} else {
				checkRefusal(t, response, b, tt.wantError, tt.wantCode)
			}
			entries := f.Entries(t)
			if tt.want == 404 || tt.want == 405 {
				if len(entries) != before {
					t.Errorf("%d audit entries, want none", len(entries)-before)
				}
				return
			}
			last := entries[len(entries)-1]
			if len(entries) != before+1 || last.Reason != tt.wantReason || last.RequestID != response.Header.Get("X-Request-Id") {
				t.Errorf("%d new audit entries, the last %+v; want one with reason %q", len(entries)-before, last, tt.wantReason)
			}
		})
	}
}

func checkHeaders(t *testing.T, r *http.Response) {
	t.Helper()
	if r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("X-Request-Id") == "" {
		t.Errorf("headers %v", r.Header)
	}
	wantChallenge := ""
	if r.StatusCode == http.StatusUnauthorized {
		wantChallenge = `Basic realm="shorepass", charset="UTF-8"`
	}
	if got := r.Header.Get("WWW-Authenticate"); got != wantChallenge {
		t.Errorf("WWW-Authenticate %q, want %q", got, wantChallenge)
	}
	if (r.Header.Get("Allow") != "") != (r.StatusCode == http.StatusMethodNotAllowed) {
		t.Errorf("Allow %q", r.Header.Get("Allow"))
	}
}

func checkGrant(t *testing.T, b body, posted bool) {
	t.Helper()
	if b.Token == "" || b.Token != b.AccessToken || b.ExpiresIn < 60 || !strings.HasSuffix(b.IssuedAt, "Z") || b.RefreshToken != "" {
		t.Errorf("answer %+v", b)
	}
	if b.Scope != "" && !posted {
		t.Errorf("scope %q in the answer to a GET", b.Scope)
	}
}

func checkRefusal(t *testing.T, r *http.Response, b body, wantError, wantCode string) {
	t.Helper()
	if len(b.Errors) != 1 || b.Errors[0].Code != wantCode || b.Error != wantError {
		t.Fatalf("refusal %+v, want %s and %s", b, wantCode, wantError)
	}
	m := b.Errors[0].Message
	if m == "" || b.Details != m || b.ErrorDescription != m || b.Token != "" {
		t.Errorf("%s: refusal %+v says different things", r.Status, b)
	}
}

func TestRefusalsAreAlike(t *testing.T) {
	s, _ := public(t)
	var first string
	for _, credentials := range []string{basic("alice", "no"), basic("zoe", "zoe-pw"), basic("carol", "carol-pw"), basic("carol", "no"), basic("alice", ""), basic("a b", "x")} {
		response, b := do(t, request(t, http.MethodGet, s.URL+"/token?service=registry.corp", "", "Authorization", credentials))
		response.Header.Del("X-Request-Id")
		response.Header.Del("Date")
		headers, err := json.Marshal(response.Header)
		if err != nil {
			t.Fatal(err)
		}
		got := response.Status + string(headers) + b.Details
		if first == "" {
			first = got
		}
		if got != first {
			t.Errorf("%s is answered\n%s\nothers\n%s", credentials, got, first)
		}
	}
}

func TestKeys(t *testing.T) {
	s, f := public(t)
	for path, tt := range map[string]struct {
		contentType string
		want        []byte
	}{
		"/realms/corp/keys":    {"application/jwk-set+json", f.Rings["corp"].JWKS()},
		"/realms/corp/ca.pem":  {"application/pem-certificate-chain", f.Rings["corp"].Bundle()},
		"/realms/other/ca.pem": {"application/pem-certificate-chain", f.Rings["other"].Bundle()},
	} {
		response, err := http.DefaultClient.Do(request(t, http.MethodGet, s.URL+path, ""))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != 200 || response.Header.Get("Content-Type") != tt.contentType || string(got) != string(tt.want) || len(got) == 0 {
			t.Errorf("%s: %s %v %q, %v", path, response.Status, response.Header, got, err)
		}
		head, err := http.DefaultClient.Do(request(t, http.MethodHead, s.URL+path, ""))
		if err != nil {
			t.Fatal(err)
		}
		_ = head.Body.Close()
		if head.StatusCode != 200 || head.Header.Get("Content-Type") != tt.contentType || head.ContentLength != int64(len(tt.want)) {
			t.Errorf("HEAD %s: %s %v", path, head.Status, head.Header)
		}
	}
	if string(f.Rings["corp"].Bundle()) == string(f.Rings["other"].Bundle()) {
		t.Error("two realms share a CA")
	}
}

func TestClientIP(t *testing.T) {
	loopback, inner := netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")
	tests := []struct {
		name    string
		trusted []netip.Prefix
		headers []string
		want    string
	}{
		{"no proxy", nil, nil, "127.0.0.1"},
		{"an untrusted peer's word", nil, []string{"X-Forwarded-For", "192.0.2.1"}, "127.0.0.1"},
		{"a proxy that says nothing", []netip.Prefix{loopback}, nil, "127.0.0.1"},
		{"a trusted proxy", []netip.Prefix{loopback}, []string{"X-Forwarded-For", "192.0.2.1"}, "192.0.2.1"},
		{"what the client made up", []netip.Prefix{loopback}, []string{"X-Forwarded-For", "198.51.100.9, 192.0.2.1"}, "192.0.2.1"},
		{"two trusted proxies", []netip.Prefix{loopback, inner}, []string{"X-Forwarded-For", "192.0.2.1, 10.1.1.1"}, "192.0.2.1"},
		{"two header lines", []netip.Prefix{loopback, inner}, []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-For", "10.1.1.1"}, "192.0.2.1"},
		{"with a port", []netip.Prefix{loopback}, []string{"X-Forwarded-For", "192.0.2.1:4711"}, "192.0.2.1"},
		{"IPv6", []netip.Prefix{loopback}, []string{"X-Forwarded-For", "[2001:db8::1]:4711"}, "2001:db8::1"},
		{"IPv4 in IPv6", []netip.Prefix{loopback}, []string{"X-Forwarded-For", "::ffff:192.0.2.1"}, "192.0.2.1"},
		{"no address", []netip.Prefix{loopback}, []string{"X-Forwarded-For", "192.0.2.1, unknown"}, ""},
		{"empty", []netip.Prefix{loopback}, []string{"X-Forwarded-For", "192.0.2.1,"}, ""},
		{"underscores", []netip.Prefix{loopback}, []string{"X_Forwarded_For", "192.0.2.1"}, "127.0.0.1"},
		{"all trusted", []netip.Prefix{loopback, inner}, []string{"X-Forwarded-For", "10.2.2.2, 10.1.1.1"}, "10.2.2.2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, f := public(t, tt.trusted...)
			do(t, request(t, http.MethodGet, s.URL+"/token?service=registry.corp", "", tt.headers...))
			if got := f.Last(t).ClientIP; got != tt.want {
				t.Errorf("client_ip %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHostileScopesNeverFail(t *testing.T) {
	s, f := public(t)
	hostile := []string{
		"repository:platform/../secret:pull", "repository:*:*", "repository:**:pull", "repository(plugin):secret/a:pull", "registry:catalog:*",
		"repository:secret/a:*", "repository::pull", ":::", "repository:platform/app", "repository:platform/app:", "repository:Platform/app:pull",
		"repository:platform/app\x00:pull", "repository:{user}/x:push", "repository:platform:push", "repository:platform-evil/x:push",
		"repository:registry.corp:5000/platform/app:push", "repository:" + strings.Repeat("a/", 200) + "b:pull", "plugin:x:pull", "repository:platform%2Fapp:push",
	}
	for i := range 300 {
		scope := hostile[i%len(hostile)]
		if i >= len(hostile) {
			scope = scope[:i%(len(scope)+1)] + string(rune(i*37%0x3000)) + scope[i%(len(scope)+1):]
		}
		response, b := do(t, request(t, http.MethodGet, s.URL+"/token?service=registry.corp&scope="+url.QueryEscape(scope), "", "Authorization", basic("bob", "bob-pw")))
		if response.StatusCode >= 500 {
			t.Fatalf("scope %q: %s %+v", scope, response.Status, b)
		}
	}
	entries := f.Entries(t)
	if len(entries) != 300 {
		t.Fatalf("%d audit entries for 300 requests", len(entries))
	}
	for _, e := range entries {
		for _, v := range e.Granted {
			if !strings.HasPrefix(v.Scope, "repository:public/") || v.Action != "pull" {
				t.Errorf("asked %q: bob is granted %+v", e.Asked, v)
			}
		}
	}
}
