package guard_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// book is a directory of one account that notes what reaches it.
type book struct {
	located, verified []string
	closed            bool
}

func (b *book) Locate(_ context.Context, username string) (connectors.Account, error) {
	b.located = append(b.located, username)
	if username != "alice" {
		return connectors.Account{}, connectors.ErrNotMine
	}
	return connectors.Account{ID: "7", Username: "alice", Detail: "entry"}, nil
}

func (b *book) Verify(_ context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	b.verified = append(b.verified, a.ID+a.Detail.(string))
	if password.Reveal() != "pw" {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	}
	return connectors.Identity{Connector: "book", Via: "book", ID: a.ID, Username: a.Username, Ceiling: connectors.Unlimited()}, nil
}

func (b *book) Close() error {
	b.closed = true
	return nil
}

// listing is one that lists its names and resolves.
type listing struct{ book }

func (l *listing) Lists(username string) bool { return username == "alice" }

func (l *listing) Usernames() []string { return []string{"alice", "zoe"} }

func (l *listing) Resolve(_ context.Context, id string) (connectors.Identity, error) {
	return connectors.Identity{ID: id, Username: "alice"}, nil
}

func TestUsernames(t *testing.T) {
	for _, tt := range []struct {
		name      string
		directory connectors.Directory
		usernames []string
		want      []string
	}{
		{"listed", &listing{}, nil, []string{"alice", "zoe"}},
		{"listed and admitted", &listing{}, []string{"a*"}, []string{"alice"}},
		{"not listed", &book{}, nil, nil},
	} {
		c, ok := guard.Password(tt.directory, guard.Config{Usernames: tt.usernames}).(interface{ Usernames() []string })
		if !ok || !slices.Equal(c.Usernames(), tt.want) {
			t.Errorf("%s: user names %q, want %q", tt.name, c.Usernames(), tt.want)
		}
	}
}

func TestHandles(t *testing.T) {
	tests := []struct {
		name      string
		directory connectors.Directory
		usernames []string
		username  string
		want      bool
	}{
		{"any name", &book{}, nil, "zoe", true},
		{"not the form of a name", &book{}, nil, "zoe )", false},
		{"empty", &book{}, nil, "", false},
		{"admitted", &book{}, []string{"ci-*", "zoe"}, "zoe", true},
		{"admitted in another case", &book{}, []string{"zoe"}, "ZOE", true},
		{"admitted by a star", &book{}, []string{"ci-*"}, "ci-7", true},
		{"star stands for nothing too", &book{}, []string{"ci-*"}, "ci-", true},
		{"a star is anchored", &book{}, []string{"ci-*"}, "xci-7", false},
		{"stars within", &book{}, []string{"*@corp*.example"}, "a@b@corp.eu.example", true},
		{"stars must not overlap", &book{}, []string{"aba*aba"}, "ababa", false},
		{"guarded off", &book{}, []string{"ci-*"}, "zoe", false},
		{"listed", &listing{}, nil, "Alice", true},
		{"not listed", &listing{}, nil, "zoe", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := guard.Password(tt.directory, guard.Config{Usernames: tt.usernames})
			if got := c.Handles(connectors.Credentials{Username: tt.username}); got != tt.want {
				t.Errorf("Handles(%q) = %v, want %v", tt.username, got, tt.want)
			}
		})
	}
}

func TestAuthenticate(t *testing.T) {
	tests := []struct {
		name, username, password string
		wantErr                  error
		wantReason               connectors.Reason
		wantLocated              int
		wantVerified             int
	}{
		{"right", "Alice", "pw", nil, "", 1, 1},
		{"wrong password", "alice", "no", connectors.ErrRejected, connectors.ReasonWrongPassword, 1, 1},
		{"unknown name", "zoe", "pw", connectors.ErrNotMine, "", 1, 0},
		{"empty password", "alice", "", connectors.ErrRejected, connectors.ReasonEmptyPassword, 0, 0},
		{"NUL password", "alice", "\x00\x00", connectors.ErrRejected, connectors.ReasonEmptyPassword, 0, 0},
		{"bad name", "alice*", "pw", connectors.ErrRejected, connectors.ReasonBadUsername, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &book{}
			id, err := guard.Password(b, guard.Config{}).Authenticate(t.Context(),
				connectors.Credentials{Username: tt.username, Password: connectors.NewSecret(tt.password)})
			if !errors.Is(err, tt.wantErr) || err == nil && (id.ID != "7" || id.Username != "alice") {
				t.Fatalf("got %+v, %v; want error %v", id, err, tt.wantErr)
			}
			var r *connectors.Rejection
			if errors.As(err, &r) != (tt.wantReason != "") || r != nil && r.Reason != tt.wantReason {
				t.Errorf("error %v, want reason %q", err, tt.wantReason)
			}
			if len(b.located) != tt.wantLocated || len(b.verified) != tt.wantVerified {
				t.Errorf("located %v, verified %v; want %d and %d", b.located, b.verified, tt.wantLocated, tt.wantVerified)
			}
		})
	}
}

// renaming is a directory in which what is typed is another name for the account, known
// before the password is checked or with it alone, and in every lookup.
type renaming struct {
	username string
	late     bool
}

func (r renaming) Locate(context.Context, string) (connectors.Account, error) {
	if r.late {
		return connectors.Account{ID: "7"}, nil
	}
	return connectors.Account{ID: "7", Username: r.username}, nil
}

func (r renaming) Verify(context.Context, connectors.Account, connectors.Secret) (connectors.Identity, error) {
	return connectors.Identity{ID: "7", Username: r.username}, nil
}

func (r renaming) Resolve(context.Context, string) (connectors.Identity, error) {
	return connectors.Identity{ID: "7", Username: r.username}, nil
}

// TestUsernamesOfAccounts holds that the patterns are for the name of the account, too,
// whatever was typed.
func TestUsernamesOfAccounts(t *testing.T) {
	for _, c := range []struct {
		usernames []string
		typed     string
		account   string
		want      bool
	}{
		{nil, "alice@corp.example", "alice", true},
		{[]string{"*"}, "alice@corp.example", "alice", true},
		{[]string{"a*"}, "alice@corp.example", "alice", true},
		{[]string{"a*"}, "apple@other.example", "eve", false},
		{[]string{"a*"}, "a7", "eve@corp.example", false},
		{[]string{"*@corp.example"}, "alice@corp.example", "alice", true},
		{[]string{"*@corp.example"}, "alice@corp.example", "alice@other.example", false},
		{[]string{"*@corp.example", "alice"}, "alice@corp.example", "alice", true},
		{[]string{"*@corp.example", "alice"}, "eve@corp.example", "eve", false},
	} {
		for _, late := range []bool{false, true} {
			g := guard.Password(renaming{c.account, late}, guard.Config{Usernames: c.usernames})
			_, login := g.Authenticate(t.Context(), connectors.Credentials{Username: c.typed, Password: connectors.NewSecret("pw")})
			_, lookup := g.(connectors.Resolver).Resolve(t.Context(), "7")
			_, find := g.(connectors.Finder).Find(t.Context(), c.typed)
			if c.want && (login != nil || lookup != nil || find != nil) {
				t.Errorf("%q: %s by %s: login %v, lookup %v, %v", c.usernames, c.account, c.typed, login, lookup, find)
			}
			if !c.want && (!errors.Is(login, connectors.ErrNotMine) || !errors.Is(lookup, connectors.ErrGone) || find == nil) {
				t.Errorf("%q: %s by %s: login %v, lookup %v, %v: want another's", c.usernames, c.account, c.typed, login, lookup, find)
			}
		}
	}
}

// costly is a directory whose refusals cost time.
type costly struct {
	book
	spent int
}

func (c *costly) SpendAsRefusal(context.Context, connectors.Secret) error {
	c.spent++
	return nil
}

// both resolves, and its refusals cost time.
type both struct {
	listing
	costly int
}

func (b *both) SpendAsRefusal(context.Context, connectors.Secret) error {
	b.costly++
	return nil
}

func TestWhatTheDirectoryCanDoTheConnectorCan(t *testing.T) {
	for name, tt := range map[string]struct {
		directory       connectors.Directory
		resolves, costs bool
	}{
		"neither": {&book{}, false, false}, "resolves": {&listing{}, true, false}, "costs": {&costly{}, false, true}, "both": {&both{}, true, true},
	} {
		c := guard.Password(tt.directory, guard.Config{})
		resolver, resolves := c.(connectors.Resolver)
		decoy, costs := c.(connectors.Decoy)
		if resolves != tt.resolves || costs != tt.costs {
			t.Errorf("%s: the connector resolves %v, costs %v", name, resolves, costs)
		}
		if resolves {
			if id, err := resolver.Resolve(t.Context(), "7"); err != nil || id.ID != "7" {
				t.Errorf("%s: Resolve() = %+v, %v", name, id, err)
			}
		}
		if costs {
			if err := decoy.SpendAsRefusal(t.Context(), connectors.NewSecret("pw")); err != nil {
				t.Errorf("%s: SpendAsRefusal() = %v", name, err)
			}
		}
	}
	l := &listing{}
	if err := guard.Password(l, guard.Config{}).(interface{ Close() error }).Close(); err != nil || !l.closed {
		t.Errorf("Close() = %v, closed %v", err, l.closed)
	}
}

// TestUnicodeNames holds that the realm's form of names decides what reaches the
// directory, and the usernames guard.
func TestUnicodeNames(t *testing.T) {
	for _, tt := range []struct {
		form        connectors.UsernameForm
		typed       string
		wantHandled bool
		wantLocated []string
	}{
		{connectors.UnicodeUsernames, "ŁUKASZ", true, []string{"łukasz"}},
		{connectors.UnicodeUsernames, "\uff41lice", true, []string{"alice"}},
		{connectors.UnicodeUsernames, "ósmy", false, []string{"ósmy"}},
		{connectors.UnicodeUsernames, "ł k", false, nil},
		{connectors.ASCIIUsernames, "ŁUKASZ", false, nil},
		{connectors.ASCIIUsernames, "\uff41lice", false, nil},
	} {
		b := &book{}
		c := guard.Password(b, guard.Config{Form: tt.form, Usernames: []string{"ł*", "a*"}})
		cred := connectors.Credentials{Username: tt.typed, Password: connectors.NewSecret("pw")}
		if got := c.Handles(cred); got != tt.wantHandled {
			t.Errorf("Handles(%q) = %v, want %v", tt.typed, got, tt.wantHandled)
		}
		_, err := c.Authenticate(t.Context(), cred)
		if !slices.Equal(b.located, tt.wantLocated) || (err != nil) != (len(tt.wantLocated) == 0 || tt.wantLocated[0] != "alice") {
			t.Errorf("%q: located %q, %v, want %q", tt.typed, b.located, err, tt.wantLocated)
		}
	}
}

// inDomain is a directory of a domain's accounts.
type inDomain struct{ listing }

func (inDomain) Domain() connectors.Domain { return "CORP" }

// TestDomain holds that a name is the same with its domain before it, to the usernames
// guard, to a list and to the directory, and that one of another domain is not handled.
func TestDomain(t *testing.T) {
	for typed, handled := range map[string]bool{
		"alice": true, `CORP\Alice`: true, `corp\alice`: true,
		`EVIL\alice`: false, `CORP\zoe`: false, `CORP\alice@corp.example`: false, `\alice`: false,
	} {
		d := &inDomain{}
		c := guard.Password(d, guard.Config{Usernames: []string{"alice"}})
		cred := connectors.Credentials{Username: typed, Password: connectors.NewSecret("pw")}
		if got := c.Handles(cred); got != handled {
			t.Errorf("Handles(%q) = %v, want %v", typed, got, handled)
		}
		if !handled {
			continue
		}
		if id, err := c.Authenticate(t.Context(), cred); err != nil || id.Username != "alice" || !slices.Equal(d.located, []string{"alice"}) {
			t.Errorf("login as %q: %+v, %v, located %q", typed, id, err, d.located)
		}
		if id, err := c.(connectors.Finder).Find(t.Context(), typed); err != nil || id.ID != "7" {
			t.Errorf("Find(%q) = %+v, %v", typed, id, err)
		}
	}
	c := guard.Password(&book{}, guard.Config{})
	if c.Handles(connectors.Credentials{Username: `CORP\alice`}) {
		t.Error("a directory without a domain takes a name with one")
	}
}

// TestNothingIsSentForOthers holds that the password of an account that is not the
// connector's is not sent, where that is known before.
func TestNothingIsSentForOthers(t *testing.T) {
	v := &vault{}
	d := closing(t, guard.Password(v, guard.Config{Settings: lockout(), Usernames: connectors.UsernamePatterns{"*@corp", "bob"}}))
	logins{{"bob@corp", "right", home, "ok"}, {"alice@corp", "right", home, "not mine"}}.run(t, d)
	wantSent(t, v, "bob:right")
}
