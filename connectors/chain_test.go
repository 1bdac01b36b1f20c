package connectors_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// scripted is a connector that answers as a test wants, and counts.
type scripted struct {
	handles  bool
	identity connectors.Identity
	err      error
	asked    int
	decoys   int
	full     error // what comes of a decoy
}

func (s *scripted) Handles(connectors.Credentials) bool { return s.handles }

func (s *scripted) Authenticate(context.Context, connectors.Credentials) (connectors.Identity, error) {
	s.asked++
	return s.identity, s.err
}

// slow is one whose refusals cost time.
type slow struct{ scripted }

func (s *slow) SpendAsRefusal(context.Context, connectors.Secret) error {
	s.decoys++
	return s.full
}

var errDown = errors.New("connection refused")

func vouching(name string) connectors.Identity {
	return connectors.Identity{Connector: name, Via: name, ID: "1", Username: "alice", Ceiling: connectors.Unlimited()}
}

func TestChain(t *testing.T) {
	tests := []struct {
		name          string
		first, second scripted
		wantBy        string // the connector that vouched or failed
		wantErr       error
		wantReason    connectors.Reason
		wantAsked     [2]int
	}{
		{
			name:   "the first vouches",
			first:  scripted{handles: true, identity: vouching("first")},
			second: scripted{handles: true, identity: vouching("second")},
			wantBy: "first", wantAsked: [2]int{1, 0},
		},
		{
			name:   "an unknown name goes on",
			first:  scripted{handles: true, err: fmt.Errorf("search: %w", connectors.ErrNotMine)},
			second: scripted{handles: true, identity: vouching("second")},
			wantBy: "second", wantAsked: [2]int{1, 1},
		},
		{
			name:   "what is not handled is not asked",
			first:  scripted{handles: false, identity: vouching("first")},
			second: scripted{handles: true, identity: vouching("second")},
			wantBy: "second", wantAsked: [2]int{0, 1},
		},
		{
			name:   "a rejection stops",
			first:  scripted{handles: true, err: connectors.Reject(connectors.ReasonWrongPassword)},
			second: scripted{handles: true, identity: vouching("second")},
			wantBy: "first", wantErr: connectors.ErrRejected, wantReason: connectors.ReasonWrongPassword, wantAsked: [2]int{1, 0},
		},
		{
			name:   "an outage stops and is no rejection",
			first:  scripted{handles: true, err: errDown},
			second: scripted{handles: true, identity: vouching("second")},
			wantBy: "first", wantErr: errDown, wantAsked: [2]int{1, 0},
		},
		{
			name:    "nobody knows the name",
			first:   scripted{handles: true, err: connectors.ErrNotMine},
			second:  scripted{handles: true, err: connectors.ErrNotMine},
			wantErr: connectors.ErrRejected, wantReason: connectors.ReasonUnknown, wantAsked: [2]int{1, 1},
		},
		{
			name:    "nobody handles it",
			wantErr: connectors.ErrRejected, wantReason: connectors.ReasonUnhandled,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first, second := &tt.first, &tt.second
			chain := connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "first", Connector: first}, connectors.Member{Name: "second", Connector: second})
			id, err := chain.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret("pw")})
			if !errors.Is(err, tt.wantErr) {
				t.Fatalf("error %v, want %v", err, tt.wantErr)
			}
			by := id.Via
			var failure *connectors.Failure
			if errors.As(err, &failure) {
				by = failure.Connector
			}
			if by != tt.wantBy {
				t.Errorf("answered by %q, want %q", by, tt.wantBy)
			}
			if got := reasonOf(err); got != tt.wantReason {
				t.Errorf("reason %q, want %q", got, tt.wantReason)
			}
			if got := [2]int{first.asked, second.asked}; got != tt.wantAsked {
				t.Errorf("asked %v, want %v", got, tt.wantAsked)
			}
		})
	}
}

func TestChainRefusesABrokenIdentity(t *testing.T) {
	full := vouching("first")
	named := func(name string) func(*connectors.Identity) {
		return func(id *connectors.Identity) { id.Username = name }
	}
	tests := map[string]func(*connectors.Identity){
		"no connector":         func(id *connectors.Identity) { id.Connector = "" },
		"no id":                func(id *connectors.Identity) { id.ID = "" },
		"no user name":         func(id *connectors.Identity) { id.Username = "" },
		"vouched for as other": func(id *connectors.Identity) { id.Via = "second" },
		"of no connector":      func(id *connectors.Identity) { id.Connector = "other" },
		"of a qualified one":   func(id *connectors.Identity) { id.Connector = "first:alice" },
		"upper case":           named("Jos\u00e9"),
		"decomposed":           named("jose\u0301"),
		"fullwidth":            named("\uff4aose"),
		"a space":              named("jos\u00e9 "),
		"a joiner":             named("क्\u200dष"),
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			id := full
			spoil(&id)
			chain := connectors.NewChain(connectors.UnicodeUsernames, connectors.Member{Name: "first", Connector: &scripted{handles: true, identity: id}})
			_, err := chain.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret("pw")})
			if err == nil || errors.Is(err, connectors.ErrRejected) || !strings.Contains(err.Error(), "broken connector") {
				t.Errorf("error %v, want an outage of a broken connector", err)
			}
		})
	}
	for _, tt := range []struct {
		form connectors.UsernameForm
		name string
		want bool
	}{{connectors.UnicodeUsernames, "jos\u00e9", true}, {connectors.ASCIIUsernames, "jos\u00e9", false}, {connectors.ASCIIUsernames, "Alice", false}} {
		id := full
		id.Username = tt.name
		chain := connectors.NewChain(tt.form, connectors.Member{Name: "first", Connector: &scripted{handles: true, identity: id}})
		if _, err := chain.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret("pw")}); (err == nil) != tt.want {
			t.Errorf("%q where user names are %s: error %v, want to be let in: %v", tt.name, tt.form, err, tt.want)
		}
	}
}

func TestChainSpendsTheTimeOfARefusal(t *testing.T) {
	rejected := connectors.Reject(connectors.ReasonWrongPassword)
	for _, tt := range []struct {
		name       string
		username   string
		quick      scripted // a connector whose refusals cost nothing
		slow       scripted // and one whose refusals cost time
		wantReason connectors.Reason
		wantDecoys int
	}{
		{"unknown to both", "alice", scripted{handles: true, err: connectors.ErrNotMine}, scripted{}, connectors.ReasonUnknown, 1},
		{"unhandled", "alice", scripted{}, scripted{}, connectors.ReasonUnhandled, 1},
		{"not the form of a name", "al ice", scripted{}, scripted{}, connectors.ReasonBadUsername, 1},
		{"a token for a name", "srp_0123456789abABCDEFGHIJKLMNOPQRSTUVWXYZabcdef3a1QgX", scripted{handles: true, identity: vouching("quick")}, scripted{handles: true, identity: vouching("slow")}, connectors.ReasonBadUsername, 1},
		{"a token without a name", "", scripted{}, scripted{}, connectors.ReasonUnknownToken, 1},
		{"refused by the quick one", "alice", scripted{handles: true, err: rejected}, scripted{}, connectors.ReasonWrongPassword, 1},
		{"refused by the slow one, which spent it", "alice", scripted{}, scripted{handles: true, err: rejected}, connectors.ReasonWrongPassword, 0},
		{"an outage is no refusal", "alice", scripted{handles: true, err: errDown}, scripted{}, "", 0},
		{"signed in", "alice", scripted{handles: true, identity: vouching("quick")}, scripted{}, "", 0},
	} {
		for _, order := range []string{"quick first", "slow first"} {
			t.Run(tt.name+", "+order, func(t *testing.T) {
				quick, costly := tt.quick, &slow{tt.slow}
				members := []connectors.Member{{Name: "quick", Connector: &quick}, {Name: "slow", Connector: costly}}
				if order == "slow first" {
					members[0], members[1] = members[1], members[0]
				}
				_, err := connectors.NewChain(connectors.ASCIIUsernames, members...).Authenticate(t.Context(), connectors.Credentials{Username: tt.username, Password: connectors.NewSecret("pw")})
				if got := reasonOf(err); got != tt.wantReason || costly.decoys != tt.wantDecoys {
					t.Errorf("error %v after %d decoys, want reason %q after %d", err, costly.decoys, tt.wantReason, tt.wantDecoys)
				}
			})
		}
	}
}

func TestChainSpendsEveryCostlyRefusalOnce(t *testing.T) {
	first := &slow{scripted{handles: true, err: connectors.Reject(connectors.ReasonWrongPassword)}}
	second := &slow{scripted{}}
	chain := connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "first", Connector: first}, connectors.Member{Name: "second", Connector: second})
	_, err := chain.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret("pw")})
	if reasonOf(err) != connectors.ReasonWrongPassword || first.decoys != 0 || second.decoys != 1 {
		t.Errorf("error %v, decoys %d and %d, want 0 and 1", err, first.decoys, second.decoys)
	}
	first.err = connectors.ErrNotMine
	if _, err := chain.Authenticate(t.Context(), connectors.Credentials{Username: "zoe", Password: connectors.NewSecret("pw")}); reasonOf(err) != connectors.ReasonUnknown || first.decoys != 1 || second.decoys != 2 {
		t.Errorf("error %v, decoys %d and %d, want 1 and 2", err, first.decoys, second.decoys)
	}
}

// TestRefusalsWithoutATurn holds that a refusal is none where its decoy meets with an outage,
// whoever refuses, and is one where nobody waits for it any more.
func TestRefusalsWithoutATurn(t *testing.T) {
	locked := &connectors.Throttled{Reason: connectors.ReasonLockout}
	for name, tt := range map[string]struct {
		says error
		full error
		busy bool
	}{
		"wrong":                         {connectors.Reject(connectors.ReasonWrongPassword), connectors.ErrBusy, true},
		"known to be wrong":             {connectors.Reject(connectors.ReasonKnownWrong), connectors.ErrBusy, true},
		"locked out":                    {locked, connectors.ErrBusy, true},
		"unknown":                       {connectors.ErrNotMine, connectors.ErrBusy, true},
		"wrong, and the client is gone": {connectors.Reject(connectors.ReasonWrongPassword), context.Canceled, false},
	} {
		t.Run(name, func(t *testing.T) {
			quick, costly := &scripted{handles: true, err: tt.says}, &slow{scripted{full: tt.full}}
			chain := connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "quick", Connector: quick}, connectors.Member{Name: "slow", Connector: costly})
			_, err := chain.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret("pw")})
			var throttled *connectors.Throttled
			refused := errors.Is(err, connectors.ErrRejected) || errors.As(err, &throttled)
			if errors.Is(err, connectors.ErrBusy) != tt.busy || refused == tt.busy {
				t.Errorf("error %v, want busy: %v", err, tt.busy)
			}
		})
	}
}

// counter is one that counts, and whose refusals cost time. It counts how many it counted
// after a decoy.
type counter struct {
	slow
	counted int
	place   connectors.Turns // which a login gives back before it waits
}

func (c *counter) RefuseUnknown(ctx context.Context, cred connectors.Credentials) error {
	if cred.Username == "al ice" {
		return connectors.ErrNotMine
	}
	return c.RefuseNoName(ctx, cred)
}

func (c *counter) RefuseNoName(context.Context, connectors.Credentials) error {
	if c.decoys == 1 && len(c.place) == 0 {
		c.counted++
	}
	return nil
}

// TestNobodyIsCountedAfterTheDecoy holds that a failed login by a name that nobody has counts
// when its decoy was spent, and not where that found no turn, as with a name that somebody has.
func TestNobodyIsCountedAfterTheDecoy(t *testing.T) {
	for name, tt := range map[string]struct {
		full    error
		counted int
		wantErr error
	}{
		"a turn":  {nil, 1, connectors.ErrRejected},
		"no turn": {fmt.Errorf("too many hashes: %w", connectors.ErrBusy), 0, connectors.ErrBusy},
	} {
		for _, typed := range []string{"alice", "al ice"} {
			t.Run(name+", "+typed, func(t *testing.T) {
				c := &counter{slow: slow{scripted{full: tt.full}}, place: connectors.NewTurns(1)}
				ctx, visit := connectors.Arriving(t.Context())
				c.place.Try()
				visit.Has(&c.place)
				chain := connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "file", Connector: c})
				_, err := chain.Authenticate(ctx, connectors.Credentials{Username: typed, Password: connectors.NewSecret("pw")})
				if !errors.Is(err, tt.wantErr) || c.counted != tt.counted || c.decoys != 1 {
					t.Errorf("error %v, counted %d times after %d decoys, want %v, %d times after 1", err, c.counted, c.decoys, tt.wantErr, tt.counted)
				}
			})
		}
	}
}

func TestChainRefusesNoPasswordsFirst(t *testing.T) {
	const most = 8 << 10
	for password, reason := range map[string]connectors.Reason{
		"": connectors.ReasonEmptyPassword, "\x00": connectors.ReasonEmptyPassword, "\x00\x00": connectors.ReasonEmptyPassword,
		"\x00a": connectors.ReasonBadPassword, "a\x00b": connectors.ReasonBadPassword, "secret\x00": connectors.ReasonBadPassword,
		"caf\xe9": connectors.ReasonBadPassword, "\xed\xa0\x80": connectors.ReasonBadPassword,
		strings.Repeat("x", most+1): connectors.ReasonBadPassword, strings.Repeat("é", most/2) + "x": connectors.ReasonBadPassword,
		strings.Repeat("x", most): "", strings.Repeat("\x01", most): "", "café": "", "\ufffd": "",
	} {
		s := &slow{scripted{handles: true, identity: vouching("slow")}}
		chain := connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "slow", Connector: s})
		_, err := chain.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret(password)})
		if asked := reason == ""; reasonOf(err) != reason || (s.asked == 1) != asked || s.decoys != 0 {
			t.Errorf("%.20q: error %v, asked %d times, %d decoys", password, err, s.asked, s.decoys)
		}
	}
}

func TestCeiling(t *testing.T) {
	var zero connectors.Ceiling
	if zero.IsUnlimited() || len(zero.Scopes()) != 0 {
		t.Error("the zero Ceiling allows something")
	}
	if !connectors.Unlimited().IsUnlimited() {
		t.Error("Unlimited() is limited")
	}
	scopes := []string{"repository:a/**:pull"}
	c := connectors.Limited(scopes...)
	scopes[0] = "repository:**:*"
	c.Scopes()[0] = "repository:**:*"
	if c.IsUnlimited() || c.Scopes()[0] != "repository:a/**:pull" {
		t.Errorf("a ceiling changed after it was made: %v", c.Scopes())
	}
}

func reasonOf(err error) connectors.Reason {
	var r *connectors.Rejection
	if errors.As(err, &r) {
		return r.Reason
	}
	return ""
}

// TestChainKeepsTokensFromOthers holds that a member which does not take tokens is never
// asked about one, whatever it says that it handles.
func TestChainKeepsTokensFromOthers(t *testing.T) {
	owner := vouching("careless")
	owner.Via, owner.Token = "tokens", "0123456789ab"
	for _, order := range []string{"tokens first", "tokens last", "no tokens"} {
		for password, issued := range map[string]bool{"srp_0123456789abcdef": true, "srp_": true, "srr_0123": true, "\nsrp_0123456789abcdef": true, "ci:srp_0123456789abcdef": true, "SRP_0": true, "secret": false, "xsrp_": false} {
			t.Run(order+", "+password, func(t *testing.T) {
				careless := &slow{scripted{handles: true, err: connectors.ErrNotMine}}
				tokens := &scripted{handles: issued, identity: owner}
				members := []connectors.Member{{Name: "tokens", Connector: tokens, Tokens: true}, {Name: "careless", Connector: careless}}
				switch order {
				case "tokens last":
					members[0], members[1] = members[1], members[0]
				case "no tokens":
					members = members[1:]
				}
				chain := connectors.NewChain(connectors.ASCIIUsernames, members...)
				id, err := chain.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret(password)})
				switch {
				case !issued:
					if careless.asked != 1 {
						t.Errorf("about a password, it was asked %d times", careless.asked)
					}
				case careless.asked+careless.decoys != 0:
					t.Error("a token was handed to a connector of passwords")
				case order == "no tokens":
					if reasonOf(err) != connectors.ReasonBadToken {
						t.Errorf("error = %v", err)
					}
				case err != nil || id.Via != "tokens" || id.Connector != "careless" || id.Token != owner.Token:
					t.Errorf("got %+v, %v", id, err)
				}
			})
		}
	}
}

// TestChainKeepsTokensInNames holds that a token in the place of the user name reaches
// nobody, be its first characters or its last lost or not, and that a name which begins as
// tokens do is a name.
func TestChainKeepsTokensInNames(t *testing.T) {
	const body = "srp_0123456789abABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
	token := body + connectors.TokenChecksum(body)
	for name, typed := range map[string]string{
		"whole": token, "last one lost": token[:53], "much of it": token[:36], "one too many": token + "x", "in small letters": strings.ToLower(token), "first one lost": token[1:], "prefix lost": token[4:],
	} {
		t.Run(name, func(t *testing.T) {
			careless := &slow{scripted{handles: true, err: connectors.ErrNotMine}}
			chain := connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "careless", Connector: careless})
			_, err := chain.Authenticate(t.Context(), connectors.Credentials{Username: typed, Password: connectors.NewSecret("x")})
			if careless.asked != 0 || reasonOf(err) != connectors.ReasonBadUsername {
				t.Errorf("asked %d times, error = %v", careless.asked, err)
			}
		})
	}
	for _, typed := range []string{"srp_deploymentbot", "srp_deploymentbot.of.the.team-that-has-a-very-long-name-indeed", "srp_" + strings.Repeat("a", 31)} {
		fine := connectors.Identity{Connector: "directory", Via: "directory", ID: "1", Username: typed}
		chain := connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "directory", Connector: &scripted{handles: true, identity: fine}})
		if id, err := chain.Authenticate(t.Context(), connectors.Credentials{Username: typed, Password: connectors.NewSecret("x")}); err != nil || id.Username != typed {
			t.Errorf("%s: %v, %v", typed, id.Username, err)
		}
	}
}

// observer is told of logins.
type observer struct {
	scripted
	seen  []string
	begun time.Time // the last one
}

func (o *observer) LoggedIn(id connectors.Identity, begun time.Time) {
	o.seen, o.begun = append(o.seen, id.Username), begun
}

// lengthy is a connector that takes a second.
type lengthy struct{ scripted }

func (l *lengthy) Authenticate(ctx context.Context, c connectors.Credentials) (connectors.Identity, error) {
	time.Sleep(time.Second)
	return l.scripted.Authenticate(ctx, c)
}

// TestChainTellsWhenALoginBegan holds that what a login has read is not taken for newer than
// its beginning.
func TestChainTellsWhenALoginBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens, begun := &observer{}, time.Now()
		chain := connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "tokens", Connector: tokens, Tokens: true},
			connectors.Member{Name: "directory", Connector: &lengthy{scripted{handles: true, identity: vouching("directory")}}})
		_, err := chain.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret("secret")})
		if err != nil || !tokens.begun.Equal(begun) {
			t.Errorf("it began %v before it is told of, error %v; want one second", time.Since(tokens.begun), err)
		}
	})
}

// TestChainTellsOfLogins holds that a login is told of wherever the observer stands, and
// that one by a token is none.
func TestChainTellsOfLogins(t *testing.T) {
	for _, last := range []bool{true, false} {
		tokens := &observer{scripted: scripted{identity: connectors.Identity{Connector: "directory", Via: "tokens", ID: "1", Username: "alice"}}}
		directory := &scripted{handles: true, identity: vouching("directory")}
		members := []connectors.Member{{Name: "tokens", Connector: tokens, Tokens: true}, {Name: "directory", Connector: directory}}
		if last {
			members[0], members[1] = members[1], members[0]
		}
		chain := connectors.NewChain(connectors.ASCIIUsernames, members...)
		login := func(password string) error {
			_, err := chain.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret(password)})
			return err
		}
		if err := login("secret"); err != nil || len(tokens.seen) != 1 {
			t.Errorf("of a login: told %d times, error %v", len(tokens.seen), err)
		}
		directory.identity.Answer = connectors.AnswerCache
		if err := login("secret"); err != nil || len(tokens.seen) != 1 {
			t.Errorf("of a login that the directory was not asked about: told %d times, error %v", len(tokens.seen)-1, err)
		}
		tokens.handles = true
		if err := login("srp_x"); err != nil || len(tokens.seen) != 1 {
			t.Errorf("of a login by a token: told %d times, error %v", len(tokens.seen)-1, err)
		}
		tokens.handles, directory.err = false, connectors.Reject(connectors.ReasonWrongPassword)
		if err := login("wrong"); err == nil || len(tokens.seen) != 1 {
			t.Errorf("of a refused login: told %d times, error %v", len(tokens.seen)-1, err)
		}
	}
}
