package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
)

// The kinds of groups that TestLDAPKindsOfGroups adds to the tree.
const kinds = `
dn: ou=unix,dc=example,dc=org
objectClass: organizationalUnit
ou: unix

dn: ou=unique,dc=example,dc=org
objectClass: organizationalUnit
ou: unique

dn: ou=scripts,dc=example,dc=org
objectClass: organizationalUnit
ou: scripts

# A posixAccount. Its primary group does not list it.
dn: uid=frank,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
objectClass: posixAccount
uid: frank
cn: Frank
sn: Fox
uidNumber: 2001
gidNumber: 3001
homeDirectory: /home/frank
userPassword: frank-password

# One whose primary group is not there, and a name that would be a filter.
dn: cn=Doe\2C John \28*\29,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
objectClass: posixAccount
uid: john
cn: Doe, John (*)
sn: Doe
uidNumber: 2002
gidNumber: 3999
homeDirectory: /home/john
userPassword: john-password

dn: cn=Staff,ou=unix,dc=example,dc=org
objectClass: posixGroup
cn: Staff
gidNumber: 3001

dn: cn=staff-too,ou=unix,dc=example,dc=org
objectClass: posixGroup
cn: staff-too
gidNumber: 3001
memberUid: john

dn: cn=video,ou=unix,dc=example,dc=org
objectClass: posixGroup
cn: video
gidNumber: 3002
memberUid: frank

# A member with a unique identifier is somebody else (RFC 4517 section 4.2.31).
dn: cn=backups,ou=unique,dc=example,dc=org
objectClass: groupOfUniqueNames
cn: backups
uniqueMember: uid=frank,ou=people,dc=example,dc=org#'0101'B

dn: cn=Operators,ou=unique,dc=example,dc=org
objectClass: groupOfUniqueNames
cn: Operators
uniqueMember: UID=Frank,  ou=People,dc=example,dc=org
uniqueMember: cn=Doe\, John (*),ou=people,dc=example,dc=org

dn: cn=everybody,ou=unique,dc=example,dc=org
objectClass: groupOfUniqueNames
cn: everybody
uniqueMember: cn=Operators,ou=unique,dc=example,dc=org

dn: cn=Größe,ou=scripts,dc=example,dc=org
objectClass: groupOfNames
cn: Größe
member: uid=frank,ou=people,dc=example,dc=org

dn: cn=開発\2C 東京,ou=scripts,dc=example,dc=org
objectClass: groupOfNames
cn: 開発, 東京
member: cn=Größe,ou=scripts,dc=example,dc=org
member: cn=Doe\, John (*),ou=people,dc=example,dc=org
`

// TestLDAPKindsOfGroups finds people in the kinds of groups that OpenLDAP has.
func TestLDAPKindsOfGroups(t *testing.T) {
	s := slapd.Start(t, slapd.Options{LDIF: kinds})
	posix := ldap.Groups{BaseDN: "ou=unix," + slapd.Suffix, Filter: "(objectClass=posixGroup)", MemberAttribute: "memberUid", MemberValue: "username"}
	primary := posix
	primary.PrimaryAttribute = "gidNumber"
	unique := ldap.Groups{BaseDN: "ou=unique," + slapd.Suffix, Filter: "(objectClass=groupOfUniqueNames)", MemberAttribute: "uniqueMember"}
	nested := unique
	nested.Nested = true
	scripts := ldap.Groups{BaseDN: "ou=scripts," + slapd.Suffix, Nested: true}
	for name, c := range map[string]struct {
		groups ldap.Groups
		user   string
		want   []string
	}{
		"posix":                             {posix, "frank", []string{"video"}},
		"posix, primary":                    {primary, "frank", []string{"staff", "staff-too", "video"}},
		"posix, no such primary group":      {primary, "john", []string{"staff-too"}},
		"posix, no posixAccount":            {primary, "alice", nil},
		"unique names":                      {unique, "frank", []string{"operators"}},
		"unique names, escaped":             {unique, "john", []string{"operators"}},
		"unique names, nested":              {nested, "frank", []string{"everybody", "operators"}},
		"unique names, none":                {nested, "alice", nil},
		"letters beyond ASCII":              {scripts, "frank", []string{"größe", "開発, 東京"}},
		"letters beyond ASCII, in memberOf": {ldap.Groups{BaseDN: scripts.BaseDN, FromAttribute: "memberOf"}, "frank", []string{"größe"}},
	} {
		t.Run(name, func(t *testing.T) {
			wantGroups(t, s, c.groups, c.user, c.want)
		})
	}
}

// wantGroups signs the user in, and looks the account up without a password.
func wantGroups(t *testing.T, s *slapd.Server, groups ldap.Groups, user string, want []string) {
	t.Helper()
	cfg := ldapConfig(s)
	cfg.Groups = &groups
	id := mustSignIn(t, ldapConnector(t, cfg), user)
	if !slices.Equal(id.Groups, want) {
		t.Errorf("groups = %q, want %q", id.Groups, want)
	}
	again, err := openLDAP(t, cfg).Resolve(t.Context(), id.ID)
	if err != nil || !slices.Equal(again.Groups, want) {
		t.Errorf("resolved groups = %q, %v, want %q", again.Groups, err, want)
	}
}

// TestLDAPMemberOf reads memberOf as the overlays keep it that do.
func TestLDAPMemberOf(t *testing.T) {
	dynlist := strings.Join([]string{"moduleload dynlist.la", "include /etc/ldap/schema/dyngroup.schema"}, "\n")
	unique := "overlay memberof\nmemberof-group-oc groupOfUniqueNames\nmemberof-member-ad uniqueMember"
	for name, c := range map[string]struct {
		options slapd.Options
		base    string
		user    string
		want    []string
	}{
		"memberof":               {slapd.Options{}, slapd.Groups, "alice", []string{"platform"}},
		"memberof, unique names": {slapd.Options{MemberOf: unique}, "ou=unique," + slapd.Suffix, "john", []string{"operators"}},
		"dynlist": {
			slapd.Options{Config: dynlist, MemberOf: "overlay dynlist\ndynlist-attrset groupOfURLs memberURL member+memberOf@groupOfNames"},
			slapd.Groups, "alice",
			[]string{"platform"},
		},
		"dynlist, nested": {
			slapd.Options{Config: dynlist, MemberOf: "overlay dynlist\ndynlist-attrset groupOfURLs memberURL member+memberOf@groupOfNames*"},
			slapd.Groups, "alice",
			[]string{"engineering", "everyone", "platform"},
		},
		"dynlist, nested, with commas": {
			slapd.Options{Config: dynlist, MemberOf: "overlay dynlist\ndynlist-attrset groupOfURLs memberURL member+memberOf@groupOfNames*"},
			slapd.Groups, "jane",
			[]string{"on-call", "ops, night (ext)"},
		},
		"dynlist, a group that is a filter": {
			slapd.Options{Config: dynlist, MemberOf: "overlay dynlist\ndynlist-attrset groupOfURLs memberURL member+memberOf@groupOfNames*"},
			"ou=dynamic," + slapd.Suffix, "bob",
			[]string{"browns"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.options.LDIF = kinds
			if c.options.Config != "" {
				c.options.LDIF += `
dn: ou=dynamic,dc=example,dc=org
objectClass: organizationalUnit
ou: dynamic

dn: cn=browns,ou=dynamic,dc=example,dc=org
objectClass: groupOfURLs
cn: browns
memberURL: ldap:///ou=people,dc=example,dc=org??sub?(sn=Brown)
`
			}
			wantGroups(t, slapd.Start(t, c.options), ldap.Groups{BaseDN: c.base, FromAttribute: "memberOf"}, c.user, c.want)
		})
	}
}
