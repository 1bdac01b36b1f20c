package oidc_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/oidc"
)

func TestDefaultConfig(t *testing.T) {
	want := &oidc.Config{
		ClientAuth: "basic", Scopes: []string{"openid", "profile", "email"},
		UsernameClaim: "preferred_username", Algorithms: []string{"RS256", "ES256"},
	}
	got := oidc.DefaultConfig()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("DefaultConfig() = %+v, want %+v", got, want)
	}
	if got.HasGroups() || !got.EndsChain() {
		t.Error("by default nobody has groups, and the connector ends the chain")
	}
	if got.GroupsClaim = "groups"; !got.HasGroups() {
		t.Error("with groups_claim there are groups")
	}
}

func rightConfig() *oidc.Config {
	return &oidc.Config{Issuer: "https://sso.example.org/realms/corp", ClientID: "shorepass", ClientSecret: connectors.NewSecret("s")}
}

func TestValidateAccepts(t *testing.T) {
	for name, edit := range map[string]func(*oidc.Config){
		"the least":          func(*oidc.Config) {},
		"a port":             func(c *oidc.Config) { c.Issuer = "https://sso.example.org:8443/" },
		"plain to localhost": func(c *oidc.Config) { c.Issuer = "http://localhost:8180/realms/corp" },
		"plain to 127.0.0.2": func(c *oidc.Config) { c.Issuer = "http://127.0.0.2" },
		"plain to ::1":       func(c *oidc.Config) { c.Issuer = "http://[::1]:8180" },
		"plain, accepted":    func(c *oidc.Config) { c.Issuer, c.InsecurePlaintext = "http://sso.example.org", true },
		"a public client":    func(c *oidc.Config) { c.ClientAuth, c.ClientSecret = "none", connectors.Secret{} },
		"post":               func(c *oidc.Config) { c.ClientAuth = "post" },
		"a ca":               func(c *oidc.Config) { c.CAFile = "/etc/ca.pem" },
		"a proxy":            func(c *oidc.Config) { c.Proxy = connectors.NewSecret("http://user:pass@proxy.example.org:3128") },
		"a SOCKS proxy":      func(c *oidc.Config) { c.Proxy = connectors.NewSecret("socks5://proxy.example.org") },
		"groups":             func(c *oidc.Config) { c.GroupsClaim, c.GroupsRequired = "realm_access.roles", true },
		"a strange claim":    func(c *oidc.Config) { c.GroupsClaim = "https://corp.example/..groups" },
		"strip":              func(c *oidc.Config) { c.UsernameStrip = "@Corp.example" },
		"scopes":             func(c *oidc.Config) { c.Scopes = []string{"openid", "api://x/.default"} },
		"algorithms":         func(c *oidc.Config) { c.Algorithms = []string{"EdDSA", "PS512"} },
	} {
		t.Run(name, func(t *testing.T) {
			c := rightConfig()
			edit(c)
			if got := c.Validate(); len(got) > 0 {
				t.Errorf("Validate() = %q, want nothing", got)
			}
			d, err := oidc.New(c, connectors.Deps{Name: "sso"}, oidc.NewAccounts())
			if c.CAFile == "" && err != nil {
				t.Error(err)
			}
			if err == nil {
				_ = d.Close()
			}
		})
	}
}

func TestValidateRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, field, words string
		edit               func(*oidc.Config)
	}{
		{"no issuer", "issuer", "is required", func(c *oidc.Config) { c.Issuer = "" }},
		{"not a URL", "issuer", "is not a URL", func(c *oidc.Config) { c.Issuer = "https://[::1" }},
		{"no scheme", "issuer", "must begin with https://", func(c *oidc.Config) { c.Issuer = "sso.example.org" }},
		{"another scheme", "issuer", "must begin with https://", func(c *oidc.Config) { c.Issuer = "ldaps://sso.example.org" }},
		{"no host", "issuer", "names no host", func(c *oidc.Config) { c.Issuer = "https:///realms" }},
		{"a user", "issuer", "must not hold a user", func(c *oidc.Config) { c.Issuer = "https://a:b@sso.example.org" }},
		{"a query", "issuer", "must not hold ? or #", func(c *oidc.Config) { c.Issuer += "?x" }},
		{"a fragment", "issuer", "must not hold ? or #", func(c *oidc.Config) { c.Issuer += "#x" }},
		{"the document", "issuer", "leave off /.well-known", func(c *oidc.Config) { c.Issuer += "/.well-known/openid-configuration" }},
		{"a port too high", "issuer", "between 1 and 65535", func(c *oidc.Config) { c.Issuer = "https://sso.example.org:65536" }},
		{"plain", "issuer", "insecure_plaintext: true accepts the risk", func(c *oidc.Config) { c.Issuer = "http://sso.example.org" }},
		{"plain to a name like localhost", "issuer", "in clear", func(c *oidc.Config) { c.Issuer = "http://localhost.example.org" }},
		{"plain to localhost behind a proxy", "issuer", "in clear", func(c *oidc.Config) {
			c.Issuer, c.Proxy = "http://localhost", connectors.NewSecret("http://proxy.example.org")
		}},
		{"a ca without TLS", "ca_file", "of no use without TLS", func(c *oidc.Config) { c.Issuer, c.CAFile = "http://localhost", "ca.pem" }},
		{"no client", "client_id", "is required", func(c *oidc.Config) { c.ClientID = "" }},
		{"no secret", "client_secret", "needs client_auth: none", func(c *oidc.Config) { c.ClientSecret = connectors.Secret{} }},
		{"a secret of a public client", "client_secret", "not sent with client_auth: none", func(c *oidc.Config) { c.ClientAuth = "none" }},
		{"another way", "client_auth", `"jwt" is none of basic, post and none`, func(c *oidc.Config) { c.ClientAuth = "jwt" }},
		{"without openid", "scopes", "must hold openid", func(c *oidc.Config) { c.Scopes = []string{"profile"} }},
		{"no scopes", "scopes", "must hold openid", func(c *oidc.Config) { c.Scopes = []string{} }},
		{"scopes in one", "scopes[0]", "one word", func(c *oidc.Config) { c.Scopes = []string{"openid profile", "openid"} }},
		{"an empty scope", "scopes[1]", "one word", func(c *oidc.Config) { c.Scopes = []string{"openid", ""} }},
		{"groups required of nothing", "groups_required", "needs groups_claim", func(c *oidc.Config) { c.GroupsRequired = true }},
		{"a long path", "groups_claim", "longer than 512 bytes", func(c *oidc.Config) { c.GroupsClaim = strings.Repeat("a.", 300) }},
		{"strip without @", "username_strip", "is not the end of a name", func(c *oidc.Config) { c.UsernameStrip = "corp.example" }},
		{"strip of @ alone", "username_strip", "is not the end of a name", func(c *oidc.Config) { c.UsernameStrip = "@" }},
		{"strip of two", "username_strip", "is not the end of a name", func(c *oidc.Config) { c.UsernameStrip = "@a@b" }},
		{"no algorithm", "algorithms", "empty list", func(c *oidc.Config) { c.Algorithms = []string{} }},
		{"none", "algorithms[1]", `"none" is none of RS256`, func(c *oidc.Config) { c.Algorithms = []string{"RS256", "none"} }},
		{"a shared secret", "algorithms[0]", `"HS256" is none of`, func(c *oidc.Config) { c.Algorithms = []string{"HS256"} }},
		{"a proxy of another kind", "proxy", "must begin with http://", func(c *oidc.Config) { c.Proxy = connectors.NewSecret("ftp://pr0xy.example.org") }},
		{"a proxy without a scheme", "proxy", "must begin with http://", func(c *oidc.Config) { c.Proxy = connectors.NewSecret("pr0xy.example.org:3128") }},
		{"a proxy without a host", "proxy", "names no host", func(c *oidc.Config) { c.Proxy = connectors.NewSecret("http://:pr0xy@") }},
		{"a proxy with a path", "proxy", "a proxy alone", func(c *oidc.Config) { c.Proxy = connectors.NewSecret("http://pr0xy.example.org/x") }},
		{"not a proxy", "proxy", "is not a URL", func(c *oidc.Config) { c.Proxy = connectors.NewSecret("http://pr0xy:%zz@x") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := rightConfig()
			tt.edit(c)
			got := c.Validate()
			if len(got) != 1 || got[0].Field != tt.field || !strings.Contains(got[0].Message, tt.words) {
				t.Errorf("Validate() = %q, want one fault of %s that says %q", got, tt.field, tt.words)
			}
			if len(got) > 0 && strings.Contains(got[0].Message, "pr0xy") {
				t.Errorf("the proxy shows: %q", got)
			}
			if _, err := oidc.New(c, connectors.Deps{Name: "sso"}, oidc.NewAccounts()); err == nil {
				t.Error("New takes it")
			}
		})
	}
}

// TestUpstream holds that two clients of one provider have the same accounts.
func TestUpstream(t *testing.T) {
	c := rightConfig()
	d, err := oidc.New(c, connectors.Deps{Realm: "a", Name: "sso"}, oidc.NewAccounts())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if got := connectors.Upstreamed(d).Upstream(); got != c.Issuer {
		t.Errorf("Upstream() = %q, want %q", got, c.Issuer)
	}
}
