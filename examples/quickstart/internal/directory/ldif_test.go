package directory_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/examples/quickstart/internal/directory"
)

func TestParse(t *testing.T) {
	root := directory.Query{Base: "dc=demo", Filter: "(objectClass=*)"}
	for _, tt := range []struct {
		name, ldif string
		want       map[string][]string
	}{
		{
			"plain, with version and comments",
			"# a comment\n that goes on\nversion: 1\n\n\n# another\ndn: dc=demo\nobjectClass: dcObject\n# within\ndc: demo\n",
			map[string][]string{"objectClass": {"dcObject"}, "dc": {"demo"}},
		},
		{
			"Windows line ends, no newline at the end",
			"dn: dc=demo\r\nobjectClass: dcObject\r\ndc: demo",
			map[string][]string{"objectClass": {"dcObject"}, "dc": {"demo"}},
		},
		{
			"folded lines",
			"dn: dc=\n demo\nobjectClass: dc\n Ob\n ject\no: two  \n  words\n",
			map[string][]string{"objectClass": {"dcObject"}, "o": {"two   words"}},
		},
		{
			"base64",
			"dn:: ZGM9ZGVtbw==\nobjectClass: dcObject\no:: TMO8YmVj\n aw==\n",
			map[string][]string{"objectClass": {"dcObject"}, "o": {"Lübeck"}},
		},
		{
			"values of one attribute, empty ones, colons",
			"dn: dc=demo\nobjectClass: dcObject\nobjectclass: organization\no:\ndescription:a: b\n",
			map[string][]string{"objectClass": {"dcObject", "organization"}, "o": {""}, "description": {"a: b"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := parse(t, tt.ldif).Search(root)
			if err != nil {
				t.Fatal(err)
			}
			if got := found[0].Attributes; !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParseRefusals(t *testing.T) {
	const root = "dn: dc=demo\nobjectClass: dcObject\n"
	for _, tt := range []struct{ name, ldif, want string }{
		{"nothing", "# only a comment\n", "no entries"},
		{"no colon", root + "dc demo\n", `line 3: "dc demo" is not of the form "name: value"`},
		{"attribute before dn", "cn: x\n", `line 1: an entry begins with "dn:", not with "cn"`},
		{"second dn", root + "dn: dc=other\n", `line 3: a second "dn" in one entry: a blank line is missing before it`},
		{"other version", "version: 2\n", "line 1: version 2 of LDIF is not supported, only 1"},
		{"bad base64", root + "o:: %%%\n", `line 3: o: value after "::" is not base64`},
		{"not UTF-8", root + "o:: /w==\n", "line 3: o: value is not UTF-8"},
		{"other file", root + "jpegPhoto:< file:///x\n", "line 3: jpegPhoto: values from other files are not supported"},
		{"change record", "dn: dc=demo\nchangetype: delete\n", "line 2: change records are not supported, only entries"},
		{"not a DN", "dn: demo\nobjectClass: top\n", `line 1: "demo" is not a DN`},
		{"empty DN", "dn:\nobjectClass: top\n", `line 1: "" is not a DN`},
		{"no class", "dn: dc=demo\ndc: demo\n", "line 1: dc=demo has no objectClass"},
		{"there already", root + "\ndn: DC=Demo\nobjectClass: top\n", "line 4: DC=Demo is there already"},
		{"no parent", root + "\ndn: cn=x,ou=none,dc=demo\nobjectClass: top\n", "line 4: the parent of cn=x,ou=none,dc=demo must come before it"},
		{"other hash", root + "userPassword: {CRYPT}x\n", "line 1: userPassword of dc=demo is neither cleartext nor {SSHA}"},
		{"hash too short", root + "userPassword: {SSHA}AAAA\n", "line 1: userPassword of dc=demo is neither cleartext nor {SSHA}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := directory.Parse(tt.ldif)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	if _, err := directory.Load("no-such.ldif"); err == nil || !strings.Contains(err.Error(), "no-such.ldif") {
		t.Errorf("got %v", err)
	}
}
