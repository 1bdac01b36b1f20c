package e2e_test

import (
	"errors"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
)

// ldapConfig is a configuration for the server's plain port, with nested groups.
func ldapConfig(s *slapd.Server) *ldap.Config {
	c := ldap.DefaultConfig()
	c.URL = connectors.OneOrMany{s.URL}
	c.BindDN = slapd.ServiceDN
	c.BindPassword = connectors.NewSecret(slapd.ServicePassword)
	c.Users.BaseDN = slapd.Suffix
	c.Groups = &ldap.Groups{BaseDN: slapd.Groups, Nested: true}
	return c
}

// openLDAP returns a directory that is closed when the test ends.
func openLDAP(tb testing.TB, c *ldap.Config) *ldap.Directory {
	tb.Helper()
	d, err := newLDAP(c)
	if err != nil {
		tb.Fatalf("ldap.New: %v", err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return d
}

func newLDAP(c *ldap.Config) (*ldap.Directory, error) {
	return ldap.New(c, connectors.Deps{Realm: "corp", Name: "directory"})
}

// ldapConnector is the directory behind its guards, as the program has it.
func ldapConnector(tb testing.TB, c *ldap.Config) connectors.Connector {
	tb.Helper()
	return guard.Password(openLDAP(tb, c), guard.Config{})
}

// signIn authenticates as a client would.
func signIn(tb testing.TB, c connectors.Connector, username, password string) (connectors.Identity, error) {
	tb.Helper()
	return c.Authenticate(tb.Context(), connectors.Credentials{Username: username, Password: connectors.NewSecret(password)})
}

// unguarded asks the directory itself: each login reaches it.
func unguarded(tb testing.TB, d connectors.Directory, username, password string) (connectors.Identity, error) {
	tb.Helper()
	a, err := d.Locate(tb.Context(), username)
	if err != nil {
		return connectors.Identity{}, err
	}
	return d.Verify(tb.Context(), a, connectors.NewSecret(password))
}

// uncached is a connector's key by which each login reaches the directory, for edits of
// what comes before it.
func uncached(line string) (old, with string) {
	return line, line + "        guard: {cache: {ttl: 0s, unknown: 0s}}\n"
}

// mustSignIn fails the test where the login fails.
func mustSignIn(tb testing.TB, c connectors.Connector, username string) connectors.Identity {
	tb.Helper()
	id, err := signIn(tb, c, username, username+"-password")
	if err != nil {
		tb.Fatalf("login of %s: %v", username, err)
	}
	return id
}

// isOutage reports whether err says nothing about the user.
func isOutage(err error) bool {
	return err != nil && !errors.Is(err, connectors.ErrNotMine) && !errors.Is(err, connectors.ErrRejected) && !errors.Is(err, connectors.ErrGone)
}

// wantReason fails the test unless err is a rejection for that reason.
func wantReason(tb testing.TB, err error, want connectors.Reason) {
	tb.Helper()
	var r *connectors.Rejection
	if !errors.As(err, &r) || r.Reason != want {
		tb.Errorf("error = %v, want a rejection for %q", err, want)
	}
}

// ldapBroker is a configuration of the program for the server, with nested groups.
// users are more lines of users.
func ldapBroker(s *slapd.Server, users string) string {
	return `listen: {{listen}}
monitor: {{monitor}}
realms:
  - name: corp
    services: [` + service + `]
    connectors:
      - name: directory
        type: ldap
        config:
          url: ` + s.URL + `
          bind_dn: ` + slapd.ServiceDN + `
          bind_password: ` + slapd.ServicePassword + `
          users:
            base_dn: ` + slapd.Suffix + "\n" + users + `
          groups: {base_dn: "` + slapd.Groups + `", nested: true}
    policy: {rules: [{name: all, users: ["directory:*"], repositories: ["home/{user}/**"], allow: [pull, push]}]}
`
}
