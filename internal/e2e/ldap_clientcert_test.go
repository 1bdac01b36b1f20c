package e2e_test

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
)

// demanding has slapd demand client certificates, and take cn=NAME for the service
// account.
func demanding(name string) slapd.Options {
	return slapd.Options{Config: "TLSVerifyClient demand\nauthz-regexp \"^cn=" + name + "$\" \"" + slapd.ServiceDN + "\""}
}

// withCertificate shows a certificate in place of the service account's password.
func withCertificate(c *ldap.Config, cert, key string) *ldap.Config {
	c.BindDN, c.BindPassword = "", connectors.Secret{}
	c.ClientCertificate = &ldap.ClientCertificate{CertFile: connectors.Path(cert), KeyFile: connectors.Path(key)}
	return c
}

// TestLDAPExternal signs people in over a service account that is a certificate.
func TestLDAPExternal(t *testing.T) {
	s := slapd.Start(t, demanding("registry"))
	cert, key := s.IssueClient(t, "registry", 0)
	for name, cfg := range map[string]*ldap.Config{"LDAPS": ldapsConfig(s), "StartTLS": startTLSConfig(s)} {
		t.Run(name, func(t *testing.T) {
			c := ldapConnector(t, withCertificate(cfg, cert, key))
			mark := len(s.Log())
			if id := mustSignIn(t, c, "alice"); len(id.Groups) != 3 {
				t.Errorf("groups %q, want three", id.Groups)
			}
			_, err := signIn(t, c, "alice", "wrong")
			wantReason(t, err, connectors.ReasonWrongPassword)
			s.Settle(t)
			log := s.Log()[mark:]
			if !strings.Contains(log, `BIND dn="`+slapd.ServiceDN+`" mech=EXTERNAL`) || strings.Contains(log, `BIND dn="`+slapd.ServiceDN+`" method=128`) {
				t.Errorf("the service account has not bound by its certificate:\n%s", log)
			}
		})
	}
}

// TestLDAPCertificateAndPassword shows the certificate on connections that bind with
// a password.
func TestLDAPCertificateAndPassword(t *testing.T) {
	s := slapd.Start(t, demanding("registry"))
	cfg := ldapsConfig(s)
	cert, key := s.IssueClient(t, "another", 0)
	withCertificate(cfg, cert, key)
	cfg.BindDN, cfg.BindPassword = slapd.ServiceDN, connectors.NewSecret(slapd.ServicePassword)
	mustSignIn(t, ldapConnector(t, cfg), "alice")
}

// TestLDAPCertificatesRefused holds what is said of client certificates that a
// server does not take. Before and after the handshake, that is: with TLS 1.2 and 1.3.
func TestLDAPCertificatesRefused(t *testing.T) {
	stranger := slapd.Start(t, slapd.Options{})
	for version, lines := range map[string]string{"TLS 1.2": "\nTLSCipherSuite SECURE256:-VERS-TLS1.3", "TLS 1.3": ""} {
		o := demanding("registry")
		o.Config += lines
		s := slapd.Start(t, o)
		for name, c := range map[string]struct {
			from    *slapd.Server // whose authority signs the certificate; nil: there is none
			expired time.Duration
			want    string
		}{
			"none":              {nil, 0, "set client_certificate to a certificate that it takes, or have it demand none (slapd: TLSVerifyClient): it demands a client certificate: "},
			"another authority": {stranger, 0, "it must trust the authority that signed client_certificate, which must be valid and for client authentication (slapd: TLSCACertificateFile): it does not take the client certificate: "},
			"expired":           {s, time.Minute, "it must trust the authority that signed client_certificate, which must be valid and for client authentication (slapd: TLSCACertificateFile): it does not take the client certificate: "},
		} {
			t.Run(version+" "+name, func(t *testing.T) {
				for _, cfg := range []*ldap.Config{ldapsConfig(s), startTLSConfig(s)} {
					if c.from != nil {
						cert, key := c.from.IssueClient(t, "registry", c.expired)
						withCertificate(cfg, cert, key)
					}
					d := ldapConnector(t, cfg)
					for range 3 {
						_, err := signIn(t, d, "alice", "alice-password")
						if !isOutage(err) || !strings.Contains(err.Error(), c.want) {
							t.Errorf("%s: error = %v, want an outage that says %q", cfg.URL, err, c.want)
						}
					}
				}
			})
		}
	}
}

// TestLDAPCertificateOfNobody shows a certificate that the server takes and does not
// map to the service account.
func TestLDAPCertificateOfNobody(t *testing.T) {
	s := slapd.Start(t, demanding("registry"))
	cert, key := s.IssueClient(t, "nobody", 0)
	_, err := signIn(t, ldapConnector(t, withCertificate(ldapsConfig(s), cert, key)), "alice", "alice-password")
	if !isOutage(err) || !strings.Contains(err.Error(), "the base_dn does not exist, or the service account may not see it") {
		t.Errorf("error = %v, want an outage", err)
	}
}

// TestLDAPCertificateRenewed replaces a certificate that the server does not take by
// one that it does, without a restart.
func TestLDAPCertificateRenewed(t *testing.T) {
	s := slapd.Start(t, demanding("registry"))
	cert, key := s.IssueClient(t, "registry", time.Minute)
	var log bytes.Buffer
	d, err := ldap.New(withCertificate(ldapsConfig(s), cert, key), connectors.Deps{Name: "directory", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if want := "client_certificate: servers refuse it; renew it"; !strings.Contains(log.String(), want) {
		t.Errorf("the log:\n%s\nwant %q in it", &log, want)
	}
	c := guard.Password(d, guard.Config{})
	if _, err := signIn(t, c, "alice", "alice-password"); !isOutage(err) {
		t.Fatalf("error = %v, want an outage: the certificate has expired", err)
	}
	s.IssueClient(t, "registry", 0) // the same files
	future := time.Now().Add(time.Second)
	if err := os.Chtimes(cert, future, future); err != nil { // however coarse the clock of files is
		t.Fatal(err)
	}
	wantRecovery(t, c)
}
