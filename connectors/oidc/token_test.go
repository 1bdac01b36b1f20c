package oidc_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/oidc"
)

// TestHostileTokens has the provider answer the right password with ID tokens that must
// not be believed. Each is an outage: nothing is wrong with the person.
func TestHostileTokens(t *testing.T) {
	// An attacker's own key set, which no token may make us read.
	asked := 0
	evil := newEC(t, "evil")
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		reply(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{evil.public()}})
	}))
	defer elsewhere.Close()

	type claims = map[string]any
	now := time.Now()
	bySigner := func(s func(p *provider) signer, headers claims) func(*provider, string) string {
		return func(p *provider, _ string) string { return s(p).sign(t, p.rightClaims(), headers) }
	}
	for _, tt := range []struct {
		name   string
		claims claims
		token  func(p *provider, right string) string
		words  string
	}{
		{name: "another issuer", claims: claims{"iss": "https://evil.example"}, words: "different provider"},
		{name: "the issuer with a slash", claims: claims{"iss": "https://127.0.0.1/"}, words: "different provider"},
		{name: "no issuer", claims: claims{"iss": nil}, words: "different provider"},
		{name: "another audience", claims: claims{"aud": "portal"}, words: "audience"},
		{name: "a longer audience", claims: claims{"aud": clientID + "2"}, words: "audience"},
		{name: "no audience", claims: claims{"aud": nil}, words: "audience"},
		{name: "another party", claims: claims{"azp": "portal"}, words: "another client"},
		{name: "another party, of several audiences", claims: claims{"aud": []string{clientID, "portal"}, "azp": "portal"}, words: "another client"},
		{name: "several audiences, no party", claims: claims{"aud": []string{clientID, "portal"}, "azp": nil}, words: "another client"},
		{name: "a party that is no text", claims: claims{"azp": 7}, words: "azp is not a text"},
		{name: "expired", claims: claims{"exp": now.Add(-time.Second).Unix()}, words: "expired"},
		{name: "never expires", claims: claims{"exp": nil}, words: "expired"},
		{name: "not yet valid", claims: claims{"nbf": now.Add(time.Hour).Unix()}, words: "before the nbf"},
		{name: "issued in two minutes", claims: claims{"iat": now.Add(2 * time.Minute).Unix()}, words: "more than ten minutes ago or a minute ahead: check the clocks"},
		{name: "issued eleven minutes ago", claims: claims{"iat": now.Add(-11 * time.Minute).Unix()}, words: "more than ten minutes ago"},
		{name: "issued at no time", claims: claims{"iat": nil}, words: "more than ten minutes ago"},
		{name: "no subject", claims: claims{"sub": nil}, words: "names no subject"},
		{name: "a subject that is no text", claims: claims{"sub": 7}, words: "cannot be trusted"},
		{name: "no token", token: func(*provider, string) string { return "" }, words: "holds no ID token"},
		{name: "not a token", token: func(*provider, string) string { return "a.b.c" }, words: "malformed"},
		{name: "alg none", token: func(p *provider, _ string) string { return unsigned(t, "none", p.rightClaims()) }, words: "unexpected signature algorithm"},
		{name: "alg None", token: func(p *provider, _ string) string { return unsigned(t, "None", p.rightClaims()) }, words: "cannot be trusted"},
		{name: "no signature", token: func(_ *provider, right string) string { return right[:strings.LastIndexByte(right, '.')+1] }, words: "cannot be trusted"},
		{name: "another token's signature", token: func(p *provider, right string) string {
			other := p.signer.sign(t, claims{"sub": "4711"}, nil)
			return right[:strings.LastIndexByte(right, '.')] + other[strings.LastIndexByte(other, '.'):]
		}, words: "signature is not right"},
		{name: "other claims under the signature", token: func(p *provider, right string) string {
			parts := strings.Split(right, ".")
			forged := p.rightClaims()
			forged["preferred_username"] = "root"
			parts[1] = encode(t, forged)
			return strings.Join(parts, ".")
		}, words: "signature is not right"},
		{name: "a foreign key", token: bySigner(func(*provider) signer { return evil }, nil), words: "key that the provider does not publish"},
		{name: "a foreign key by the provider's id", token: bySigner(func(p *provider) signer { return signer{p.signer.id, evil.alg, evil.key} }, nil), words: "signature is not right"},
		{name: "a foreign key without an id", token: bySigner(func(*provider) signer { return signer{"", evil.alg, evil.key} }, nil), words: "key that the provider does not publish"},
		{name: "a foreign key at jku", token: bySigner(func(*provider) signer { return evil }, claims{"jku": elsewhere.URL, "x5u": elsewhere.URL}), words: "key that the provider does not publish"},
		{name: "a foreign key within", token: func(p *provider, _ string) string {
			return signWith(t, evil.alg, jose.JSONWebKey{Key: evil.key, KeyID: "first"}, p.rightClaims(), &jose.SignerOptions{EmbedJWK: true})
		}, words: "cannot be trusted"},
		{name: "an algorithm that is not configured", token: bySigner(func(p *provider) signer {
			rsa := newRSA(t, "rsa")
			rsa.alg = jose.PS256
			p.published = append(p.published, jose.JSONWebKey{Key: rsa.key.Public(), KeyID: "rsa"})
			return rsa
		}, nil), words: "unexpected signature algorithm"},
		{name: "a key that is for another algorithm", token: bySigner(func(p *provider) signer {
			s := newRSA(t, "rsa")
			k := s.public()
			k.Algorithm = "RS512"
			p.published = append(p.published, k)
			return s
		}, nil), words: "key that the provider does not publish"},
		{name: "a key that is for encryption", token: bySigner(func(p *provider) signer {
			s := newRSA(t, "rsa")
			k := s.public()
			k.Use = "enc"
			p.published = append(p.published, k)
			return s
		}, nil), words: "key that the provider does not publish"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProvider(t)
			p.claims = tt.claims
			if tt.token != nil {
				p.token = func(right string) string { return tt.token(p, right) }
			}
			_, err := p.connect().login(t.Context())
			wantOutage(t, err, tt.words)
			if n := p.count(pathKeys); n > 2 {
				t.Errorf("the keys were fetched %d times, want twice at most", n)
			}
		})
	}
	if asked > 0 {
		t.Errorf("a key set that a token points to was read %d times", asked)
	}
}

// TestPublicKeyAsSecret signs with HS256 and what everybody knows: the provider's
// public key, in each form in which a program could take it for a secret.
func TestPublicKeyAsSecret(t *testing.T) {
	s := newRSA(t, "first")
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := s.public().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "DER": der, "JWK": jwk, "N": s.key.Public().(*rsa.PublicKey).N.Bytes(), "the client's": []byte(clientSecret + clientSecret + clientSecret),
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.signer, p.published = s, []jose.JSONWebKey{s.public(), {Key: secret, KeyID: "secret", Algorithm: "HS256", Use: "sig"}}
			for _, id := range []string{"first", "secret", ""} {
				p.token = func(string) string {
					options := (&jose.SignerOptions{}).WithHeader("kid", id)
					return signWith(t, jose.HS256, secret, p.rightClaims(), options)
				}
				_, err := p.connect().login(t.Context())
				wantOutage(t, err, "unexpected signature algorithm")
			}
		})
	}
}

// TestTokensInOrder holds that what is not wrong is taken.
func TestTokensInOrder(t *testing.T) {
	type claims = map[string]any
	all := []string{"RS256", "PS256", "ES256", "EdDSA"}
	for name, edit := range map[string]func(p *provider, c *oidc.Config){
		"RS256": func(p *provider, _ *oidc.Config) { p.become(newRSA(t, "rsa")) },
		"PS256, configured": func(p *provider, c *oidc.Config) {
			s := newRSA(t, "rsa")
			s.alg = jose.PS256
			p.become(s)
			c.Algorithms = all
		},
		"no key ids": func(p *provider, _ *oidc.Config) { p.become(newRSA(t, "")) },
		"no id in the token": func(p *provider, _ *oidc.Config) {
			p.signer.id = ""
			p.published = append(p.published, newEC(t, "b").public())
		},
		"two keys of one id": func(p *provider, _ *oidc.Config) {
			p.published = append([]jose.JSONWebKey{newEC(t, "first").public()}, p.published...)
		},
		"keys without alg and use":  func(p *provider, _ *oidc.Config) { p.published[0].Algorithm, p.published[0].Use = "", "" },
		"no party":                  func(p *provider, _ *oidc.Config) { p.claims = claims{"azp": nil} },
		"a list of one audience":    func(p *provider, _ *oidc.Config) { p.claims = claims{"aud": []string{clientID}} },
		"two audiences and a party": func(p *provider, _ *oidc.Config) { p.claims = claims{"aud": []string{"portal", clientID}} },
		"a clock 50 seconds fast":   func(p *provider, _ *oidc.Config) { p.claims = claims{"iat": time.Now().Add(50 * time.Second).Unix()} },
		"Entra ID's times": func(p *provider, _ *oidc.Config) {
			now := time.Now()
			p.claims = claims{"iat": now.Add(-5 * time.Minute).Unix(), "nbf": now.Add(-5 * time.Minute).Unix(), "exp": now.Add(time.Hour).Unix()}
		},
		"a clock 50 seconds slow": func(p *provider, _ *oidc.Config) { p.claims = claims{"iat": time.Now().Add(-50 * time.Second).Unix()} },
		"keys that nobody can read": func(p *provider, _ *oidc.Config) {
			p.serveKeys(`{"kty":"new","kid":"x"}`, `{"kty":"EC","crv":"P-999","x":"AA","y":"AA"}`, `7`, `{"kty":"oct","k":"AAAA"}`)
		},
		"an issuer that ends in /": func(p *provider, c *oidc.Config) {
			c.Issuer += "/"
			p.edit = func(d map[string]any) { d["issuer"] = c.Issuer }
			p.claims = claims{"iss": c.Issuer}
		},
		"endpoints somewhere else": func(p *provider, _ *oidc.Config) {
			other := newProvider(t)
			other.claims, other.signer = claims{"iss": p.issuer()}, p.signer
			p.edit = func(d map[string]any) { d["token_endpoint"] = other.URL + pathToken }
		},
		"documents that move nearby": func(p *provider, _ *oidc.Config) {
			p.handlers[pathKeys] = redirectTo("/moved")
			p.handlers["/moved"] = func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, jose.JSONWebKeySet{Keys: p.published}) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			cfg := p.config()
			edit(p, cfg)
			c := p.connect(func(c *oidc.Config) { *c = *cfg })
			if id := c.mustLogin(t); id.Username != "alice" || id.ID != cfg.Issuer+"#0815" {
				t.Errorf("signed in as %q, id %q", id.Username, id.ID)
			}
		})
	}
}

// TestKeyRotation has the provider sign with a new key, and many log in at once: one
// fetch is enough for all of them, and nobody is turned away.
func TestKeyRotation(t *testing.T) {
	p := newProvider(t)
	c := p.connect()
	c.mustLogin(t)
	p.mu.Lock()
	p.become(newRSA(t, "second"))
	p.mu.Unlock()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := c.login(t.Context()); err != nil {
				t.Errorf("after the rotation: %v", err)
			}
		})
	}
	group.Wait()
	if n := p.count(pathKeys); n != 2 {
		t.Errorf("the keys were fetched %d times, want 2", n)
	}
}

// TestRotationThatKeepsTheKeyID is for providers that call every key of theirs the same.
func TestRotationThatKeepsTheKeyID(t *testing.T) {
	p := newProvider(t)
	c := p.connect()
	c.mustLogin(t)
	p.mu.Lock()
	p.become(newEC(t, "first"))
	p.mu.Unlock()
	c.mustLogin(t)
}

// TestRandomKeyIDs has a thousand logins name a thousand keys. They cost one fetch, and
// those with the right key go on.
func TestRandomKeyIDs(t *testing.T) {
	p := newProvider(t)
	c := p.connect()
	c.mustLogin(t)
	right := p.signer
	for i := range 1000 {
		p.mu.Lock()
		p.signer.id = "random-" + strconv.Itoa(i)
		p.mu.Unlock()
		if _, err := c.login(t.Context()); err == nil {
			t.Fatal("a token with an unknown key id is taken")
		}
	}
	if n := p.count(pathKeys); n != 2 {
		t.Errorf("the keys were fetched %d times, want 2: the first time and once more", n)
	}
	p.mu.Lock()
	p.signer = right
	p.mu.Unlock()
	c.mustLogin(t)
}

// TestKeysOutliveTheirEndpoint holds that keys which were good stay when newer ones
// cannot be had.
func TestKeysOutliveTheirEndpoint(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"down":     refuse(http.StatusInternalServerError, "", ""),
		"empty":    func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, jose.JSONWebKeySet{}) },
		"not JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			c := p.connect()
			c.mustLogin(t)
			p.mu.Lock()
			right := p.signer
			p.handlers[pathKeys] = handler
			p.signer = newEC(t, "unknown")
			p.mu.Unlock()
			if _, err := c.login(t.Context()); err == nil {
				t.Fatal("a token with an unknown key is taken")
			}
			p.mu.Lock()
			p.signer = right
			p.mu.Unlock()
			c.mustLogin(t)
			if !strings.Contains(c.log.String(), "the last ones stay") {
				t.Errorf("the log does not say that keys could not be refreshed: %s", c.log)
			}
		})
	}
}

// become makes s the key of the provider. The caller holds mu, or is alone.
func (p *provider) become(s signer) {
	p.signer, p.published = s, []jose.JSONWebKey{s.public()}
}

// serveKeys has other keys stand before the right ones.
func (p *provider) serveKeys(others ...string) {
	p.handlers[pathKeys] = func(w http.ResponseWriter, _ *http.Request) {
		var keys []json.RawMessage
		for _, k := range others {
			keys = append(keys, json.RawMessage(k))
		}
		for _, k := range p.published {
			raw, err := k.MarshalJSON()
			if err != nil {
				p.tb.Error(err)
			}
			keys = append(keys, raw)
		}
		reply(w, http.StatusOK, map[string]any{"keys": keys})
	}
}

func redirectTo(location string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, location, http.StatusTemporaryRedirect)
	}
}

// unsigned is a token that says by itself that it has no signature.
func unsigned(t *testing.T, alg string, claims map[string]any) string {
	t.Helper()
	return encode(t, map[string]any{"alg": alg, "typ": "JWT"}) + "." + encode(t, claims) + "."
}

func encode(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// TestOutagesAreNoRejections guards the tests above: were a hostile token a rejection,
// it would count as a wrong password.
func TestOutagesAreNoRejections(t *testing.T) {
	p := newProvider(t)
	p.claims = map[string]any{"aud": "portal"}
	_, err := p.connect().login(t.Context())
	if reason, rejected := reasonOf(err); rejected || reason == connectors.ReasonWrongPassword {
		t.Errorf("error = %v", err)
	}
}
