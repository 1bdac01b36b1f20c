package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
)

func TestLDAPCertificates(t *testing.T) {
	good := slapd.Start(t, slapd.Options{})
	other := slapd.Start(t, slapd.Options{Hosts: []string{"elsewhere.example"}})
	expired := slapd.Start(t, slapd.Options{Age: time.Minute})
	plain := slapd.Start(t, slapd.Options{NoTLS: true})
	for name, c := range map[string]struct {
		server *slapd.Server
		ca     string
		want   string // empty: it works
	}{
		"right authority":     {good, good.CAFile, ""},
		"wrong authority":     {good, other.CAFile, "its certificate comes from an authority that is not trusted; set ca_file to that authority's certificate: "},
		"the system's":        {good, "", "its certificate comes from an authority that is not trusted; set ca_file to that authority's certificate: "},
		"wrong host name":     {other, other.CAFile, "its certificate is not for this host; put a name that the certificate carries into url: "},
		"expired certificate": {expired, expired.CAFile, "its certificate has expired, or is not valid yet, or a clock is wrong: renew it there, and check the time here: "},
		"no TLS there":        {plain, good.CAFile, "cannot connect to "},
	} {
		t.Run(name, func(t *testing.T) {
			ldaps := ldapsConfig(c.server)
			if ldaps.URL[0] == "" {
				ldaps.URL[0] = strings.Replace(c.server.URL, "ldap://", "ldaps://", 1)
			}
			for _, cfg := range []*ldap.Config{ldaps, startTLSConfig(c.server)} {
				cfg.CAFile = connectors.Path(c.ca)
				start := time.Now()
				_, err := signIn(t, ldapConnector(t, cfg), "alice", "alice-password")
				switch {
				case c.want == "" && err != nil:
					t.Errorf("%s: %v", cfg.URL, err)
				case c.want != "" && (!isOutage(err) || !strings.Contains(err.Error(), c.want)):
					t.Errorf("%s: error = %v, want an outage that says %q", cfg.URL, err, c.want)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("%s: it took %v", cfg.URL, took)
				}
			}
		})
	}
}

// TestLDAPHostNames signs in by each name that the certificate carries.
func TestLDAPHostNames(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	for _, host := range []string{"127.0.0.1", "localhost"} {
		cfg := ldapsConfig(s)
		cfg.URL[0] = strings.Replace(cfg.URL[0], "127.0.0.1", host, 1)
		mustSignIn(t, ldapConnector(t, cfg), "alice")
	}
}

func TestLDAPStartTLSRefused(t *testing.T) {
	cfg := startTLSConfig(slapd.Start(t, slapd.Options{NoTLS: true}))
	_, err := signIn(t, ldapConnector(t, cfg), "alice", "alice-password")
	want := `it refuses StartTLS; set it up there, or use ldaps://: result code 2 (protocol error)`
	if !isOutage(err) || !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want an outage that says %q", err, want)
	}
}

// TestLDAPEncryptionDemanded holds that a server which wants encryption is not
// taken for one that refuses the user.
func TestLDAPEncryptionDemanded(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	s.Stop(t)
	s.Configure(t, "security simple_bind=128")
	s.Start(t)
	_, err := signIn(t, ldapConnector(t, ldapConfig(s)), "alice", "alice-password")
	if want := "it wants an encrypted connection; use ldaps:// or start_tls: true"; !isOutage(err) || !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want an outage that says %q", err, want)
	}
	mustSignIn(t, ldapConnector(t, startTLSConfig(s)), "alice")
}

// TestLDAPPlaintext holds that passwords go in clear to this machine alone, unless
// that is asked for.
func TestLDAPPlaintext(t *testing.T) {
	cfg := ldapConfig(slapd.Start(t, slapd.Options{}))
	mustSignIn(t, ldapConnector(t, cfg), "alice")
	cfg.URL[0] = "ldap://ldap.example.org"
	if _, err := ldap.New(cfg, connectors.Deps{Name: "directory"}); err == nil || !strings.Contains(err.Error(), "sends passwords in clear") {
		t.Errorf("New: error = %v, want a refusal", err)
	}
}
