package ldap_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// traced returns a context and the steps that are reported to it.
func traced(t *testing.T) (context.Context, *[]connectors.Step) {
	t.Helper()
	var steps []connectors.Step
	return connectors.WithTrace(t.Context(), func(s connectors.Step) { steps = append(steps, s) }), &steps
}

// names are those of steps, with a mark where they failed.
func names(steps []connectors.Step) string {
	var all []string
	for _, s := range steps {
		if s.Err != nil {
			s.Name += "!"
		}
		all = append(all, s.Name)
	}
	return strings.Join(all, " ")
}

// TestTraceOfALogin holds which steps a login has, that each fault is told once, and
// that no secret is in them.
func TestTraceOfALogin(t *testing.T) {
	for name, c := range map[string]struct {
		serve script
		want  string
		fix   string // of the last step
	}{
		"well":                    {script{}, "connect bind search entry connect password", ""},
		"service account refused": {bindCodes(49, 0), "connect bind!", "check bind_dn and bind_password, and whether the account is locked"},
		"no such base":            {searchCode(32), "connect bind search!", "the base_dn does not exist, or the service account may not see it"},
		"nobody":                  {script{search: func(string, string) ([]record, int) { return nil, 0 }}, "connect bind search", ""},
		"no user name": {script{search: func(string, string) ([]record, int) {
			return []record{{alice().dn, map[string][]string{"entryUUID": {"1"}}}}, 0
		}}, "connect bind search entry!", ""},
		"wrong password": {bindCodes(0, 49), "connect bind search entry connect password!", ""},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, steps := traced(t)
			d := open(t, config(listen(t, c.serve.serve)))
			a, err := d.Locate(ctx, "alice")
			if err == nil {
				_, _ = d.Verify(ctx, a, secret(userPassword))
			}
			if got := names(*steps); got != c.want {
				t.Errorf("steps: %s, want %s", got, c.want)
			}
			if last := (*steps)[len(*steps)-1]; last.Fix != c.fix {
				t.Errorf("the fix is %q, want %q", last.Fix, c.fix)
			}
			if text := fmt.Sprint(*steps); strings.Contains(text, userPassword) || strings.Contains(text, servicePassword) {
				t.Errorf("a secret is in the steps: %s", text)
			}
		})
	}
}

// TestTraceOfAServerThatIsDown holds that the connection is the step that fails.
func TestTraceOfAServerThatIsDown(t *testing.T) {
	ctx, steps := traced(t)
	d := open(t, config("ldap://127.0.0.1:1"))
	_, _ = d.Locate(ctx, "alice")
	if got := names(*steps); got != "connect!" || !strings.Contains((*steps)[0].Fix, "nothing listens there") {
		t.Errorf("steps: %s, fix %q", got, (*steps)[0].Fix)
	}
}

// TestTraceOfSeveralServers holds that each server at fault has one step that failed, and
// that the words of a server, which may hold what it was sent, stay out of it.
func TestTraceOfSeveralServers(t *testing.T) {
	const down = "ldap://127.0.0.1:1"
	echo := script{bind: func(_, password string) (int, string) { return 51, password }}
	echoToPeople := script{bind: func(dn, password string) (int, string) {
		if dn == serviceDN {
			return 0, ""
		}
		return 51, password
	}}
	serve := func(s script) string { return listen(t, s.serve) }
	for name, c := range map[string]struct {
		urls []string
		want string
	}{
		"busy, well":          {[]string{serve(searchCode(51)), serve(script{})}, "connect bind server! connect bind search entry connect password"},
		"busy, down":          {[]string{serve(searchCode(51)), down}, "connect bind server! connect!"},
		"down, busy":          {[]string{down, serve(searchCode(51))}, "connect! connect bind server!"},
		"a busy bind, down":   {[]string{serve(echo), down}, "connect bind! connect!"},
		"busy binds of users": {[]string{serve(echoToPeople), serve(bindCodes(0, 52))}, "connect bind search entry connect server! connect server!"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, steps := traced(t)
			cfg := config("")
			cfg.URL = c.urls
			d := open(t, cfg)
			a, err := d.Locate(ctx, "alice")
			if err == nil {
				_, _ = d.Verify(ctx, a, secret(userPassword))
			}
			if got := names(*steps); got != c.want {
				t.Errorf("steps: %s, want %s", got, c.want)
			}
			if text := fmt.Sprint(*steps); strings.Contains(text, userPassword) || strings.Contains(text, servicePassword) {
				t.Errorf("a secret is in the steps: %s", text)
			}
		})
	}
}

// TestTraceOfSilence holds that there is something to do about servers which do not
// answer, or hang up.
func TestTraceOfSilence(t *testing.T) {
	t.Parallel()
	server, _ := authority(t)
	for name, c := range map[string]struct {
		serve     func(net.Conn)
		want, fix string
	}{
		"says nothing":     {misbehave(nil, false), "connect bind!", "it does not answer"},
		"is for TLS":       {overTLS(server), "connect bind!", "whether the port in url is one for ldaps://"},
		"hangs up at once": {misbehave(nil, true), "connect bind!", "it hangs up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, steps := traced(t)
			_, _ = open(t, config(listen(t, c.serve))).Locate(ctx, "alice")
			if got := names(*steps); got != c.want || !strings.Contains((*steps)[1].Fix, c.fix) {
				t.Errorf("steps: %+v, want %s and the fix %q", *steps, c.want, c.fix)
			}
		})
	}
}

// TestProbeOfASample holds that a sample of people whose groups do not count is advice
// where there are more people, and a fault where there are not.
func TestProbeOfASample(t *testing.T) {
	for name, c := range map[string]struct {
		people int
		want   string
	}{
		"all":  {99, "none of these people's groups is below groups.base_dn"},
		"some": {100, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var people []record
			for i := range c.people {
				p := person(fmt.Sprintf("uid=u%d,ou=people,dc=example", i), fmt.Sprint("u", i))
				p.attributes["memberOf"] = []string{"cn=staff,ou=elsewhere,dc=example"}
				people = append(people, p)
			}
			cfg := config(listen(t, script{search: func(string, string) ([]record, int) { return people, 0 }}.serve))
			cfg.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=example", FromAttribute: "memberOf"}
			ctx, steps := traced(t)
			err := open(t, cfg).Probe(ctx)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("Probe: %v, want %q", err, c.want)
			}
			i := slices.IndexFunc(*steps, func(s connectors.Step) bool { return s.Name == "users memberOf" })
			if i < 0 || !strings.Contains((*steps)[i].Fix, "one of them is cn=staff,ou=elsewhere,dc=example") {
				t.Errorf("the steps are %+v, want one with a fix", *steps)
			}
		})
	}
}

// TestProbe holds what a probe finds wrong with what a server holds, and what it says
// is there instead.
func TestProbe(t *testing.T) {
	const base = "ou=people,dc=example"
	people := []record{
		{"uid=a," + base, map[string][]string{"uid": {"a"}, "objectClass": {"top", "account"}}},
		{"uid=b," + base, map[string][]string{"uid": {"b"}, "objectClass": {"top", "account"}}},
	}
	for name, c := range map[string]struct {
		search func(base, filter string) ([]record, int)
		want   string
		fix    string // of the first step that failed
	}{
		"no such base": {
			func(b, _ string) ([]record, int) {
				if b == base {
					return nil, 32
				}
				return []record{{"ou=staff,dc=example", nil}}, 0
			},
			"connect bind users base!",
			"correct users.base_dn, or let the service account see it; dc=example exists, and has below it: ou=staff",
		},
		"the filter matches nothing": {
			func(_, filter string) ([]record, int) {
				if strings.Contains(filter, "inetOrgPerson") {
					return nil, 0
				}
				return people, 0
			},
			"connect bind users base users filter!",
			"correct users.filter; object classes there: account (2)",
		},
		"no ids": {
			func(string, string) ([]record, int) { return people, 0 },
			"connect bind users base users filter users uid users entryUUID!",
			"correct users.id_attribute, or let the service account read it; uid=a,ou=people,dc=example has objectClass, uid",
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, steps := traced(t)
			err := open(t, config(listen(t, script{search: c.search}.serve))).Probe(ctx)
			if got := names(*steps); err == nil || got != c.want {
				t.Errorf("steps: %s, %v, want %s", got, err, c.want)
			}
			i := slices.IndexFunc(*steps, func(s connectors.Step) bool { return s.Err != nil })
			if i < 0 || (*steps)[i].Fix != c.fix {
				t.Errorf("the steps are %+v, want one with the fix %q", *steps, c.fix)
			}
		})
	}
}
