package config_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/config"
)

// loadText loads a configuration with keys before the realms.
func loadText(t *testing.T, text string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shorepass.yaml")
	write(t, file, text)
	for _, named := range []string{"a", "b"} { // as certificates and keys
		write(t, filepath.Join(filepath.Dir(file), named), "")
	}
	cfg, err := config.Load(file, types())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestPublicURL(t *testing.T) {
	for _, test := range []struct{ name, yaml, want string }{
		{"default", "", "http://localhost:5001"},
		{"another port", "listen: localhost:80", "http://localhost:80"},
		{"IPv4", "listen: 127.0.0.1:5001", "http://localhost:5001"},
		{"IPv6", `listen: "[::1]:5001"`, "http://localhost:5001"},
		{"another loopback address", "listen: 127.0.0.2:5001", "http://127.0.0.2:5001"},
		{"upper case", "listen: LOCALHOST:5001", "http://LOCALHOST:5001"},
		{"with TLS", "tls: {cert_file: a, key_file: b}", "https://localhost:5001"},
		{"slashes at the end", "public_url: https://login.example//", "https://login.example"},
		{"with a path", "public_url: https://login.example/pass/", "https://login.example/pass"},
		{"with an address", `public_url: "https://[2001:db8::1]:5001"`, "https://[2001:db8::1]:5001"},
		{"open, behind a proxy", "listen: 0.0.0.0:5001\nplain_http: true\npublic_url: https://login.example", "https://login.example"},
		{"open, by host name", "listen: broker.corp.example:5001\ntls: {cert_file: a, key_file: b}\npublic_url: https://login.example", "https://login.example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := loadText(t, test.yaml+"\n"+realm(""))
			if cfg.PublicURL != test.want {
				t.Errorf("got %s, want %s", cfg.PublicURL, test.want)
			}
			if got := cfg.Realms[0].Issuer; got != test.want+"/realms/a" {
				t.Errorf("got the issuer %s", got)
			}
		})
	}
}

func TestAudit(t *testing.T) {
	for _, test := range []struct {
		yaml string
		want config.Audit
	}{
		{"audit: {stdout: true}", config.Audit{Stdout: true, Sync: time.Second}},
		{"audit: {file: /var/a, sync: always}", config.Audit{File: "/var/a"}},
		{"audit: {file: /var/a, sync: 250ms}", config.Audit{File: "/var/a", Sync: 250 * time.Millisecond}},
		{"data_dir: /var/lib/shorepass\naudit: {}", config.Audit{File: "/var/lib/shorepass/audit.jsonl", Sync: time.Second}},
	} {
		if got := loadText(t, test.yaml+"\n"+realm("")).Audit; got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.yaml, got, test.want)
		}
	}
}

func TestRealmDefaults(t *testing.T) {
	for _, test := range []struct {
		keys      string
		ttl, push time.Duration
		algorithm string
	}{
		{"", 5 * time.Minute, 15 * time.Minute, "ES256"},
		{"token_ttl: 1h,", time.Hour, time.Hour, "ES256"},
		{"token_ttl: 1m, push_token_ttl: 1m,", time.Minute, time.Minute, "ES256"},
		{"signing: {algorithm: RS256},", 5 * time.Minute, 15 * time.Minute, "RS256"},
		{"signing: {key_file: a, cert_file: b},", 5 * time.Minute, 15 * time.Minute, ""},
	} {
		r := loadText(t, realm(test.keys)).Realms[0]
		if r.TokenTTL != test.ttl || r.PushTokenTTL != test.push || r.Signing.Algorithm != test.algorithm {
			t.Errorf("%s: got %+v", test.keys, r)
		}
	}
}

// realm is a configuration's realms, with keys of the only one.
func realm(keys string) string {
	return "realms: [{name: a, services: [b], " + keys + " policy: {rules: [{name: c, anyone: true, repositories: [d], allow: [pull]}]}}]\n"
}
