package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/samba"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// startTLS turns a configuration for LDAPS into one for StartTLS.
func startTLS(c *ldap.Config) {
	for i, url := range c.URL {
		c.URL[i] = strings.Replace(url, "ldaps:", "ldap:", 1)
	}
	c.StartTLS = true
}

// testADContract runs the contract of connectors against Active Directory, over both
// ways to encrypt.
func testADContract(t *testing.T, d *samba.Domain) {
	disabled, err := openLDAP(t, adConfig(d)).Locate(t.Context(), "a-disabled")
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*ldap.Config){"LDAPS": func(*ldap.Config) {}, "StartTLS": startTLS} {
		t.Run(name, func(t *testing.T) {
			connect := func(port string) func(testing.TB) connectors.Connector {
				return func(tb testing.TB) connectors.Connector {
					cfg := adConfig(d) // both: Samba lets few wait to be connected, and the suite has fifty log in at once
					cfg.URL = append(cfg.URL, d.Controllers[1].URL())
					edit(cfg)
					for i := range cfg.URL {
						cfg.URL[i] += port
					}
					return guard.Password(openLDAP(tb, cfg), guard.Config{Usernames: []string{"a*", "no*"}})
				}
			}
			connectortest.Run(t, connectortest.Fixture{
				Name: "directory", New: connect(""), Down: connect(":1"),
				Good:          connectortest.Login{Username: `CORP\alice`, Password: "alice-password"},
				Username:      "alice",
				Groups:        []string{"domain users", "engineering", "everyone", "platform", "users"},
				WrongPassword: "wrong-canary-7f3a",
				Unknown:       "nobody",
				Disabled:      connectortest.Login{Username: "a-disabled", Password: "a-disabled-password"},
				DisabledID:    disabled.ID,
				Unhandled:     "bob",
				Spellings:     append(spellingsOfAlice(), "alice", "alice@corp.example", `corp\ALICE`, `EVIL\alice`, `CORP\\alice`, `\alice`, `CORP\alice@corp.example`),
			})
		})
	}
}

// testADNames holds that all that a person may type is one account.
func testADNames(t *testing.T, d *samba.Domain) {
	l := ldapConnector(t, adConfig(d))
	alice := mustSignIn(t, l, "alice")
	if alice.Username != "alice" || len(alice.ID) != 36 {
		t.Errorf("identity %+v", alice)
	}
	for _, typed := range []string{"Alice", "alice@corp.example", "ALICE@CORP.EXAMPLE", `CORP\alice`, `corp\Alice`} {
		if id, err := signIn(t, l, typed, "alice-password"); err != nil || !reflect.DeepEqual(id, alice) {
			t.Errorf("as %q: %+v, %v, want %+v", typed, id, err, alice)
		}
	}
	for typed, want := range map[string]string{"bob": "bob", "robert@corp.example": "bob", `CORP\bob`: "bob"} {
		if id, err := signIn(t, l, typed, "bob-password"); err != nil || id.Username != want {
			t.Errorf("as %q: %+v, %v", typed, id, err)
		}
	}
	for _, typed := range []string{"robert", `CORP\robert`, "bob@corp.example", "build@corp.example", "nobody"} {
		if _, err := signIn(t, l, typed, "bob-password"); !errors.Is(err, connectors.ErrNotMine) && !errors.Is(err, connectors.ErrRejected) {
			t.Errorf("as %q: %v, want nobody", typed, err)
		}
	}
	cfg := adConfig(d)
	cfg.Domain = ""
	if c := ldapConnector(t, cfg); c.Handles(connectors.Credentials{Username: `CORP\alice`}) {
		t.Error("without a domain, a name with one is taken")
	}
}

// testADGroups reads the groups in every way that there is.
func testADGroups(t *testing.T, d *samba.Domain) {
	const inGroups = "OU=Groups," + samba.Root
	no, yes := false, true
	for name, c := range map[string]struct {
		groups             ldap.Groups
		alice, bob, joiner []string
	}{
		// Not registry-admins, which alice is in through a distribution group alone.
		"as Windows has them": {
			ldap.Groups{BaseDN: samba.Root},
			[]string{"domain users", "engineering", "everyone", "platform", "users"},
			[]string{"domain users", "everyone", "left", "right", "users"},
			[]string{"domain users", "everyone", "inside", "outside", "users"},
		},
		"below a part": {
			ldap.Groups{BaseDN: inGroups},
			[]string{"engineering", "everyone", "platform"},
			[]string{"everyone", "left", "right"},
			[]string{"everyone", "inside"},
		},
		"of a filter": {ldap.Groups{BaseDN: samba.Root, Filter: "(cn=left)"}, nil, []string{"left"}, nil},
		"in chain, distribution groups as links": {
			ldap.Groups{BaseDN: inGroups, InChain: &yes},
			[]string{"engineering", "everyone", "platform", "registry-admins"},
			[]string{"everyone", "left", "right"},
			[]string{"everyone", "inside"},
		},
		"one after the other": {
			ldap.Groups{BaseDN: inGroups, Nested: true},
			[]string{"engineering", "everyone", "platform"},
			[]string{"everyone", "left", "right"},
			[]string{"everyone"},
		},
		"one after the other, none primary": {
			ldap.Groups{BaseDN: inGroups, Nested: true, PrimaryAttribute: "none"},
			[]string{"engineering", "platform"},
			[]string{"left", "right"},
			nil,
		},
		"direct ones": {
			ldap.Groups{BaseDN: samba.Root, InChain: &no},
			[]string{"domain users", "platform"},
			[]string{"domain users", "left"},
			[]string{"domain users", "outside"},
		},
		"from memberOf": {
			ldap.Groups{BaseDN: inGroups, FromAttribute: "memberOf"},
			[]string{"newsletter", "the platform"},
			[]string{"left"},
			nil,
		},
		"distribution groups too": {
			ldap.Groups{BaseDN: inGroups, Filter: "(objectClass=group)", Nested: true},
			[]string{"engineering", "everyone", "newsletter", "platform", "registry-admins"},
			[]string{"everyone", "left", "right"},
			[]string{"everyone"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := adConfig(d)
			cfg.Groups = &c.groups
			l := ldapConnector(t, cfg)
			for user, want := range map[string][]string{"alice": c.alice, "bob": c.bob, "joiner": c.joiner} {
				if id := mustSignIn(t, l, user); !slices.Equal(id.Groups, want) {
					t.Errorf("%s is in %q, want %q", user, id.Groups, want)
				}
			}
		})
	}
}

// adReasons are why Active Directory refuses accounts whose password is right.
func adReasons() map[string]connectors.Reason {
	return map[string]connectors.Reason{
		"a-disabled": connectors.ReasonDisabled, "a-expired": connectors.ReasonAccountExpired, "a-reset": connectors.ReasonMustChange,
		"a-old": connectors.ReasonExpired, "a-night": connectors.ReasonRestricted,
	}
}

// testADReasons holds why accounts are refused, and that a wrong password is one whatever
// else is the matter.
func testADReasons(t *testing.T, d *samba.Domain) {
	l := ldapConnector(t, adConfig(d))
	for user, want := range adReasons() {
		_, err := signIn(t, l, user, "wrong")
		wantReason(t, err, connectors.ReasonWrongPassword)
		_, err = signIn(t, l, user, user+"-password")
		wantReason(t, err, want)
	}
	mustSignIn(t, l, "a-guessed")
	for range 2 {
		_, err := signIn(t, l, "a-guessed", "wrong")
		wantReason(t, err, connectors.ReasonWrongPassword)
	}
	for _, password := range []string{"wrong", "a-guessed-password"} {
		_, err := signIn(t, l, "a-guessed", password)
		wantReason(t, err, connectors.ReasonLocked)
	}
}

// lockAD has wrong passwords lock a-locked, unless they have.
func lockAD(t *testing.T, d *samba.Domain) {
	t.Helper()
	l := ldapConnector(t, adConfig(d))
	for range 3 {
		_, _ = signIn(t, l, "a-locked", "wrong")
	}
	_, err := signIn(t, l, "a-locked", "a-locked-password")
	wantReason(t, err, connectors.ReasonLocked)
}

// testADLookups looks accounts up without a password: those that could not sign in are
// gone, but for those that wrong passwords have locked.
func testADLookups(t *testing.T, d *samba.Domain) {
	lockAD(t, d)
	directory := openLDAP(t, adConfig(d))
	id := func(name string) string {
		t.Helper()
		account, err := directory.Locate(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return account.ID
	}
	alice, err := directory.Resolve(t.Context(), id("alice@corp.example"))
	if want := mustSignIn(t, ldapConnector(t, adConfig(d)), "alice"); err != nil || !reflect.DeepEqual(alice, want) {
		t.Errorf("Resolve() = %+v, %v, want %+v", alice, err, want)
	}
	for user, want := range map[string]string{
		"a-disabled": "disabled (userAccountControl)", "a-expired": "the account has expired (accountExpires)",
		"a-reset": "the password has expired, or is to be changed", "a-old": "the password has expired, or is to be changed",
	} {
		if _, err := directory.Resolve(t.Context(), id(user)); !errors.Is(err, connectors.ErrGone) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want gone: %s", user, err, want)
		}
	}
	if locked, err := directory.Resolve(t.Context(), id("a-locked")); err != nil || locked.Username != "a-locked" {
		t.Errorf("whom wrong passwords have locked: %+v, %v", locked, err)
	}
	before := id("renamed")
	d.Modify(t, "dn: CN=renamed,OU=Staff,"+samba.Root+"\nchangetype: modify\nreplace: sAMAccountName\nsAMAccountName: rob\n")
	if renamed, err := directory.Resolve(t.Context(), before); err != nil || renamed.Username != "rob" || renamed.ID != before || id("rob") != before {
		t.Errorf("after a change of name: %+v, %v", renamed, err)
	}
}

// testADGuard holds that the guard of a connector sees through an address to the name of
// the account.
func testADGuard(t *testing.T, d *samba.Domain) {
	for _, c := range []struct {
		usernames []string
		typed     string
		who       string // empty: not the connector's
	}{
		{[]string{"a*"}, "alice", "alice"},
		{[]string{"a*"}, `CORP\alice`, "alice"},
		{[]string{"a*"}, "apple@other.example", ""}, // eve's
		{[]string{"a*", "*@other.example"}, "apple@other.example", ""},
		{[]string{"eve", "*@other.example"}, "apple@other.example", "eve"},
		{[]string{"*@other.example"}, "apple@other.example", "eve"},
		{[]string{"eve"}, "apple@other.example", ""},
		{[]string{"*@corp.example"}, "eve", ""},
	} {
		l := guard.Password(openLDAP(t, adConfig(d)), guard.Config{Usernames: c.usernames})
		password := "eve-password"
		if strings.HasSuffix(c.typed, "alice") {
			password = "alice-password"
		}
		login := connectors.Credentials{Username: c.typed, Password: connectors.NewSecret(password)}
		if !l.Handles(login) {
			if c.who != "" {
				t.Errorf("%q by %q is not handled", c.typed, c.usernames)
			}
			continue
		}
		id, err := l.Authenticate(t.Context(), login)
		if id.Username != c.who || c.who == "" && !errors.Is(err, connectors.ErrNotMine) || c.who != "" && err != nil {
			t.Errorf("%q by %q is %q, %v, want %q", c.typed, c.usernames, id.Username, err, c.who)
		}
	}
}

// testADTransports signs in over every port, and fails where passwords would be in clear.
func testADTransports(t *testing.T, d *samba.Domain) {
	want := mustSignIn(t, ldapConnector(t, adConfig(d)), "alice")
	for name, edit := range map[string]func(*ldap.Config){
		"StartTLS":                      startTLS,
		"global catalog":                func(c *ldap.Config) { c.URL[0] += ":3269" },
		"global catalog, with StartTLS": func(c *ldap.Config) { startTLS(c); c.URL[0] += ":3268" },
	} {
		cfg := adConfig(d)
		edit(cfg)
		if id := mustSignIn(t, ldapConnector(t, cfg), "alice"); !reflect.DeepEqual(id, want) {
			t.Errorf("%s: %+v, want %+v", name, id, want)
		}
	}
	cfg := adConfig(d)
	startTLS(cfg)
	cfg.StartTLS, cfg.CAFile, cfg.InsecurePlaintext = false, "", true
	if _, err := signIn(t, ldapConnector(t, cfg), "alice", "alice-password"); !isOutage(err) || !strings.Contains(err.Error(), "it wants an encrypted connection; use ldaps:// or start_tls: true") {
		t.Errorf("in clear: %v", err)
	}
}

// testADServiceAccount holds what an operator is told whose service account is refused.
func testADServiceAccount(t *testing.T, d *samba.Domain) {
	for bind, want := range map[string]string{
		"shorepass@corp.example wrong":                              "check bind_password, and that bind_dn is the DN or the user principal name of a user",
		"nobody@corp.example x":                                     "check bind_password, and that bind_dn is the DN or the user principal name of a user",
		`CORP\a-disabled a-disabled-password`:                       "it is disabled: enable it in the directory",
		`CORP\a-expired a-expired-password`:                         "it has expired: extend it in the directory",
		`CORP\a-reset a-reset-password`:                             "its password was reset: change it",
		`CORP\a-night a-night-password`:                             "its hours or workstations, or a policy, keep it from signing in here",
		"CN=old,OU=Staff," + samba.Root + " a-old-password":         "its password has expired: change it",
		"CN=Shorepass,OU=Staff," + samba.Root + " service-password": "",
		`CORP\shorepass service-password`:                           "",
	} {
		cfg := adConfig(d)
		cut := strings.LastIndex(bind, " ")
		cfg.BindDN, cfg.BindPassword = bind[:cut], connectors.NewSecret(bind[cut+1:])
		_, err := openLDAP(t, cfg).Locate(t.Context(), "alice")
		if want == "" && err != nil || want != "" && (!isOutage(err) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error = %v, want an outage that says %q", cfg.BindDN, err, want)
		}
	}
}

// adExample is examples/active-directory with the addresses of this domain.
func adExample(t *testing.T, d *samba.Domain) (config string, files map[string]string) {
	t.Helper()
	return replace(t, example(t, "active-directory/shorepass.yaml"),
		"listen: 0.0.0.0:5001", "listen: '{{listen}}'", "localhost:5002", "'{{monitor}}'",
		"public_url: https://login.corp.example", "public_url: http://{{listen}}",
		"ldaps://dc1.corp.example", d.Controllers[0].URL(), "ldaps://dc2.corp.example", d.Controllers[1].URL(),
		"corp-ca.pem", d.CAFile,
	), map[string]string{"policy.yaml": example(t, "active-directory/policy.yaml"), "ad-password": "service-password\n"}
}

// testADProgram runs the example: one person by all names, and one answer to all who are
// refused, the reason of which is in the audit log.
func testADProgram(t *testing.T, d *samba.Domain) {
	lockAD(t, d)
	config, files := adExample(t, d)
	b := stack.StartBroker(t, program, config, files)
	for _, typed := range []string{"alice", "alice@corp.example", `CORP\alice`} {
		a := b.Token(t, typed, "alice-password", service, "repository:platform/app:pull,push", "repository:home/alice/x:push", "repository:other/x:pull,push")
		claims := a.Claims(t)
		if access := fmt.Sprint(claims.Access); claims.Subject != "directory:alice" || access != "[{repository home/alice/x [push]} {repository other/x [pull]} {repository platform/app [pull push]}]" {
			t.Errorf("%s: %s, %s", typed, claims.Subject, access)
		}
	}
	alice := (&world{broker: b, registry: stack.StartRegistry(t, b, stack.V3)}).client(t)
	ok(t, alice.DockerLogin(`CORP\alice`, "alice-password"))
	if r := alice.In(t).DockerLogin(`EVIL\alice`, "alice-password"); r.Code == 0 {
		t.Error("another domain's name can log in")
	}
	refused := b.Token(t, "alice", "a-guess", service)
	reasons := adReasons()
	reasons[`EVIL\alice`], reasons["nobody"], reasons["a-locked"] = connectors.ReasonBadUsername, connectors.ReasonUnknown, connectors.ReasonLocked
	for user, want := range reasons {
		a := b.Token(t, user, user+"-password", service)
		if a.Status == http.StatusOK {
			t.Errorf("%s has a token", user) // which is not for the log
		} else if a.Status != http.StatusUnauthorized || a.Body != refused.Body || !reflect.DeepEqual(constantHeaders(a.Header), constantHeaders(refused.Header)) {
			t.Errorf("%s: %d %s %v, want what a wrong password is told", user, a.Status, a.Body, a.Header)
		}
		entries := b.Audit(t)
		if e := entries[len(entries)-1]; e.Username != user || e.Reason != string(want) {
			t.Errorf("%s: the audit log has %q of %q, want %q", user, e.Reason, e.Username, want)
		}
	}
}

// testADConnect compares what check and explain print with testdata/directories.
func testADConnect(t *testing.T, d *samba.Domain) {
	right, files := adExample(t, d)
	for name, c := range map[string]struct {
		config string
		args   []string
		stdin  string
		exit   int
	}{
		"check":            {right, []string{"check"}, "", 0},
		"connect":          {right, []string{"check", "--connect", "--user", `CORP\alice`}, "", 0},
		"connect-disabled": {right, []string{"check", "--connect", "--user", "a-disabled"}, "", 1},
		"connect-domain":   {right, []string{"check", "--connect", "--user", `EVIL\alice`}, "", 1},
		"login":            {right, []string{"explain", "--login", "alice@corp.example", "repository:platform/app:pull,push"}, "alice-password\n", 0},
		"login-expired":    {right, []string{"explain", "--login", "a-expired"}, "a-expired-password\n", 1},
		"connect-catalog":  {replace(t, right, d.Controllers[0].URL()+",", d.Controllers[0].URL()+":3269,"), []string{"check", "--connect"}, "", 0},
		"connect-password": {replace(t, right, "bind_dn: shorepass@corp.example", "bind_dn: 'CORP\\a-reset'", "{file: ad-password}", "a-reset-password"), []string{"check", "--connect"}, "", 1},
	} {
		b := stack.NewBroker(t, program, c.config, files)
		r := b.Command(t, c.stdin, c.args...)
		if r.Code != c.exit {
			t.Errorf("%s: exit code %d, want %d", name, r.Code, c.exit)
		}
		golden(t, "directories/ad-"+name+".txt", steadySID(steadySteps(r.Text(), d.Controllers[0].Host, "DC1", d.Controllers[1].Host, "DC2")))
	}
}

// steadySID leaves out identifiers, which are others each time.
func steadySID(text string) string {
	text = regexp.MustCompile(`objectGUID=(?:\\[0-9a-f]{2}){16}`).ReplaceAllString(text, "objectGUID=GUID")
	text = regexp.MustCompile(`S-1-5-21-\d+-\d+-\d+`).ReplaceAllString(text, "S-1-5-21-DOMAIN")
	return regexp.MustCompile(`\(objectSid=.*: `).ReplaceAllString(text, "(objectSid=SID)…: ")
}

// testADFailover stops the first domain controller: logins go to the second, and return.
func testADFailover(t *testing.T, d *samba.Domain) {
	cfg := adConfig(d)
	cfg.URL = append(cfg.URL, d.Controllers[1].URL())
	log := &stack.Buffer{}
	directory, err := ldap.Open(cfg, connectors.Deps{Name: "directory", Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	l := guard.Password(directory, guard.Config{})
	t.Cleanup(func() { _ = l.(io.Closer).Close() })
	want := mustSignIn(t, l, "alice")
	d.Controllers[0].Stop(t)
	for range 3 {
		begun := time.Now()
		if id := mustSignIn(t, l, "alice"); !reflect.DeepEqual(id, want) || time.Since(begun) > 4*time.Second {
			t.Errorf("at the second: %+v after %v, want %+v", id, time.Since(begun), want)
		}
	}
	_, err = signIn(t, l, "alice", "wrong")
	wantReason(t, err, connectors.ReasonWrongPassword)
	d.Controllers[0].Start(t)
	await(t, "line in the log that the first works again", func() bool { return strings.Contains(log.String(), "the directory works again") })
	mustSignIn(t, l, "alice")
}
