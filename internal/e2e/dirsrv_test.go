package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/dirsrv"
)

// ipaSchema is what FreeIPA's schema has of the attributes that a connector reads.
const ipaSchema = `attributeTypes: ( 2.16.840.1.113730.3.8.3.1 NAME 'ipaUniqueID' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributeTypes: ( 2.16.840.1.113719.1.301.4.8.1 NAME 'krbPrincipalExpiration' EQUALITY generalizedTimeMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )
attributeTypes: ( 2.16.840.1.113719.1.301.4.14.1 NAME 'krbPasswordExpiration' EQUALITY generalizedTimeMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )
objectClasses: ( 2.16.840.1.113730.3.8.4.1 NAME 'ipaObject' SUP top AUXILIARY MAY ( ipaUniqueID $ krbPrincipalExpiration $ krbPasswordExpiration ) )
`

// lockout is what of cn=config locks accounts after two wrong passwords. Hashes that cost
// little save the tests time.
const lockout = "passwordLockout: on\npasswordMaxFailure: 2\npasswordStorageScheme: SSHA\n"

// dirsrvConfig is what a working configuration takes, and no more.
func dirsrvConfig(s *dirsrv.Server) *ldap.Config {
	c := ldap.DefaultConfig()
	c.Vendor = "389ds"
	c.URL, c.CAFile = connectors.OneOrMany{s.TLSURL}, connectors.Path(s.CAFile)
	c.BindDN, c.BindPassword = "uid=shorepass,ou=services,"+dirsrv.Suffix, connectors.NewSecret("service-password")
	c.Users.BaseDN = "ou=people," + dirsrv.Suffix
	c.Groups = &ldap.Groups{BaseDN: "ou=groups," + dirsrv.Suffix}
	return c
}

// TestDirectoryServer389 has one 389 Directory Server for all that is tested with it.
func TestDirectoryServer389(t *testing.T) {
	s := dirsrv.Start(t, directory(t, "389ds.ldif"), ipaSchema, strings.Replace(lockout, "on", "off", 1))
	s.Modify(t, serviceAccount389(t))
	t.Run("contract", func(t *testing.T) { test389Contract(t, s) })
	t.Run("groups", func(t *testing.T) { test389Groups(t, s) })
	t.Run("FreeIPA's tree", func(t *testing.T) { testFreeIPATree(t, s) })
	s.Modify(t, "dn: cn=config\nchangetype: modify\nreplace: passwordLockout\npasswordLockout: on\n")
	t.Run("lockout", func(t *testing.T) { test389Lockout(t, s) })
	t.Run("accounts", func(t *testing.T) { test389Accounts(t, s) })
	t.Run("passwords", func(t *testing.T) { test389Passwords(t, s) })
}

// serviceAccount389 is the LDIF that the page of the directory has: the account that
// searches, and what it may read. FreeIPA's own access rules stand in for what that has.
func serviceAccount389(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/directories/389ds.md")
	if err != nil {
		t.Fatal(err)
	}
	_, ldif, found := strings.Cut(string(page), "\n    dn: ")
	ldif, _, ended := strings.Cut("\n    dn: "+ldif, "\n\n`")
	if !found || !ended {
		t.Fatal("docs/directories/389ds.md has no LDIF")
	}
	ldif = replace(t, strings.ReplaceAll(ldif, "\n    ", "\n"), "dc=corp,dc=example", dirsrv.Suffix, "userPassword: …", "userPassword: service-password")
	return ldif + `

dn: ` + dirsrv.Suffix + `
changetype: modify
add: aci
aci: (targetattr="ipaUniqueID || krbPrincipalExpiration || krbPasswordExpiration")(version 3.0; acl "FreeIPA's"; allow (read, search, compare) userdn="ldap:///all";)
`
}

// test389Passwords has passwords that have expired or were set by an administrator: the
// server refuses them, and lookups know of it, by what the page lets the account read.
func test389Passwords(t *testing.T, s *dirsrv.Server) {
	const person = "dn: uid=%s,ou=people," + dirsrv.Suffix + "\nchangetype: modify\nreplace: %s\n%[2]s: %s\n"
	set := func(name, value string) {
		s.Modify(t, "dn: cn=config\nchangetype: modify\nreplace: "+name+"\n"+name+": "+value+"\n")
	}
	set("passwordMustChange", "on")
	s.Modify(t, fmt.Sprintf(person, "a-reset", "userPassword", "a-reset-password"))
	set("passwordExp", "on")
	s.Modify(t, fmt.Sprintf(person, "a-old", "passwordExpirationTime", "20200101000000Z"))
	directory := openLDAP(t, dirsrvConfig(s))
	l := guard.Password(directory, guard.Config{})
	for name, want := range map[string]string{"a-old": "the password has expired (passwordExpirationTime)", "a-reset": "the password is to be changed", "alice": ""} {
		account, err := directory.Locate(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		_, login := signIn(t, l, name, name+"-password")
		_, lookup := directory.Resolve(t.Context(), account.ID)
		switch {
		case want == "" && (login != nil || lookup != nil):
			t.Errorf("%s: login %v, lookup %v", name, login, lookup)
		case want != "" && (!errors.Is(login, connectors.ErrRejected) || !errors.Is(lookup, connectors.ErrGone) || !strings.Contains(lookup.Error(), want)):
			t.Errorf("%s: login %v, lookup %v, want %s", name, login, lookup, want)
		}
	}
}

// test389Groups reads groups in every way that the page names.
func test389Groups(t *testing.T, s *dirsrv.Server) {
	for name, c := range map[string]struct {
		groups ldap.Groups
		want   []string
	}{
		"groupOfNames":       {ldap.Groups{}, []string{"platform"}},
		"nested":             {ldap.Groups{Nested: true}, []string{"engineering", "platform"}},
		"groupOfUniqueNames": {ldap.Groups{Filter: "(objectClass=groupOfUniqueNames)", MemberAttribute: "uniqueMember"}, []string{"unique"}},
		"memberOf":           {ldap.Groups{FromAttribute: "memberOf"}, []string{"platform"}},
	} {
		cfg := dirsrvConfig(s)
		c.groups.BaseDN = cfg.Groups.BaseDN
		cfg.Groups = &c.groups
		if id := mustSignIn(t, ldapConnector(t, cfg), "alice"); !slices.Equal(id.Groups, c.want) {
			t.Errorf("%s: alice is in %q, want %q", name, id.Groups, c.want)
		}
	}
}

// test389Contract runs the contract of connectors, over both ways to encrypt.
func test389Contract(t *testing.T, s *dirsrv.Server) {
	disabled, err := openLDAP(t, dirsrvConfig(s)).Locate(t.Context(), "a-disabled")
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*ldap.Config){"LDAPS": func(*ldap.Config) {}, "StartTLS": startTLS} {
		t.Run(name, func(t *testing.T) {
			connect := func(port string) func(testing.TB) connectors.Connector {
				return func(tb testing.TB) connectors.Connector {
					cfg := dirsrvConfig(s)
					cfg.Groups.Nested = true
					edit(cfg)
					cfg.URL[0] += port
					return guard.Password(openLDAP(tb, cfg), guard.Config{Usernames: []string{"a*", "no*"}})
				}
			}
			connectortest.Run(t, connectortest.Fixture{
				Name: "directory", New: connect(""), Down: connect(":1"),
				Good:          connectortest.Login{Username: "alice", Password: "alice-password"},
				Username:      "alice",
				Groups:        []string{"platform", "engineering"},
				WrongPassword: "wrong-canary-7f3a",
				Unknown:       "nobody",
				Disabled:      connectortest.Login{Username: "a-disabled", Password: "a-disabled-password"},
				DisabledID:    disabled.ID,
				Unhandled:     "bob",
				Spellings:     spellingsOfAlice(),
			})
		})
	}
}

// test389Accounts holds what is said of accounts that are refused, and that a lookup
// without a password knows of them.
func test389Accounts(t *testing.T, s *dirsrv.Server) {
	directory := openLDAP(t, dirsrvConfig(s))
	l := guard.Password(directory, guard.Config{})
	if id := mustSignIn(t, l, "bob"); id.Username != "bob" || len(id.Groups) != 0 {
		t.Errorf("whom dsidm made: %+v", id)
	}
	_, err := signIn(t, l, "a-disabled", "a-disabled-password")
	wantReason(t, err, connectors.ReasonLocked) // which it says of both
	locked, err := directory.Locate(t.Context(), "a-locked")
	if err != nil {
		t.Fatal(err)
	}
	if id, err := directory.Resolve(t.Context(), locked.ID); err != nil || id.Username != "a-locked" {
		t.Errorf("before: %+v, %v", id, err)
	}
	for range 2 {
		_, err := signIn(t, l, "a-locked", "wrong")
		wantReason(t, err, connectors.ReasonWrongPassword)
	}
	_, err = signIn(t, l, "a-locked", "a-locked-password")
	wantReason(t, err, connectors.ReasonLocked)
	if id, err := directory.Resolve(t.Context(), locked.ID); err != nil || id.Username != "a-locked" {
		t.Errorf("Resolve of an account that wrong passwords have locked: %+v, %v", id, err)
	}
}

// testFreeIPATree signs in to entries like FreeIPA's.
func testFreeIPATree(t *testing.T, s *dirsrv.Server) {
	cfg := dirsrvConfig(s)
	cfg.Vendor = "freeipa"
	cfg.Users.BaseDN, cfg.Groups.BaseDN = dirsrv.Suffix, "cn=groups,cn=accounts,"+dirsrv.Suffix
	directory := openLDAP(t, cfg)
	id, err := signIn(t, guard.Password(directory, guard.Config{}), "iris", "iris-password")
	if err != nil || id.ID != "0b1a2c3d-7a5e-11ef-9d4c-525400123456" || !slices.Equal(id.Groups, []string{"ipausers", "platform"}) {
		t.Errorf("%+v, %v", id, err)
	}
	if again, err := directory.Resolve(t.Context(), id.ID); err != nil || again.Username != "iris" {
		t.Errorf("Resolve() = %+v, %v", again, err)
	}
	if _, err := directory.Resolve(t.Context(), "1b1a2c3d-7a5e-11ef-9d4c-525400123456"); !errors.Is(err, connectors.ErrGone) || !strings.Contains(err.Error(), "krbPrincipalExpiration") {
		t.Errorf("whose account has expired: %v", err)
	}
	if _, err := directory.Resolve(t.Context(), "2b1a2c3d-7a5e-11ef-9d4c-525400123456"); !errors.Is(err, connectors.ErrGone) || !strings.Contains(err.Error(), "krbPasswordExpiration") {
		t.Errorf("whose password an administrator has set: %v", err)
	}
}
