package e2e_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
)

func TestLDAPGroups(t *testing.T) {
	deeper := "ou=interns," + slapd.Groups
	s := slapd.Start(t, slapd.Options{LDIF: personOf("heidi", slapd.People) +
		"dn: " + deeper + "\nobjectClass: organizationalUnit\nou: interns\n\n" +
		"dn: cn=platform," + deeper + "\nobjectClass: groupOfNames\ncn: platform\nmember: uid=heidi," + slapd.People + "\n"})
	posix := ldap.Groups{BaseDN: slapd.PosixGroups, Filter: "(objectClass=posixGroup)", MemberAttribute: "memberUid", MemberValue: "username"}
	memberOf := ldap.Groups{BaseDN: slapd.Groups, FromAttribute: "memberOf"}
	for name, c := range map[string]struct {
		groups ldap.Groups
		user   string
		want   []string
	}{
		"direct":                      {ldap.Groups{BaseDN: slapd.Groups}, "alice", []string{"platform"}},
		"nested, in a circle":         {ldap.Groups{BaseDN: slapd.Groups, Nested: true}, "alice", []string{"engineering", "everyone", "platform"}},
		"none":                        {ldap.Groups{BaseDN: slapd.Groups, Nested: true}, "erin", nil},
		"commas and parentheses":      {ldap.Groups{BaseDN: slapd.Groups}, "jane", []string{"ops, night (ext)"}},
		"commas, nested":              {ldap.Groups{BaseDN: slapd.Groups, Nested: true}, "jane", []string{"on-call", "ops, night (ext)"}},
		"everywhere, evil ones too":   {ldap.Groups{BaseDN: slapd.Suffix}, "alice", []string{"ops", "platform"}},
		"by user name":                {posix, "alice", []string{"docker"}},
		"by user name in either case": {posix, "carol", []string{"docker", "wheel"}},
		"by the other user name":      {posix, "david", []string{"wheel"}},
		"memberOf":                    {memberOf, "bob", []string{"ops"}},
		"memberOf without evil ones":  {memberOf, "alice", []string{"platform"}},
		"memberOf with commas":        {memberOf, "jane", []string{"ops, night (ext)"}},
		"memberOf, none":              {memberOf, "erin", nil},
		"deeper down":                 {ldap.Groups{BaseDN: slapd.Groups}, "heidi", []string{"platform"}},
		"deeper down, nested":         {ldap.Groups{BaseDN: slapd.Groups, Nested: true}, "heidi", []string{"platform"}},
		"deeper than scope one":       {ldap.Groups{BaseDN: slapd.Groups, Nested: true, Scope: "one"}, "heidi", nil},
		"scope one, nested":           {ldap.Groups{BaseDN: slapd.Groups, Nested: true, Scope: "one"}, "alice", []string{"engineering", "everyone", "platform"}},
		"memberOf, deeper down":       {memberOf, "heidi", []string{"platform"}},
		"memberOf, one level":         {ldap.Groups{BaseDN: slapd.Groups, Scope: "one", FromAttribute: "memberOf"}, "heidi", nil},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := ldapConfig(s)
			cfg.Groups = &c.groups
			d := openLDAP(t, cfg)
			id := mustSignIn(t, ldapConnector(t, cfg), c.user)
			if !slices.Equal(id.Groups, c.want) {
				t.Errorf("groups = %q, want %q", id.Groups, c.want)
			}
			again, err := d.Resolve(t.Context(), id.ID)
			if err != nil || !slices.Equal(again.Groups, c.want) {
				t.Errorf("resolved groups = %q, %v, want %q", again.Groups, err, c.want)
			}
		})
	}
}

// TestLDAPReferences puts parts of the tree on another server. Groups that may be
// there fail the login; people who are there are nobody's.
func TestLDAPReferences(t *testing.T) {
	refer := func(parent string) string {
		return "dn: ou=elsewhere," + parent + "\nobjectClass: referral\nobjectClass: extensibleObject\nou: elsewhere\n" +
			"ref: ldap://127.0.0.1:9/ou=elsewhere," + parent + "\n\n"
	}
	s := slapd.Start(t, slapd.Options{LDIF: refer(slapd.Groups) + refer(slapd.People)})
	const advice = `some may be on another server (the directory refers to "ldap://127.0.0.1:9/ou=elsewhere,ou=groups,dc=example,dc=org`
	for _, nested := range []bool{false, true} {
		cfg := ldapConfig(s)
		cfg.Groups.Nested = nested
		for _, name := range []string{"alice", "erin"} { // she is in no group
			if _, err := signIn(t, ldapConnector(t, cfg), name, name+"-password"); !isOutage(err) || !strings.Contains(err.Error(), advice) {
				t.Errorf("%s: %v, want an outage that says %q", name, err, advice)
			}
		}
	}
	posix := ldapConfig(s)
	posix.Groups = &ldap.Groups{BaseDN: slapd.PosixGroups, Filter: "(objectClass=posixGroup)", MemberAttribute: "memberUid", MemberValue: "username"}
	c := ldapConnector(t, posix)
	id := mustSignIn(t, c, "alice")
	if !slices.Equal(id.Groups, []string{"docker"}) {
		t.Errorf("groups = %q, want docker", id.Groups)
	}
	if _, err := signIn(t, c, "nobody", "nobody-password"); !errors.Is(err, connectors.ErrNotMine) {
		t.Errorf("an unknown name: %v, want ErrNotMine", err)
	}
	d := openLDAP(t, posix)
	if again, err := d.Resolve(t.Context(), id.ID); err != nil || again.Username != "alice" {
		t.Errorf("Resolve = %q, %v, want alice", again.Username, err)
	}
	if _, err := d.Resolve(t.Context(), "00000000-0000-0000-0000-000000000000"); !errors.Is(err, connectors.ErrGone) {
		t.Errorf("Resolve of an unknown id: %v, want ErrGone", err)
	}
}

// TestLDAPDeepGroups nests groups to the bound and beyond.
func TestLDAPDeepGroups(t *testing.T) {
	for depth, fault := range map[int]string{10: "", 11: "groups are nested deeper than 10 levels"} {
		var ldif strings.Builder
		member := "uid=bob," + slapd.People
		for i := range depth {
			dn := fmt.Sprintf("cn=level%d,%s", i, slapd.PosixGroups)
			fmt.Fprintf(&ldif, "dn: %s\nobjectClass: groupOfNames\ncn: level%d\nmember: %s\n\n", dn, i, member)
			member = dn
		}
		cfg := ldapConfig(slapd.Start(t, slapd.Options{LDIF: ldif.String()}))
		cfg.Groups.BaseDN = slapd.PosixGroups
		id, err := signIn(t, ldapConnector(t, cfg), "bob", "bob-password")
		switch {
		case fault == "" && (err != nil || len(id.Groups) != depth):
			t.Errorf("%d levels: groups %q, %v", depth, id.Groups, err)
		case fault != "" && (!isOutage(err) || !strings.Contains(err.Error(), fault)):
			t.Errorf("%d levels: %v, want an outage that says %q", depth, err, fault)
		}
	}
}

// TestLDAPManyGroups holds that a login fails where the server's own limit cuts the
// groups short.
func TestLDAPManyGroups(t *testing.T) {
	var ldif strings.Builder
	for i := range 600 {
		fmt.Fprintf(&ldif, "dn: cn=many%d,%s\nobjectClass: groupOfNames\ncn: many%d\nmember: uid=bob,%s\n\n", i, slapd.Groups, i, slapd.People)
	}
	s := slapd.Start(t, slapd.Options{LDIF: ldif.String()}) // OpenLDAP's default limit is 500
	_, err := signIn(t, ldapConnector(t, ldapConfig(s)), "bob", "bob-password")
	if want := "result code 4 (size limit exceeded): the directory's limits for the service account are too low"; !isOutage(err) || !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want an outage that says %q", err, want)
	}
	s = slapd.Start(t, slapd.Options{LDIF: ldif.String(), Config: "sizelimit 2000"})
	if id := mustSignIn(t, ldapConnector(t, ldapConfig(s)), "bob"); len(id.Groups) != 601 {
		t.Errorf("%d groups, want 601", len(id.Groups))
	}
}
