package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestCheckConnectAccounts shows what is tried of the ways in which people are found
// and checked, and what is wrong with them.
func TestCheckConnectAccounts(t *testing.T) {
	open := slapd.Start(t, slapd.Options{Access: allRead})
	own := slapd.Start(t, slapd.Options{Access: selvesRead})
	listed := slapd.Start(t, slapd.Options{Access: listedRead})
	closed := slapd.Start(t, slapd.Options{Access: nobodyReads})
	s := slapd.Start(t, slapd.Options{})
	blind := slapd.Start(t, slapd.Options{Access: "access to attrs=pwdAccountLockedTime by * none\naccess to * by * read"})
	account := "bind_dn: '" + slapd.ServiceDN + "'\nbind_password: '" + slapd.ServicePassword + "'\n"
	people := func(more string) string { return "users: {base_dn: '" + slapd.People + "'" + more + "}\n" }
	template := "users: {dn_template: 'uid={username}," + slapd.People + "'}\n"
	misspelt := "users: {dn_template: 'uid={username},ou=poeple," + slapd.Suffix + "'}\n"
	withMail := "users: {dn_template: 'uid={username}," + slapd.People + "', filter: (mail=*)}\n"
	for name, c := range map[string]struct {
		server *slapd.Server
		lines  string
		args   []string // explain's after --login; empty: check
		code   int
	}{
		"anonymous":          {open, "anonymous_search: true\n" + people(""), nil, 0},
		"anonymous-refused":  {s, "anonymous_search: true\n" + people(""), nil, 1},
		"template":           {own, template, nil, 0},
		"template-user":      {own, template, []string{"--user", "alice"}, 0},
		"template-open":      {open, template, nil, 0},
		"template-misspelt":  {open, misspelt, nil, 0},
		"login-misspelt":     {own, misspelt, []string{"alice"}, 1},
		"login-listed":       {listed, template, []string{"alice"}, 0},
		"login-hidden-mail":  {listed, withMail, []string{"alice"}, 1},
		"login-printer":      {own, template, []string{"printer"}, 1},
		"login-template":     {own, template, []string{"alice"}, 0},
		"login-unreadable":   {closed, template, []string{"alice"}, 1},
		"policy":             {s, account + people(", disabled: ppolicy, password_policy: '"+defaultPolicy+"'"), nil, 0},
		"policy-missing":     {s, account + people(", disabled: ppolicy, password_policy: 'cn=none,"+slapd.Suffix+"'"), nil, 1},
		"policy-user-locked": {s, account + people(", disabled: ppolicy, password_policy: '"+defaultPolicy+"'"), []string{"--user", "locked"}, 1},
		"policy-user-unread": {blind, account + people(", disabled: ppolicy"), []string{"--user", "locked"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := stack.NewBroker(t, program, orgConfig("url: "+c.server.URL+"\n"+c.lines), nil)
			var r stack.Result
			switch {
			case len(c.args) == 1:
				r = b.Command(t, c.args[0]+"-password\n", "explain", "--login", c.args[0])
			default:
				r = b.Command(t, "", append([]string{"check", "--connect"}, c.args...)...)
			}
			hasPassword := func(name string) bool { return strings.Contains(r.Text(), name+"-password") }
			if r.Code != c.code || slices.ContainsFunc(c.args, hasPassword) {
				t.Errorf("exits %d, want %d, without a password: %s", r.Code, c.code, r.Text())
			}
			golden(t, "connect/accounts-"+name+".txt", steadySteps(r.Stdout+r.Stderr))
		})
	}
}
