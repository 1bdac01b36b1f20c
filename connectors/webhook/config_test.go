package webhook_test

import (
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/webhook"
)

// secretOf is a secret of so many bytes.
func secretOf(n int) connectors.Secret {
	return connectors.NewSecret("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)))
}

// TestConfig holds what a configuration must have: field and words are of its one fault.
func TestConfig(t *testing.T) {
	for name, tt := range map[string]struct {
		change       func(*webhook.Config)
		field, words string
	}{
		"https":              {func(c *webhook.Config) { c.URL = "https://people.example:8443/x/y" }, "", ""},
		"this machine":       {func(c *webhook.Config) { c.URL = "http://[::1]:8080" }, "", ""},
		"a socket":           {func(c *webhook.Config) { c.URL = "unix:///run/people.sock" }, "", ""},
		"no URL":             {func(c *webhook.Config) { c.URL = "" }, "url", "is required"},
		"in clear":           {func(c *webhook.Config) { c.URL = "http://people.example" }, "url", "sends passwords in clear"},
		"another scheme":     {func(c *webhook.Config) { c.URL = "ftp://people.example" }, "url", "must begin with https://"},
		"no host":            {func(c *webhook.Config) { c.URL = "https:///x" }, "url", "names no host"},
		"a user":             {func(c *webhook.Config) { c.URL = "https://u:hunter2@people.example" }, "url", "must not hold a user"},
		"a query":            {func(c *webhook.Config) { c.URL = "https://people.example?code=hunter2" }, "url", "must not hold ?"},
		"no URL at all":      {func(c *webhook.Config) { c.URL = "https://%zz" }, "url", "is not a URL"},
		"a large port":       {func(c *webhook.Config) { c.URL = "https://people.example:65536" }, "url", "port 65536"},
		"a relative socket":  {func(c *webhook.Config) { c.URL = "unix://people.sock" }, "url", "absolute path"},
		"no socket":          {func(c *webhook.Config) { c.URL = "unix:///" }, "url", "absolute path"},
		"a long socket":      {func(c *webhook.Config) { c.URL = "unix:///" + strings.Repeat("x", 107) }, "url", "longer than 107 bytes"},
		"ca_file at a loss":  {func(c *webhook.Config) { c.URL, c.CAFile = "unix:///run/x", "ca.pem" }, "ca_file", "no use without TLS"},
		"certificate, clear": {func(c *webhook.Config) { c.URL, c.ClientCertificate = "http://localhost", clientCertificate("a", "b") }, "client_certificate", "no use without TLS"},
		"certificate alone":  {func(c *webhook.Config) { c.ClientCertificate = clientCertificate("a", "") }, "client_certificate.key_file", "is required"},
		"key alone":          {func(c *webhook.Config) { c.ClientCertificate = clientCertificate("", "b") }, "client_certificate.cert_file", "is required"},
		"no secret":          {func(c *webhook.Config) { c.Secret = connectors.Secret{} }, "secret", "is required"},
		"not whsec_":         {func(c *webhook.Config) { c.Secret = connectors.NewSecret("c2hvcmVwYXNzIHNob3JlcGFzcyBzaG9yZXBhc3Mh") }, "secret", "is not whsec_ and 24 to 64 bytes"},
		"no base64":          {func(c *webhook.Config) { c.Secret = connectors.NewSecret("whsec_hunter2") }, "secret", "is not whsec_ and 24 to 64 bytes"},
		"a short secret":     {func(c *webhook.Config) { c.Secret = connectors.NewSecret("whsec_c2hvcnQ=") }, "secret", "is not whsec_ and 24 to 64 bytes"},
		"a long secret":      {func(c *webhook.Config) { c.Secret = secretOf(64) }, "", ""},
		"too long a secret":  {func(c *webhook.Config) { c.Secret = secretOf(65) }, "secret", "is not whsec_ and 24 to 64 bytes"},
		"no time":            {func(c *webhook.Config) { c.Timeout = 0 }, "timeout", "0s is not between 100ms and 2s"},
		"twice too long":     {func(c *webhook.Config) { c.Locate, c.Timeout = true, 3*time.Second }, "timeout", "asks twice"},
		"long, alone":        {func(c *webhook.Config) { c.Timeout = 4 * time.Second }, "", ""},
		"too long":           {func(c *webhook.Config) { c.Timeout = 4001 * time.Millisecond }, "timeout", "or 4s without locate"},
		"resolve alone":      {func(c *webhook.Config) { c.Resolve = true }, "resolve", "needs locate: true"},
	} {
		t.Run(name, func(t *testing.T) {
			c := webhook.DefaultConfig()
			c.URL, c.Secret = "https://people.example", connectors.NewSecret(secret)
			tt.change(c)
			got := c.Validate()
			switch {
			case tt.field == "" && len(got) == 0:
			case len(got) != 1 || got[0].Field != tt.field || !strings.Contains(got[0].Message, tt.words):
				t.Errorf("Validate() = %q, want one fault of %q that says %q", got, tt.field, tt.words)
			case strings.Contains(got[0].Message, "hunter2"):
				t.Errorf("it shows what is secret: %q", got)
			}
			if _, err := webhook.Open(c, connectors.Deps{Name: "people"}); (err != nil) != (tt.field != "") {
				t.Errorf("Open() gives %v", err)
			}
		})
	}
	if !webhook.DefaultConfig().HasGroups() {
		t.Error("nobody has groups")
	}
}

// TestFiles holds that files which cannot be read stop a start, and say which key names
// them.
func TestFiles(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.pem")
	for want, change := range map[string]func(*webhook.Config){
		"ca_file: " + none:            func(c *webhook.Config) { c.CAFile = connectors.Path(none) },
		"client_certificate: " + none: func(c *webhook.Config) { c.ClientCertificate = clientCertificate(none, none) },
	} {
		c := webhook.DefaultConfig()
		c.URL, c.Secret = "https://people.example", connectors.NewSecret(secret)
		change(c)
		if _, err := webhook.Open(c, connectors.Deps{Name: "people"}); err == nil || !strings.HasPrefix(err.Error(), want+" does not exist") {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// TestUpstream holds that two connectors of one endpoint have the same accounts, whether it
// resolves or not.
func TestUpstream(t *testing.T) {
	for _, resolves := range []bool{false, true} {
		c := webhook.DefaultConfig()
		c.URL, c.Secret, c.Resolve = "https://people.example/hook", connectors.NewSecret(secret), resolves
		c.Locate = resolves
		d, err := webhook.Open(c, connectors.Deps{Realm: "a", Name: "people"})
		if err != nil {
			t.Fatal(err)
		}
		if u, ok := d.(connectors.Upstreamed); !ok || u.Upstream() != "https://people.example/hook" {
			t.Errorf("resolves %v: upstream %v", resolves, ok)
		}
	}
}
