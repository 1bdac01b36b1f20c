package ldap_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// templateConfig is a valid configuration with dn_template for the directory at url.
func templateConfig(url string) *ldap.Config {
	c := ldap.DefaultConfig()
	c.URL = connectors.OneOrMany{url}
	c.Users.DNTemplate = "uid={username},ou=people,dc=example"
	return c
}

func openTemplate(t *testing.T, c *ldap.Config, form connectors.UsernameForm) connectors.Directory {
	t.Helper()
	return openTemplateOf(t, c, connectors.Deps{Realm: "corp", Name: "directory", Form: form})
}

// openTemplateOf is openTemplate with what a connector is given besides.
func openTemplateOf(t *testing.T, c *ldap.Config, deps connectors.Deps) connectors.Directory {
	t.Helper()
	d, err := ldap.Open(c, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.(*ldap.Template).Close() })
	return d
}

func templateLogin(t *testing.T, d connectors.Directory, name string) (connectors.Identity, error) {
	t.Helper()
	a, err := d.Locate(t.Context(), name)
	if err != nil || a.Username != name || a.ID != "" {
		t.Fatalf("Locate(%q) = %+v, %v", name, a, err)
	}
	return d.Verify(t.Context(), a, secret(userPassword))
}

func TestTemplateIsNoResolver(t *testing.T) {
	d := openTemplate(t, templateConfig("ldap://127.0.0.1:9"), connectors.ASCIIUsernames)
	if _, ok := d.(connectors.Resolver); ok {
		t.Error("a directory that nobody may search resolves")
	}
	if _, err := ldap.New(templateConfig("ldap://127.0.0.1:9"), deps()); err == nil {
		t.Error("New takes dn_template")
	}
}

// TestTemplateDN holds that a name means itself in the DN and in every filter.
func TestTemplateDN(t *testing.T) {
	for name, c := range map[string]struct {
		template, username, want string
	}{
		"plain":       {"uid={username},ou=people,dc=example", "alice", "uid=alice,ou=people,dc=example"},
		"a plus":      {"uid={username},ou=people,dc=example", "a+b", `uid=a\+b,ou=people,dc=example`},
		"all of DN":   {"uid={username},dc=x", `a,b="c"<>;#\`, `uid=a\,b=\"c\"\<\>\;#\\,dc=x`},
		"at the ends": {"uid={username},dc=x", "# ", `uid=\#\ ,dc=x`},
		"NUL":         {"uid={username},dc=x", "a\x00", `uid=a\00,dc=x`},
		"UTF-8":       {"uid={username},dc=x", "łukasz", "uid=łukasz,dc=x"},
		"another":     {"CN={username}, o=Two\\, Three", "alice", "CN=alice, o=Two\\, Three"},
		"a braced":    {"uid={username},dc=x", "{username}", "uid={username},dc=x"},
	} {
		t.Run(name, func(t *testing.T) {
			bound := make(chan string, 1)
			cfg := templateConfig(listen(t, script{bind: func(dn, _ string) (int, string) { bound <- dn; return 49, "" }}.serve))
			cfg.Users.DNTemplate = c.template
			_, err := templateLogin(t, openTemplate(t, cfg, connectors.ASCIIUsernames), c.username)
			if got := <-bound; got != c.want || !reflect.DeepEqual(err, connectors.Reject(connectors.ReasonWrongPassword)) {
				t.Errorf("bound as %s, %v, want %s", got, err, c.want)
			}
		})
	}
}

// TestTemplateEntries signs in with entries of all kinds behind the DN.
func TestTemplateEntries(t *testing.T) {
	named := func(dn string, uid ...string) []record { return []record{person(dn, uid...)} }
	const dn = "uid=alice,ou=people,dc=example"
	for name, c := range map[string]struct {
		own      []record // what answers to users.filter
		any      []record // and to any filter
		code     int
		want     string // the user name
		rejected connectors.Reason
		outage   string
	}{
		"the entry":             {own: named(dn, "alice"), want: "alice"},
		"in upper case":         {own: named("uid=Alice,ou=people,dc=example", "Alice"), want: "alice"},
		"with another name too": {own: named(dn, "mallory", "alice"), want: "alice"},
		"of another name":       {own: named("cn=x,ou=people,dc=example", "bob"), rejected: connectors.ReasonAmbiguous},
		"named by another":      {own: named("uid=bob,ou=people,dc=example", "alice", "bob"), rejected: connectors.ReasonAmbiguous},
		"of a name that is none": {
			own: named("uid=a b,ou=people,dc=example", "a b"), rejected: connectors.ReasonBadUsername,
		},
		"outside the filter":  {any: named(dn, "alice"), rejected: connectors.ReasonRestricted},
		"cannot be seen":      {outage: `the user "alice" has signed in and may not read the entry "uid=alice,ou=people,dc=example", or not what filters name of it (objectClass); let people read their own entries (slapd: by self read) and groups (by users read)`},
		"no such object":      {code: 32, outage: `the user "alice" has signed in and may not read the entry`},
		"may not search":      {code: 50, outage: "reading the user's entry: result code 50 (insufficient access rights): people themselves may not search here"},
		"without a name":      {own: []record{{dn, map[string][]string{"entryUUID": {"1"}}}}, outage: "has no uid: check username_attribute, and that people themselves may read it"},
		"without an id":       {own: []record{{dn, map[string][]string{"uid": {"alice"}}}}, outage: "has 0 values of entryUUID, want one: check id_attribute, and that people themselves may read it"},
		"two for one":         {own: append(named(dn, "alice"), named("uid=bob,dc=x", "bob")...), outage: `the directory was asked for the entry "uid=alice,ou=people,dc=example" and sends others`},
		"a server in trouble": {code: 52, outage: "result code 52 (unavailable)"},
	} {
		t.Run(name, func(t *testing.T) {
			d := openTemplate(t, templateConfig(listen(t, script{search: func(base, filter string) ([]record, int) {
				if base != dn {
					t.Errorf("searched below %q", base)
				}
				if filter == "(objectClass=inetOrgPerson)" {
					return c.own, c.code
				}
				return c.any, c.code
			}}.serve)), connectors.ASCIIUsernames)
			id, err := templateLogin(t, d, "alice")
			switch {
			case c.outage != "":
				wantOutage(t, err, c.outage)
			case c.rejected != "" && !reflect.DeepEqual(err, connectors.Reject(c.rejected)):
				t.Errorf("error = %v, want a rejection for %s", err, c.rejected)
			case c.want != "" && (err != nil || id.Username != c.want || id.ID == "" || id.Connector != "directory"):
				t.Errorf("signs in as %+v, %v, want %s", id, err, c.want)
			}
		})
	}
}

// TestTemplateFixes holds that the trace of a login says what is at odds, by name.
func TestTemplateFixes(t *testing.T) {
	const dn = "uid=alice,ou=people,dc=example"
	const filter = "(&(objectClass=person)(|(!(employeeType=gone*))(mail=*@example.org)(uidNumber>=1)))"
	const restricted = "correct users.filter, if the entry is a person's who is to sign in"
	for name, c := range map[string]struct {
		bind   int
		own    []record // what answers to users.filter
		any    []record // and to any filter
		steps  string
		detail string // of the last step
		fix    string
	}{
		"the password": {
			bind: 49, steps: "connect password!", detail: "as " + dn,
			fix: "if the password is right and the account is not locked, no entry has this DN: check users.dn_template",
		},
		"a policy": {bind: 53, steps: "connect password!", detail: "as " + dn},
		"no person": {
			any:   []record{{dn, map[string][]string{"objectClass": {"device"}, "employeeType": {"x"}, "mail": {"x"}, "uidNumber": {"0"}}}},
			steps: "connect password search search entry!", detail: dn + ": does not match users.filter, " + filter, fix: restricted,
		},
		"hidden attributes": {
			any:   []record{{dn, map[string][]string{"objectclass": {"person"}, "employeeType": {"x"}}}},
			steps: "connect password search search entry!", detail: dn + ": does not match users.filter, " + filter + "; it shows no mail, uidNumber",
			fix: restricted + "; where it has mail, uidNumber, let people read that of their own entries (slapd: by self read)",
		},
		"another name": {
			own:   []record{person("uid=bob,ou=people,dc=example", "bob")},
			steps: "connect password search entry!", detail: "uid=bob,ou=people,dc=example: user name bob, id 11111111-2222-3333-4444-555555555555",
			fix: "the user signs in as bob, which the entry goes by; or correct its uid",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := templateConfig(listen(t, script{
				bind: func(string, string) (int, string) { return c.bind, "" },
				search: func(_, asked string) ([]record, int) {
					if asked == filter {
						return c.own, 0
					}
					return c.any, 0
				},
			}.serve))
			cfg.Users.Filter = filter
			d := openTemplate(t, cfg, connectors.ASCIIUsernames)
			ctx, steps := traced(t)
			_, err := d.Verify(ctx, connectors.Account{Username: "alice"}, secret(userPassword))
			last := (*steps)[len(*steps)-1]
			if got := names(*steps); !errors.Is(err, connectors.ErrRejected) || got != c.steps || last.Detail != c.detail || last.Fix != c.fix {
				t.Errorf("%v\n got %s; %s; %s\nwant %s; %s; %s", err, got, last.Detail, last.Fix, c.steps, c.detail, c.fix)
			}
		})
	}
}

// TestTemplateProbe holds what a probe tells of where dn_template puts people.
func TestTemplateProbe(t *testing.T) {
	for name, c := range map[string]struct {
		sees        func(base string) ([]record, int)
		detail, fix string
	}{
		"seen":   {func(string) ([]record, int) { return []record{alice()}, 0 }, "ou=people,dc=example exists", "try somebody with explain --login"},
		"hidden": {func(string) ([]record, int) { return nil, 50 }, "ou=people,dc=example: not seen without a password", "try somebody with explain --login"},
		"misspelt": {func(base string) ([]record, int) {
			if base == "dc=example" {
				return []record{{"ou=staff,dc=example", nil}}, 0
			}
			return nil, 32
		}, "ou=people,dc=example: not seen without a password", "try somebody with explain --login, or correct users.dn_template if it is wrong: dc=example exists, and has below it: ou=staff"},
	} {
		t.Run(name, func(t *testing.T) {
			d := openTemplate(t, templateConfig(listen(t, script{search: func(base, _ string) ([]record, int) { return c.sees(base) }}.serve)), connectors.ASCIIUsernames)
			ctx, steps := traced(t)
			err := d.(connectors.Prober).Probe(ctx)
			last := (*steps)[len(*steps)-1]
			if got := names(*steps); err != nil || got != "connect answer people" || last.Detail != c.detail || last.Fix != c.fix {
				t.Errorf("%v; %s; %s; %s\nwant %s; %s", err, got, last.Detail, last.Fix, c.detail, c.fix)
			}
		})
	}
}

// TestTemplateGroupsOfOneName holds that groups which list user names list the one that
// was typed, and no other of the entry's.
func TestTemplateGroupsOfOneName(t *testing.T) {
	asked := make(chan string, 1)
	cfg := templateConfig(listen(t, script{search: func(base, filter string) ([]record, int) {
		if base == "ou=groups,dc=example" {
			asked <- filter
			return nil, 0
		}
		return []record{person("uid=Mallory,ou=people,dc=example", "Mallory", "alice")}, 0
	}}.serve))
	cfg.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=example", MemberAttribute: "memberUid", MemberValue: "username"}
	if _, err := templateLogin(t, openTemplate(t, cfg, connectors.ASCIIUsernames), "mallory"); err != nil {
		t.Fatal(err)
	}
	if got := <-asked; strings.Contains(got, "alice") || !strings.Contains(got, "(memberUid=Mallory)") {
		t.Errorf("searched for %s, want the groups of Mallory alone", got)
	}
}

// TestTemplateConnections holds that every login has a connection of its own, and that
// there are no more at once than the bound.
func TestTemplateConnections(t *testing.T) {
	var accepted, ended atomic.Int64
	full, more := make(chan struct{}), make(chan struct{})
	answer := script{bind: func(string, string) (int, string) {
		<-more
		return 0, ""
	}}
	d := openTemplate(t, templateConfig(listen(t, func(c net.Conn) {
		if accepted.Add(1) == 16 {
			close(full)
		}
		answer.serve(c)
		ended.Add(1)
	})), connectors.ASCIIUsernames)
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() {
			if _, err := d.Verify(t.Context(), connectors.Account{Username: "alice"}, secret(userPassword)); err != nil {
				t.Error(err)
			}
		})
	}
	<-full
	time.Sleep(50 * time.Millisecond) // for those that must not come
	if n := accepted.Load(); n != 16 {
		t.Errorf("%d connections at once, want 16", n)
	}
	close(more)
	group.Wait()
	if n := accepted.Load(); n != 40 {
		t.Errorf("%d connections for 40 logins", n)
	}
	wantSoon(t, &ended, 40)
}

// wantSoon waits for a count: servers notice a little later that a connection is gone.
func wantSoon(t *testing.T, ended *atomic.Int64, want int64) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ended.Load() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections were closed, want %d", ended.Load(), want)
		}
	}
}

// TestTemplateHung has a directory answer no binds, and people log in all the time, each at a
// connector that was made anew: it is sent one password, and none of the others until it answers
// a bind.
func TestTemplateHung(t *testing.T) {
	t.Parallel()
	var binds atomic.Int64
	awake := make(chan struct{})
	c := templateConfig(listen(t, script{
		bind: func(_, password string) (int, string) {
			if password != "" {
				binds.Add(1)
			}
			<-awake
			return 0, ""
		},
		search: func(string, string) ([]record, int) { return []record{alice()}, 0 },
	}.serve))
	var d connectors.Directory
	process := connectors.Deps{Realm: "corp", Name: "directory", Hung: new(connectors.Hung)}
	for range 3 {
		d = openTemplateOf(t, c, process)
		if _, err := templateLogin(t, d, "alice"); !errors.Is(err, connectors.ErrUnreachable) {
			t.Errorf("while it hangs: error %v", err)
		}
	}
	if n := binds.Load(); n != 1 {
		t.Errorf("it was sent %d passwords while it hung, want 1", n)
	}
	close(awake)
	for range 2 {
		if _, err := templateLogin(t, d, "alice"); err != nil {
			t.Errorf("when it answers again: %v", err)
		}
	}
	if n := binds.Load(); n != 3 {
		t.Errorf("%d passwords, want one for each login since", n)
	}
}

// TestTemplateSearchesAsTheUser holds that each connection is bound once, before all
// searches, as the user of that login alone.
func TestTemplateSearchesAsTheUser(t *testing.T) {
	var mu sync.Mutex
	var steps []string
	note := func(step string) {
		mu.Lock()
		defer mu.Unlock()
		steps = append(steps, step)
	}
	cfg := templateConfig(listen(t, script{
		bind: func(dn, _ string) (int, string) { note("bind " + dn); return 0, "" },
		search: func(base, _ string) ([]record, int) {
			note("search " + base)
			if base == "ou=groups,dc=example" {
				return []record{group("ops")}, 0
			}
			name, _, _ := strings.Cut(strings.TrimPrefix(base, "uid="), ",")
			return []record{person(base, name)}, 0
		},
	}.serve))
	cfg.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=example"}
	d := openTemplate(t, cfg, connectors.ASCIIUsernames)
	for _, name := range []string{"alice", "bob"} {
		if id, err := templateLogin(t, d, name); err != nil || id.Username != name || !slices.Equal(id.Groups, []string{"ops"}) {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
	want := []string{
		"bind uid=alice,ou=people,dc=example", "search uid=alice,ou=people,dc=example", "search ou=groups,dc=example",
		"bind uid=bob,ou=people,dc=example", "search uid=bob,ou=people,dc=example", "search ou=groups,dc=example",
	}
	if !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
}

// TestTemplateOutages holds that what fails after the password was taken is the account's own,
// and that nothing is said of the directory where it does not answer any more.
func TestTemplateOutages(t *testing.T) {
	for code, silent := range map[int]bool{51: true, 80: false} {
		d := openTemplate(t, templateConfig(listen(t, searchCode(code).serve)), connectors.ASCIIUsernames)
		_, err := templateLogin(t, d, "alice")
		wantOutage(t, err, "")
		wantMark(t, err, silent)
		if !errors.Is(err, connectors.ErrOneAccount) {
			t.Errorf("code %d: error = %v, which is not the account's own", code, err)
		}
	}
}

// TestTemplateRefusals holds that what refuses a user here refuses one there.
func TestTemplateRefusals(t *testing.T) {
	for code, want := range map[int]connectors.Reason{
		49: connectors.ReasonWrongPassword, 32: connectors.ReasonUnknown, 34: connectors.ReasonUnknown, 53: connectors.ReasonRestricted,
	} {
		d := openTemplate(t, templateConfig(listen(t, script{bind: func(string, string) (int, string) { return code, "" }}.serve)), connectors.ASCIIUsernames)
		if _, err := templateLogin(t, d, "alice"); !reflect.DeepEqual(err, connectors.Reject(want)) {
			t.Errorf("code %d: error = %v, want a rejection for %s", code, err, want)
		}
	}
	mustChange := script{answer: func(string) []*ber.Packet { return []*ber.Packet{control(policyOID, []byte(mustChangeByPolicy))} }}
	var ended atomic.Int64
	d := openTemplate(t, templateConfig(listen(t, func(c net.Conn) { mustChange.serve(c); ended.Add(1) })), connectors.ASCIIUsernames)
	if _, err := templateLogin(t, d, "alice"); !reflect.DeepEqual(err, connectors.Reject(connectors.ReasonMustChange)) {
		t.Errorf("error = %v, want a rejection for %s", err, connectors.ReasonMustChange)
	}
	wantSoon(t, &ended, 1)
	d = openTemplate(t, templateConfig(listen(t, script{bind: func(_, password string) (int, string) { return 51, "not with " + password }}.serve)), connectors.ASCIIUsernames)
	_, err := templateLogin(t, d, "alice")
	wantOutage(t, err, "checking the password: result code 51 (busy)")
	d = openTemplate(t, templateConfig("ldap://127.0.0.1:9"), connectors.ASCIIUsernames)
	_, err = templateLogin(t, d, "alice")
	wantOutage(t, err, "cannot connect to 127.0.0.1:9")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Verify(ctx, connectors.Account{Username: "alice"}, secret(userPassword)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: error = %v", err)
	}
}

// TestTemplateReturns holds that work returns to the first server when that answers again,
// and not before.
func TestTemplateReturns(t *testing.T) {
	t.Parallel()
	var well atomic.Bool
	var looks, logins atomic.Int64
	state := func() int {
		if well.Load() {
			return 0
		}
		return 51
	}
	log := &logged{}
	cfg := templateConfig(listen(t, script{
		bind: func(string, string) (int, string) { logins.Add(1); return state(), "" },
		search: func(base, _ string) ([]record, int) {
			if base == "" {
				looks.Add(1)
			}
			return []record{alice()}, state()
		},
	}.serve))
	cfg.URL = append(cfg.URL, listen(t, script{}.serve))
	d, err := ldap.Open(cfg, connectors.Deps{Name: "directory", Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.(*ldap.Template).Close() })
	signsIn := func(want int64) {
		t.Helper()
		if _, err := templateLogin(t, d, "alice"); err != nil || logins.Load() != want {
			t.Errorf("%v, and %d logins at the first server, want %d", err, logins.Load(), want)
		}
	}
	back := func() bool { return strings.Contains(log.String(), "directory works again") }
	signsIn(1)
	waitUntil(t, "two looks", func() bool { return looks.Load() >= 2 || back() })
	signsIn(1)
	if back() {
		t.Errorf("taken back while it is busy:\n%s", log)
	}
	well.Store(true)
	waitUntil(t, "the first server", back)
	signsIn(2)
}

// waitUntil waits for what takes seconds at most.
func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}

// TestTemplateWordsWithoutPassword holds that a password which the directory says again,
// when it refuses a search, is not said further.
func TestTemplateWordsWithoutPassword(t *testing.T) {
	d := openTemplate(t, templateConfig(listen(t, script{
		search: func(string, string) ([]record, int) { return nil, 50 },
		words:  "no search for one who signs in with " + userPassword,
	}.serve)), connectors.ASCIIUsernames)
	_, err := templateLogin(t, d, "alice")
	wantOutage(t, err, "reading the user's entry: result code 50 (insufficient access rights): people themselves may not search here")
}

// TestAnonymousSearch holds that nobody signs in to search, and that the error says
// what to do where that is refused.
func TestAnonymousSearch(t *testing.T) {
	anonymous := func(s script) *ldap.Config {
		cfg := config(listen(t, s.serve))
		cfg.BindDN, cfg.BindPassword, cfg.AnonymousSearch = "", connectors.Secret{}, true
		return cfg
	}
	var bound []string
	d := open(t, anonymous(script{bind: func(dn, _ string) (int, string) { bound = append(bound, dn); return 0, "" }}))
	if _, err := login(t, d, "alice", userPassword); err != nil || !slices.Equal(bound, []string{alice().dn}) {
		t.Errorf("bound as %q, %v, want %q alone", bound, err, alice().dn)
	}
	const way = "; let them, or set bind_dn and bind_password in place of anonymous_search"
	for code, want := range map[int]string{
		1:  ": anonymous clients may not search here" + way,
		8:  ": anonymous clients may not search here" + way,
		48: ": anonymous clients may not search here" + way,
		50: ": anonymous clients may not search here" + way,
		53: ": anonymous clients may not search here" + way,
		32: ": the base_dn does not exist, or anonymous clients may not see it" + way,
		13: ": it wants an encrypted connection; use ldaps:// or start_tls: true",
		11: ": the directory's limits for anonymous clients are too low, or an index is missing; in slapd.conf: limits anonymous size.prtotal=unlimited",
	} {
		_, err := open(t, anonymous(script{search: func(string, string) ([]record, int) { return nil, code }})).Locate(t.Context(), "alice")
		if !strings.HasSuffix(text(err), want) {
			t.Errorf("code %d: error = %v, want %s", code, err, want)
		}
		wantOutage(t, err, "searching for the user: ")
	}
}
