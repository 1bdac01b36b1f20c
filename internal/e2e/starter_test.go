package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestStarters writes the configurations to start from, changes what they say is to be
// changed, and signs alice in by a real directory. That of Active Directory is only checked.
func TestStarters(t *testing.T) {
	directory := startCorp(t, example(t, "openldap/directory.ldif"))
	k := startKeycloak(t)
	for name, tt := range map[string]struct {
		secretFile, secret string
		edits              []string
	}{
		"openldap":         {"ldap-password", "service-password\n", []string{"ldaps://ldap.corp.example", directory.TLSURL, "# ca_file: corp-ca.pem", "ca_file: " + directory.CAFile}},
		"keycloak":         {"client-secret", "keycloak-client-secret\n", []string{"https://sso.corp.example/realms/corp", k.Issuer(realmCorp)}},
		"active-directory": {secretFile: "ad-password"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			ok(t, stack.Run(t, nil, "", program, "config", "init", "--directory", name, "--out", folder))
			ok(t, stack.Run(t, nil, "", program, "check", "--config", filepath.Join(folder, "shorepass.yaml")))
			if tt.secret == "" {
				return
			}
			read := func(name string) string {
				content, err := os.ReadFile(filepath.Join(folder, name))
				if err != nil {
					t.Fatal(err)
				}
				return string(content)
			}
			edits := append([]string{"listen: localhost:5001", "listen: '{{listen}}'", "localhost:5002", "'{{monitor}}'"}, tt.edits...)
			b := stack.StartBroker(t, program, replace(t, read("shorepass.yaml"), edits...), map[string]string{
				"policy.yaml": read("policy.yaml"), tt.secretFile: tt.secret,
			})
			a := b.Token(t, "alice", "alice-password", service, "repository:platform/app:pull,push", "repository:home/alice/x:push")
			if a.Status != http.StatusOK || len(a.Claims(t).Access) != 2 {
				t.Errorf("status %d: %s", a.Status, a.Body)
			}
		})
	}
}
