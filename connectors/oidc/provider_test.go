package oidc_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/oidc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What the provider of the tests knows.
const (
	clientID     = "ship&shore" // both have to be encoded on the way
	clientSecret = "client:secret/1"
	goodPassword = "pass word%+é"
)

// signer is a key of the provider.
type signer struct {
	id  string
	alg jose.SignatureAlgorithm
	key crypto.Signer
}

func newRSA(tb testing.TB, id string) signer {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	return signer{id, jose.RS256, key}
}

func newEC(tb testing.TB, id string) signer {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return signer{id, jose.ES256, key}
}

func (s signer) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: s.key.Public(), KeyID: s.id, Algorithm: string(s.alg), Use: "sig"}
}

// sign returns a token in compact form. Without an id its header names none.
func (s signer) sign(tb testing.TB, claims any, headers map[string]any) string {
	tb.Helper()
	options := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{}}
	if s.id != "" {
		options = options.WithHeader("kid", s.id)
	}
	for name, value := range headers {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	return signWith(tb, s.alg, s.key, claims, options)
}

func signWith(tb testing.TB, alg jose.SignatureAlgorithm, key, claims any, options *jose.SignerOptions) string {
	tb.Helper()
	made, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		tb.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := made.Sign(payload)
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// provider is an OpenID provider that signs with its own keys, and does wrong where a
// test wants it. Its fields are set before the first request, or under mu.
type provider struct {
	*httptest.Server
	tb testing.TB

	mu        sync.Mutex
	signer    signer
	published []jose.JSONWebKey
	claims    map[string]any            // of the ID token, beside or instead of the right ones; nil removes one
	userinfo  map[string]any            // nil: there is no such endpoint
	token     func(right string) string // what the ID token is instead
	edit      func(document map[string]any)
	handlers  map[string]http.HandlerFunc // by path, instead of the right ones
	asked     map[string]int              // requests, by path
	grants    []*http.Request             // to the token endpoint, with their forms parsed
}

const (
	pathDiscovery = "/realms/corp/.well-known/openid-configuration"
	pathKeys      = "/realms/corp/keys"
	pathToken     = "/realms/corp/token"
	pathUserinfo  = "/realms/corp/userinfo"
)

func newProvider(tb testing.TB) *provider {
	tb.Helper()
	p := unstarted(tb)
	p.Start()
	tb.Cleanup(p.Close)
	return p
}

func unstarted(tb testing.TB) *provider {
	tb.Helper()
	p := &provider{tb: tb, signer: newEC(tb, "first"), handlers: map[string]http.HandlerFunc{}, asked: map[string]int{}}
	p.published = []jose.JSONWebKey{p.signer.public()}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	return p
}

func (p *provider) issuer() string { return p.URL + "/realms/corp" }

func (p *provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked[r.URL.Path]++
	handler := p.handlers[r.URL.Path]
	if r.URL.Path == pathToken {
		if err := r.ParseForm(); err != nil {
			p.tb.Error(err)
		}
		p.grants = append(p.grants, r)
	}
	p.mu.Unlock()
	switch {
	case handler != nil:
		handler(w, r)
	case r.URL.Path == pathDiscovery:
		p.serveDiscovery(w)
	case r.URL.Path == pathKeys:
		p.mu.Lock()
		defer p.mu.Unlock()
		reply(w, http.StatusOK, jose.JSONWebKeySet{Keys: p.published})
	case r.URL.Path == pathToken:
		p.serveToken(w, r)
	case r.URL.Path == pathUserinfo:
		p.serveUserinfo(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (p *provider) serveDiscovery(w http.ResponseWriter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	document := map[string]any{
		"issuer": p.issuer(), "token_endpoint": p.URL + pathToken, "jwks_uri": p.URL + pathKeys,
		"authorization_endpoint": p.issuer() + "/auth", "id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"},
	}
	if p.userinfo != nil {
		document["userinfo_endpoint"] = p.URL + pathUserinfo
	}
	if p.edit != nil {
		p.edit(document)
	}
	reply(w, http.StatusOK, document)
}

func (p *provider) serveToken(w http.ResponseWriter, r *http.Request) {
	if r.Form.Get("password") != goodPassword {
		reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "Invalid user credentials"})
		return
	}
	reply(w, http.StatusOK, map[string]any{"access_token": "the-access-token", "token_type": "Bearer", "expires_in": 300, "id_token": p.idToken()})
}

func (p *provider) idToken() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	right := p.signer.sign(p.tb, p.rightClaims(), nil)
	if p.token != nil {
		return p.token(right)
	}
	return right
}

// rightClaims are those of a token that is in order, with the test's own over them. The
// caller holds mu, or is alone.
func (p *provider) rightClaims() map[string]any {
	now := time.Now().Unix()
	c := map[string]any{
		"iss": p.issuer(), "aud": clientID, "azp": clientID, "sub": "0815", "iat": now, "exp": now + 300, "preferred_username": "Alice",
	}
	maps.Copy(c, p.claims)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func (p *provider) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer the-access-token" {
		reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := map[string]any{"sub": "0815"}
	maps.Copy(c, p.userinfo)
	reply(w, http.StatusOK, c)
}

// count returns how often a path was asked.
func (p *provider) count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// refuse answers with an error of the token endpoint.
func refuse(status int, code, description string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		reply(w, status, map[string]any{"error": code, "error_description": description})
	}
}

// connector is a connector of the provider, and what it has logged.
type connector struct {
	connectors.Connector
	log    *logBuffer
	people *atomic.Int32 // who have logged in
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// config is a right configuration for the provider.
func (p *provider) config(edits ...func(*oidc.Config)) *oidc.Config {
	c := oidc.DefaultConfig()
	c.Issuer, c.ClientID, c.ClientSecret = p.issuer(), clientID, connectors.NewSecret(clientSecret)
	for _, edit := range edits {
		edit(c)
	}
	return c
}

// connect makes a connector that is closed with the test.
func (p *provider) connect(edits ...func(*oidc.Config)) connector {
	p.tb.Helper()
	var log logBuffer
	d, err := oidc.New(p.config(edits...), connectors.Deps{Realm: "corp", Name: "sso", Logger: slog.New(slog.NewTextHandler(&log, nil))}, oidc.NewAccounts())
	if err != nil {
		p.tb.Fatal(err)
	}
	p.tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			p.tb.Error(err)
		}
	})
	return connector{guard.Password(d, guard.Config{}), &log, new(atomic.Int32)}
}

// withGroups reads the groups of a claim.
func withGroups(path string) func(*oidc.Config) {
	return func(c *oidc.Config) { c.GroupsClaim = path }
}

// login signs in with the right password, each time as somebody else, since a login
// counts for a while. To the provider all of them are alice.
func (c connector) login(ctx context.Context) (connectors.Identity, error) {
	name := fmt.Sprintf("alice%d@corp.example", c.people.Add(1))
	return c.Authenticate(ctx, connectors.Credentials{Username: name, Password: connectors.NewSecret(goodPassword)})
}

// mustLogin is login where nothing may go wrong.
func (c connector) mustLogin(tb testing.TB) connectors.Identity {
	tb.Helper()
	id, err := c.login(tb.Context())
	if err != nil {
		tb.Fatalf("the login failed: %v\n%s", err, c.log)
	}
	return id
}

// wantOutage wants an error that says nothing of the account, with words in it.
func wantOutage(tb testing.TB, err error, words string) {
	tb.Helper()
	if reason, rejected := reasonOf(err); err == nil || rejected || !strings.Contains(err.Error(), words) {
		tb.Errorf("error = %v (reason %q), want an outage that says %q", err, reason, words)
	}
	if err != nil && (strings.Contains(err.Error(), goodPassword) || strings.Contains(err.Error(), url.QueryEscape(goodPassword)) || strings.Contains(err.Error(), clientSecret)) {
		tb.Errorf("the error shows a secret: %v", err)
	}
}

// wantMark fails the test unless an outage is marked as everybody's, or is not.
func wantMark(tb testing.TB, err error, want bool) {
	tb.Helper()
	if errors.Is(err, connectors.ErrUnreachable) != want {
		tb.Errorf("error = %v: everybody's %v, want %v", err, !want, want)
	}
}

// startServer serves on this machine until the test ends, and returns its address.
func startServer(tb testing.TB, h http.Handler) string {
	tb.Helper()
	server := httptest.NewServer(h)
	tb.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// discard is a logger of what a server of the tests has to say.
func discard() *log.Logger { return log.New(io.Discard, "", 0) }
