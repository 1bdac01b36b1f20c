package ldap_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

func TestLogin(t *testing.T) {
	d := open(t, config(listen(t, script{}.serve)))
	id, err := login(t, d, "alice", userPassword)
	want := connectors.Identity{
		Connector: "directory", Via: "directory", Kind: connectors.Person,
		ID: "11111111-2222-3333-4444-555555555555", Username: "alice", Ceiling: connectors.Unlimited(),
	}
	if err != nil || !reflect.DeepEqual(id, want) {
		t.Errorf("login = %+v, %v, want %+v", id, err, want)
	}
	if id, err := d.Resolve(t.Context(), want.ID); err != nil || !reflect.DeepEqual(id, want) {
		t.Errorf("Resolve = %+v, %v, want %+v", id, err, want)
	}
}

func TestWhatIsSearched(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*ldap.Config)
		ask  func(d *ldap.Directory) error
		want string
	}{
		"the default": {
			func(*ldap.Config) {}, locate(t, "alice"),
			"(&(objectClass=inetOrgPerson)(|(uid=alice)))",
		},
		"two login attributes": {
			func(c *ldap.Config) { c.Users.LoginAttributes = []string{"uid", "mail"} }, locate(t, "alice"),
			"(&(objectClass=inetOrgPerson)(|(uid=alice))) (&(objectClass=inetOrgPerson)(|(mail=alice)))",
		},
		"three, not in order": {
			func(c *ldap.Config) { c.Users.LoginAttributes = []string{"mail", "UID", "cn"} }, locate(t, "alice"),
			"(&(objectClass=inetOrgPerson)(|(uid=alice))) (&(objectClass=inetOrgPerson)(|(mail=alice)(cn=alice)))",
		},
		"one that is no user name": {
			func(c *ldap.Config) { c.Users.LoginAttributes = []string{"mail"} }, locate(t, "alice"),
			"(&(objectClass=inetOrgPerson)(|(mail=alice)))",
		},
		"another user name": {
			func(c *ldap.Config) { c.Users.UsernameAttribute = "cn" }, locate(t, "alice"),
			"(&(objectClass=inetOrgPerson)(|(cn=alice)))",
		},
		"metacharacters": {
			func(*ldap.Config) {}, locate(t, "*)(uid=\\\x00łĄ"),
			`(&(objectClass=inetOrgPerson)(|(uid=\2a\29\28uid=\5c\00\c5\82\c4\84)))`,
		},
		"an id": {
			func(c *ldap.Config) { c.Users.Filter = "(!(cn=x))" },
			func(d *ldap.Directory) error { _, err := d.Resolve(t.Context(), "*"); return err },
			`(&(!(cn=x))(|(entryUUID=\2a)))`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			url := listen(t, script{search: func(_, filter string) ([]record, int) {
				asked = append(asked, filter)
				return nil, 0
			}}.serve)
			cfg := config(url)
			c.edit(cfg)
			if err := c.ask(open(t, cfg)); !errors.Is(err, connectors.ErrNotMine) && !errors.Is(err, connectors.ErrGone) {
				t.Errorf("error = %v, want that nobody was found", err)
			}
			if got := strings.Join(asked, " "); got != c.want {
				t.Errorf("searched for %s, want %s", got, c.want)
			}
		})
	}
}

func locate(t *testing.T, name string) func(*ldap.Directory) error {
	t.Helper()
	return func(d *ldap.Directory) error {
		_, err := d.Locate(t.Context(), name)
		return err
	}
}

func TestUsernameOfAnEntry(t *testing.T) {
	for name, c := range map[string]struct {
		dn   string
		uid  []string
		want string
	}{
		"one value":               {"uid=alice,dc=x", []string{"alice"}, "alice"},
		"upper case":              {"uid=Carol,dc=x", []string{"Carol"}, "carol"},
		"the one in the DN":       {"uid=zoe,dc=x", []string{"anna", "zoe"}, "zoe"},
		"in another order":        {"uid=zoe,dc=x", []string{"zoe", "anna"}, "zoe"},
		"in the DN, other case":   {"UID=ZOE,dc=x", []string{"anna", "Zoe"}, "zoe"},
		"in a DN of two":          {"cn=Z+uid=zoe,dc=x", []string{"anna", "zoe"}, "zoe"},
		"escaped in the DN":       {`uid=z\6fe,dc=x`, []string{"anna", "zoe"}, "zoe"},
		"none in the DN":          {"cn=Zoe,dc=x", []string{"zoe", "Anna", "bea"}, "anna"},
		"the DN's is not a value": {"uid=other,dc=x", []string{"zoe", "anna"}, "anna"},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, config(listen(t, script{search: func(string, string) ([]record, int) {
				return []record{person(c.dn, c.uid...)}, 0
			}}.serve)))
			a, err := d.Locate(t.Context(), "zoe")
			if err != nil || a.Username != c.want {
				t.Errorf("Locate = %q, %v, want %q", a.Username, err, c.want)
			}
		})
	}
}

func TestLocateRefuses(t *testing.T) {
	second := person("uid=alice,ou=b,dc=example", "alice")
	for name, c := range map[string]struct {
		found []record
		code  int
		want  error
	}{
		"nobody":                      {nil, 0, connectors.ErrNotMine},
		"two":                         {[]record{alice(), second}, 0, connectors.Reject(connectors.ReasonAmbiguous)},
		"two and more":                {[]record{alice(), second}, 4, connectors.Reject(connectors.ReasonAmbiguous)},
		"three against the limit":     {[]record{alice(), second, second}, 0, connectors.Reject(connectors.ReasonAmbiguous)},
		"a name that is none":         {[]record{person("uid=a b,dc=x", "a b")}, 0, connectors.Reject(connectors.ReasonBadUsername)},
		"a name that would be a path": {[]record{person("uid=a/b,dc=x", "a/b")}, 0, connectors.Reject(connectors.ReasonBadUsername)},
		"a name beyond ASCII":         {[]record{person("uid=łukasz,dc=x", "łukasz")}, 0, connectors.Reject(connectors.ReasonBadUsername)},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, config(listen(t, script{search: func(string, string) ([]record, int) { return c.found, c.code }}.serve)))
			_, err := d.Locate(t.Context(), "alice")
			if !reflect.DeepEqual(err, c.want) {
				t.Errorf("error = %v, want %v", err, c.want)
			}
		})
	}
}

func TestEntriesThatCannotBeUsed(t *testing.T) {
	with := func(name string, values ...string) record {
		r := alice()
		r.attributes[name] = values
		return r
	}
	for name, c := range map[string]struct {
		found record
		want  string
	}{
		"no id":        {with("entryUUID"), `the entry "uid=alice,ou=people,dc=example" has 0 values of entryUUID, want one: check id_attribute, and that the service account may read it`},
		"two ids":      {with("entryUUID", "1", "2"), `the entry "uid=alice,ou=people,dc=example" has 2 values of entryUUID, want one: check id_attribute, and that the service account may read it`},
		"binary id":    {with("entryUUID", "\xff\xfe"), `the entry "uid=alice,ou=people,dc=example" has a entryUUID that is not text: check id_attribute`},
		"no user name": {with("uid"), `the entry "uid=alice,ou=people,dc=example" has no uid: check username_attribute, and that the service account may read it`},
		"no DN":        {record{"", alice().attributes}, `the directory names an entry "", which is not a DN`},
		"bad DN":       {record{"alice", alice().attributes}, `the directory names an entry "alice", which is not a DN`},
		"a range":      {record{alice().dn, map[string][]string{"uid;range=0-1": {"alice"}, "entryUUID": {"1"}}}, "the directory gives only a part of uid (range=0-1)"},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, config(listen(t, script{search: func(string, string) ([]record, int) { return []record{c.found}, 0 }}.serve)))
			_, err := d.Locate(t.Context(), "alice")
			wantOutage(t, err, c.want)
			_, err = d.Resolve(t.Context(), "1")
			wantOutage(t, err, c.want)
		})
	}
}

func TestResolveAmbiguous(t *testing.T) {
	d := open(t, config(listen(t, script{search: func(string, string) ([]record, int) { return []record{alice(), alice()}, 0 }}.serve)))
	_, err := d.Resolve(t.Context(), "1")
	wantOutage(t, err, "two entries share one entryUUID: id_attribute must be unique")
}

// TestCanonicalNamesAreNotShared holds that nobody comes in under a name that is
// another's too.
func TestCanonicalNamesAreNotShared(t *testing.T) {
	me := person("uid=mallory,ou=people,dc=example", "mallory", "alice")
	me.attributes["mail"], me.attributes["entryUUID"] = []string{"m@example.org"}, []string{"2"}
	byName := &ldap.Groups{BaseDN: "ou=groups,dc=example", MemberAttribute: "memberUid", MemberValue: "username"}
	for name, c := range map[string]struct {
		groups *ldap.Groups
		typed  string
		found  map[string][]record // by the filter's last part
		want   string
	}{
		"by mail":              {nil, "m@example.org", map[string][]record{"(mail=m@example.org)": {me}, "(|(uid=mallory))": {me}}, ""},
		"by mail, shared":      {nil, "m@example.org", map[string][]record{"(mail=m@example.org)": {me}, "(|(uid=mallory))": {me, alice()}}, "credentials rejected: ambiguous"},
		"by mail, another's":   {nil, "m@example.org", map[string][]record{"(mail=m@example.org)": {me}, "(|(uid=mallory))": {alice()}}, "credentials rejected: ambiguous"},
		"not found by its own": {nil, "m@example.org", map[string][]record{"(mail=m@example.org)": {me}}, `the entry "uid=mallory,ou=people,dc=example" is not found by its own uid "mallory": username_attribute must be one that is searched without regard to case`},
		"groups by DN":         {nil, "mallory", map[string][]record{"(|(uid=mallory))": {me}}, ""},
		"groups by name, shared": {
			byName, "mallory",
			map[string][]record{"(|(uid=mallory))": {me}, "(|(uid=alice)(uid=mallory))": {me, alice()}},
			"credentials rejected: ambiguous",
		},
		"groups by name, all hers": {
			byName, "mallory",
			map[string][]record{"(|(uid=mallory))": {me}, "(|(uid=alice)(uid=mallory))": {me}},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(listen(t, script{search: func(_, filter string) ([]record, int) {
				for end, found := range c.found {
					if strings.HasSuffix(strings.TrimRight(filter, ")"), strings.TrimRight(end, ")")) {
						return found, 0
					}
				}
				return nil, 0
			}}.serve))
			cfg.Users.LoginAttributes, cfg.Groups = []string{"UID", "mail"}, c.groups
			if _, err := open(t, cfg).Locate(t.Context(), c.typed); text(err) != c.want {
				t.Errorf("error = %v\nwant %s", err, c.want)
			}
		})
	}
}

// TestUsernameComesFirst holds that a name is the one's who has it as user name, whatever
// others write into another attribute that people may type.
func TestUsernameComesFirst(t *testing.T) {
	bob, mallory := person("uid=bob,ou=people,dc=example", "bob"), person("uid=mallory,ou=people,dc=example", "mallory")
	bob2 := person("uid=bob,ou=others,dc=example", "bob")
	for name, c := range map[string]struct {
		attributes    []string
		byUID, byMail []record
		want          string // who is found, or the error
	}{
		"a user name":              {[]string{"uid", "mail"}, []record{bob}, nil, "bob"},
		"mallory's mail, too":      {[]string{"mail", "UID"}, []record{bob}, []record{mallory, bob2}, "bob"},
		"no one's user name":       {[]string{"uid", "mail"}, nil, []record{mallory, bob2}, "credentials rejected: ambiguous"},
		"two of that user name":    {[]string{"uid", "mail"}, []record{bob, bob2}, []record{bob}, "credentials rejected: ambiguous"},
		"user names are not typed": {[]string{"mail"}, []record{bob}, []record{bob}, "bob"},
		"nothing else is typed":    {[]string{"uid"}, nil, []record{bob}, "not mine"},
		"nobody's":                 {[]string{"uid", "mail"}, nil, nil, "not mine"},
		"two mails, no user names": {[]string{"mail"}, []record{bob}, []record{mallory, bob}, "credentials rejected: ambiguous"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(listen(t, script{search: func(_, filter string) ([]record, int) {
				switch hasUID, hasMail := strings.Contains(filter, "(uid="), strings.Contains(filter, "(mail="); {
				case hasUID && hasMail:
					return append(slices.Clone(c.byUID), c.byMail...), 0
				case hasMail:
					return c.byMail, 0
				}
				return c.byUID, 0
			}}.serve))
			cfg.Users.LoginAttributes = c.attributes
			found, err := open(t, cfg).Locate(t.Context(), "bob")
			got := found.Username
			if errors.Is(err, connectors.ErrNotMine) {
				got = "not mine"
			} else if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

func TestVerifyOfAnotherConnectorsAccount(t *testing.T) {
	d := open(t, config("ldap://127.0.0.1:9"))
	_, err := d.Verify(t.Context(), connectors.Account{Username: "alice"}, connectors.NewSecret("x"))
	wantOutage(t, err, `the account of "alice" was not located by this connector`)
}

func TestBlankPasswordsAreNotSent(t *testing.T) {
	var bound []string
	d := open(t, config(listen(t, script{bind: func(dn, _ string) (int, string) { bound = append(bound, dn); return 0, "" }}.serve)))
	a, err := d.Locate(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"", "\x00", "\x00\x00"} {
		_, err := d.Verify(t.Context(), a, connectors.NewSecret(password))
		if want := connectors.Reject(connectors.ReasonEmptyPassword); !reflect.DeepEqual(err, want) {
			t.Errorf("password %q: error = %v, want %v", password, err, want)
		}
	}
	if _, err := d.Verify(t.Context(), a, connectors.NewSecret("x")); err != nil {
		t.Fatal(err)
	}
	if want := []string{serviceDN, alice().dn}; !slices.Equal(bound, want) {
		t.Errorf("bound as %q, want %q", bound, want)
	}
}

// wantMark fails the test unless an outage is marked as everybody's, or is not.
func wantMark(t *testing.T, err error, want bool) {
	t.Helper()
	if errors.Is(err, connectors.ErrUnreachable) != want {
		t.Errorf("error = %v: everybody's %v, want %v", err, !want, want)
	}
}

// wantOutage fails the test unless err is an outage whose text holds want and no
// password.
func wantOutage(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil || errors.Is(err, connectors.ErrNotMine) || errors.Is(err, connectors.ErrRejected) || errors.Is(err, connectors.ErrGone):
		t.Errorf("error = %v, want an outage", err)
	case !strings.Contains(err.Error(), want):
		t.Errorf("error = %v, want %q in it", err, want)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
			if printed := fmt.Sprintf(verb, e); strings.Contains(printed, servicePassword) || strings.Contains(printed, userPassword) {
				t.Errorf("printed with %s, the error shows a password", verb)
			}
		}
	}
}
