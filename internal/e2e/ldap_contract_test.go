package e2e_test

import (
	"errors"
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
		"preset":   presetConfig,
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

// presetConfig leaves to the vendor what it knows.
func presetConfig(s *slapd.Server) *ldap.Config {
	c := ldapsConfig(s)
	c.Vendor = "openldap"
	return c
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

// TestLDAPPreset holds that what the vendor sets fits slapd: nobody's password is needed
// to know of a locked account.
func TestLDAPPreset(t *testing.T) {
	d := openLDAP(t, presetConfig(slapd.Start(t, slapd.Options{})))
	for user, gone := range map[string]bool{"alice": false, "locked": true} {
		account, err := d.Locate(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		if id, err := d.Resolve(t.Context(), account.ID); errors.Is(err, connectors.ErrGone) != gone || !gone && id.Username != user {
			t.Errorf("Resolve of %s: %+v, %v", user, id, err)
		}
	}
}
