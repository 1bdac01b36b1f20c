package pat_test

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLogin(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice, func(t *pat.Token) { t.Scopes = []string{"repository:team/**:pull", "registry:catalog:*"} })
		text, _ := pat.ParseText(secret)
		for _, typed := range []string{"alice", "bob", "", "gitlab-ci-token", "*", "\x00"} {
			c := connectors.Credentials{Username: typed, Password: secret}
			if !w.Handles(c) {
				t.Fatalf("a token that comes as %q is not handled", typed)
			}
			id, err := w.Authenticate(w.Context(), c)
			want := connectors.Identity{
				Connector: "directory", Via: "tokens", Kind: connectors.Person, ID: alice.ID, Username: "alice", Groups: []string{"platform", "audit"},
				Ceiling: connectors.Limited("repository:team/**:pull", "registry:catalog:*"), Token: text.ID(),
				Until: w.ledger.tokens[text.ID()].Expires,
			}
			if err != nil || !reflect.DeepEqual(id, want) {
				t.Fatalf("as %q: %+v, %v, want %+v", typed, id, err, want)
			}
		}
	})
}

func TestHandles(t *testing.T) {
	in(t, func(w *world) {
		for password, want := range map[string]bool{
			w.issue(alice).Reveal(): true, "srp_": true, "srp_cut-off": true, "srp_" + "x": true,
			"SRP_upper": true, " " + w.issue(alice).Reveal(): true, "ci:" + w.issue(alice).Reveal(): true, w.issue(alice).Reveal()[4:]: true,
			"srr_identity": false, "SRR_identity": false, "secret": false, "": false, " srp_": false,
		} {
			if got := w.Handles(connectors.Credentials{Username: "alice", Password: connectors.NewSecret(password)}); got != want {
				t.Errorf("Handles of %.12q… = %v", password, got)
			}
			if w.Handles(connectors.Credentials{Password: connectors.NewSecret(password), Refresh: true}) {
				t.Errorf("%.12q… is taken in a refresh grant", password)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	past := func(d time.Duration) time.Time { return time.Now().Add(-d) }
	tests := map[string]struct {
		edit   func(*pat.Token)
		from   netip.Addr
		reason connectors.Reason // empty: let in
	}{
		"revoked":                        {func(t *pat.Token) { t.Revoked = past(0) }, home, connectors.ReasonTokenRevoked},
		"revoked, by a clock ahead":      {func(t *pat.Token) { t.Revoked = past(-time.Hour) }, home, connectors.ReasonTokenRevoked},
		"expired a while ago":            {func(t *pat.Token) { t.Expires = past(time.Hour) }, home, connectors.ReasonTokenExpired},
		"expired this moment":            {func(t *pat.Token) { t.Expires = past(0) }, home, connectors.ReasonTokenExpired},
		"without an end":                 {func(t *pat.Token) { t.Expires = time.Time{} }, home, connectors.ReasonTokenExpired},
		"about to expire":                {func(t *pat.Token) { t.Expires = past(-time.Nanosecond) }, home, ""},
		"of the network":                 {networks("192.0.2.0/24", "10.0.0.0/8"), home, ""},
		"of the network, as IPv6":        {networks("10.0.0.0/8"), netip.MustParseAddr("::ffff:10.0.0.1"), ""},
		"of an IPv6 network":             {networks("2001:db8::/32"), netip.MustParseAddr("2001:db8::1"), ""},
		"of another network, by IPv6":    {networks("192.0.2.0/24", "2001:db8::/32"), netip.MustParseAddr("2001:db9::1"), connectors.ReasonTokenNetwork},
		"with a zone":                    {networks("fe80::/10"), netip.MustParseAddr("fe80::1%eth0"), ""},
		"of another network":             {networks("192.0.2.0/24"), home, connectors.ReasonTokenNetwork},
		"of nobody knows where":          {networks("0.0.0.0/0", "::/0"), netip.Addr{}, connectors.ReasonTokenNetwork},
		"without networks, from nowhere": {networks(), netip.Addr{}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				secret := w.issue(alice)
				w.login(secret) // so that its owner's name is known
				text, _ := pat.ParseText(secret)
				token := w.ledger.tokens[text.ID()]
				tt.edit(&token)
				w.ledger.tokens[text.ID()] = token
				asked := w.directory.count()
				id, err := w.Authenticate(w.Context(), connectors.Credentials{Password: secret, RemoteIP: tt.from})
				told, refused := w.Rights(w.Context(), text.ID(), tt.from)
				if tt.reason == "" {
					if err != nil || refused != nil || !reflect.DeepEqual(told, id) {
						t.Errorf("%v; told: %v, %v; want %v", err, told, refused, id)
					}
					return
				}
				wantReason(t, refused, tt.reason)
				known := wantReason(t, err, tt.reason).Known
				if known == nil || known.Token != text.ID() || known.Username != "alice" || known.Connector != "directory" || known.Via != "tokens" {
					t.Errorf("for the record: %+v", known)
				}
				if w.directory.count() != asked {
					t.Error("the directory was asked about the owner of a token that does not count")
				}
			})
		})
	}
}

// What a token may do is told without its secret, of the account whatever its name, and is
// no use of it.
func TestRights(t *testing.T) {
	in(t, func(w *world) {
		text, _ := pat.ParseText(w.issue(alice))
		if _, err := w.Rights(w.Context(), "000000000000", home); !errors.Is(err, pat.ErrNoToken) {
			t.Errorf("of none: %v", err)
		}
		w.directory.people[alice.ID] = person(alice, "alice.smith", "audit")
		w.directory.people["id-of-the-next"] = person(pat.Account{Connector: "directory", ID: "id-of-the-next"}, "alice", "platform")
		id, err := w.Rights(w.Context(), text.ID(), home)
		if err != nil || id.ID != alice.ID || id.Username != "alice.smith" || !slices.Equal(id.Groups, []string{"audit"}) {
			t.Errorf("%+v, %v", id, err)
		}
		pass(2 * time.Minute)
		if len(w.ledger.uses) > 0 {
			t.Errorf("uses: %v", w.ledger.uses)
		}
	})
}

// An owner by a name that the realm does not take has no rights, and the log says it once.
func TestOwnerWithAnotherName(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.directory.people[alice.ID] = person(alice, "alice schmidt", "platform")
		for range 3 {
			w.refuses(secret, connectors.ReasonOwnerGone)
		}
		if n := w.log.count("have the connector give another one"); n != 1 {
			t.Errorf("the log says so %d times", n)
		}
	})
}

func networks(texts ...string) func(*pat.Token) {
	return func(t *pat.Token) {
		for _, text := range texts {
			t.Networks = append(t.Networks, netip.MustParsePrefix(text))
		}
	}
}

// TestExpiresWhileInUse holds that time is looked at at every use.
func TestExpiresWhileInUse(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice, func(t *pat.Token) { t.Expires = time.Now().Add(time.Minute) })
		w.wants(secret, "platform", "audit")
		pass(time.Minute - time.Second)
		w.wants(secret, "platform", "audit")
		pass(time.Second)
		w.refuses(secret, connectors.ReasonTokenExpired)
	})
}

// TestWhatLooksLikeATokenReachesNothing tries ten thousand random texts of a token's form:
// what fails the checksum does not even reach the database.
func TestWhatLooksLikeATokenReachesNothing(t *testing.T) {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	random := rand.New(rand.NewPCG(1, 2))
	in(t, func(w *world) {
		w.issue(alice)
		for i := range 10_000 {
			text := []byte(connectors.AccessTokenPrefix)
			for range 50 - i%3 { // some are cut off
				text = append(text, digits[random.IntN(len(digits))])
			}
			r := w.refuses(connectors.NewSecret(string(text)), connectors.ReasonBadToken)
			if r.Known != nil {
				t.Fatal("something is known of it")
			}
		}
		if w.ledger.reads+w.ledger.looks+w.directory.count() != 0 {
			t.Errorf("%d tokens and %d owners were read, and the directory was asked %d times", w.ledger.reads, w.ledger.looks, w.directory.count())
		}
	})
}

// TestUnknownTokens holds that a token which nobody has, and one whose secret is another,
// reach the database alone.
func TestUnknownTokens(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		text, _ := pat.ParseText(secret)
		other := pat.NewText() // the hash of another text: an id with another secret
		token := w.ledger.tokens[text.ID()]
		token.ID, token.Hash = other.ID(), text.Hash()
		w.ledger.tokens[other.ID()] = token
		for name, secret := range map[string]connectors.Secret{"unknown id": pat.NewText().Secret(), "wrong secret": other.Secret()} {
			before := w.ledger.reads
			if r := w.refuses(secret, connectors.ReasonBadToken); r.Known != nil {
				t.Errorf("%s: something is known of it: %+v", name, r.Known)
			}
			if w.ledger.reads != before+1 {
				t.Errorf("%s: %d reads", name, w.ledger.reads-before)
			}
		}
		if w.ledger.looks != 0 || w.directory.count() != 0 {
			t.Error("an owner was looked for")
		}
	})
}

func TestDatabaseDown(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		w.ledger.setDown(true)
		w.fails(secret)
		if err := w.Probe(w.Context()); err == nil {
			t.Error("the database is found to be well")
		}
		w.ledger.setDown(false)
		if err := w.Probe(w.Context()); err != nil {
			t.Error(err)
		}
		w.wants(secret, "platform", "audit")
	})
}

// TestOwnersUnread holds that a database which cannot tell of owners keeps nobody out whom
// the directory knows.
func TestOwnersUnread(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice)
		tokens, owners := w.ledger, &ledger{down: true}
		m := pat.NewMemory(tokens, owners, w.logger())
		defer m.Close()
		c := w.connector(m)
		defer c.Close()
		id, err := c.Authenticate(w.Context(), connectors.Credentials{Password: secret})
		if err != nil || id.Username != "alice" {
			t.Errorf("%+v, %v", id, err)
		}
		for name, secret := range map[string]connectors.Secret{"of a login": w.issue(carol), "with groups of its own": w.issue(carol, fixed("platform"))} {
			owners.owners = map[pat.Account]pat.Owner{}
			m := pat.NewMemory(tokens, owners, w.logger())
			c := w.connector(m)
			if _, err := c.Authenticate(w.Context(), connectors.Credentials{Password: secret}); err == nil || connectorsAnswer(err) {
				t.Errorf("%s: error = %v, want an outage", name, err)
			}
			_, _ = c.Close(), m.Close()
		}
	})
}

func TestNotOpen(t *testing.T) {
	in(t, func(w *world) {
		m := pat.NewMemory(nil, nil, w.logger())
		c := pat.New(w.config, connectors.Deps{Realm: realm, Name: "tokens", Logger: w.logger()}, m)
		defer c.Close()
		c.LoggedIn(person(carol, "carol"), time.Now())
		if _, err := c.Authenticate(w.Context(), connectors.Credentials{Password: pat.NewText().Secret()}); err == nil || connectorsAnswer(err) {
			t.Errorf("error = %v, want an outage", err)
		}
		if err := c.Probe(w.Context()); err == nil {
			t.Error("it is found to be well")
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestSteps holds what an operator is shown.
func TestSteps(t *testing.T) {
	in(t, func(w *world) {
		secret := w.issue(alice, networks("10.0.0.0/8"))
		var steps []string
		trace := func(s connectors.Step) {
			text := s.Name + ": " + s.Detail
			if s.Err != nil {
				text += ": " + s.Err.Error()
			}
			steps = append(steps, text)
		}
		text, _ := pat.ParseText(secret)
		ctx := connectors.WithTrace(w.Context(), trace)
		if _, err := w.Authenticate(ctx, connectors.Credentials{Password: secret, RemoteIP: home}); err != nil {
			t.Fatal(err)
		}
		w.directory.become(func() { delete(w.directory.people, alice.ID) })
		pass(time.Hour)
		_, _ = w.Authenticate(ctx, connectors.Credentials{Password: secret, RemoteIP: home})
		_, _ = w.Authenticate(ctx, connectors.Credentials{Password: pat.NewText().Secret()})
		token := "token: " + text.ID() + ` "ci" of an account of directory, for repository:**:*, until 2000-03-31T00:00:00Z, from 10.0.0.0/8`
		want := []string{
			token, "owner: directory:alice, groups: platform, audit, known since 2000-01-01T00:00:00Z",
			token, "owner: the account id-alice of directory: credentials rejected: owner-gone",
			"token: by its id, and the hash of its text: credentials rejected: bad-token",
		}
		if !slices.Equal(steps, want) {
			t.Errorf("got\n%q\nwant\n%q", steps, want)
		}
	})
}
