package directory_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/examples/quickstart/internal/directory"
)

const people = `
dn: dc=demo
objectClass: dcObject
dc: demo

dn: ou=people,dc=demo
objectClass: organizationalUnit
ou: people

dn: uid=alice,ou=people,dc=demo
objectClass: inetOrgPerson
uid: alice
cn: Alice Archer
cn: The Archer
sn: Archer
userPassword: alice-password

dn: uid=bob,ou=people,dc=demo
objectClass: inetOrgPerson
uid: bob
cn: Bob (the) *Baker
sn: Baker
mail: bob@demo
userPassword: {SSHA}DtIDytidzRV65ystp2Ebd+Fp9UhhYmNk

dn: cn=Smith\, Ada,ou=people,dc=demo
objectClass: inetOrgPerson
cn: Smith, Ada
sn: Smith

dn: cn=team,dc=demo
objectClass: groupOfNames
cn: team
member: uid=alice,ou=people,dc=demo
member: cn=Smith\2C Ada,ou=people,dc=demo
`

const (
	alice = "uid=alice,ou=people,dc=demo"
	bob   = "uid=bob,ou=people,dc=demo"
	ada   = `cn=Smith\, Ada,ou=people,dc=demo`
	team  = "cn=team,dc=demo"
)

func parse(t *testing.T, ldif string) *directory.Tree {
	t.Helper()
	tree, err := directory.Parse(ldif)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func names(found []directory.Found) []string {
	var dns []string
	for _, f := range found {
		dns = append(dns, f.DN)
	}
	return dns
}

func TestFilters(t *testing.T) {
	tree := parse(t, people)
	for _, tt := range []struct {
		filter string
		want   []string
	}{
		{"(uid=alice)", []string{alice}},
		{"(UID=ALICE)", []string{alice}},
		{"(uid=alic)", nil},
		{"(cn=the archer)", []string{alice}},
		{`(cn=Bob \28the\29 \2aBaker)`, []string{bob}},
		{"(mail=*)", []string{bob}},
		{"(nothing=*)", nil},
		{"(cn=*archer)", []string{alice}},
		{"(cn=the*)", []string{alice}},
		{"(cn=a*e a*r)", []string{alice}},
		{"(cn=*b*k*)", []string{bob}},
		{"(uid=a*alice)", nil},
		{"(uid=al*lice)", nil},
		{`(cn=*\2a*)`, []string{bob}},
		{"(&(objectClass=inetOrgPerson)(uid=*))", []string{alice, bob}},
		{"(&(objectClass=inetOrgPerson)(uid=carol))", nil},
		{"(|(uid=alice)(mail=bob@demo))", []string{alice, bob}},
		{"(|(uid=carol)(uid=dave))", nil},
		{"(&(objectClass=inetOrgPerson)(!(uid=alice)))", []string{bob, ada}},
		{"(!(|(uid=alice)(uid=bob)(sn=Smith)(ou=*)(dc=*)))", []string{team}},
		{"(member=uid=alice,ou=people,dc=demo)", []string{team}},
		{"(member=UID=Alice, OU=people , dc=demo)", []string{team}},
		{`(member=cn=Smith\5c, Ada,ou=people,dc=demo)`, []string{team}},
		{"(member=uid=bob,ou=people,dc=demo)", nil},
		{"(member=not a dn)", nil},
		{"(member=uid=al*)", nil},
		{"(entryDN=UID=bob,ou=people,dc=demo)", []string{bob}},
		{"(userPassword=alice-password)", nil},
		{"(userPassword=alice*)", nil},
	} {
		t.Run(tt.filter, func(t *testing.T) {
			found, err := tree.Search(directory.Query{Base: "dc=demo", Scope: directory.Subtree, Filter: tt.filter})
			if err != nil {
				t.Fatal(err)
			}
			if got := names(found); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSearchScopes(t *testing.T) {
	tree := parse(t, people)
	for _, tt := range []struct {
		name  string
		base  string
		scope directory.Scope
		want  []string
	}{
		{"base", "OU=People,DC=demo", directory.Base, []string{"ou=people,dc=demo"}},
		{"one level", "dc=demo", directory.OneLevel, []string{"ou=people,dc=demo", team}},
		{"subtree holds its base", "ou=people,dc=demo", directory.Subtree, []string{"ou=people,dc=demo", alice, bob, ada}},
		{"one level of a leaf", alice, directory.OneLevel, nil},
		{"a scope that does not exist", "dc=demo", directory.Scope(9), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := tree.Search(directory.Query{Base: tt.base, Scope: tt.scope, Filter: "(objectClass=*)"})
			if err != nil {
				t.Fatal(err)
			}
			if got := names(found); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSearchRefusals(t *testing.T) {
	tree := parse(t, people)
	for _, tt := range []struct {
		name  string
		query directory.Query
		code  uint16
	}{
		{"no such base", directory.Query{Base: "dc=other", Filter: "(uid=*)"}, ldap.LDAPResultNoSuchObject},
		{"base is no DN", directory.Query{Base: "demo", Filter: "(uid=*)"}, ldap.LDAPResultInvalidDNSyntax},
		{"filter that cannot be read", directory.Query{Base: "dc=demo", Filter: "(uid=*"}, ldap.LDAPResultProtocolError},
		{"ordering filter", directory.Query{Base: "dc=demo", Filter: "(&(uid=*)(uid>=a))"}, ldap.LDAPResultInappropriateMatching},
		{"extensible filter", directory.Query{Base: "dc=demo", Filter: "(member:1.2.840.113556.1.4.1941:=dc=demo)"}, ldap.LDAPResultInappropriateMatching},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := tree.Search(tt.query)
			if !ldap.IsErrorWithCode(err, tt.code) || found != nil {
				t.Errorf("got %v, %v; want code %d", found, err, tt.code)
			}
		})
	}
}

func TestSizeLimit(t *testing.T) {
	tree := parse(t, people)
	query := directory.Query{Base: "dc=demo", Scope: directory.Subtree, Filter: "(objectClass=inetOrgPerson)", SizeLimit: 2}
	found, err := tree.Search(query)
	if got := names(found); !slices.Equal(got, []string{alice, bob}) || !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
		t.Errorf("limit 2 of 3: got %q, %v", got, err)
	}
	query.SizeLimit = 3
	if found, err = tree.Search(query); len(found) != 3 || err != nil {
		t.Errorf("limit 3 of 3: got %q, %v", names(found), err)
	}
}

func TestAttributesAskedFor(t *testing.T) {
	tree := parse(t, people)
	for _, tt := range []struct {
		name  string
		asked []string
		want  string
	}{
		{"none named", nil, "cn objectClass sn uid"},
		{"star", []string{"*"}, "cn objectClass sn uid"},
		{"some, in any case", []string{"UID", "SN", "mail"}, "sn uid"},
		{"operational by name", []string{"uid", "entryuuid"}, "entryUUID uid"},
		{"all operational", []string{"+"}, "entryDN entryUUID"},
		{"all and one operational", []string{"*", "entryUUID"}, "cn entryUUID objectClass sn uid"},
		{"no attributes", []string{"1.1"}, ""},
		{"never the password", []string{"userPassword"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := tree.Search(directory.Query{Base: alice, Filter: "(objectClass=*)", Attributes: tt.asked})
			if err != nil || len(found) != 1 {
				t.Fatalf("got %v, %v", found, err)
			}
			var got []string
			for name := range found[0].Attributes {
				got = append(got, name)
			}
			slices.Sort(got)
			if joined := strings.Join(got, " "); joined != tt.want {
				t.Errorf("got %q, want %q", joined, tt.want)
			}
		})
	}
}

func TestEntryUUIDFollowsFromTheDN(t *testing.T) {
	id := func(ldif, base string) string {
		found, err := parse(t, ldif).Search(directory.Query{Base: base, Filter: "(objectClass=*)", Attributes: []string{"entryUUID"}})
		if err != nil {
			t.Fatal(err)
		}
		return found[0].Attributes["entryUUID"][0]
	}
	first := id(people, alice)
	if again := id(strings.ToUpper(people), alice); again != first {
		t.Errorf("one DN, two ids: %s and %s", first, again)
	}
	if other := id(people, bob); other == first {
		t.Errorf("two DNs, one id: %s", first)
	}
}

func TestAuthenticate(t *testing.T) {
	tree := parse(t, people)
	for _, tt := range []struct {
		name, dn, password string
		code               uint16 // 0: success
	}{
		{"cleartext", alice, "alice-password", 0},
		{"DN in another spelling", "UID=Alice, ou=people,dc=demo", "alice-password", 0},
		{"wrong", alice, "Alice-password", ldap.LDAPResultInvalidCredentials},
		{"hash", bob, "bob-password", 0},
		{"wrong for a hash", bob, "alice-password", ldap.LDAPResultInvalidCredentials},
		{"the hash itself", bob, "{SSHA}DtIDytidzRV65ystp2Ebd+Fp9UhhYmNk", ldap.LDAPResultInvalidCredentials},
		{"entry without a password", ada, "x", ldap.LDAPResultInvalidCredentials},
		{"no such entry", "uid=carol,ou=people,dc=demo", "x", ldap.LDAPResultInvalidCredentials},
		{"empty password", alice, "", ldap.LDAPResultUnwillingToPerform},
		{"not a DN", "alice", "alice-password", ldap.LDAPResultInvalidDNSyntax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tree.Authenticate(tt.dn, tt.password)
			if tt.code == 0 && err != nil || tt.code != 0 && !ldap.IsErrorWithCode(err, tt.code) {
				t.Errorf("got %v, want code %d", err, tt.code)
			}
		})
	}
}

func TestPassword(t *testing.T) {
	tree := parse(t, "dn: dc=demo\nobjectClass: dcObject\n\n"+
		"dn: uid=alice,dc=demo\nobjectClass: account\nuid: alice\nuserPassword: {SSHA}B6NgoDDG9GEC8sJy+rhmVLpRInVzYWx0\nuserPassword: in-clear\n\n"+
		"dn: uid=bob,dc=demo\nobjectClass: account\nuid: bob\nuserPassword: {SSHA}B6NgoDDG9GEC8sJy+rhmVLpRInVzYWx0\n")
	for _, tt := range []struct{ name, uid, want string }{
		{"in clear beside a hash", "alice", "in-clear"},
		{"a hash alone", "bob", ""},
		{"nobody", "carol", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, known := tree.Password(tt.uid); got != tt.want || known != (tt.want != "") {
				t.Errorf("got %q, %v", got, known)
			}
		})
	}
}
