package e2e_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// Who may read what, where nobody may search for people.
const (
	selvesRead = "access to dn.subtree=" + slapd.People + " by self read by * none\n" +
		"access to dn.subtree=" + slapd.Groups + " by users read by * none\n" +
		"access to dn.subtree=" + slapd.PosixGroups + " by users read by * none\n" +
		"access to * by * none"
	// As little as the manual says that people need to read.
	listedRead = "access to dn.subtree=" + slapd.People + " attrs=entry,objectClass,uid,entryUUID by self read by * none\n" +
		"access to dn.subtree=" + slapd.Groups + " by users read by * none\n" +
		"access to * by * none"
	nobodyReads = "access to * by * none"
	allRead     = "access to * by * read"
)

// templateConfig is a configuration with dn_template for the server's plain port.
func templateConfig(s *slapd.Server) *ldap.Config {
	c := ldap.DefaultConfig()
	c.URL = connectors.OneOrMany{s.URL}
	c.Users.DNTemplate = "uid={username}," + slapd.People
	c.Groups = &ldap.Groups{BaseDN: slapd.Groups, Nested: true}
	return c
}

// anonymousSearch is a configuration by which anybody searches.
func anonymousSearch(s *slapd.Server) *ldap.Config {
	c := ldapConfig(s)
	c.BindDN, c.BindPassword, c.AnonymousSearch = "", connectors.Secret{}, true
	return c
}

// openSelves returns the directory that the configuration describes, behind its guards.
func openSelves(tb testing.TB, c *ldap.Config, g guard.Config) connectors.Connector {
	tb.Helper()
	d, err := ldap.Open(c, connectors.Deps{Realm: "corp", Name: "directory", Form: g.Form})
	if err != nil {
		tb.Fatal(err)
	}
	connector := guard.Password(d, g)
	tb.Cleanup(func() { _ = connector.(interface{ Close() error }).Close() })
	return connector
}

// TestLDAPTemplateContract runs the contract where nobody may search.
func TestLDAPTemplateContract(t *testing.T) {
	server := slapd.Start(t, slapd.Options{Access: selvesRead})
	stopped := slapd.Start(t, slapd.Options{Access: selvesRead})
	stopped.Stop(t)
	for name, edit := range map[string]func(*ldap.Config, *slapd.Server){
		"plain": func(*ldap.Config, *slapd.Server) {},
		"LDAPS": func(c *ldap.Config, s *slapd.Server) {
			c.URL, c.CAFile = connectors.OneOrMany{s.TLSURL}, connectors.Path(s.CAFile)
		},
	} {
		for form, ending := range map[connectors.UsernameForm]string{connectors.ASCIIUsernames: "", connectors.UnicodeUsernames: ", Unicode"} {
			t.Run(name+ending, func(t *testing.T) {
				connect := func(s *slapd.Server) func(testing.TB) connectors.Connector {
					return func(tb testing.TB) connectors.Connector {
						c := templateConfig(s)
						edit(c, s)
						return openSelves(tb, c, guard.Config{Form: form, Usernames: connectors.UsernamePatterns{"a*", "l*"}})
					}
				}
				f := aliceFixture(connect(server), connect(stopped))
				f.Form, f.Unknown = form, "" // which it cannot know
				connectortest.Run(t, f)
			})
		}
	}
}

// TestLDAPTemplate signs in people of all kinds.
func TestLDAPTemplate(t *testing.T) {
	s := slapd.Start(t, slapd.Options{Access: selvesRead, LDIF: troubled() + abroad()})
	c := openSelves(t, templateConfig(s), guard.Config{Form: connectors.UnicodeUsernames})
	if _, ok := c.(connectors.Resolver); ok {
		t.Error("the connector resolves")
	}
	for _, p := range []struct {
		typed, password, want string
		reason                connectors.Reason
	}{
		{"alice", "alice-password", "alice", ""},
		{"Carol", "carol-password", "carol", ""},
		{"david", "david-password", "david", ""},
		{"ŁUKASZ", "łukasz-password", "łukasz", ""},
		{"müller", "MÜLLER-password", "müller", ""},
		{"soon", "soon-password", "soon", ""},
		{"dave", "david-password", "", connectors.ReasonWrongPassword}, // no DN has it
		{"erin", "erin-password", "", connectors.ReasonWrongPassword},
		{"alice", "bob-password", "", connectors.ReasonWrongPassword},
		{"nobody", "alice-password", "", connectors.ReasonWrongPassword},
		{"printer", "printer-password", "", connectors.ReasonRestricted}, // outside the filter
		{"alice+cn", "alice-password", "", connectors.ReasonWrongPassword},
		{"keyless", "keyless-password", "", connectors.ReasonWrongPassword},
		{"grace", "grace-password", "", connectors.ReasonGraceLogin},
		{"expired", "expired-password", "", connectors.ReasonExpired},
		{"reset", "reset-password", "", connectors.ReasonMustChange},
	} {
		id, err := signIn(t, c, p.typed, p.password)
		if p.reason != "" {
			wantReason(t, err, p.reason)
			continue
		}
		if err != nil || id.Username != p.want || id.ID == "" {
			t.Errorf("%s signs in as %q (%s), %v, want %q", p.typed, id.Username, id.ID, err, p.want)
		}
	}
	byName := templateConfig(s)
	byName.Groups = &ldap.Groups{BaseDN: slapd.PosixGroups, Filter: "(objectClass=posixGroup)", MemberAttribute: "memberUid", MemberValue: "username"}
	david, err := signIn(t, openSelves(t, byName, guard.Config{}), "david", "david-password")
	if err != nil || david.Groups != nil {
		t.Errorf("david has the groups %q, %v, want none: they list dave", david.Groups, err)
	}
}

// TestLDAPTemplateConnections holds that no connection serves two people, and that
// nothing is searched but by the person who has signed in on it.
func TestLDAPTemplateConnections(t *testing.T) {
	s := slapd.Start(t, slapd.Options{Access: selvesRead})
	c := openSelves(t, templateConfig(s), guard.Config{})
	s.Settle(t)
	mark := len(s.Log())
	for _, name := range []string{"alice", "bob", "alice"} {
		mustSignIn(t, c, name)
		_, err := signIn(t, c, name, "a-guess")
		wantReason(t, err, connectors.ReasonWrongPassword)
	}
	var kinds map[int][]string
	await(t, "end of all connections", func() bool {
		kinds = map[int][]string{}
		accepted, ended := map[int]bool{}, 0
		for _, e := range s.Events(mark) {
			switch {
			case e.Kind == "ACCEPT": // of which another thread tells
				accepted[e.Conn] = true
				continue
			case e.Kind == "CLOSE" && !accepted[e.Conn] && kinds[e.Conn] == nil: // an old one
				continue
			case e.Kind == "CLOSE":
				ended++
			}
			kinds[e.Conn] = append(kinds[e.Conn], e.Kind)
		}
		return ended == len(kinds)
	})
	searching := 0
	for conn, kinds := range kinds {
		text := strings.Join(slices.Compact(kinds), " ")
		if text == "BIND SRCH CLOSE" {
			searching++
		} else if text != "BIND CLOSE" {
			t.Errorf("connection %d: %s", conn, text)
		}
	}
	if len(kinds) != 6 || searching != 3 {
		t.Errorf("%d connections, %d with searches, want six and three", len(kinds), searching)
	}
}

// TestLDAPTemplateFailover has the second of two servers take the logins of the first.
func TestLDAPTemplateFailover(t *testing.T) {
	gone, s := slapd.Start(t, slapd.Options{Access: selvesRead}), slapd.Start(t, slapd.Options{Access: selvesRead})
	gone.Stop(t)
	cfg := templateConfig(s)
	cfg.URL = connectors.OneOrMany{gone.URL, s.URL}
	c := openSelves(t, cfg, guard.Config{})
	mustSignIn(t, c, "alice")
	_, err := signIn(t, c, "alice", "a-guess")
	wantReason(t, err, connectors.ReasonWrongPassword)
	s.Stop(t)
	if _, err := signIn(t, c, "alice", "alice-password"); !isOutage(err) {
		t.Errorf("with both gone: %v, want an outage", err)
	}
	gone.Start(t)
	mustSignIn(t, c, "alice")
}

// TestLDAPTemplateHung has a directory that locks accounts hang, and a machine go on sending
// an old password: when the directory comes to itself, it does all that it was sent.
func TestLDAPTemplateHung(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t, slapd.Options{LDIF: lockingPolicy(), Access: selvesRead})
	s.Load(t, personOf("stale", slapd.People, under("lockout")))
	cfg := templateConfig(s)
	cfg.Groups = nil
	c := openSelves(t, cfg, guard.Config{Settings: guard.DefaultSettings(), Shield: guard.NewShield(guard.DefaultLimits())})
	s.Pause(t)
	for range 4 {
		if _, err := signIn(t, c, "stale", "an-old-password"); !isOutage(err) {
			t.Errorf("while the directory hangs: %v, want an outage", err)
		}
	}
	s.Resume(t)
	counted := func() int { return len(s.Values(t, dnOf("stale"), "pwdFailureTime")) }
	for deadline := time.Now().Add(10 * time.Second); counted() == 0 && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
	}
	s.Settle(t)
	if n := counted(); n != 1 {
		t.Errorf("the directory has counted %d wrong passwords, want 1", n)
	}
	mustSignIn(t, c, "stale")
}

// TestLDAPTemplateUnreadable holds that the log says what to do where people may not
// read their own entries.
func TestLDAPTemplateUnreadable(t *testing.T) {
	s := slapd.Start(t, slapd.Options{Access: nobodyReads})
	c := openSelves(t, templateConfig(s), guard.Config{})
	_, err := signIn(t, c, "alice", "alice-password")
	if want := "let people read their own entries (slapd: by self read)"; !isOutage(err) || !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want an outage that says %q", err, want)
	}
	_, err = signIn(t, c, "alice", "a-guess")
	wantReason(t, err, connectors.ReasonWrongPassword)
}

// TestTemplateOverHTTP puts a directory that ends the chain behind a file, which its
// names keep reachable.
func TestTemplateOverHTTP(t *testing.T) {
	s := slapd.Start(t, slapd.Options{Access: selvesRead})
	config := `listen: {{listen}}
monitor: {{monitor}}
realms:
  - name: corp
    services: [` + service + `]
    connectors:
      - {name: local, type: static, config: {file: users.yaml}}
      - name: directory
        type: ldap
        config:
          url: ` + s.URL + `
          users: {dn_template: "uid={username},` + slapd.People + `"}
    policy: {rules: [{name: all, authenticated: true, repositories: ["**"], allow: [pull]}]}
`
	users := map[string]string{"users.yaml": example(t, "openldap/users.yaml")}
	b := stack.StartBroker(t, program, config, users)
	if a := b.Token(t, "Alice", "alice-password", service); a.Status != http.StatusOK || a.Claims(t).Subject != "directory:alice" {
		t.Errorf("alice: %d %s", a.Status, a.Body)
	}
	for _, name := range []string{"alice", "nobody", "breakglass"} {
		if a := b.Token(t, name, "a-guess", service); a.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	entries := b.Audit(t)
	for i, want := range []string{"directory", "directory", "local"} {
		if e := entries[len(entries)-3+i]; e.Connector != want || e.Reason != "wrong-password" {
			t.Errorf("%s: refused by %q for %q, want %q for a wrong password", e.Username, e.Connector, e.Reason, want)
		}
	}
	local := "      - {name: local, type: static, config: {file: users.yaml}}\n"
	swapped := stack.NewBroker(t, program, replace(t, replace(t, config, local, ""), "    policy:", local+"    policy:"), users)
	check := swapped.Command(t, "", "check")
	if want := `shorepass.yaml:12:10: connector "local" could never be asked: "directory" in line 7 takes all its user names`; check.Code != 1 || !strings.Contains(check.Stdout, want) {
		t.Errorf("check exits %d, want %q: %s", check.Code, want, check.Text())
	}
}

// TestLDAPAnonymousSearch runs the contract where anybody may search.
func TestLDAPAnonymousSearch(t *testing.T) {
	server := slapd.Start(t, slapd.Options{Access: allRead})
	stopped := slapd.Start(t, slapd.Options{Access: allRead})
	stopped.Stop(t)
	connect := func(s *slapd.Server) func(testing.TB) connectors.Connector {
		return func(tb testing.TB) connectors.Connector {
			return guard.Password(openLDAP(tb, anonymousSearch(s)), guard.Config{Usernames: []string{"a*", "l*", "no*"}})
		}
	}
	connectortest.Run(t, aliceFixture(connect(server), connect(stopped)))
	for name, c := range map[string]struct {
		options slapd.Options
		want    string
	}{
		"sees nothing":    {slapd.Options{}, "(no such object): the base_dn does not exist, or anonymous clients may not see it; let them, or set bind_dn and bind_password in place of anonymous_search"},
		"must sign in":    {slapd.Options{Access: allRead, Config: "require authc"}, ": anonymous clients may not search here; let them, or set bind_dn and bind_password in place of anonymous_search"},
		"reads no values": {slapd.Options{Access: "access to attrs=entryUUID by * search\naccess to * by * read"}, "check id_attribute, and that anonymous clients may read it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openLDAP(t, anonymousSearch(slapd.Start(t, c.options))).Locate(t.Context(), "alice")
			if !isOutage(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want an outage that says %q", err, c.want)
			}
		})
	}
	hidden := slapd.Start(t, slapd.Options{Access: "access to dn.exact=" + slapd.Suffix + " by * read\naccess to * by * none"})
	if _, err := openLDAP(t, anonymousSearch(hidden)).Locate(t.Context(), "alice"); !errors.Is(err, connectors.ErrNotMine) {
		t.Errorf("people who cannot be seen: error = %v, want ErrNotMine", err)
	}
}
