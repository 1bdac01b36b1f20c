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

// spellingsOfAlice are names that OpenLDAP may take for alice, and some more.
func spellingsOfAlice() []string {
	return []string{
		"ALICE", "Alice", "aLiCe", " alice", "alice ", "  alice  ",
		"ａｌｉｃｅ", "ＡＬＩＣＥ", "ali\uff43e", "alice\u3000", "alice\u00a0", "\u2003alice", "al\u00adice", "alice\u200b", "Ⓐlice", "alic\u0435",
		`\61lice`, `alic\65`, "alice\x00", "alice\t", "alice\n",
	}
}

// TestLDAPSpellings holds that one person has one subject, behind the guard, which
// refuses odd names, and without it.
func TestLDAPSpellings(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	d := openLDAP(t, ldapConfig(s))
	c := ldapConnector(t, ldapConfig(s))
	want := mustSignIn(t, c, "alice")
	found := 0
	for _, name := range spellingsOfAlice() {
		id, err := signIn(t, c, name, "alice-password")
		switch {
		case err == nil && (id.ID != want.ID || id.Username != want.Username):
			t.Errorf("%q signs in as %s %q, want %s %q", name, id.ID, id.Username, want.ID, want.Username)
		case err != nil && isOutage(err):
			t.Errorf("%q: %v, want the identity or a refusal", name, err)
		}
		a, err := d.Locate(t.Context(), name)
		switch {
		case err == nil && (a.ID != want.ID || a.Username != want.Username):
			t.Errorf("%q is located as %s %q, want %s %q", name, a.ID, a.Username, want.ID, want.Username)
		case err == nil:
			found++
		case !errors.Is(err, connectors.ErrNotMine):
			t.Errorf("locating %q: %v, want alice or ErrNotMine", name, err)
		}
	}
	if found < 10 {
		t.Errorf("OpenLDAP takes only %d spellings for alice: the test tests little", found)
	}
}

// TestLDAPInjection holds that no user name means anything but itself, guard or no
// guard.
func TestLDAPInjection(t *testing.T) {
	d := openLDAP(t, ldapConfig(slapd.Start(t, slapd.Options{})))
	for _, name := range connectortest.HostileNames("alice") {
		a, err := d.Locate(t.Context(), name)
		if err == nil && a.Username != "alice" || err != nil && isOutage(err) {
			t.Errorf("locating %.40q: %q, %v", name, a.Username, err)
		}
	}
}

func TestLDAPCanonicalNames(t *testing.T) {
	c := ldapConnector(t, ldapConfig(slapd.Start(t, slapd.Options{})))
	for _, p := range []struct{ typed, password, want string }{
		{"alice", "alice-password", "alice"},
		{"Carol", "carol-password", "carol"},
		{"carol", "carol-password", "carol"},
		{"david", "david-password", "david"},
		{"dave", "david-password", "david"},
		{"erin", "erin-password", "e.evans"},
		{"e.evans", "erin-password", "e.evans"},
		{"jane", "jane-password", "jane"},
	} {
		id, err := signIn(t, c, p.typed, p.password)
		if err != nil || id.Username != p.want {
			t.Errorf("%s signs in as %q, %v, want %q", p.typed, id.Username, err, p.want)
		}
	}
}

// TestLDAPCanonicalNamesAreNotShared holds that nobody comes in under another's
// canonical name: not by a second uid, and not by a mail address.
func TestLDAPCanonicalNamesAreNotShared(t *testing.T) {
	s := slapd.Start(t, slapd.Options{LDIF: `dn: cn=Mallory,ou=contractors,dc=example,dc=org
objectClass: inetOrgPerson
cn: Mallory
sn: Mallory
uid: mallory
uid: alice
mail: mallory@example.org
userPassword: mallory-password
`})
	cfg := ldapConfig(s)
	cfg.Users.LoginAttributes = []string{"uid", "mail"}
	d := openLDAP(t, cfg)
	c := guard.Password(d, guard.Config{})
	for _, name := range []string{"mallory", "mallory@example.org", "alice"} {
		_, err := signIn(t, c, name, "mallory-password")
		wantReason(t, err, connectors.ReasonAmbiguous)
	}
	cfg.Users.Filter = "(cn=Mallory)" // now she is the only alice there is
	id := mustSignIn(t, ldapConnector(t, cfg), "mallory").ID
	if _, err := d.Resolve(t.Context(), id); !errors.Is(err, connectors.ErrGone) {
		t.Errorf("Resolve: %v, want ErrGone", err)
	}
}

// TestLDAPGroupsOfAnotherName holds that nobody has another's groups by a second
// uid, where groups list user names.
func TestLDAPGroupsOfAnotherName(t *testing.T) {
	s := slapd.Start(t, slapd.Options{LDIF: `dn: uid=mallory,ou=contractors,dc=example,dc=org
objectClass: inetOrgPerson
cn: Mallory
sn: Mallory
uid: mallory
uid: carol
userPassword: mallory-password
`})
	cfg := ldapConfig(s)
	if id := mustSignIn(t, ldapConnector(t, cfg), "mallory"); id.Username != "mallory" || id.Groups != nil {
		t.Errorf("signs in as %q with groups %q, want mallory without any", id.Username, id.Groups)
	}
	cfg.Groups = &ldap.Groups{BaseDN: slapd.PosixGroups, Filter: "(objectClass=posixGroup)", MemberAttribute: "memberUid", MemberValue: "username"}
	_, err := signIn(t, ldapConnector(t, cfg), "mallory", "mallory-password")
	wantReason(t, err, connectors.ReasonAmbiguous)
}

func TestLDAPLoginAttributes(t *testing.T) {
	cfg := ldapConfig(slapd.Start(t, slapd.Options{}))
	cfg.Users.LoginAttributes = []string{"uid", "mail"}
	c := ldapConnector(t, cfg)
	byName := mustSignIn(t, c, "alice")
	byMail, err := signIn(t, c, "Alice@Example.org", "alice-password")
	if err != nil || byMail.ID != byName.ID || byMail.Username != "alice" {
		t.Errorf("by mail: %s %q, %v, want %s alice", byMail.ID, byMail.Username, err, byName.ID)
	}
}

// TestLDAPMailLikeAName has somebody write another's user name into her own entry, as mail
// address: he signs in as ever, and she does not by that name.
func TestLDAPMailLikeAName(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	cfg := ldapConfig(s)
	cfg.Users.LoginAttributes = []string{"uid", "mail"}
	c := ldapConnector(t, cfg)
	for _, user := range []string{"alice", "carol"} {
		s.Modify(t, "dn: uid="+user+","+slapd.People+"\nchangetype: modify\nreplace: mail\nmail: bob\n")
		if id := mustSignIn(t, c, "bob"); id.Username != "bob" {
			t.Errorf("bob signs in as %q", id.Username)
		}
		_, err := signIn(t, c, "bob", "alice-password")
		wantReason(t, err, connectors.ReasonWrongPassword)
	}
}

func TestLDAPRefusals(t *testing.T) {
	c := ldapConnector(t, ldapConfig(slapd.Start(t, slapd.Options{})))
	for _, p := range []struct {
		username, password string
		want               connectors.Reason
	}{
		{"alice", "wrong", connectors.ReasonWrongPassword},
		{"alice", "Alice-password", connectors.ReasonWrongPassword},
		{"twin", "twin-password", connectors.ReasonAmbiguous},
		{"locked", "locked-password", connectors.ReasonWrongPassword}, // OpenLDAP does not tell without the ppolicy control
		{"keyless", "keyless-password", connectors.ReasonWrongPassword},
		{"alice", "", connectors.ReasonEmptyPassword},
	} {
		_, err := signIn(t, c, p.username, p.password)
		wantReason(t, err, p.want)
	}
	for _, name := range []string{"nobody", "printer", "admin", "shorepass"} {
		if _, err := signIn(t, c, name, name+"-password"); !errors.Is(err, connectors.ErrNotMine) {
			t.Errorf("%s: error = %v, want ErrNotMine", name, err)
		}
	}
}

// TestLDAPScopeOne holds that scope one finds the children of base_dn alone.
func TestLDAPScopeOne(t *testing.T) {
	cfg := ldapConfig(slapd.Start(t, slapd.Options{}))
	cfg.Users.Scope = "one"
	if _, err := openLDAP(t, cfg).Locate(t.Context(), "alice"); !errors.Is(err, connectors.ErrNotMine) {
		t.Errorf("from the suffix: error = %v, want ErrNotMine", err)
	}
	cfg.Users.BaseDN = slapd.People
	d := openLDAP(t, cfg)
	for _, name := range []string{"alice", "twin"} {
		if _, err := d.Locate(t.Context(), name); err != nil {
			t.Errorf("from ou=people, %s: %v", name, err)
		}
	}
}

// TestLDAPResolveFollowsTheAccount renames, moves out of the filter and deletes.
func TestLDAPResolveFollowsTheAccount(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	d := openLDAP(t, ldapConfig(s))
	bob := mustSignIn(t, ldapConnector(t, ldapConfig(s)), "bob")

	s.Modify(t, "dn: uid=bob,ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: uid=robert\ndeleteoldrdn: 1\n")
	if id, err := d.Resolve(t.Context(), bob.ID); err != nil || id.ID != bob.ID || id.Username != "robert" {
		t.Errorf("renamed: %s %q, %v, want %s robert", id.ID, id.Username, err, bob.ID)
	}
	s.Modify(t, "dn: uid=robert,ou=people,dc=example,dc=org\nchangetype: delete\n")
	if _, err := d.Resolve(t.Context(), bob.ID); !errors.Is(err, connectors.ErrGone) {
		t.Errorf("deleted: error = %v, want ErrGone", err)
	}
	narrow := ldapConfig(s)
	narrow.Users.Filter = "(&(objectClass=inetOrgPerson)(!(uid=alice)))"
	alice := mustSignIn(t, ldapConnector(t, ldapConfig(s)), "alice")
	if _, err := openLDAP(t, narrow).Resolve(t.Context(), alice.ID); !errors.Is(err, connectors.ErrGone) {
		t.Errorf("outside the filter: error = %v, want ErrGone", err)
	}
}

// TestLDAPAccountDeletedMeanwhile deletes an entry between the search and the bind.
func TestLDAPAccountDeletedMeanwhile(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	d := openLDAP(t, ldapConfig(s))
	a, err := d.Locate(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	s.Modify(t, "dn: uid=bob,ou=people,dc=example,dc=org\nchangetype: delete\n")
	if _, err := d.Verify(t.Context(), a, connectors.NewSecret("bob-password")); !errors.Is(err, connectors.ErrRejected) {
		t.Errorf("error = %v, want a rejection", err)
	}
}
