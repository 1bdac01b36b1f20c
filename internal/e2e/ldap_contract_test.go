package e2e_test

import (
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
)

// aliceFixture describes a connector to tree.ldif whose usernames guard lets through
// what begins with a, lo and no.
func aliceFixture(up, down func(testing.TB) connectors.Connector) connectortest.Fixture {
	return connectortest.Fixture{
		Name: "directory", New: up, Down: down,
		Good:          connectortest.Login{Username: "alice", Password: "alice-password"},
		Username:      "alice",
		Groups:        []string{"platform", "engineering", "everyone"},
		WrongPassword: "wrong-canary-7f3a",
		Unknown:       "nobody",
		Disabled:      connectortest.Login{Username: "locked", Password: "locked-password"},
		Unhandled:     "bob",
		Spellings:     spellingsOfAlice(),
	}
}

// TestLDAPContract runs the contract of connectors against OpenLDAP, over every
// transport.
func TestLDAPContract(t *testing.T) {
	server := slapd.Start(t, slapd.Options{})
	stopped := slapd.Start(t, slapd.Options{})
	stopped.Stop(t)
	for name, transport := range map[string]func(*slapd.Server) *ldap.Config{
		"plain":    ldapConfig,
		"StartTLS": startTLSConfig,
		"LDAPS":    ldapsConfig,
	} {
		t.Run(name, func(t *testing.T) {
			connect := func(s *slapd.Server) func(testing.TB) connectors.Connector {
				return func(tb testing.TB) connectors.Connector {
					return guard.Password(openLDAP(tb, transport(s)), guard.Config{Usernames: []string{"a*", "l*", "no*"}})
				}
			}
			connectortest.Run(t, aliceFixture(connect(server), connect(stopped)))
		})
	}
}

func startTLSConfig(s *slapd.Server) *ldap.Config {
	c := ldapConfig(s)
	c.StartTLS = true
	c.CAFile = connectors.Path(s.CAFile)
	return c
}

func ldapsConfig(s *slapd.Server) *ldap.Config {
	c := ldapConfig(s)
	c.URL = connectors.OneOrMany{s.TLSURL}
	c.CAFile = connectors.Path(s.CAFile)
	return c
}
