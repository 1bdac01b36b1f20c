package webhook_test

import (
	"errors"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/webhook"
)

// TestContract runs the contract of connectors over each way to reach an endpoint, asking
// it for all that it knows and for the password alone.
func TestContract(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "people.sock")
	for name, way := range map[string]struct {
		start func(*httptest.Server)
		url   string // other than the server's
		alone bool   // verify is all that it is asked
	}{
		"TLS":          {start: overTLS},
		"plain HTTP":   {start: inClear},
		"unix socket":  {start: overSocket(t, socket), url: "unix://" + socket},
		"verify alone": {start: inClear, alone: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPeer(t, way.start)
			configured := func(tb testing.TB) *webhook.Config {
				c := p.configured(tb)
				c.Locate, c.Resolve = !way.alone, !way.alone
				if way.url != "" {
					c.URL = way.url
				}
				return c
			}
			connectortest.Run(t, connectortest.Fixture{
				Name: "people",
				New: func(tb testing.TB) connectors.Connector {
					return connect(tb, configured(tb), "a*", "c*", "nobody")
				},
				Down: func(tb testing.TB) connectors.Connector {
					c := configured(tb)
					c.URL, c.CAFile = "http://localhost:1", ""
					return connect(tb, c)
				},
				Good:          connectortest.Login{Username: "alice", Password: "alice-password"},
				Username:      "alice",
				Groups:        []string{"platform", "on-call"},
				WrongPassword: "wrong-canary-7f3a",
				Unknown:       "nobody",
				Unhandled:     "bob",
				Disabled:      connectortest.Login{Username: "carol", Password: "carol-password"},
				DisabledID:    map[bool]string{false: "9"}[way.alone],
				Spellings:     []string{"Alice", "ALICE"},
			})
		})
	}
}

// TestQuestions holds what is asked in each step.
func TestQuestions(t *testing.T) {
	p := startPeer(t, inClear)
	d := open(t, p.configured(t))
	want := func(w asked) {
		t.Helper()
		w.Version, w.Realm, w.Connector = 1, "corp", "people"
		if got, _ := p.lastAsked(); got != w {
			t.Errorf("asked %+v, want %+v", got, w)
		}
	}
	account, err := d.Locate(t.Context(), "alice")
	if err != nil || account.ID != "7" || account.Username != "alice" {
		t.Fatalf("Locate() = %+v, %v", account, err)
	}
	want(asked{Action: "locate", Username: "alice"})
	if _, err := d.Verify(t.Context(), account, connectors.NewSecret("alice-password")); err != nil {
		t.Fatal(err)
	}
	want(asked{Action: "verify", ID: "7", Username: "alice", Password: "alice-password"})
	if _, err := d.(connectors.Resolver).Resolve(t.Context(), "7"); err != nil {
		t.Fatal(err)
	}
	want(asked{Action: "resolve", ID: "7"})
	alone := p.configured(t)
	alone.Locate, alone.Resolve = false, false
	if _, err := login(t, connect(t, alone), "alice", "alice-password"); err != nil {
		t.Fatal(err)
	}
	want(asked{Action: "verify", Username: "alice", Password: "alice-password"})
	if _, can := open(t, alone).(connectors.Resolver); can {
		t.Error("an endpoint that does not resolve makes a Resolver")
	}
}

// TestPasswordsThatJSONCannotCarry are refused before anything is sent.
func TestPasswordsThatJSONCannotCarry(t *testing.T) {
	p := startPeer(t, inClear)
	d := open(t, p.configured(t))
	for _, password := range []string{"", "\x00", "alice-password\x00", "alice-password\xff"} {
		if _, err := d.Verify(t.Context(), connectors.Account{ID: "7", Username: "alice"}, connectors.NewSecret(password)); !errors.Is(err, connectors.ErrRejected) {
			t.Errorf("%q gives %v", password, err)
		}
	}
	if _, n := p.lastAsked(); n > 0 {
		t.Errorf("the endpoint was asked %d times", n)
	}
}

// TestIdsThatNobodyHas are asked of nobody.
func TestIdsThatNobodyHas(t *testing.T) {
	p := startPeer(t, inClear)
	r := open(t, p.configured(t)).(connectors.Resolver)
	for _, id := range []string{"", "\x00", "a\nb", "\xff", strings.Repeat("x", webhook.MaxText+1)} {
		if _, err := r.Resolve(t.Context(), id); !errors.Is(err, connectors.ErrGone) {
			t.Errorf("%.20q gives %v", id, err)
		}
	}
	if _, n := p.lastAsked(); n > 0 {
		t.Errorf("the endpoint was asked %d times", n)
	}
}

// TestTrace holds what an operator sees of a login.
func TestTrace(t *testing.T) {
	p := startPeer(t, inClear)
	c := connect(t, p.configured(t))
	for _, tt := range []struct{ username, password, want string }{
		{"alice", "alice-password", "ok locate URL: user name alice, id 7; ok verify URL: user name alice, id 7, groups: on-call, platform; "},
		{"alice", "a-guess", "ok locate URL: user name alice, id 7; FAIL verify URL (credentials rejected: wrong-password); "},
		{"zoe", "a-guess", "ok locate URL: knows nobody of that name; "},
	} {
		var got strings.Builder
		ctx := connectors.WithTrace(t.Context(), func(s connectors.Step) { got.WriteString(shown(s, p.URL)) })
		_, _ = c.Authenticate(ctx, connectors.Credentials{Username: tt.username, Password: connectors.NewSecret(tt.password)})
		if got.String() != tt.want {
			t.Errorf("%s: %s, want %s", tt.username, got.String(), tt.want)
		}
	}
}

// TestTraceOfResolve holds what an operator sees of an id that counts no more.
func TestTraceOfResolve(t *testing.T) {
	p := startPeer(t, inClear)
	r := open(t, p.configured(t)).(connectors.Resolver)
	var got strings.Builder
	ctx := connectors.WithTrace(t.Context(), func(s connectors.Step) { got.WriteString(shown(s, p.URL)) })
	_, err := r.Resolve(ctx, "8")
	const want = "ok resolve URL: gone: nobody has this id, or the account may not sign in; "
	if !errors.Is(err, connectors.ErrGone) || got.String() != want {
		t.Errorf("error %v, %s, want %s", err, got.String(), want)
	}
}

// shown puts a step into a line, with the word URL for the endpoint's address.
func shown(s connectors.Step, url string) string {
	text := "ok " + s.Name + " " + s.Detail
	if s.Err != nil {
		text = "FAIL " + s.Name + " " + s.Detail + " (" + s.Err.Error() + ")"
	}
	if s.Fix != "" {
		text += " -> " + s.Fix
	}
	return strings.ReplaceAll(text, url, "URL") + "; "
}

// TestProbe holds what check --connect says.
func TestProbe(t *testing.T) {
	for name, tt := range map[string]struct {
		answer  string
		careful bool // whether signatures are checked
		want    string
		fails   bool
	}{
		"ready": {
			`{"result":"ready","actions":["locate","verify","resolve"]}`, true,
			"ok probe URL: answers locate, verify, resolve; ok signature a question that is signed with another secret is refused; ", false,
		},
		"looks at no signature": {
			`{"result":"ready","actions":["locate","verify","resolve"]}`, false,
			"ok probe URL: answers locate, verify, resolve; ok signature a question that is signed with another secret is answered" +
				" -> have the endpoint check signatures: whoever reaches it can try passwords there; ", false,
		},
		"knows no probe": {
			`{"result":"unsupported"}`, true,
			"ok probe URL: answers, and has no probe by which to say more; ok signature a question that is signed with another secret is refused; ", false,
		},
		"cannot do what it is asked": {
			`{"result":"ready","actions":["verify"]}`, true,
			"FAIL probe URL (it does not answer locate, resolve) -> set locate and resolve as the endpoint has them; verify it must answer; ", true,
		},
		"unavailable": {`{"result":"unavailable"}`, true, "FAIL probe URL (it says that it is unavailable); ", true},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPeer(t, inClear)
			p.breakWith(p.answering(tt.answer, tt.careful))
			var got strings.Builder
			ctx := connectors.WithTrace(t.Context(), func(s connectors.Step) { got.WriteString(shown(s, p.URL)) })
			err := connect(t, p.configured(t)).(connectors.Prober).Probe(ctx)
			if (err != nil) != tt.fails || got.String() != tt.want {
				t.Errorf("error %v, steps\n%s\nwant\n%s", err, got.String(), tt.want)
			}
		})
	}
}

// TestAddressOnce holds that an error has the endpoint's address in front, and only there.
func TestAddressOnce(t *testing.T) {
	down := startPeer(t, inClear)
	c := down.configured(t)
	down.Close()
	socket := down.configured(t)
	socket.URL = "unix://" + filepath.Join(t.TempDir(), "none.sock")
	plain := startPeer(t, inClear).configured(t)
	plain.URL = strings.Replace(plain.URL, "http:", "https:", 1)
	odd := startPeer(t, inClear)
	odd.breakWith(odd.answering("{}", true))
	for _, tt := range []struct {
		config *webhook.Config
		want   string
	}{
		{c, "connect: connection refused: nothing listens there; check that it is up, and the port"},
		{socket, "connect: no such file or directory: there is no such socket; check that what makes it is up, and the path"},
		{plain, "tls: first record does not look like a TLS handshake: no TLS is spoken at this port"},
		{odd.configured(t), "its answer cannot be read: result is missing"},
	} {
		if _, err := login(t, connect(t, tt.config), "alice", "alice-password"); !isOutage(err) || err.Error() != tt.config.URL+": "+tt.want {
			t.Errorf("error %v, want %s: %s", err, tt.config.URL, tt.want)
		}
	}
}

// TestGroups are sorted, and each is there once, in the case that the endpoint has.
func TestGroups(t *testing.T) {
	p := startPeer(t, inClear)
	p.breakWith(p.answering(`{"result":"identity","id":"7","username":"ALICE","groups":["b","B","a","b","team/x"]}`, true))
	c := p.configured(t)
	c.Locate, c.Resolve = false, false
	id, err := login(t, connect(t, c), "alice", "alice-password")
	if want := []string{"B", "a", "b", "team/x"}; err != nil || !slices.Equal(id.Groups, want) || id.Username != "alice" {
		t.Errorf("%s has groups %q, error %v; want %q", id.Username, id.Groups, err, want)
	}
}
