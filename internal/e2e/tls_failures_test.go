package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// orgConfig is a realm whose one connector, directory, has the lines of config.
func orgConfig(config string) string {
	return fmt.Sprintf(`listen: '{{listen}}'
monitor: '{{monitor}}'
realms:
  - name: org
    services: [%s]
    connectors:
      - name: directory
        type: ldap
        config:
%s
    policy: {rules: [{name: platform, groups: [directory:platform], repositories: [platform/**], allow: [pull, push]}]}
`, service, indent(config, "          "))
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by)
}

// directoryLines are the lines of a configuration for the server, over an address.
func directoryLines(s *slapd.Server, url string) string {
	return fmt.Sprintf("url: %s\nca_file: %s\nbind_dn: %s\nbind_password: %s\nusers: {base_dn: '%s'}\ngroups: {base_dn: '%s', nested: true}\n",
		url, s.CAFile, slapd.ServiceDN, slapd.ServicePassword, slapd.Suffix, slapd.Groups)
}

// TestTLSFailures has the program fail to reach a real slapd in every way that TLS
// can fail: the client is told 503 and to try again, and the log what to do.
func TestTLSFailures(t *testing.T) {
	good := slapd.Start(t, slapd.Options{})
	elsewhere := slapd.Start(t, slapd.Options{Hosts: []string{"ldap.example.org"}})
	expired := slapd.Start(t, slapd.Options{Age: time.Minute})
	plain := slapd.Start(t, slapd.Options{NoTLS: true})
	strict := slapd.Start(t, demanding("registry"))
	cert, key := good.IssueClient(t, "registry", 0)
	starttls := func(s *slapd.Server) string { return directoryLines(s, s.URL) + "start_tls: true\n" }
	for name, c := range map[string]struct{ config, want string }{
		"wrong host name": {
			directoryLines(elsewhere, elsewhere.TLSURL),
			"its certificate is not for this host; put a name that the certificate carries into url: ",
		},
		"wrong host name, StartTLS": {
			starttls(elsewhere),
			"its certificate is not for this host; put a name that the certificate carries into url: ",
		},
		"expired": {
			directoryLines(expired, expired.TLSURL),
			"its certificate has expired, or is not valid yet, or a clock is wrong: renew it there, and check the time here: ",
		},
		"unknown authority": {
			directoryLines(elsewhere, good.TLSURL),
			"its certificate comes from an authority that is not trusted; set ca_file to that authority's certificate: ",
		},
		"StartTLS refused": {
			replace(t, starttls(plain), "ca_file: ", "ca_file: "+good.CAFile),
			"it refuses StartTLS; set it up there, or use ldaps://: ",
		},
		"TLS to the plain port": {
			directoryLines(good, strings.Replace(good.URL, "ldap:", "ldaps:", 1)),
			"it hangs up on the TLS handshake; ldaps:// is usual at 636, and start_tls: true with ldap:// at 389: ",
		},
		"client certificate demanded": {
			directoryLines(strict, strict.TLSURL),
			"set client_certificate to a certificate that it takes, or have it demand none (slapd: TLSVerifyClient): ",
		},
		"client certificate refused": {
			directoryLines(strict, strict.TLSURL) + fmt.Sprintf("client_certificate: {cert_file: %s, key_file: %s}\n", cert, key),
			"it must trust the authority that signed client_certificate, which must be valid and for client authentication (slapd: TLSCACertificateFile): ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := stack.StartBroker(t, program, orgConfig(c.config), nil)
			a := b.Token(t, "alice", "alice-password", service)
			if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
				t.Errorf("status %d, Retry-After %q: %s", a.Status, a.Header.Get("Retry-After"), a.Body)
			}
			var said []string
			b.WaitFor(t, "line in the log", 10*time.Second, func() bool {
				said = nil
				for line := range strings.Lines(b.Output.String()) {
					if strings.Contains(line, "level=ERROR") && strings.HasSuffix(line, "\n") {
						said = append(said, line)
					}
				}
				return len(said) > 0
			})
			if len(said) != 1 || !strings.Contains(said[0], c.want) || !strings.Contains(said[0], "connector directory") {
				t.Errorf("the log has %d lines of errors:\n%s\nwant one that says %q", len(said), strings.Join(said, ""), c.want)
			}
		})
	}
}
