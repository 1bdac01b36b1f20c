package e2e_test

import (
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestDiagnose has people who are not found looked for where a login does not look.
func TestDiagnose(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	for name, c := range map[string]struct{ users, user string }{
		"outside":          {"base_dn: 'ou=contractors," + slapd.Suffix + "'", "alice"},
		"outside-filtered": {"base_dn: 'ou=contractors," + slapd.Suffix + "'", "printer"},
		"deeper":           {"scope: one, base_dn: '" + slapd.Suffix + "', filter: (objectClass=*)", "alice"},
		"filtered":         {"base_dn: '" + slapd.People + "', filter: (&(objectClass=inetOrgPerson)(!(sn=Adams)))", "alice"},
		"nowhere":          {"base_dn: '" + slapd.People + "'", "zoe"},
		"no-name":          {"base_dn: '" + slapd.People + "'", "łukasz"},
	} {
		t.Run(name, func(t *testing.T) {
			config := replace(t, directoryLines(s, s.TLSURL), "base_dn: '"+slapd.Suffix+"'", c.users)
			b := stack.NewBroker(t, program, orgConfig(config), nil)
			r := b.Command(t, "", "check", "--connect", "--user", c.user)
			_, connector, _ := strings.Cut(r.Stdout, "groups member")
			login := b.Command(t, "a-guess\n", "explain", "--login", c.user, "repository:platform/app:pull")
			if r.Code != 1 || login.Code != 1 || strings.Contains(r.Text()+login.Text(), slapd.ServicePassword) {
				t.Errorf("check exits %d, explain %d", r.Code, login.Code)
			}
			golden(t, "connect/diagnose-"+name+".txt", steadySteps(connector+login.Text()))
		})
	}
}

// TestDiagnoseServers has several servers fail, each in its way: each has a line.
func TestDiagnoseServers(t *testing.T) {
	own := slapd.Options{Access: selvesRead}
	s, hanging, down := slapd.Start(t, own), slapd.Start(t, own), slapd.Start(t, own)
	down.Stop(t)
	hanging.Pause(t)
	t.Cleanup(func() { hanging.Resume(t) })
	account := "bind_dn: '" + slapd.ServiceDN + "'\nbind_password: '" + slapd.ServicePassword + "'\n"
	search := account + "users: {base_dn: '" + slapd.People + "'}\n"
	template := "users: {dn_template: 'uid={username}," + slapd.People + "'}\n"
	for name, c := range map[string]struct {
		servers []*slapd.Server
		lines   string
		code    int // of the login
	}{
		"none":          {[]*slapd.Server{down, hanging}, search, 1},
		"none-template": {[]*slapd.Server{hanging, down}, template, 1},
		"last-template": {[]*slapd.Server{hanging, s}, template, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var urls []string
			for _, s := range c.servers {
				urls = append(urls, s.URL)
			}
			b := stack.NewBroker(t, program, orgConfig("url: ["+strings.Join(urls, ", ")+"]\n"+c.lines), nil)
			r := b.Command(t, "", "check", "--connect")
			login := b.Command(t, "alice-password\n", "explain", "--login", "alice")
			if r.Code != 1 || login.Code != c.code {
				t.Errorf("check exits %d, explain %d, want 1 and %d", r.Code, login.Code, c.code)
			}
			_, connector, _ := strings.Cut(r.Text(), "realm org\n")
			golden(t, "connect/servers-"+name+".txt", steadySteps(connector+login.Text()))
		})
	}
}

// TestDiagnoseAfterAFault holds that what a login ends with is told where a server had
// failed before and it is not a step that fails in the end.
func TestDiagnoseAfterAFault(t *testing.T) {
	s, down := slapd.Start(t, slapd.Options{LDIF: personOf("exact", slapd.People, "labeledURI: Exact")}), slapd.Start(t, slapd.Options{})
	down.Stop(t)
	config := replace(t, directoryLines(s, "["+down.TLSURL+", "+s.TLSURL+"]"), "users: {", "users: {username_attribute: labeledURI, login_attributes: [uid], ")
	b := stack.NewBroker(t, program, orgConfig(config), nil)
	r := b.Command(t, "exact-password\n", "explain", "--login", "exact")
	if want := "=> cannot tell: clients get 503: the entry "; r.Code != 1 || !strings.Contains(r.Stdout, want) {
		t.Errorf("explain exits %d and prints\n%s\nwant %q", r.Code, r.Stdout, want)
	}
}

// TestDiagnoseTheUnknownAlone holds that nobody is looked for whom another connector knows.
func TestDiagnoseTheUnknownAlone(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	lines := func(base string) string {
		return replace(t, directoryLines(s, s.TLSURL), "'"+slapd.Suffix+"'", "'"+base+"'")
	}
	second := "      - name: second\n        type: ldap\n        config:\n" + indent(lines(slapd.People), "          ") + "\n    policy:"
	b := stack.NewBroker(t, program, replace(t, orgConfig(lines("ou=contractors,"+slapd.Suffix)), "    policy:", second), nil)
	for password, code := range map[string]int{"alice-password": 0, "a-guess": 1} {
		r := b.Command(t, password+"\n", "explain", "--login", "alice")
		if r.Code != code || strings.Contains(r.Stdout, "elsewhere") || !strings.Contains(r.Stdout, "does not know this name") {
			t.Errorf("explain exits %d and prints\n%s", r.Code, r.Stdout)
		}
	}
}
