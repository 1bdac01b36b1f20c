package access_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

func TestCreate(t *testing.T) {
	w := newWorld(t, "")
	uid := uint32(1000)
	s := spec("directory:Alice", "ci")
	s.Networks, s.Expires = []string{"10.0.0.0/8", "192.0.2.7"}, "30d"
	c := w.made(t, access.Actor{RequestID: "r1", UID: &uid}, s)
	want := access.Token{
		ID: c.Token.ID, Realm: "corp", Owner: "directory:alice", Name: "ci", Scopes: []string{"repository:platform/**:pull"},
		Networks: []string{"10.0.0.0/8", "192.0.2.7/32"}, Created: w.now, CreatedBy: "administrator", Expires: w.now.AddDate(0, 0, 30), Status: access.Live,
	}
	if fmt.Sprint(c.Token) != fmt.Sprint(want) {
		t.Errorf("made %v\nwant %v", c.Token, want)
	}
	text, ok := pat.ParseText(c.Secret)
	row, err := w.store.Token(t.Context(), "corp", c.Token.ID)
	if !ok || err != nil || row.Hash != text.Hash() || text.ID() != c.Token.ID {
		t.Errorf("what is kept does not fit the secret: %v, %v", row, err)
	}
	if o := w.owner(t, row.Account); row.Account.Connector != "directory" || o.Username != "alice" || !slices.Equal(o.Groups, []string{"platform"}) || !o.Seen.Equal(w.now) {
		t.Errorf("account %v, owner %v", row.Account, o)
	}
	e := w.last(t)
	if e.Act != "create-token" || e.Reason != "" || e.Outcome != "granted" || e.Kind != "administrator" || *e.UID != uid || e.RequestID != "r1" ||
		e.Token != c.Token.ID || e.Owner != "directory:alice" || !slices.Equal(e.Asked, s.Scopes) || !e.Expires.Equal(row.Expires) || e.Subject != "" {
		t.Errorf("recorded %+v", e)
	}
}

// TestRefused holds for each refusal what is said, which field it is about, and that it
// is recorded.
func TestRefused(t *testing.T) {
	secret := pat.NewText().Secret().Reveal()
	change := func(f func(*access.Spec)) access.Spec {
		s := spec("directory:alice", "ci")
		f(&s)
		return s
	}
	token := signedIn("alice")
	token.Identity.Via = "tokens"
	robot := signedIn("alice")
	robot.Identity.Kind = connectors.Robot
	ceiling := signedIn("alice")
	ceiling.Identity.Ceiling = connectors.Limited("repository:**:*")
	self := func(f func(*access.Spec)) access.Spec {
		return change(func(s *access.Spec) { s.Owner = ""; f(s) })
	}
	for _, tt := range []struct {
		name  string
		by    access.Actor
		spec  access.Spec
		kind  broker.Kind
		field string
		want  string
	}{
		{"no such realm", access.Actor{}, change(func(s *access.Spec) { s.Realm = "nowhere" }), broker.NotFound, "realm", `there is no realm "nowhere"`},
		{"a realm without tokens", access.Actor{}, change(func(s *access.Spec) { s.Realm = "plain" }), broker.NotFound, "realm", "- name: tokens\n        type: pat"},
		{"no owner", access.Actor{}, change(func(s *access.Spec) { s.Owner = "" }), broker.Malformed, "owner", "name the owner as connector:username"},
		{"an owner without connector", access.Actor{}, change(func(s *access.Spec) { s.Owner = "alice" }), broker.Malformed, "owner", "the connectors of the realm are directory, sso, broken"},
		{"an owner who is no name", access.Actor{}, change(func(s *access.Spec) { s.Owner = "directory:al ice" }), broker.Malformed, "owner", `"al ice" is not a user name`},
		{"no such connector", access.Actor{}, change(func(s *access.Spec) { s.Owner = "ldap:alice" }), broker.NotFound, "owner", `realm corp has no connector "ldap"`},
		{"the tokens' connector", access.Actor{}, change(func(s *access.Spec) { s.Owner = "tokens:alice" }), broker.NotFound, "owner", `no connector "tokens" with accounts`},
		{"nobody of that name", access.Actor{}, change(func(s *access.Spec) { s.Owner = "directory:dora" }), broker.NotFound, "owner", `connector directory knows nobody by the name "dora"`},
		{"a disabled owner", access.Actor{}, change(func(s *access.Spec) { s.Owner = "directory:carol" }), broker.NotFound, "owner", "directory:carol may not sign in"},
		{"an outage", access.Actor{}, change(func(s *access.Spec) { s.Owner = "broken:alice" }), broker.Unavailable, "owner", "connection refused"},
		{"an owner who was never seen", access.Actor{}, change(func(s *access.Spec) { s.Owner = "sso:alice" }), broker.NotFound, "owner", "have them log in once, or name their groups (--group)"},
		{"groups where they can be looked up", access.Actor{}, change(func(s *access.Spec) { s.Groups = []string{"platform"} }), broker.Malformed, "groups", "leave out the groups"},
		{"groups of another connector", access.Actor{}, change(func(s *access.Spec) { s.Owner = "sso:alice"; s.Groups = []string{"directory:ops"} }), broker.Malformed, "groups", "an account of sso has no groups of directory"},
		{"an empty group", access.Actor{}, change(func(s *access.Spec) { s.Owner = "sso:alice"; s.Groups = []string{"sso: "} }), broker.Malformed, "groups", "no name of a group"},
		{"fixed groups for long", access.Actor{}, change(func(s *access.Spec) { s.Owner = "sso:alice"; s.Groups = []string{"ops"}; s.Expires = "31d" }), broker.Malformed, "expires", "at most 30 days"},
		{"no name", access.Actor{}, change(func(s *access.Spec) { s.Name = "" }), broker.Malformed, "name", "name of the token is missing"},
		{"a long name", access.Actor{}, change(func(s *access.Spec) { s.Name = strings.Repeat("é", 65) }), broker.Malformed, "name", "1 to 64 visible characters"},
		{"an invisible name", access.Actor{}, change(func(s *access.Spec) { s.Name = "a\u202eb" }), broker.Malformed, "name", "1 to 64 visible characters"},
		{"a name for the terminal", access.Actor{}, change(func(s *access.Spec) { s.Name = "a\x1b[2J" }), broker.Malformed, "name", "has control characters"},
		{"a name with a tabulator", access.Actor{}, change(func(s *access.Spec) { s.Name = "a\tb" }), broker.Malformed, "name", "has control characters"},
		{"a group for the terminal", access.Actor{}, change(func(s *access.Spec) { s.Owner = "sso:alice"; s.Groups = []string{"a\u009b2J"} }), broker.Malformed, "groups", "has control characters"},
		{"part of a token as a name", access.Actor{}, change(func(s *access.Spec) { s.Name = "ci srp_" + strings.Repeat("0", 32) }), broker.Malformed, "name", "name holds an access token, or part of one"},
		{"a mistyped token as a group", access.Actor{}, change(func(s *access.Spec) { s.Groups = []string{strings.ToUpper(secret)[:54] + "?"} }), broker.Malformed, "groups", "groups holds an access token"},
		{"spaces around a name", access.Actor{}, change(func(s *access.Spec) { s.Name = " ci" }), broker.Malformed, "name", "1 to 64 visible characters"},
		{"a token as a name", access.Actor{}, change(func(s *access.Spec) { s.Name = "ci-srp_" + secret }), broker.Malformed, "name", "name holds an access token"},
		{"a token as a scope", access.Actor{}, change(func(s *access.Spec) { s.Scopes = []string{"repository:" + secret + ":pull"} }), broker.Malformed, "scopes", "scopes holds an access token"},
		{"no scope", access.Actor{}, change(func(s *access.Spec) { s.Scopes = nil }), broker.Malformed, "scopes", "repository:**:* and registry:catalog:* for all"},
		{"two scopes in one", access.Actor{}, change(func(s *access.Spec) { s.Scopes = []string{"repository:a:pull repository:b:pull"} }), broker.Malformed, "scopes", "give each by itself"},
		{"too much of everything", access.Actor{}, change(func(s *access.Spec) {
			s.Scopes = slices.Repeat([]string{"repository:" + strings.Repeat("a", 200) + ":pull"}, 30)
			s.Groups = slices.Repeat([]string{strings.Repeat("g", 100)}, 20)
		}), broker.Malformed, "groups", "more than 8192 bytes"},
		{"an unreadable scope", access.Actor{}, change(func(s *access.Spec) { s.Scopes = append(s.Scopes, "repository:x:pul") }), broker.Malformed, "scopes", `did you mean "pull"?`},
		{"many scopes", access.Actor{}, change(func(s *access.Spec) { s.Scopes = slices.Repeat(s.Scopes, 101) }), broker.Malformed, "scopes", "more than 100"},
		{"a long scope", access.Actor{}, change(func(s *access.Spec) { s.Scopes = []string{"repository:" + strings.Repeat("a", 300) + ":pull"} }), broker.Malformed, "scopes", "longer than 300 bytes"},
		{"no network", access.Actor{}, change(func(s *access.Spec) { s.Networks = []string{"10.0.0.0/33"} }), broker.Malformed, "networks", "neither an address nor a network"},
		{"a network with bits too many", access.Actor{}, change(func(s *access.Spec) { s.Networks = []string{"10.1.0.0/8"} }), broker.Malformed, "networks", "write 10.0.0.0/8"},
		{"a mapped network", access.Actor{}, change(func(s *access.Spec) { s.Networks = []string{"::ffff:10.0.0.0/104"} }), broker.Malformed, "networks", "neither an address nor a network"},
		{"no time", access.Actor{}, change(func(s *access.Spec) { s.Expires = "soon" }), broker.Malformed, "expires", `"soon" is neither a duration such as 30d or 12h, nor a date such as 2026-04-01`},
		{"a number of nothing", access.Actor{}, change(func(s *access.Spec) { s.Expires = "30" }), broker.Malformed, "expires", "neither a duration"},
		{"at once", access.Actor{}, change(func(s *access.Spec) { s.Expires = "59s" }), broker.Malformed, "expires", "is not a minute from now"},
		{"for no time", access.Actor{}, change(func(s *access.Spec) { s.Expires = "0s" }), broker.Malformed, "expires", "is not a minute from now"},
		{"a day that was", access.Actor{}, change(func(s *access.Spec) { s.Expires = "2026-02-28" }), broker.Malformed, "expires", "expires: 2026-02-28 is over"},
		{"a time that was", access.Actor{}, change(func(s *access.Spec) { s.Expires = "2026-03-01T10:59:59+01:00" }), broker.Malformed, "expires", "expires: 2026-03-01T10:59:59+01:00 is over"},
		{"for ever", access.Actor{}, change(func(s *access.Spec) { s.Expires = "366d1s" }), broker.Malformed, "expires", "at most 366 days, until 2027-03-02T12:00:00Z"},
		{"a token that makes tokens", token, self(func(*access.Spec) {}), broker.Forbidden, "", "a token does not do for it"},
		{"a robot that makes tokens", robot, self(func(*access.Spec) {}), broker.Forbidden, "", "a token does not do for it"},
		{"a login with a ceiling", ceiling, self(func(*access.Spec) {}), broker.Forbidden, "", "a token does not do for it"},
		{"for somebody else", signedIn("alice"), change(func(s *access.Spec) { s.Owner = "directory:bob" }), broker.Forbidden, "owner", "for themselves alone"},
		{"a wider scope than people may give themselves", signedIn("alice"), self(func(s *access.Spec) {
			s.Scopes = []string{"repository:platform/a:pull,push", "repository:base/a/b:pull", "repository:platform/**:*"}
		}), broker.Forbidden, "scopes", "give themselves repository:base/a/b:pull repository:platform/**:*: the widest"},
		{"longer than people may", signedIn("alice"), self(func(s *access.Spec) { s.Expires = "61d" }), broker.Forbidden, "expires", "at most 60 days, until 2026-04-30T12:00:00Z; ask an administrator"},
		{"longer than anybody may", signedIn("alice"), self(func(s *access.Spec) { s.Expires = "367d" }), broker.Malformed, "expires", "at most 60 days"},
		{"groups of one's own", signedIn("alice"), self(func(s *access.Spec) { s.Groups = []string{"ops"} }), broker.Forbidden, "groups", "an administrator alone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, "")
			_, err := w.Create(t.Context(), tt.by, tt.spec)
			var failure *broker.Error
			if !errors.As(err, &failure) || failure.Kind != tt.kind || failure.Field != tt.field || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v (%+v), want %s of %q: %s", err, failure, tt.kind, tt.field, tt.want)
			}
			e := w.last(t)
			if e.Outcome != string(tt.kind) || e.Act != "create-token" || e.Reason != failure.Reason || e.Reason == "" || e.Token != "" {
				t.Errorf("recorded %+v", e)
			}
			if (e.Name == "") != (tt.spec.Name == "") || (len(e.Asked) == 0) != (len(tt.spec.Scopes) == 0) || len(e.Asked) > 11 && e.Owner == "" {
				t.Errorf("what was wished for is not recorded: %+v", e)
			}
			if strings.Contains(fmt.Sprint(err, e, w.log), secret[16:48]) {
				t.Error("the secret is shown")
			}
			if len(w.rows(t)) > 0 {
				t.Error("a token was made")
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	for _, tt := range []struct {
		by      access.Actor
		expires string
		groups  []string
		want    string
	}{
		{access.Actor{}, "", nil, "2026-05-30T12:00:00Z"},
		{access.Actor{}, "60s", nil, "2026-03-01T12:01:00Z"},
		{access.Actor{}, "1d12h", nil, "2026-03-03T00:00:00Z"},
		{access.Actor{}, "366d", nil, "2027-03-02T12:00:00Z"},
		{access.Actor{}, "2026-03-31", nil, "2026-04-01T00:00:00Z"},
		{access.Actor{}, "2026-03-31T10:00:00+02:00", nil, "2026-03-31T08:00:00Z"},
		{access.Actor{}, "", []string{"ops"}, "2026-03-31T12:00:00Z"},
		{signedIn("alice"), "", nil, "2026-03-31T12:00:00Z"},
		{signedIn("alice"), "60d", nil, "2026-04-30T12:00:00Z"},
	} {
		w := newWorld(t, "")
		s := spec("", "ci")
		s.Expires, s.Groups = tt.expires, tt.groups
		if tt.by.Identity == nil {
			s.Owner = map[bool]string{false: "directory:alice", true: "sso:zoe"}[tt.groups != nil]
		}
		if got := w.made(t, tt.by, s).Token.Expires.Format(time.RFC3339); got != tt.want {
			t.Errorf("%q: until %s, want %s", tt.expires, got, tt.want)
		}
	}
}

func TestFixedGroups(t *testing.T) {
	w := newWorld(t, "")
	s := spec("sso:Zoe", "ci")
	s.Groups = []string{"Ops", "sso:On  Call", "a:b", "ops"}
	c := w.made(t, access.Actor{}, s)
	row := w.rows(t)[0]
	if want := []string{"ops", "on call", "a:b"}; !row.GroupsFixed || !slices.Equal(row.Groups, want) || !slices.Equal(c.Token.Groups, want) {
		t.Errorf("groups %q, shown %q, want %q", row.Groups, c.Token.Groups, want)
	}
	if (row.Account != pat.Account{Connector: "sso", ID: "username:zoe"}) || c.Token.Owner != "sso:zoe" || len(w.owner(t, row.Account).Groups) > 0 {
		t.Errorf("account %v, owner %s", row.Account, c.Token.Owner)
	}
	if e := w.last(t); !slices.Equal(e.Groups, []string{"sso:ops", "sso:on call", "sso:a:b"}) {
		t.Errorf("recorded %+v", e)
	}

	// An owner whose groups were fixed has still not signed in.
	if _, err := w.Create(t.Context(), access.Actor{}, spec("sso:zoe", "other")); !errors.Is(err, broker.NotFound) {
		t.Errorf("error %v", err)
	}

	// Who has signed in is that account.
	seen := pat.Owner{Realm: "corp", Account: pat.Account{Connector: "sso", ID: "iss+7"}, Username: "zoe", Groups: []string{"old"}, Seen: w.now}
	w.knows(t, seen, pat.Owner{Realm: "corp", Account: pat.Account{Connector: "sso", ID: "iss+8"}, Username: "zoe", Seen: w.now.Add(time.Hour), Gone: true})
	w.now = w.now.Add(time.Second)
	s.Name = "again"
	w.made(t, access.Actor{}, s)
	if got := w.rows(t)[0]; got.Account != seen.Account || !got.GroupsFixed {
		t.Errorf("made %+v", got)
	}
	w.now = w.now.Add(time.Second)
	w.made(t, access.Actor{}, spec("sso:zoe", "known"))
	if got := w.rows(t)[0]; got.Account != seen.Account || got.GroupsFixed || len(got.Groups) > 0 {
		t.Errorf("made %+v", got)
	}
	if got := w.owner(t, seen.Account); !slices.Equal(got.Groups, seen.Groups) {
		t.Errorf("what was known of the owner became %v", got)
	}
}

// TestOthers holds that people reach their own tokens alone, by account and not by name,
// and an administrator all of a realm, and of no other.
func TestOthers(t *testing.T) {
	w := newWorld(t, "")
	ctx := t.Context()
	alices := w.made(t, signedIn("alice"), spec("", "ci")).Token
	w.now = w.now.Add(time.Minute)
	bobs := w.made(t, access.Actor{}, spec("directory:bob", "ci")).Token
	namesake := signedIn("alice")
	namesake.Identity.ID = "another account of that name"
	for _, by := range []access.Actor{signedIn("bob"), namesake} {
		if _, err := w.Get(ctx, by, "corp", alices.ID); !errors.Is(err, broker.NotFound) {
			t.Errorf("shown to another: %v", err)
		}
		if _, err := w.Revoke(ctx, by, "corp", alices.ID); !errors.Is(err, broker.NotFound) {
			t.Errorf("revoked by another: %v", err)
		}
	}
	if e := w.last(t); e.Outcome != "not-found" || e.Token != alices.ID || e.Subject != "directory:alice" || e.Act != "revoke-token" || e.Reason != "no-such-token" {
		t.Errorf("recorded %+v", e)
	}
	if _, err := w.Get(ctx, access.Actor{}, "other", alices.ID); !errors.Is(err, broker.NotFound) {
		t.Errorf("shown in another realm: %v", err)
	}
	ids := func(by access.Actor, f access.Filter) string {
		t.Helper()
		f.Realm = "corp"
		list, err := w.List(ctx, by, f)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, token := range list.Tokens {
			names = append(names, token.Owner)
		}
		return strings.Join(names, " ")
	}
	for _, tt := range []struct {
		by   access.Actor
		f    access.Filter
		want string
	}{
		{access.Actor{}, access.Filter{}, "directory:bob directory:alice"},
		{access.Actor{}, access.Filter{Owner: "directory:ALICE"}, "directory:alice"},
		{access.Actor{}, access.Filter{Owner: "former:alice"}, ""},
		{access.Actor{}, access.Filter{Limit: 1}, "directory:bob"},
		{access.Actor{}, access.Filter{After: bobs.Place()}, "directory:alice"},
		{access.Actor{}, access.Filter{After: alices.Place()}, ""},
		{signedIn("alice"), access.Filter{}, "directory:alice"},
		{signedIn("alice"), access.Filter{Owner: "directory:bob"}, "directory:alice"},
		{namesake, access.Filter{}, ""},
	} {
		if got := ids(tt.by, tt.f); got != tt.want {
			t.Errorf("%s, %+v: listed %q, want %q", tt.by.UserAgent, tt.f, got, tt.want)
		}
	}
	if _, err := w.RevokeAll(ctx, signedIn("bob"), "corp", "directory:alice"); err != nil {
		t.Error(err)
	}
	if got := ids(access.Actor{}, access.Filter{}); got != "directory:alice" {
		t.Errorf("after bob has revoked his, there are %q", got)
	}
}

func TestRevoke(t *testing.T) {
	w := newWorld(t, "")
	ctx := t.Context()
	first := w.made(t, access.Actor{}, spec("directory:alice", "a")).Token
	w.made(t, access.Actor{}, spec("directory:alice", "b"))
	w.made(t, access.Actor{}, spec("directory:alice", "c"))
	w.now = w.now.Add(time.Hour)
	got, err := w.Revoke(ctx, access.Actor{}, "corp", first.ID)
	if err != nil || got.Status != access.Revoked || got.RevokedBy != "administrator" || !got.Revoked.Equal(w.now) || got.Owner != "directory:alice" {
		t.Errorf("revoked %+v, %v", got, err)
	}
	revoked := w.now
	w.now = w.now.Add(time.Hour)
	again, err := w.Revoke(ctx, access.Actor{}, "corp", first.ID)
	const before = " was revoked before, at 2026-03-01 13:00Z by administrator"
	if err != nil || len(again.Warnings) != 1 || !strings.HasSuffix(again.Warnings[0], before) || again.Status != access.Revoked || !again.Revoked.Equal(revoked) {
		t.Errorf("revoked twice: %+v, %v", again, err)
	}
	if e := w.last(t); e.Outcome != "granted" || e.Token != first.ID || !slices.Equal(e.Warnings, again.Warnings) {
		t.Errorf("recorded %+v", e)
	}
	all, err := w.RevokeAll(ctx, access.Actor{}, "corp", "directory:alice")
	if err != nil || len(all.Tokens) != 2 || len(all.Warnings) > 0 {
		t.Errorf("revoked %v, %v", all, err)
	}
	if e := w.last(t); e.Act != "revoke-tokens" || e.Owner != "directory:alice" || len(e.Tokens) != 2 || slices.Contains(e.Tokens, first.ID) || e.Outcome != "granted" {
		t.Errorf("recorded %+v", e)
	}
	none, err := w.RevokeAll(ctx, access.Actor{}, "corp", "directory:alice")
	if err != nil || len(none.Tokens) > 0 || !slices.Equal(none.Warnings, []string{"directory:alice has no access token that counts in realm corp"}) {
		t.Errorf("nothing is left to revoke: %v, %v", none, err)
	}
	if _, err := w.RevokeAll(ctx, access.Actor{}, "corp", "directory:bob"); !errors.Is(err, broker.NotFound) {
		t.Errorf("nothing was there to revoke: %v", err)
	}
	if _, err := w.RevokeAll(ctx, access.Actor{}, "corp", ""); !errors.Is(err, broker.Malformed) {
		t.Errorf("nobody's: %v", err)
	}
	// A name is free again when its token no longer counts.
	w.now = w.now.Add(time.Second)
	w.made(t, access.Actor{}, spec("directory:alice", "a"))
	list, err := w.List(ctx, access.Actor{}, access.Filter{Realm: "corp", All: true})
	listed := list.Tokens
	if err != nil || len(listed) != 4 || listed[1].Status != access.Revoked || listed[0].Status != access.Live {
		t.Errorf("listed %v, %v", listed, err)
	}
	w.now = listed[0].Expires
	if got, err := w.Get(ctx, access.Actor{}, "corp", listed[0].ID); err != nil || got.Status != access.Expired {
		t.Errorf("at its end: %v, %v", got, err)
	}
}

// TestTokenAsID holds that a token given for its id is not repeated.
func TestTokenAsID(t *testing.T) {
	w := newWorld(t, "")
	c := w.made(t, access.Actor{}, spec("directory:alice", "a"))
	for _, id := range []string{c.Secret.Reveal(), c.Secret.Reveal()[1:], "short", ""} {
		_, err := w.Revoke(t.Context(), access.Actor{}, "corp", id)
		if err == nil || strings.Contains(fmt.Sprint(err, w.last(t)), c.Secret.Reveal()[16:48]) {
			t.Errorf("error %v, recorded %+v", err, w.last(t))
		}
		if len(id) == 54 && !strings.Contains(err.Error(), c.Token.ID) {
			t.Errorf("error %v does not say what the id is", err)
		}
	}
}

func TestHowMany(t *testing.T) {
	w := newWorld(t, "")
	ctx := t.Context()
	var wait sync.WaitGroup
	made := make(chan error, 120)
	for i := range 10 {
		wait.Go(func() {
			for j := range 12 {
				_, err := w.Create(ctx, access.Actor{}, spec("directory:alice", fmt.Sprint(i, " ", j)))
				made <- err
			}
		})
	}
	wait.Wait()
	close(made)
	refused := 0
	for err := range made {
		if err != nil && !errors.Is(err, broker.Conflict) {
			t.Error(err)
		} else if err != nil {
			refused++
		}
	}
	if refused != 20 || len(w.rows(t)) != 100 {
		t.Errorf("%d refused, %d made", refused, len(w.rows(t)))
	}
	w = newWorld(t, "")
	for i := range 3 {
		w.made(t, signedIn("bob"), spec("", fmt.Sprint(i)))
	}
	if _, err := w.Create(ctx, signedIn("bob"), spec("", "more")); !errors.Is(err, broker.Conflict) || !strings.Contains(err.Error(), "directory:bob has 3") {
		t.Errorf("error %v", err)
	}
	if _, err := w.Create(ctx, access.Actor{}, spec("directory:bob", "0")); !errors.Is(err, broker.Conflict) || broker.AsError(err).Field != "name" {
		t.Errorf("error %v", err)
	}
}

// TestHowManyADay holds that tokens which were revoked count for a day.
func TestHowManyADay(t *testing.T) {
	w := newWorld(t, "")
	for i := range 30 {
		c := w.made(t, signedIn("bob"), spec("", fmt.Sprint(i)))
		if _, err := w.Revoke(t.Context(), signedIn("bob"), "corp", c.Token.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.Add(24*time.Hour - time.Second)
	if _, err := w.Create(t.Context(), signedIn("bob"), spec("", "more")); !errors.Is(err, broker.Conflict) || !strings.Contains(err.Error(), "30 access tokens of directory:bob were made within a day") {
		t.Errorf("error %v", err)
	}
	w.made(t, signedIn("alice"), spec("", "another's"))
	w.now = w.now.Add(time.Second)
	w.made(t, signedIn("bob"), spec("", "the day after"))
}

// TestLockedDatabase holds that acts on a database that another process has locked fail
// within the time of one, however many there are.
func TestLockedDatabase(t *testing.T) {
	w := newWorld(t, "")
	w.made(t, signedIn("bob"), spec("", "there"))
	db, err := sql.Open("sqlite", w.database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			if _, err := w.Create(t.Context(), signedIn("alice"), spec("", fmt.Sprint(i))); !errors.Is(err, broker.Unavailable) {
				t.Errorf("made: %v", err)
			}
		})
		wait.Go(func() {
			if _, err := w.RevokeAll(t.Context(), signedIn("bob"), "corp", ""); !errors.Is(err, broker.Unavailable) {
				t.Errorf("revoked: %v", err)
			}
		})
	}
	wait.Wait()
	// One waits 2 s for the lock, and all together 4; one after the other they took minutes.
	if took := time.Since(started); took > 15*time.Second {
		t.Errorf("they took %s", took)
	}
	if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if rows := w.rows(t); len(rows) != 1 || !rows[0].Revoked.IsZero() {
		t.Errorf("there are %v", rows)
	}
}

// TestEqualIDs holds that accounts of two connectors with the same id are two.
func TestEqualIDs(t *testing.T) {
	w := newWorld(t, "")
	ctx := t.Context()
	here, there := signedIn("alice"), signedIn("alice")
	there.Identity.Connector, there.Identity.Via = "sso", "sso"
	mine := w.made(t, here, spec("", "ci")).Token
	theirs := w.made(t, there, spec("", "ci")).Token // the name is free
	for _, tt := range []struct {
		by          access.Actor
		own, others access.Token
	}{{here, mine, theirs}, {there, theirs, mine}} {
		list, err := w.List(ctx, tt.by, access.Filter{Realm: "corp", All: true})
		if err != nil || len(list.Tokens) != 1 || list.Tokens[0].ID != tt.own.ID || list.Tokens[0].Owner != tt.own.Owner {
			t.Errorf("listed %v, %v", list, err)
		}
		if _, err := w.Get(ctx, tt.by, "corp", tt.others.ID); !errors.Is(err, broker.NotFound) {
			t.Errorf("shown: %v", err)
		}
		if _, err := w.Revoke(ctx, tt.by, "corp", tt.others.ID); !errors.Is(err, broker.NotFound) {
			t.Errorf("revoked: %v", err)
		}
	}
	for i := range 2 {
		w.made(t, here, spec("", fmt.Sprint(i)))
	}
	w.made(t, there, spec("", "not yet too many"))
	if all, err := w.RevokeAll(ctx, here, "corp", ""); err != nil || len(all.Tokens) != 3 {
		t.Errorf("revoked %v, %v", all, err)
	}
	if list, err := w.List(ctx, there, access.Filter{Realm: "corp"}); err != nil || len(list.Tokens) != 2 {
		t.Errorf("left are %v, %v", list, err)
	}
}

// TestRealmOfID holds that an administrator names a token by its id alone, and that people
// do not reach into other realms so.
func TestRealmOfID(t *testing.T) {
	w := newWorld(t, "")
	ctx, admin := t.Context(), access.Actor{}
	s := spec("directory:alice", "ci")
	s.Realm = "other"
	made := w.made(t, admin, s).Token
	if got, err := w.Get(ctx, admin, "", made.ID); err != nil || got.ID != made.ID || got.Realm != "other" {
		t.Errorf("shown %v, %v", got, err)
	}
	if e := w.last(t); e.Realm != "other" || e.Token != made.ID || e.Outcome != "granted" {
		t.Errorf("recorded %+v", e)
	}
	for name, try := range map[string]func() error{
		"a person":           func() error { _, err := w.Get(ctx, signedIn("alice"), "", made.ID); return err },
		"a person, to end":   func() error { _, err := w.Revoke(ctx, signedIn("alice"), "", made.ID); return err },
		"an id that is none": func() error { _, err := w.Get(ctx, admin, "", "000000000000"); return err },
		"no id":              func() error { _, err := w.Revoke(ctx, admin, "", "x"); return err },
	} {
		if err := try(); !errors.Is(err, broker.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	twin, err := w.store.Token(ctx, "other", made.ID)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := w.store.Owner(ctx, "other", twin.Account)
	if err != nil {
		t.Fatal(err)
	}
	twin.Realm, owner.Realm = "corp", "corp"
	if err := w.store.Create(ctx, twin, owner, pat.Limits{Live: 100, Day: 1000}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Revoke(ctx, admin, "", made.ID); !errors.Is(err, broker.Conflict) || !strings.Contains(err.Error(), "the realms corp, other have") {
		t.Errorf("of two realms: %v", err)
	}
	next := w.made(t, admin, func() access.Spec { s.Name = "next"; return s }()).Token
	if got, err := w.Revoke(ctx, admin, "", next.ID); err != nil || got.Realm != "other" || got.Status != access.Revoked {
		t.Errorf("revoked %v, %v", got, err)
	}
	if got, err := w.Revoke(ctx, admin, "", next.ID); err != nil || len(got.Warnings) != 1 {
		t.Errorf("revoked again %v, %v", got, err)
	}
}

func TestSelfServiceOff(t *testing.T) {
	w := newWorld(t, "", func(r *access.Realm) { r.SelfService.Enabled = false })
	if _, err := w.Create(t.Context(), signedIn("alice"), spec("", "ci")); !errors.Is(err, broker.Forbidden) {
		t.Errorf("error %v", err)
	}
}

func TestPersonIsRecorded(t *testing.T) {
	w := newWorld(t, "")
	by := signedIn("alice", "platform")
	by.Username, by.ClientIP, by.Asked = "ALICE", netip.MustParseAddr("192.0.2.9"), time.Now().Add(-time.Second)
	wish := spec("directory:alice", "ci")
	wish.Networks = []string{"10.0.0.0/8", "192.0.2.1"}
	c := w.made(t, by, wish)
	e := w.last(t)
	if e.Username != "ALICE" || !e.Time.Equal(by.Asked) || e.LatencyMS < 1000 || e.Name != "ci" || !slices.Equal(e.Networks, []string{"10.0.0.0/8", "192.0.2.1/32"}) ||
		!slices.Equal(e.Asked, wish.Scopes) || !e.Expires.Equal(c.Token.Expires) || e.Token != c.Token.ID {
		t.Errorf("recorded %+v", e)
	}
	if _, err := w.Create(t.Context(), by, wish); !errors.Is(err, broker.Conflict) || w.last(t).Token != "" || w.last(t).Name != "ci" {
		t.Errorf("error %v, recorded %+v", err, w.last(t))
	}
	if e.Kind != "person" || e.Subject != "directory:alice" || e.ClientIP != "192.0.2.9" || e.UserAgent != "curl" || e.Owner != "directory:alice" ||
		e.Connector != "directory" || !slices.Equal(e.Groups, []string{"directory:platform"}) || c.Token.CreatedBy != "directory:alice" {
		t.Errorf("recorded %+v", e)
	}
}

// TestNotRecorded holds that a token which could not be recorded is taken back, and that
// a revocation which could not has happened.
func TestNotRecorded(t *testing.T) {
	w := newWorld(t, "/dev/full")
	c, err := w.Create(t.Context(), access.Actor{}, spec("directory:alice", "ci"))
	if !errors.Is(err, broker.Internal) || c.Secret.Reveal() != "" || c.Token.ID != "" {
		t.Errorf("made %v, %v", c, err)
	}
	if rows := w.rows(t); len(rows) != 1 || rows[0].Revoked.IsZero() {
		t.Fatalf("there is %v", rows)
	}
	if list, err := w.List(t.Context(), access.Actor{}, access.Filter{Realm: "corp"}); !errors.Is(err, broker.Internal) || list.Tokens != nil {
		t.Errorf("listed %v, %v", list, err)
	}
	row := w.rows(t)[0]
	row.ID, row.Revoked = pat.NewText().ID(), time.Time{}
	if err := w.store.Create(t.Context(), row, pat.Owner{}, pat.Limits{}); err != nil {
		t.Fatal(err)
	}
	got, err := w.Revoke(t.Context(), access.Actor{}, "corp", row.ID)
	if !errors.Is(err, broker.Internal) || !strings.Contains(err.Error(), "this was done, but") || got.Status != access.Revoked {
		t.Errorf("revoked %v, %v", got, err)
	}
	if row, err := w.store.Token(t.Context(), "corp", row.ID); err != nil || row.Revoked.IsZero() {
		t.Errorf("there is %v, %v", row, err)
	}
}

func TestDatabaseOutage(t *testing.T) {
	w := newWorld(t, "")
	t1 := w.made(t, access.Actor{}, spec("directory:alice", "ci")).Token
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	_, create := w.Create(ctx, access.Actor{}, spec("directory:alice", "more"))
	_, list := w.List(ctx, access.Actor{}, access.Filter{Realm: "corp"})
	_, get := w.Get(ctx, access.Actor{}, "corp", t1.ID)
	_, revoke := w.Revoke(ctx, access.Actor{}, "corp", t1.ID)
	_, all := w.RevokeAll(ctx, access.Actor{}, "corp", "directory:alice")
	for name, err := range map[string]error{"create": create, "list": list, "get": get, "revoke": revoke, "all": all} {
		if !errors.Is(err, broker.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if e := w.last(t); e.Outcome != "unavailable" || e.Reason != "database" {
		t.Errorf("recorded %+v", e)
	}
	if !strings.Contains(w.log.String(), "the database of access tokens cannot be used at the moment: the database ") {
		t.Errorf("logged %s", w.log)
	}
}

// TestFixedGroupsAreDenied holds that naming groups does not free anybody of what rules
// deny by those that the last login has shown.
func TestFixedGroupsAreDenied(t *testing.T) {
	w := newWorld(t, "")
	w.knows(t, pat.Owner{Realm: "corp", Account: pat.Account{Connector: "sso", ID: "iss+7"}, Username: "zoe", Groups: []string{"staff", "on hold"}, Seen: w.now})
	for name, tt := range map[string]struct {
		groups []string
		ok     bool
	}{
		"left out":             {[]string{"ops"}, false},
		"left out, others not": {[]string{"ops", "staff"}, false},
		"named":                {[]string{"ops", "sso:On  Hold"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := spec("sso:zoe", name)
			s.Groups = tt.groups
			_, err := w.Create(t.Context(), access.Actor{}, s)
			var failure *broker.Error
			switch {
			case tt.ok && err != nil:
				t.Error(err)
			case !tt.ok && (!errors.As(err, &failure) || failure.Kind != broker.Malformed || failure.Field != "groups" || !strings.Contains(failure.Message, "sso:on hold,")):
				t.Errorf("error %v", err)
			}
		})
	}
}

// inDomain has accounts of a domain.
type inDomain struct {
	connectors.Connector
	connectors.Finder
}

func (inDomain) Domain() connectors.Domain { return "CORP" }

// TestOwnersWithTheirDomain holds that an owner is named as the connector takes the name.
func TestOwnersWithTheirDomain(t *testing.T) {
	w := newWorld(t, "", func(r *access.Realm) {
		c := directory(t)
		r.Connectors[1].Connector = inDomain{c, c.(connectors.Finder)}
	})
	if _, err := w.Create(t.Context(), access.Actor{}, spec(`directory:CORP\Alice`, "ci")); err != nil {
		t.Fatal(err)
	}
	for owner, want := range map[string]int{`directory:CORP\alice`: 1, "directory:alice": 1, `directory:corp\bob`: 0} {
		list, err := w.List(t.Context(), access.Actor{}, access.Filter{Realm: "corp", Owner: owner})
		if err != nil || len(list.Tokens) != want {
			t.Errorf("%s: %d tokens, %v, want %d", owner, len(list.Tokens), err, want)
		}
	}
	for _, owner := range []string{`directory:EVIL\alice`, `sso:CORP\alice`} {
		if _, err := w.List(t.Context(), access.Actor{}, access.Filter{Realm: "corp", Owner: owner}); !errors.Is(err, broker.Malformed) {
			t.Errorf("%s: %v", owner, err)
		}
	}
}
