package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// steadySteps is what check --connect and explain --login print, without what differs
// from run to run.
func steadySteps(text string, pairs ...string) string {
	text = strings.NewReplacer(pairs...).Replace(text)
	text = regexp.MustCompile(`/tmp/\S+/`).ReplaceAllString(text, "DIR/")
	text = regexp.MustCompile(`[ \d]{4}\.\d ms`).ReplaceAllString(text, "   0.0 ms")
	text = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(text, "127.0.0.1:PORT")
	text = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`).ReplaceAllString(text, "UUID")
	text = regexp.MustCompile(`(demands a client certificate: ).*`).ReplaceAllString(text, "${1}HUNG UP") // in one way or another
	return regexp.MustCompile(`until \d{4}-\d\d-\d\d`).ReplaceAllString(text, "until DATE")
}

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\n%s has\n%s", got, path, want)
	}
}

// connectCases are configurations for one slapd, and how they are wrong.
func connectCases(t *testing.T, s, down *slapd.Server) map[string]string {
	t.Helper()
	right := directoryLines(s, s.TLSURL)
	edit := func(old, with string) string { return replace(t, right, old, with) }
	return map[string]string{
		"right":             right,
		"wrong-base-dn":     edit("users: {base_dn: '"+slapd.Suffix+"'}", "users: {base_dn: 'ou=peple,"+slapd.Suffix+"'}"),
		"foreign-base-dn":   edit("users: {base_dn: '"+slapd.Suffix+"'}", "users: {base_dn: 'ou=people,dc=corp,dc=example'}"),
		"wrong-bind":        edit(slapd.ServicePassword, "not-the-password"),
		"wrong-filter":      edit("users: {", "users: {filter: (objectClass=posixAccount), "),
		"empty-base-dn":     edit("users: {base_dn: '"+slapd.Suffix+"'}", "users: {base_dn: 'uid=alice,"+slapd.People+"', scope: one}"),
		"wrong-authority":   replace(t, right, s.CAFile, down.CAFile),
		"wrong-attributes":  edit("users: {", "users: {username_attribute: sAMAccountName, id_attribute: objectGUID, "),
		"wrong-groups-base": edit(slapd.Groups, "cn=groups,"+slapd.Suffix),
		"wrong-groups":      edit("groups: {", "groups: {filter: (objectClass=group), "),
		"wrong-member":      edit("groups: {", "groups: {member_attribute: uniqueMember, "),
		"member-of":         edit("groups: {base_dn: '"+slapd.Groups+"', nested: true}", "groups: {base_dn: '"+slapd.Groups+"', from_attribute: memberOf}"),
		"usernames-as-dns":  edit("groups: {base_dn: '"+slapd.Groups+"', nested: true}", "groups: {base_dn: '"+slapd.PosixGroups+"', filter: (objectClass=posixGroup), member_attribute: memberUid}"),
		"names-as-members":  edit("nested: true", "member_attribute: objectClass"),
		"foreign-member-of": edit("groups: {base_dn: '"+slapd.Groups+"', nested: true}", "groups: {base_dn: '"+slapd.PosixGroups+"', from_attribute: memberOf}"),
		"unnamed-member-of": edit("nested: true", "from_attribute: memberOf, name_attribute: ou"),
		"scope-one":         edit("users: {", "users: {scope: one, "),
		"server-down":       directoryLines(down, down.TLSURL),
		"first-down":        strings.Replace(right, s.TLSURL, "["+down.TLSURL+", "+s.TLSURL+"]", 1),
		"no-tls":            edit(s.TLSURL, strings.Replace(s.URL, "ldap:", "ldaps:", 1)),
	}
}

// TestCheckConnect has check --connect find what is wrong with configurations for a
// real slapd. What it prints, testdata/connect has.
func TestCheckConnect(t *testing.T) {
	s, down := slapd.Start(t, slapd.Options{}), slapd.Start(t, slapd.Options{})
	down.Stop(t)
	fine := map[string]bool{"right": true, "member-of": true}
	for name, config := range connectCases(t, s, down) {
		t.Run(name, func(t *testing.T) {
			b := stack.NewBroker(t, program, orgConfig(config), nil)
			r := b.Command(t, "", "check", "--connect")
			if fine[name] != (r.Code == 0) || r.Stderr != "" || strings.Contains(r.Stdout, slapd.ServicePassword) {
				t.Errorf("check exits %d and says %q", r.Code, r.Stderr)
			}
			golden(t, "connect/"+name+".txt", steadySteps(r.Stdout))
			var told struct {
				Realms []struct {
					Connectors []struct {
						Verdict string `json:"verdict"`
						Steps   []struct {
							Error string `json:"error"`
						} `json:"steps"`
					} `json:"connectors"`
				} `json:"realms"`
			}
			j := b.Command(t, "", "check", "--connect", "--json")
			if err := json.Unmarshal([]byte(j.Stdout), &told); err != nil || j.Code != r.Code || len(told.Realms) != 1 || len(told.Realms[0].Connectors) != 1 {
				t.Fatalf("check --json exits %d and prints, %v,\n%s", j.Code, err, j.Stdout)
			}
			if c := told.Realms[0].Connectors[0]; (c.Verdict == "fine") != fine[name] || len(c.Steps) == 0 {
				t.Errorf("the connector is %q after %d steps", c.Verdict, len(c.Steps))
			}
		})
	}
}

// TestCheckConnectUser finds people without their passwords.
func TestCheckConnectUser(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	for name, code := range map[string]int{"alice": 0, "zoe": 1, "twin": 1, "printer": 1} {
		t.Run(name, func(t *testing.T) {
			b := stack.NewBroker(t, program, orgConfig(directoryLines(s, s.URL)+"start_tls: true\n"), nil)
			r := b.Command(t, "", "check", "--connect", "--user", name)
			if r.Code != code || r.Stderr != "" {
				t.Errorf("check exits %d and says %q", r.Code, r.Stderr)
			}
			golden(t, "connect/user-"+name+".txt", steadySteps(r.Stdout))
		})
	}
}

// TestCheckConnectAll holds that a connector which does not work keeps none of the
// others from being tried.
func TestCheckConnectAll(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	down := slapd.Start(t, slapd.Options{})
	down.Stop(t)
	config := orgConfig(directoryLines(down, down.TLSURL))
	second := replace(t, orgConfig(directoryLines(s, s.TLSURL)), "listen: '{{listen}}'\nmonitor: '{{monitor}}'\nrealms:\n", "", "name: org", "name: two", service, "two.example")
	second = replace(t, second, "    connectors:\n", "    connectors:\n      - {name: local, type: static, config: {file: users.yaml}}\n")
	b := stack.NewBroker(t, program, config+second, map[string]string{"users.yaml": example(t, "small-team/users.yaml")})
	r := b.Command(t, "", "check", "--connect")
	if r.Code != 1 {
		t.Errorf("check exits %d", r.Code)
	}
	golden(t, "connect/all.txt", steadySteps(r.Stdout))
}

// TestExplainLogin shows the way that logins take.
func TestExplainLogin(t *testing.T) {
	s, down := slapd.Start(t, slapd.Options{}), slapd.Start(t, slapd.Options{})
	down.Stop(t)
	configs := connectCases(t, s, down)
	for name, c := range map[string]struct {
		config, user, password string
		code                   int
	}{
		"right":          {"right", "alice", "alice-password", 0},
		"wrong-password": {"right", "alice", "canary-5e1f", 1},
		"unknown":        {"right", "zoe", "canary-5e1f", 1},
		"locked":         {"right", "locked", "locked-password", 1},
		"wrong-base-dn":  {"wrong-base-dn", "alice", "alice-password", 1},
		"wrong-bind":     {"wrong-bind", "alice", "alice-password", 1},
		"wrong-groups":   {"wrong-groups-base", "alice", "alice-password", 1},
		"first-down":     {"first-down", "alice", "alice-password", 0},
		"server-down":    {"server-down", "alice", "alice-password", 1},
	} {
		t.Run(name, func(t *testing.T) {
			config := replace(t, orgConfig(configs[c.config]), "    connectors:\n", "    connectors:\n      - {name: local, type: static, config: {file: users.yaml}}\n")
			b := stack.NewBroker(t, program, config, map[string]string{"users.yaml": replace(t, example(t, "small-team/users.yaml"), "username: alice", "username: ann")})
			r := b.Command(t, c.password+"\n", "explain", "--login", c.user, "repository:platform/app:pull")
			if r.Code != c.code || strings.Contains(r.Text(), c.password) || strings.Contains(r.Text(), slapd.ServicePassword) {
				t.Errorf("explain exits %d", r.Code)
			}
			golden(t, "connect/login-"+name+".txt", steadySteps(r.Stdout+r.Stderr))
			if j := b.Command(t, c.password+"\n", "explain", "--json", "--login", c.user, "repository:platform/app:pull"); j.Code != c.code || !json.Valid([]byte(j.Stdout)) || strings.Contains(j.Text(), c.password) {
				t.Errorf("explain --json exits %d and prints\n%s", j.Code, j.Stdout)
			}
		})
	}
}

// TestCheckConnectExpired has the password of the service account expire: its grace
// logins are not used up without a word.
func TestCheckConnectExpired(t *testing.T) {
	options := slapd.Options{LDIF: troubled(), Access: "access to * by users read by * none"}
	first, second := slapd.Start(t, options), slapd.Start(t, options)
	for name, url := range map[string]string{"one": first.URL, "several": "[" + first.URL + ", " + second.URL + "]"} {
		config := replace(t, directoryLines(first, url), slapd.ServiceDN, "uid=grace,"+slapd.People, slapd.ServicePassword, "grace-password", "ca_file: "+first.CAFile+"\n", "")
		b := stack.NewBroker(t, program, orgConfig(config), nil)
		r := b.Command(t, "", "check", "--connect")
		if r.Code != 0 || r.Stderr != "" {
			t.Errorf("check exits %d and says %q", r.Code, r.Stderr)
		}
		golden(t, "connect/expired-"+name+".txt", steadySteps(r.Stdout))
	}
}

// TestCheckConnectCertificates has a client certificate search, and none where one is
// demanded.
func TestCheckConnectCertificates(t *testing.T) {
	external, unasking := slapd.Start(t, demanding("registry")), slapd.Start(t, slapd.Options{})
	account := "bind_dn: " + slapd.ServiceDN + "\nbind_password: " + slapd.ServicePassword + "\n"
	certificate := func(name string) string {
		cert, key := external.IssueClient(t, name, 0)
		return replace(t, directoryLines(external, external.TLSURL), account, "client_certificate: {cert_file: "+cert+", key_file: "+key+"}\n")
	}
	for name, c := range map[string]struct {
		config string
		code   int
	}{
		"external":          {certificate("registry"), 0},
		"external-nobody":   {certificate("nobody"), 1},
		"external-demanded": {directoryLines(external, external.TLSURL), 1},
		"external-unasked":  {replace(t, certificate("registry"), external.TLSURL, unasking.TLSURL, external.CAFile, unasking.CAFile), 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := stack.NewBroker(t, program, orgConfig(c.config), nil)
			r := b.Command(t, "", "check", "--connect")
			if r.Code != c.code || r.Stderr != "" {
				t.Errorf("check exits %d and says %q", r.Code, r.Stderr)
			}
			golden(t, "connect/"+name+".txt", steadySteps(r.Stdout))
		})
	}
}
