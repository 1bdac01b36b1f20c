package ldap_test

import (
	"encoding/pem"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

func TestDefaultConfig(t *testing.T) {
	want := &ldap.Config{Users: ldap.Users{
		Filter:            "(objectClass=inetOrgPerson)",
		UsernameAttribute: "uid",
		Scope:             "sub",
		IDAttribute:       "entryUUID",
		Disabled:          "none",
	}}
	want.Users.LoginAttributes = []string{"uid"}
	if got := ldap.DefaultConfig().WithDefaults(); !reflect.DeepEqual(&got, want) {
		t.Errorf("the defaults are %+v, want %+v", got, want)
	}
}

func TestValidateAccepts(t *testing.T) {
	for name, edit := range map[string]func(*ldap.Config){
		"ldaps":              func(c *ldap.Config) { c.URL = url("ldaps://ldap.example.org") },
		"ldaps with a port":  func(c *ldap.Config) { c.URL = url("ldaps://ldap.example.org:1636/") },
		"ldaps with a ca":    func(c *ldap.Config) { c.URL, c.CAFile = url("ldaps://ldap.example.org"), "/etc/ca.pem" },
		"upper-case scheme":  func(c *ldap.Config) { c.URL = url("LDAPS://ldap.example.org") },
		"starttls":           func(c *ldap.Config) { c.URL, c.StartTLS = url("ldap://ldap.example.org"), true },
		"IPv6":               func(c *ldap.Config) { c.URL = url("ldaps://[2001:db8::1]:636") },
		"plain to localhost": func(c *ldap.Config) { c.URL = url("ldap://localhost:389") },
		"plain to 127.0.0.2": func(c *ldap.Config) { c.URL = url("ldap://127.0.0.2") },
		"plain to ::1":       func(c *ldap.Config) { c.URL = url("ldap://[::1]") },
		"two servers":        func(c *ldap.Config) { c.URL = append(c.URL, "ldaps://ldap2.example.org") },
		"two ports":          func(c *ldap.Config) { c.URL = append(c.URL, "ldaps://ldap.example.org:1636") },
		"ldaps and starttls": func(c *ldap.Config) { c.URL, c.StartTLS = append(c.URL, "ldap://ldap.example.org"), true },
		"ldaps and loopback": func(c *ldap.Config) { c.URL, c.CAFile = append(c.URL, "ldap://localhost"), "/etc/ca.pem" },
		"client certificate": func(c *ldap.Config) { c.ClientCertificate = clientCertificate() },
		"certificate alone": func(c *ldap.Config) {
			c.ClientCertificate, c.BindDN, c.BindPassword = clientCertificate(), "", connectors.Secret{}
		},
		"plain, accepted":    func(c *ldap.Config) { c.URL, c.InsecurePlaintext = url("ldap://ldap.example.org"), true },
		"one level":          func(c *ldap.Config) { c.Users.Scope = "one" },
		"no defaults filled": func(c *ldap.Config) { c.Users = ldap.Users{BaseDN: c.Users.BaseDN} },
		"groups":             func(c *ldap.Config) { c.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=example"} },
		"nested":             func(c *ldap.Config) { c.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=example", Nested: true} },
		"posix groups": func(c *ldap.Config) {
			c.Groups = &ldap.Groups{BaseDN: "ou=g,dc=example", Filter: "(objectClass=posixGroup)", MemberAttribute: "memberUid", MemberValue: "username", PrimaryAttribute: "gidNumber"}
		},
		"groups on one level": func(c *ldap.Config) { c.Groups = &ldap.Groups{BaseDN: "ou=g,dc=example", Scope: "one"} },
		"memberOf":            func(c *ldap.Config) { c.Groups = &ldap.Groups{BaseDN: "ou=g,dc=example", FromAttribute: "memberOf"} },
	} {
		t.Run(name, func(t *testing.T) {
			c := config("ldaps://ldap.example.org")
			edit(c)
			if got := c.Validate(); len(got) > 0 {
				t.Errorf("Validate() = %q, want nothing", got)
			}
		})
	}
}

// TestEmptySettingsAreTheDefaults holds that what is empty in a Config made by hand
// is what DefaultConfig has, down to what is searched for.
func TestEmptySettingsAreTheDefaults(t *testing.T) {
	for name, users := range map[string]ldap.Users{
		"defaults": ldap.DefaultConfig().Users,
		"empty":    {},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			cfg := config(listen(t, script{search: func(_, filter string) ([]record, int) {
				asked = append(asked, filter)
				if len(asked) > 1 {
					return []record{group("ops")}, 0
				}
				return []record{alice()}, 0
			}}.serve))
			users.BaseDN = cfg.Users.BaseDN
			cfg.Users, cfg.Groups = users, &ldap.Groups{BaseDN: "ou=groups,dc=example"}
			id, err := login(t, open(t, cfg), "alice", userPassword)
			if err != nil || !slices.Equal(id.Groups, []string{"ops"}) {
				t.Errorf("groups = %q, %v, want ops", id.Groups, err)
			}
			want := []string{"(&(objectClass=inetOrgPerson)(|(uid=alice)))", "(&(objectClass=groupOfNames)(|(member=uid=alice,ou=people,dc=example)))"}
			if !slices.Equal(asked, want) {
				t.Errorf("searched for %q, want %q", asked, want)
			}
		})
	}
}

func clientCertificate() *ldap.ClientCertificate {
	return &ldap.ClientCertificate{CertFile: "/cert.pem", KeyFile: "/key.pem"}
}

func TestValidateRefuses(t *testing.T) {
	const plain = "ldap:// without start_tls sends passwords in clear: use ldaps:// or start_tls: true; insecure_plaintext: true accepts the risk"
	const withoutTLS = "is of no use without TLS: use ldaps:// or start_tls: true for every url, or remove it"
	const searchOnly = "belongs to a search for groups and has no meaning with from_attribute: remove one of the two"
	for name, c := range map[string]struct {
		edit func(*ldap.Config)
		want []connectors.FieldProblem
	}{
		"no url":           {func(c *ldap.Config) { c.URL = url("") }, faults("url", "is required: the directory's address, such as ldaps://ldap.example.org")},
		"not a url":        {func(c *ldap.Config) { c.URL = url("ldaps://h:x") }, faults("url", "is not a URL such as ldaps://ldap.example.org")},
		"no scheme":        {func(c *ldap.Config) { c.URL = url("ldap.example.org") }, faults("url", "must begin with ldaps:// or ldap://, as in ldaps://ldap.example.org")},
		"other scheme":     {func(c *ldap.Config) { c.URL = url("https://h") }, faults("url", "must begin with ldaps:// or ldap://, as in ldaps://ldap.example.org")},
		"ldapi":            {func(c *ldap.Config) { c.URL = url("ldapi://%2Frun%2Fslapd") }, faults("url", "is not a URL such as ldaps://ldap.example.org")},
		"ldapi, no path":   {func(c *ldap.Config) { c.URL = url("ldapi:///") }, faults("url", "ldapi:// (a Unix socket) is not supported: use ldap://localhost")},
		"user in url":      {func(c *ldap.Config) { c.URL = url("ldaps://u:p@h") }, faults("url", "must not hold a user: the service account is bind_dn and bind_password")},
		"base in url":      {func(c *ldap.Config) { c.URL = url("ldaps://h/dc=example") }, faults("url", "must name a server alone: bases and filters belong to users and groups")},
		"query in url":     {func(c *ldap.Config) { c.URL = url("ldaps://h??sub") }, faults("url", "must name a server alone: bases and filters belong to users and groups")},
		"no host":          {func(c *ldap.Config) { c.URL = url("ldaps://:636") }, faults("url", "names no host")},
		"port 0":           {func(c *ldap.Config) { c.URL = url("ldaps://h:0") }, faults("url", "port 0 is not between 1 and 65535")},
		"port too high":    {func(c *ldap.Config) { c.URL = url("ldaps://h:65536") }, faults("url", "port 65536 is not between 1 and 65535")},
		"plain":            {func(c *ldap.Config) { c.URL = url("ldap://ldap.example.org") }, faults("url", plain)},
		"plain lookalike":  {func(c *ldap.Config) { c.URL = url("ldap://localhost.example.org") }, faults("url", plain)},
		"second not a url": {func(c *ldap.Config) { c.URL = append(c.URL, "ldap.example.org") }, faults("url[1]", "must begin with ldaps:// or ldap://, as in ldaps://ldap.example.org")},
		"empty in a list":  {func(c *ldap.Config) { c.URL = append(c.URL, "") }, faults("url[1]", "is required: the directory's address, such as ldaps://ldap.example.org")},
		"empty list":       {func(c *ldap.Config) { c.URL = connectors.OneOrMany{} }, faults("url", "is required: the directory's address, such as ldaps://ldap.example.org")},
		"twice":            {func(c *ldap.Config) { c.URL = append(c.URL, "ldaps://LDAP.example.org:636/") }, faults("url[1]", "LDAP.example.org:636 is in the list already: each server is named once")},
		"two schemes of a port": {
			func(c *ldap.Config) { c.URL = connectors.OneOrMany{"ldap://localhost:1389", "ldaps://localhost:1389"} },
			faults("url[1]", "localhost:1389 is in the list already: each server is named once"),
		},
		"plain after ldaps": {func(c *ldap.Config) { c.URL = append(c.URL, "ldap://ldap2.example.org") }, faults("url[1]", plain)},
		"plaintext in a mix": {
			func(c *ldap.Config) { c.URL, c.InsecurePlaintext = append(c.URL, "ldap://ldap2.example.org"), true },
			faults("insecure_plaintext", "contradicts the encryption that url or start_tls asks for: remove it"),
		},
		"starttls twice": {
			func(c *ldap.Config) { c.StartTLS = true },
			faults("start_tls", "ldaps:// is encrypted from the start: remove start_tls, or use ldap://"),
		},
		"plaintext of ldaps": {
			func(c *ldap.Config) { c.InsecurePlaintext = true },
			faults("insecure_plaintext", "contradicts the encryption that url or start_tls asks for: remove it"),
		},
		"ca without tls": {
			func(c *ldap.Config) { c.URL, c.CAFile = url("ldap://localhost"), "/ca.pem" },
			faults("ca_file", "is of no use without TLS: use ldaps:// or start_tls: true, or remove it"),
		},
		"certificate without tls": {
			func(c *ldap.Config) { c.URL, c.ClientCertificate = url("ldap://localhost"), clientCertificate() },
			faults("client_certificate", withoutTLS),
		},
		"certificate without tls for all": {
			func(c *ldap.Config) {
				c.URL, c.ClientCertificate = append(c.URL, "ldap://localhost"), clientCertificate()
			},
			faults("client_certificate", withoutTLS),
		},
		"certificate without key": {
			func(c *ldap.Config) { c.ClientCertificate = &ldap.ClientCertificate{CertFile: "/cert.pem"} },
			faults("client_certificate.key_file", "is required: the PEM file with the certificate's private key"),
		},
		"key without certificate": {
			func(c *ldap.Config) { c.ClientCertificate = &ldap.ClientCertificate{KeyFile: "/key.pem"} },
			faults("client_certificate.cert_file", "is required: the PEM file with the certificate"),
		},
		"certificate and half an account": {
			func(c *ldap.Config) { c.ClientCertificate, c.BindPassword = clientCertificate(), connectors.Secret{} },
			faults("bind_password", "is required: the password of bind_dn"),
		},
		"certificate and the other half": {
			func(c *ldap.Config) { c.ClientCertificate, c.BindDN = clientCertificate(), "" },
			faults("bind_dn", "is required: the DN of the account that searches; where there is none, see client_certificate, anonymous_search and users.dn_template"),
		},
		"no bind_dn": {func(c *ldap.Config) { c.BindDN = " " }, faults("bind_dn", "is required: the DN of the account that searches; where there is none, see client_certificate, anonymous_search and users.dn_template")},
		"bad bind_dn": {
			func(c *ldap.Config) { c.BindDN = "admin" },
			faults("bind_dn", `"admin" is not a DN such as ou=people,dc=example,dc=org: DN ended with incomplete type, value pair`),
		},
		"no password":    {func(c *ldap.Config) { c.BindPassword = connectors.Secret{} }, faults("bind_password", "is required: the password of bind_dn")},
		"blank password": {func(c *ldap.Config) { c.BindPassword = connectors.NewSecret("\x00") }, faults("bind_password", "is required: the password of bind_dn")},
		"no base":        {func(c *ldap.Config) { c.Users.BaseDN = "" }, faults("users.base_dn", "is required: the entry below which people are searched")},
		"bare filter": {
			func(c *ldap.Config) { c.Users.Filter = "objectClass=person" },
			faults("users.filter", `"objectClass=person" is not an LDAP filter such as (objectClass=inetOrgPerson): filter does not start with an '('`),
		},
		"unbalanced filter": {
			func(c *ldap.Config) { c.Users.Filter = "(&(a=b)(c=d)" },
			faults("users.filter", `"(&(a=b)(c=d)" is not an LDAP filter such as (objectClass=inetOrgPerson): unexpected end of filter`),
		},
		"filter with a tail": {
			func(c *ldap.Config) { c.Users.Filter = "(a=b))(|(uid=*)" },
			faults("users.filter", `"(a=b))(|(uid=*)" is not an LDAP filter such as (objectClass=inetOrgPerson): finished compiling filter with extra at end: )(|(uid=*)`),
		},
		"a name in the filter": {
			func(c *ldap.Config) { c.Users.Filter = "(&(objectClass=person)(uid={username}))" },
			faults("users.filter", `"(&(objectClass=person)(uid={username}))" has {username}, and nothing is put in its place: remove it; people are found by login_attributes`),
		},
		"a name in the filter of groups": {
			func(c *ldap.Config) {
				c.Groups = &ldap.Groups{BaseDN: "ou=g,dc=example", Filter: "(memberUid={username})"}
			},
			faults("groups.filter", `"(memberUid={username})" has {username}, and nothing is put in its place: remove it; groups are found by member_attribute`),
		},
		"bad attributes": {
			func(c *ldap.Config) {
				c.Users.UsernameAttribute, c.Users.IDAttribute, c.Users.LoginAttributes = "uid)", "-x", []string{"uid", "mail;lang-de"}
			},
			faults(
				"users.username_attribute", `"uid)" is not the name of an LDAP attribute, such as uid`,
				"users.login_attributes[1]", `"mail;lang-de" is not the name of an LDAP attribute, such as uid`,
				"users.id_attribute", `"-x" is not the name of an LDAP attribute, such as uid`,
			),
		},
		"scope": {func(c *ldap.Config) { c.Users.Scope = "base" }, faults("users.scope", `"base" is neither sub nor one`)},
		"scope of groups": {
			func(c *ldap.Config) {
				c.Groups = &ldap.Groups{BaseDN: "ou=g,dc=example", FromAttribute: "memberOf", Scope: "base"}
			},
			faults("groups.scope", `"base" is neither sub nor one`),
		},
		"empty groups": {
			func(c *ldap.Config) { c.Groups = &ldap.Groups{} },
			faults("groups.base_dn", "is required: the entry below which groups count"),
		},
		"bad groups": {
			func(c *ldap.Config) {
				c.Groups = &ldap.Groups{BaseDN: "x", Filter: "(", MemberAttribute: "a b", MemberValue: "mail", NameAttribute: "2.5.4.3"}
			},
			faults(
				"groups.base_dn", `"x" is not a DN such as ou=people,dc=example,dc=org: DN ended with incomplete type, value pair`,
				"groups.name_attribute", `"2.5.4.3" is the number of an LDAP attribute: write its name, such as uid`,
				"groups.filter", `"(" is not an LDAP filter such as (objectClass=inetOrgPerson): error reading rune at position 1`,
				"groups.member_attribute", `"a b" is not the name of an LDAP attribute, such as uid`,
				"groups.member_value", `"mail" is neither dn nor username`,
			),
		},
		"nested names": {
			func(c *ldap.Config) {
				c.Groups = &ldap.Groups{BaseDN: "ou=g,dc=example", MemberAttribute: "memberUid", MemberValue: "username", Nested: true}
			},
			faults("groups.nested", "needs member_value: dn, since a group is listed in another by its DN"),
		},
		"search keys beside from_attribute": {
			func(c *ldap.Config) {
				c.Groups = &ldap.Groups{
					BaseDN: "ou=g,dc=example", FromAttribute: "memberOf",
					Filter: "(a=b)", MemberAttribute: "member", MemberValue: "dn", Nested: true, PrimaryAttribute: "gidNumber",
				}
			},
			faults("groups.filter", searchOnly, "groups.member_attribute", searchOnly, "groups.member_value", searchOnly, "groups.nested", searchOnly, "groups.primary_attribute", searchOnly),
		},
		"primary attribute": {
			func(c *ldap.Config) {
				c.Groups = &ldap.Groups{BaseDN: "ou=g,dc=example", PrimaryAttribute: "gid number"}
			},
			faults("groups.primary_attribute", `"gid number" is not the name of an LDAP attribute, such as uid`),
		},
		"no login attribute": {
			func(c *ldap.Config) { c.Users.LoginAttributes = []string{} },
			faults("users.login_attributes", "is an empty list, by which nobody could be found: name an attribute, or remove the key and have username_attribute"),
		},
		"an empty attribute among others": {
			func(c *ldap.Config) { c.Users.LoginAttributes = []string{"uid", ""} },
			faults("users.login_attributes[1]", `"" is not the name of an LDAP attribute, such as uid`),
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config("ldaps://ldap.example.org")
			c.edit(cfg)
			got := cfg.Validate()
			for i := range got {
				got[i].Instead = nil // what the loader makes of it has tests there
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("Validate()\n got %q\nwant %q", got, c.want)
			}
			if _, err := ldap.New(cfg, connectors.Deps{Name: "directory"}); err == nil || !strings.HasPrefix(err.Error(), c.want[0].Field+" ") {
				t.Errorf("New: error = %v, want the first problem", err)
			}
		})
	}
}

// faults pairs fields with messages.
func faults(fieldsAndMessages ...string) []connectors.FieldProblem {
	var list []connectors.FieldProblem
	for i := 0; i < len(fieldsAndMessages); i += 2 {
		list = append(list, connectors.FieldProblem{Field: fieldsAndMessages[i], Message: fieldsAndMessages[i+1]})
	}
	return list
}

func TestValidateReportsAllAtOnce(t *testing.T) {
	var fields []string
	for _, p := range new(ldap.Config).Validate() {
		fields = append(fields, p.Field)
	}
	if want := []string{"url", "bind_dn", "bind_password", "users.base_dn"}; !reflect.DeepEqual(fields, want) {
		t.Errorf("fields = %q, want %q", fields, want)
	}
}

func TestNewReadsTheCAFile(t *testing.T) {
	block := func(kind string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte("hello")}))
	}
	const none = " holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
	for name, c := range map[string]struct {
		file connectors.Path
		want string
	}{
		"missing":               {connectors.Path(t.TempDir() + "/ca.pem"), " does not exist"},
		"a folder":              {connectors.Path(t.TempDir()), " is a directory, not a file"},
		"a device without end":  {"/dev/zero", " is not a regular file"},
		"empty":                 {writeFile(t, ""), none},
		"text":                  {writeFile(t, "hello\n"), none},
		"a key":                 {writeFile(t, block("PRIVATE KEY")), none},
		"a broken certificate":  {writeFile(t, block("CERTIFICATE")), none},
		"larger than any other": {writeFile(t, strings.Repeat("#", 1<<20+1)), " has more than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config("ldaps://ldap.example.org")
			cfg.CAFile = c.file
			if _, err := ldap.New(cfg, connectors.Deps{}); text(err) != "ca_file: "+string(c.file)+c.want {
				t.Errorf("error = %v, want ca_file: %s%s", err, c.file, c.want)
			}
		})
	}
}

// TestConnections holds how many there may be: of people, and where there are any of those that
// search.
func TestConnections(t *testing.T) {
	for atOnce, each := range map[int]int{0: 16, 16: 16, 40: 40} {
		if got := config("").Connections(atOnce); got != 2*each {
			t.Errorf("for %d logins at once there are %d, want %d of each kind", atOnce, got, each)
		}
		if got := templateConfig("").Connections(atOnce); got != each {
			t.Errorf("for %d logins at once by dn_template there are %d, want %d", atOnce, got, each)
		}
	}
}
