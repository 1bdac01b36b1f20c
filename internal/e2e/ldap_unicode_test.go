package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// abroad are people with names beyond ASCII: one spelled in upper case in the
// directory, one with a combining accent, one from right to left, one whose name has
// the looks of another's, one whose name no profile takes, and one whose name slapd and
// the profile fold in two ways.
func abroad() string {
	return personOf("łukasz", slapd.People) +
		personOf("MÜLLER", slapd.People) +
		personOf("jose\u0301", slapd.People) +
		personOf("דוד", slapd.People) +
		personOf("\u0430lice", slapd.People) +
		personOf("x²", slapd.People, "mail: square@example.org") +
		personOf("al\u0130", slapd.People, "mail: dotted@example.org") +
		"dn: cn=ops  \u0130T,ou=groups,dc=example,dc=org\nobjectClass: groupOfNames\ncn: ops  \u0130T\nmember: uid=łukasz,ou=people,dc=example,dc=org\n\n" +
		"dn: cn=I\u0307T,ou=groups,dc=example,dc=org\nobjectClass: groupOfNames\ncn: I\u0307T\nmember: uid=łukasz,ou=people,dc=example,dc=org\n\n" +
		"dn: cn=Żagle,ou=groups,dc=example,dc=org\nobjectClass: groupOfNames\ncn: Żagle\nmember: uid=łukasz,ou=people,dc=example,dc=org\n"
}

// sails are łukasz's groups: one form, whether or not the directory has them composed.
func sails() []string { return []string{"i\u0307t", "ops i\u0307t", "żagle"} }

// openUnicode returns a directory of a realm with unicode_usernames.
func openUnicode(tb testing.TB, c *ldap.Config) *ldap.Directory {
	tb.Helper()
	d, err := ldap.New(c, connectors.Deps{Realm: "corp", Name: "directory", Form: connectors.UnicodeUsernames})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = d.Close() })
	return d
}

func unicodeConnector(tb testing.TB, c *ldap.Config, usernames ...string) connectors.Connector {
	tb.Helper()
	return guard.Password(openUnicode(tb, c), guard.Config{Form: connectors.UnicodeUsernames, Usernames: usernames})
}

// TestLDAPUnicode holds that whoever signs in, however they type the name, is who the
// directory says they are.
func TestLDAPUnicode(t *testing.T) {
	cfg := ldapConfig(slapd.Start(t, slapd.Options{LDIF: abroad()}))
	cfg.Users.LoginAttributes = []string{"uid", "mail"}
	c := unicodeConnector(t, cfg)
	for _, p := range []struct{ typed, password, want string }{
		{"łukasz", "łukasz-password", "łukasz"},
		{"ŁUKASZ", "łukasz-password", "łukasz"},
		{"ł\uff55kasz", "łukasz-password", "łukasz"},
		{"müller", "MÜLLER-password", "müller"},
		{"mu\u0308ller", "MÜLLER-password", "müller"},
		{"MÜLLER", "MÜLLER-password", "müller"},
		{"jos\u00e9", "jose\u0301-password", "jos\u00e9"},
		{"JOSE\u0301", "jose\u0301-password", "jos\u00e9"},
		{"דוד", "דוד-password", "דוד"},
		{"\u0430lice", "\u0430lice-password", "\u0430lice"},
		{"\u0410LICE", "\u0430lice-password", "\u0430lice"},
		{"alice", "alice-password", "alice"},
		{"\uff21LICE", "alice-password", "alice"},
	} {
		id, err := signIn(t, c, p.typed, p.password)
		if err != nil || id.Username != p.want {
			t.Errorf("%q signs in as %q, %v, want %q", p.typed, id.Username, err, p.want)
		}
	}
	if id := mustSignIn(t, c, "łukasz"); !reflect.DeepEqual(id.Groups, sails()) {
		t.Errorf("groups = %q, want %q", id.Groups, sails())
	}
	for typed, password := range map[string]string{"square@example.org": "x²-password", "dotted@example.org": "al\u0130-password", "ali": "al\u0130-password"} {
		_, err := signIn(t, c, typed, password)
		wantReason(t, err, connectors.ReasonBadUsername)
	}
	var told strings.Builder
	_, err := openUnicode(t, cfg).Locate(connectors.WithTrace(t.Context(), func(s connectors.Step) { fmt.Fprintln(&told, s.Detail, s.Err, s.Fix) }), "ali")
	wantReason(t, err, connectors.ReasonBadUsername)
	if want := `not found by its own uid "ali̇" the directory folds letters of this name in another way`; !strings.Contains(told.String(), want) {
		t.Errorf("the steps do not say %q:\n%s", want, &told)
	}
	for _, typed := range []string{"alice", "\u0430lice"} { // neither with the other's password
		_, err := signIn(t, c, typed, map[string]string{"alice": "\u0430lice", "\u0430lice": "alice"}[typed]+"-password")
		wantReason(t, err, connectors.ReasonWrongPassword)
	}
	for _, typed := range []string{"łukasz\u00a0", " łukasz", "łukasz\u200b", "łu\u00adkasz", "\u202ełukasz", "łukasz\x00", "ł*", "łukaſz", "x²", "דוד1a"} {
		if _, err := signIn(t, c, typed, "łukasz-password"); !errors.Is(err, connectors.ErrRejected) {
			t.Errorf("%q: error = %v, want a rejection", typed, err)
		}
	}
	ascii := ldapConnector(t, cfg)
	for _, typed := range []string{"łukasz", "müller"} {
		_, err := signIn(t, ascii, typed, typed+"-password")
		wantReason(t, err, connectors.ReasonBadUsername)
	}
}

// TestLDAPUnicodeContract runs the contract with a name beyond ASCII, and with one
// within.
func TestLDAPUnicodeContract(t *testing.T) {
	s := slapd.Start(t, slapd.Options{LDIF: abroad()})
	stopped := slapd.Start(t, slapd.Options{})
	stopped.Stop(t)
	guarded := []string{"a*", "ł*", "lo*", "no*", "św*"}
	up := func(tb testing.TB) connectors.Connector { return unicodeConnector(tb, ldapConfig(s), guarded...) }
	down := func(tb testing.TB) connectors.Connector { return unicodeConnector(tb, ldapConfig(stopped), guarded...) }
	within := aliceFixture(up, down)
	within.Form, within.Unhandled = connectors.UnicodeUsernames, "zoë"
	t.Run("within", func(t *testing.T) { connectortest.Run(t, within) })
	beyond := within
	beyond.Good = connectortest.Login{Username: "Łukasz", Password: "łukasz-password"}
	beyond.Username, beyond.Groups, beyond.Unknown = "łukasz", sails(), "świnoujście"
	beyond.Spellings = []string{"łukasz", "ŁUKASZ", "\uff4c\u0335ukasz", "łukasz ", "łukasz\u00a0", "łuka\u017fz", "lukasz", "łu\u00adkasz"}
	t.Run("beyond", func(t *testing.T) { connectortest.Run(t, beyond) })
}

// TestUnicodeOverHTTP takes a name beyond ASCII from the client to the audit log.
func TestUnicodeOverHTTP(t *testing.T) {
	s := slapd.Start(t, slapd.Options{LDIF: abroad()})
	config := replace(t, ldapBroker(s, ""),
		"    connectors:\n", "    unicode_usernames: true\n    connectors:\n",
		"type: ldap\n", "type: ldap\n        usernames: [łu*, m*]\n",
		"policy: {rules: [", `policy: {rules: [{name: sails, users: ["directory:łuk*"], repositories: [sails/**], allow: [pull, push]}, `)
	b := stack.StartBroker(t, program, config, nil)
	a := b.Token(t, "ŁUKASZ", "łukasz-password", service, "repository:sails/main:pull", "repository:home/lukasz/a:pull")
	if a.Status != http.StatusOK {
		t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	claims := a.Claims(t)
	if want := []stack.Access{{Type: "repository", Name: "sails/main", Actions: []string{"pull"}}}; claims.Subject != "directory:łukasz" || !reflect.DeepEqual(claims.Access, want) {
		t.Errorf("the token is for %q and grants %v, want directory:łukasz and %v", claims.Subject, claims.Access, want)
	}
	raw, err := os.ReadFile(filepath.Join(b.Dir, "data", "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"subject":"directory:łukasz"`, `"username":"ŁUKASZ"`, `"warnings":["`, `"directory:żagle"`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the audit log has no %s:\n%s", want, raw)
		}
	}
	for typed, want := range map[string]string{"świat": "unhandled", "świat\u00a0": "bad-username", "łuna": "unknown-user"} {
		b.Token(t, typed, "a-guess", service)
		entries := b.Audit(t)
		if e := entries[len(entries)-1]; e.Username != typed || e.Reason != want {
			t.Errorf("%q is refused for %q, want %q", e.Username, e.Reason, want)
		}
	}
	latin1 := b.Token(t, "m\xfcller", "MÜLLER-password", service)
	if want := `Basic realm="shorepass", charset="UTF-8"`; latin1.Status != http.StatusUnauthorized || latin1.Header.Get("WWW-Authenticate") != want {
		t.Errorf("a name in Latin-1: %d, challenge %q, want %q", latin1.Status, latin1.Header.Get("WWW-Authenticate"), want)
	}
	made := b.Command(t, "", "explain", "--user", "directory:łukasz", "repository:sails/main:push")
	if made.Code != 0 || !strings.Contains(made.Stdout, "directory:łukasz") {
		t.Errorf("explain --user exits %d: %s", made.Code, made.Text())
	}
	real := b.Command(t, "łukasz-password", "explain", "--login", "Łukasz", "repository:sails/main:push")
	if real.Code != 0 || !strings.Contains(real.Stdout, "directory:łukasz") {
		t.Errorf("explain --login exits %d: %s", real.Code, real.Text())
	}
}

// TestUnicodeClients logs in with real clients, which send names as UTF-8.
func TestUnicodeClients(t *testing.T) {
	s := slapd.Start(t, slapd.Options{LDIF: abroad()})
	b := stack.StartBroker(t, program, replace(t, ldapBroker(s, ""), "    connectors:\n", "    unicode_usernames: true\n    connectors:\n"), nil)
	c := stack.NewClient(t, stack.StartRegistry(t, b, stack.V3))
	for _, u := range []tool{docker("", "docker"), podman(), skopeo(), oras(), regctl(), helm()} {
		for _, typed := range []string{"łukasz", "Łukasz"} {
			if r := u.login(&person{c, typed, "łukasz-password"}); r.Code != 0 {
				t.Errorf("%s login as %s exits %d: %s", u.name, typed, r.Code, r.Text())
			}
		}
		if r := u.login(&person{c, "łukasz", "a-guess"}); r.Code == 0 {
			t.Errorf("%s login with a wrong password succeeds", u.name)
		}
	}
	for _, e := range b.Audit(t) {
		if e.Act == "" && e.Outcome == "granted" && e.Subject != "directory:łukasz" {
			t.Errorf("the audit log has the subject %q", e.Subject)
		}
	}
}
