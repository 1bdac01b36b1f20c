package config_test

import (
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/connectors/oidc"
	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/connectors/webhook"
	"github.com/shorepass/shorepass/internal/config"
)

// TestBad loads one bad file for each message: testdata/bad/NAME.yaml has exactly the
// problems of NAME.txt.
func TestBad(t *testing.T) {
	const folder = "testdata/bad"
	files, err := filepath.Glob(folder + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if strings.HasPrefix(name, "policy-of-") || name == "users" || name == "more" {
			continue // what another file names
		}
		t.Run(name, func(t *testing.T) {
			cfg, err := config.Load(file, types())
			if err == nil {
				t.Fatal("loaded")
			}
			if isYAML := name != "empty" && name != "syntax"; (cfg != nil) != isYAML {
				t.Errorf("the configuration beside the error is %+v", cfg)
			}
			golden(t, folder+"/"+name+".txt", anonymize(t, err.Error(), folder))
		})
	}
}

func TestMissingFile(t *testing.T) {
	_, err := config.Load("testdata/none.yaml", types())
	if err == nil || err.Error() != "testdata/none.yaml: does not exist" {
		t.Errorf("got %v", err)
	}
}

func load(t *testing.T, file string) *config.Config {
	t.Helper()
	cfg, err := config.Load(file, types())
	if err != nil {
		t.Fatal(err)
	}
	if w := cfg.Warnings(); len(w) != 0 {
		t.Errorf("warnings: %v", w)
	}
	return cfg
}

func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// same compares all but the policies, which tests of their own look at.
func same(t *testing.T, got, want config.Config) {
	t.Helper()
	for i := range got.Realms {
		if got.Realms[i].Policy == nil {
			t.Error("no policy")
		}
		got.Realms[i].Policy = nil
		for j := range got.Realms[i].Connectors {
			got.Realms[i].Connectors[j].At = config.Position{}
		}
	}
	for i := range want.Realms {
		if !reflect.DeepEqual(got.Realms[i], want.Realms[i]) {
			t.Errorf("realm %d: got\n%+v\nwant\n%+v", i, got.Realms[i], want.Realms[i])
		}
	}
	got.Realms, want.Realms = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestDefaults(t *testing.T) {
	dir := abs(t, "testdata/good")
	same(t, *load(t, "testdata/good/minimal.yaml"), config.Config{
		File:        "testdata/good/minimal.yaml",
		Listen:      "localhost:5001",
		Monitor:     "localhost:5002",
		AdminSocket: dir + "/data/admin.sock",
		PublicURL:   "http://localhost:5001",
		DataDir:     dir + "/data",
		Log:         config.Log{Level: "info", Format: "text"},
		Audit:       config.Audit{File: dir + "/data/audit.jsonl", Sync: time.Second},
		Limits:      config.Limits{Requests: config.RequestLimits{AtOnce: 128}, Connections: 2048, FailedLogins: guard.DefaultLimits()},
		Realms: []config.Realm{{
			Name:         "team",
			Services:     []config.Service{{Name: "registry.team.example", Trust: "x5c"}},
			Issuer:       "http://localhost:5001/realms/team",
			TokenTTL:     5 * time.Minute,
			PushTokenTTL: 15 * time.Minute,
			Signing:      config.Signing{Algorithm: "ES256"},
			Connectors: []config.Connector{
				{Name: "local", Type: "static", Guard: guard.DefaultSettings(), Config: &static.Config{File: connectors.Path(dir + "/users.yaml")}},
			},
		}},
	})
}

func TestFull(t *testing.T) {
	dir := abs(t, "testdata/good")
	path := func(name string) connectors.Path { return connectors.Path(filepath.Join(dir, name)) }
	cfg := load(t, "testdata/good/full.yaml")
	if at := cfg.Realms[0].Connectors[1].At; at != (config.Position{Line: 44, Column: 9}) {
		t.Errorf("the second connector is at %+v", at)
	}
	directory := ldap.DefaultConfig()
	directory.Vendor, directory.Domain = "openldap", "CORP"
	directory.URL, directory.StartTLS, directory.CAFile = connectors.OneOrMany{"ldap://ldap.corp.example", "ldaps://ldap2.corp.example"}, true, path("ca.pem")
	directory.ClientCertificate = &ldap.ClientCertificate{CertFile: path("ldap.crt"), KeyFile: path("ldap.key")}
	directory.BindDN, directory.BindPassword = "cn=shorepass,dc=corp,dc=example", connectors.NewSecret("directory-password")
	directory.Users = ldap.Users{
		BaseDN: "ou=people,dc=corp,dc=example", Filter: "(objectClass=person)", UsernameAttribute: "uid",
		LoginAttributes: []string{"uid", "mail"}, Scope: "one", IDAttribute: "entryUUID",
		Disabled: "ppolicy", PasswordPolicy: "cn=default,ou=policies,dc=corp,dc=example",
	}
	directory.Groups = &ldap.Groups{
		BaseDN: "ou=groups,dc=corp,dc=example", Scope: "one", Filter: "(objectClass=groupOfNames)", MemberAttribute: "member",
		MemberValue: "dn", NameAttribute: "cn", Nested: true, InChain: new(bool), PrimaryAttribute: "gidNumber",
	}
	attribute := ldap.DefaultConfig()
	attribute.URL, attribute.BindDN, attribute.BindPassword = connectors.OneOrMany{"ldaps://ldap.corp.example"}, directory.BindDN, connectors.NewSecret("12345")
	attribute.Users.BaseDN, attribute.Users.Disabled = directory.Users.BaseDN, "ppolicy"
	provider := &oidc.Config{
		Issuer: "https://sso.corp.example/realms/corp", ClientID: "shorepass", ClientSecret: connectors.NewSecret("67890"), ClientAuth: "post",
		Scopes: []string{"openid", "profile", "groups"}, UsernameClaim: "email", UsernameStrip: "@corp.example",
		GroupsClaim: "realm_access.roles", GroupsRequired: true, Algorithms: []string{"ES256", "EdDSA"},
		CAFile: path("ca.pem"), Proxy: connectors.NewSecret("http://proxy.corp.example:3128"),
	}
	attribute.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=corp,dc=example", FromAttribute: "memberOf"}
	open := ldap.DefaultConfig()
	open.URL, open.AnonymousSearch, open.Users.BaseDN = attribute.URL, true, directory.Users.BaseDN
	open.Users.Disabled = "none"
	selves := ldap.DefaultConfig()
	selves.URL, selves.Users.DNTemplate = attribute.URL, "uid={username},ou=people,dc=corp,dc=example"
	same(t, *cfg, config.Config{
		File:           "testdata/good/full.yaml",
		Listen:         "0.0.0.0:5001",
		Monitor:        "localhost:5002",
		AdminSocket:    dir + "/run/admin.sock",
		PublicURL:      "https://login.corp.example",
		TLS:            &config.TLS{CertFile: dir + "/tls.crt", KeyFile: dir + "/tls.key", At: config.Position{Line: 7, Column: 7}},
		DataDir:        dir + "/data",
		Log:            config.Log{Level: "debug", Format: "json"},
		Audit:          config.Audit{File: dir + "/audit.jsonl"},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("2001:db8::1/128")},
		Limits: config.Limits{Requests: config.RequestLimits{AtOnce: 250}, Connections: 2000, FailedLogins: guard.Limits{
			Network: guard.Rate{Burst: 100, Per: time.Minute},
			Account: guard.Rate{Burst: 10, Per: time.Hour},
			Overall: guard.Rate{Burst: 0, Per: 30 * 24 * time.Hour},
		}},
		Realms: []config.Realm{{
			Name:         "corp",
			Services:     []config.Service{{Name: "registry.corp.example", Trust: "x5c"}, {Name: "v3.corp.example", Trust: "jwks"}},
			Issuer:       "shorepass",
			Usernames:    connectors.UnicodeUsernames,
			TokenTTL:     10 * time.Minute,
			PushTokenTTL: time.Hour,
			Signing:      config.Signing{Algorithm: "RS256", KeyFile: dir + "/signing.key", CertFile: dir + "/signing.crt", At: config.Position{Line: 28, Column: 15}},
			Connectors: []config.Connector{
				{Name: "desk", Type: "desk", Guard: guard.Settings{
					Cache:    guard.CacheSettings{TTL: time.Minute, Stale: 10 * time.Minute, Unknown: time.Second},
					Lockout:  guard.LockoutSettings{Budget: 5, Familiar: 2, Window: time.Hour},
					Bulkhead: guard.BulkheadSettings{Max: 8}, Breaker: guard.BreakerSettings{Failures: 3, Probe: 5 * time.Second},
				}, Usernames: []string{"admin", "*@corp.example"}, Config: &deskConfig{
					URL: "desk://localhost", Password: connectors.NewSecret("desk-password"), Key: path("desk.key"),
					Hosts: connectors.OneOrMany{"a", "b"}, Limits: &deskLimits{Max: 3, Window: 24 * time.Hour},
				}},
				{Name: "local", Type: "static", Guard: guard.DefaultSettings(), Config: &static.Config{File: path("users.yaml")}},
				{Name: "more", Type: "static", Guard: guard.DefaultSettings(), Config: &static.Config{Htpasswd: path("htpasswd")}},
				{Name: "directory", Type: "ldap", Guard: guard.DefaultSettings(), Config: directory},
				{Name: "attribute", Type: "ldap", Guard: guard.DefaultSettings(), Config: attribute},
				{Name: "open", Type: "ldap", Guard: guard.DefaultSettings(), Config: open},
				{Name: "own", Type: "webhook", Guard: guard.DefaultSettings(), Config: &webhook.Config{
					URL: "https://people.corp.example/shorepass", Secret: connectors.NewSecret("whsec_c2hvcmVwYXNzIHNob3JlcGFzcyBzaG9yZXBhc3Mh"), CAFile: path("ca.pem"),
					ClientCertificate: &webhook.ClientCertificate{CertFile: path("ldap.crt"), KeyFile: path("ldap.key")},
					Timeout:           1500 * time.Millisecond, Locate: true, Resolve: true,
				}},
				{Name: "sso", Type: "oidc", Guard: guard.DefaultSettings(), Usernames: []string{"*@corp.example"}, Config: provider},
				{Name: "selves", Type: "ldap", Guard: guard.DefaultSettings(), Config: selves},
				{Name: "tokens", Type: "pat", Config: &pat.Config{
					MaxGroupAge: time.Minute, MaxLoginAge: 30 * 24 * time.Hour, SelfService: pat.SelfService{
						Enabled: true, DefaultExpiry: 7 * 24 * time.Hour, MaxExpiry: 30 * 24 * time.Hour, Scopes: []string{"repository:team/**:pull,push"}, MaxTokens: 5,
					},
				}},
			},
		}},
	})
}
