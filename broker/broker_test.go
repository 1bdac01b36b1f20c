package broker_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
)

const corpRules = `
rules:
  - name: platform owns its namespace
    groups: [local:platform]
    repositories: [platform/**]
    allow: [pull, push, delete]
  - name: readers read
    groups: [local:readers]
    repositories: [platform/**]
    allow: [pull]
  - name: release freeze
    groups: [local:platform]
    repositories: [platform/release/**]
    deny: [push]
  - name: the world reads public images
    anyone: true
    repositories: [public/**]
    allow: [pull]
`

const closedRules = `
rules:
  - name: everybody signed in reads
    authenticated: true
    repositories: ["**"]
    allow: [pull]
`

func fixture(t *testing.T) *brokertest.Fixture {
	return brokertest.New(t, "",
		brokertest.Realm{Name: "corp", Services: []string{"registry.corp"}, Policy: corpRules},
		brokertest.Realm{Name: "closed", Services: []string{"registry.closed", "mirror.closed"}, Policy: closedRules})
}

func login(name, password string) *connectors.Credentials {
	return &connectors.Credentials{Username: name, Password: connectors.NewSecret(password)}
}

func TestToken(t *testing.T) {
	alice, bob := login("alice", "alice-pw"), login("bob", "bob-pw")
	many := slices.Repeat([]string{"repository:a/b:pull"}, broker.MaxScopes+1)
	tests := []struct {
		name       string
		request    broker.Request
		wantKind   broker.Kind // empty: granted
		wantReason string
		wantScope  string
		wantTTL    time.Duration
		outcome    string
	}{
		{
			name: "all of it", request: broker.Request{Service: "registry.corp", Credentials: alice, Scopes: []string{"repository:platform/app:push,pull"}},
			wantScope: "repository:platform/app:pull,push", wantTTL: 15 * time.Minute, outcome: broker.OutcomeGranted,
		},
		{
			name: "part of it", request: broker.Request{Service: "registry.corp", Credentials: bob, Scopes: []string{"repository:platform/app:push,pull"}},
			wantScope: "repository:platform/app:pull", wantTTL: 5 * time.Minute, outcome: broker.OutcomePartly,
		},
		{
			name: "none of it", request: broker.Request{Service: "registry.corp", Credentials: bob, Scopes: []string{"repository:secret/app:pull"}},
			wantTTL: 5 * time.Minute, outcome: broker.OutcomeDenied,
		},
		{
			name: "deny wins", request: broker.Request{Service: "registry.corp", Credentials: alice, Scopes: []string{"repository:platform/release/x:push,pull"}},
			wantScope: "repository:platform/release/x:pull", wantTTL: 5 * time.Minute, outcome: broker.OutcomePartly,
		},
		{
			name: "scopes in one value", request: broker.Request{Service: "registry.corp", Credentials: alice, Scopes: []string{"repository:platform/b:pull  repository:platform/a:pull"}},
			wantScope: "repository:platform/a:pull repository:platform/b:pull", wantTTL: 5 * time.Minute, outcome: broker.OutcomeGranted,
		},
		{
			name: "nothing asked", request: broker.Request{Service: "registry.corp", Credentials: alice, Scopes: []string{""}},
			wantTTL: 5 * time.Minute, outcome: broker.OutcomeGranted,
		},
		{
			name: "an item that cannot be read is dropped", request: broker.Request{Service: "registry.corp", Credentials: alice, Scopes: []string{"repository:../etc:pull repository:platform/a:pull"}},
			wantScope: "repository:platform/a:pull", wantTTL: 5 * time.Minute, outcome: broker.OutcomeGranted,
		},
		{
			name: "anonymous, granted", request: broker.Request{Service: "registry.corp", Scopes: []string{"repository:public/app:pull"}},
			wantScope: "repository:public/app:pull", wantTTL: 5 * time.Minute, outcome: broker.OutcomeGranted,
		},
		{
			name: "anonymous, nothing granted", request: broker.Request{Service: "registry.corp", Scopes: []string{"repository:platform/app:pull"}},
			wantKind: broker.Unauthenticated, wantReason: "no-credentials",
		},
		{
			name: "anonymous, nothing asked, open realm", request: broker.Request{Service: "registry.corp"},
			wantTTL: 5 * time.Minute, outcome: broker.OutcomeGranted,
		},
		{
			name: "anonymous, nothing asked, closed realm", request: broker.Request{Service: "mirror.closed"},
			wantKind: broker.Unauthenticated, wantReason: "no-credentials",
		},
		{
			name: "wrong password", request: broker.Request{Service: "registry.corp", Credentials: login("alice", "no")},
			wantKind: broker.Unauthenticated, wantReason: "wrong-password",
		},
		{
			name: "disabled", request: broker.Request{Service: "registry.corp", Credentials: login("carol", "carol-pw")},
			wantKind: broker.Unauthenticated, wantReason: "disabled",
		},
		{
			name: "unknown name", request: broker.Request{Service: "registry.corp", Credentials: login("zoe", "zoe-pw")},
			wantKind: broker.Unauthenticated, wantReason: "unhandled",
		},
		{
			name: "no name, a password", request: broker.Request{Service: "registry.corp", Credentials: login("", "srr_x")},
			wantKind: broker.Unauthenticated, wantReason: "unknown-token",
		},
		{
			name: "unknown service", request: broker.Request{Service: "registry.evil", Credentials: alice},
			wantKind: broker.Malformed, wantReason: "unknown-service",
		},
		{
			name: "no service, several realms", request: broker.Request{Credentials: alice},
			wantKind: broker.Malformed, wantReason: "no-service",
		},
		{
			name: "no service, a realm with one", request: broker.Request{Realm: "corp", Credentials: alice},
			wantTTL: 5 * time.Minute, outcome: broker.OutcomeGranted,
		},
		{
			name: "no service, a realm with several", request: broker.Request{Realm: "closed", Credentials: alice},
			wantKind: broker.Malformed, wantReason: "no-service",
		},
		{
			name: "another realm's service", request: broker.Request{Realm: "corp", Service: "registry.closed", Credentials: alice},
			wantKind: broker.Malformed, wantReason: "unknown-service",
		},
		{
			name: "unknown realm", request: broker.Request{Realm: "evil", Service: "registry.corp", Credentials: alice},
			wantKind: broker.Malformed, wantReason: "unknown-realm",
		},
		{
			name: "too many scopes", request: broker.Request{Service: "registry.corp", Credentials: alice, Scopes: many},
			wantKind: broker.Malformed, wantReason: "too-many-scopes",
		},
		{
			name: "too long scopes", request: broker.Request{Service: "registry.corp", Credentials: alice, Scopes: []string{strings.Repeat("a", broker.MaxScopeBytes+1)}},
			wantKind: broker.Malformed, wantReason: "too-long-scopes",
		},
		{
			name: "a fault of the parser", request: broker.Request{Service: "registry.corp", Credentials: alice, Fault: &broker.Error{Kind: broker.Malformed, Reason: "bad-query"}},
			wantKind: broker.Malformed, wantReason: "bad-query",
		},
	}
	f := fixture(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.request.ID = tt.name
			response, err := f.Broker.Token(t.Context(), tt.request)
			e := f.Last(t)
			if e.RequestID != tt.name {
				t.Fatalf("the request is not in the audit log; the last is %+v", e)
			}
			if tt.wantKind != "" {
				if !errors.Is(err, tt.wantKind) || response.Token != "" {
					t.Fatalf("got %+v, error %v; want %s", response, err, tt.wantKind)
				}
				if e.Outcome != string(tt.wantKind) || e.Reason != tt.wantReason || e.JTI != "" || len(e.Granted) > 0 {
					t.Errorf("audit entry %+v", e)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if response.Scope() != tt.wantScope || response.ExpiresIn != tt.wantTTL || e.Outcome != tt.outcome || e.JTI == "" {
				t.Errorf("scope %q for %s, outcome %q; want %q for %s, %q", response.Scope(), response.ExpiresIn, e.Outcome, tt.wantScope, tt.wantTTL, tt.outcome)
			}
		})
	}
}

func TestTokenClaims(t *testing.T) {
	f := fixture(t)
	for _, tt := range []struct {
		credentials *connectors.Credentials
		wantSub     string
	}{{login("Alice", "alice-pw"), "local:alice"}, {nil, ""}} {
		response, err := f.Broker.Token(t.Context(), broker.Request{Service: "registry.corp", Credentials: tt.credentials, Account: "root", Scopes: []string{"repository:public/a:pull,push"}})
		if err != nil {
			t.Fatal(err)
		}
		var claims jwt.MapClaims
		if _, _, err := jwt.NewParser().ParseUnverified(response.Token, &claims); err != nil {
			t.Fatal(err)
		}
		if claims["sub"] != tt.wantSub || claims["aud"] != "registry.corp" || claims["iss"] != "https://broker.example/realms/corp" ||
			fmt.Sprint(claims["access"]) != "[map[actions:[pull] name:public/a type:repository]]" || claims["jti"] != f.Last(t).JTI {
			t.Errorf("claims %v", claims)
		}
	}
}

func TestAuditEntry(t *testing.T) {
	f := fixture(t)
	_, err := f.Broker.Token(t.Context(), broker.Request{
		ID: "r1", Service: "registry.corp", Credentials: login("ALICE", "alice-pw"), Account: "someone",
		ClientIP: netip.MustParseAddr("192.0.2.7"), UserAgent: "docker/28",
		Scopes: []string{"repository:platform/release/x:pull,push repository:Bad:pull"},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := f.Last(t)
	if e.Time.IsZero() || e.LatencyMS <= 0 || e.JTI == "" {
		t.Errorf("time %v, latency %v, jti %q", e.Time, e.LatencyMS, e.JTI)
	}
	e.Time, e.LatencyMS, e.JTI = time.Time{}, 0, ""
	want := broker.Entry{
		RequestID: "r1", Realm: "corp", Service: "registry.corp", ClientIP: "192.0.2.7", UserAgent: "docker/28",
		Username: "ALICE", Account: "someone", Connector: "local", Via: "local", Kind: "person",
		Subject: "local:alice", Groups: []string{"local:platform"},
		Asked: []string{"repository:platform/release/x:pull,push"}, Dropped: []string{"repository:Bad:pull"},
		Granted: []broker.Verdict{{Scope: "repository:platform/release/x", Action: "pull", Reason: "allowed", Rule: "platform owns its namespace"}},
		Refused: []broker.Verdict{{Scope: "repository:platform/release/x", Action: "push", Reason: "denied", Rule: "release freeze"}},
		Outcome: broker.OutcomePartly,
	}
	if fmt.Sprintf("%+v", e) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", e, want)
	}
}

func TestWhatCannotBeAuditedIsNotGranted(t *testing.T) {
	f := brokertest.New(t, "/dev/full", brokertest.Realm{Name: "corp", Services: []string{"registry.corp"}, Policy: corpRules})
	response, err := f.Broker.Token(t.Context(), broker.Request{Service: "registry.corp", Credentials: login("alice", "alice-pw")})
	if !errors.Is(err, broker.Internal) || broker.AsError(err).Reason != "audit" || response.Token != "" {
		t.Errorf("got %+v, error %v", response, err)
	}
	if strings.Contains(broker.AsError(err).Message, "/dev/full") {
		t.Errorf("the client is told %q", broker.AsError(err).Message)
	}
}

func TestAGoneClientIsStillAudited(t *testing.T) {
	f := fixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Broker.Token(ctx, broker.Request{ID: "gone", Service: "registry.corp", Credentials: login("alice", "alice-pw")})
	if e := f.Last(t); e.RequestID != "gone" || !errors.Is(err, broker.Unavailable) || e.Outcome != "unavailable" || e.Reason != "client-gone" || strings.Contains(f.Log.String(), "failed") {
		t.Errorf("error %v, audit entry %+v, log %s", err, e, f.Log)
	}
	// Who hangs up while a refusal is held was refused.
	_, err = f.Broker.Token(ctx, broker.Request{ID: "guessing", Service: "registry.corp", Credentials: login("zoe", "guess")})
	if e := f.Last(t); e.RequestID != "guessing" || !errors.Is(err, broker.Unauthenticated) || e.Reason != "unhandled" {
		t.Errorf("error %v, audit entry %+v, want a refusal", err, e)
	}
}

// TestLongNamesAreClipped holds that a name in the record is whole letters of what was
// typed.
func TestLongNamesAreClipped(t *testing.T) {
	f := fixture(t)
	for typed, want := range map[string]string{
		strings.Repeat("a", 128):         strings.Repeat("a", 128),
		strings.Repeat("a", 129):         strings.Repeat("a", 128) + "…",
		"a" + strings.Repeat("é", 100):   "a" + strings.Repeat("é", 63) + "…",
		"abc" + strings.Repeat("🚢", 100): "abc" + strings.Repeat("🚢", 31) + "…",
	} {
		_, err := f.Broker.Token(t.Context(), broker.Request{Service: "registry.corp", Credentials: login(typed, "x")})
		if got := f.Last(t).Username; got != want || err == nil {
			t.Errorf("%q is recorded as %q, %v, want %q", typed, got, err, want)
		}
	}
}

func TestDroppedItemsAreClipped(t *testing.T) {
	f := fixture(t)
	junk := strings.Repeat("x", 300)
	_, err := f.Broker.Token(t.Context(), broker.Request{Service: "registry.corp", Scopes: slices.Repeat([]string{junk}, 50)})
	if err != nil {
		t.Fatal(err)
	}
	got := f.Last(t).Dropped
	if len(got) != 11 || len(got[0]) > 140 || got[10] != "… and 40 more" {
		t.Errorf("%d items, the first of %d bytes, the last %q", len(got), len(got[0]), got[len(got)-1])
	}
}

// faulty is a connector with a bug or an upstream that is down.
type faulty struct{ answer func() error }

func (f faulty) Handles(c connectors.Credentials) bool { return strings.HasPrefix(c.Username, "x") }

func (f faulty) Authenticate(context.Context, connectors.Credentials) (connectors.Identity, error) {
	return connectors.Identity{}, f.answer()
}

// TestWhenToTryAgain holds that who is turned away since a directory is left alone comes
// again when it is asked again.
func TestWhenToTryAgain(t *testing.T) {
	down := errors.New("connection refused")
	for name, tt := range map[string]struct {
		err    error
		reason string
		want   time.Duration
	}{
		"outage":          {down, "outage", 5 * time.Second},
		"resting":         {&connectors.Resting{Cause: down, RetryAfter: 1700 * time.Millisecond}, "breaker-open", 1700 * time.Millisecond},
		"being found out": {&connectors.Resting{Cause: down}, "breaker-open", time.Second},
	} {
		f := brokertest.New(t, "", brokertest.Realm{
			Name: "corp", Services: []string{"registry.corp"}, Policy: corpRules,
			More: []connectors.Member{{Name: "ldap", Connector: faulty{func() error { return tt.err }}}},
		})
		_, err := f.Broker.Token(t.Context(), broker.Request{Service: "registry.corp", Credentials: login("xaver", "pw")})
		if failure := broker.AsError(err); failure.Kind != broker.Unavailable || failure.RetryAfter != tt.want || f.Last(t).Reason != tt.reason {
			t.Errorf("%s: %s, again after %v, for %q", name, failure.Kind, failure.RetryAfter, f.Last(t).Reason)
		}
	}
}

// TestABusyDirectoryScattersTheCrowd holds that those who come too many at once are not all
// told to come again at once.
func TestABusyDirectoryScattersTheCrowd(t *testing.T) {
	f := brokertest.New(t, "", brokertest.Realm{
		Name: "corp", Services: []string{"registry.corp"}, Policy: corpRules,
		More: []connectors.Member{{Name: "ldap", Connector: faulty{func() error { return fmt.Errorf("%w: 32", connectors.ErrBusy) }}}},
	})
	seconds := map[time.Duration]int{}
	for range 50 {
		_, err := f.Broker.Token(t.Context(), broker.Request{Service: "registry.corp", Credentials: login("xaver", "pw")})
		failure := broker.AsError(err)
		if failure.Kind != broker.Unavailable || failure.RetryAfter < 2*time.Second || failure.RetryAfter > 10*time.Second || f.Last(t).Reason != "busy" {
			t.Errorf("%s, again after %v, for %q", failure.Kind, failure.RetryAfter, f.Last(t).Reason)
		}
		seconds[failure.RetryAfter.Truncate(time.Second)]++
	}
	if len(seconds) < 3 {
		t.Errorf("of 50, so many come again after so long: %v", seconds)
	}
}

func TestConnectorFailures(t *testing.T) {
	const canary = "pw-canary"
	tests := []struct {
		name       string
		answer     func() error
		wantKind   broker.Kind
		wantReason string
		wantLog    string
	}{
		{"outage", func() error { return errors.New("connection refused") }, broker.Unavailable, "outage", "connector ldap: connection refused"},
		{"a bare rejection", func() error { return connectors.ErrRejected }, broker.Unauthenticated, "rejected", ""},
		{"panic of the runtime", func() error { return []error{}[len(t.Name())] }, broker.Internal, "panic", "index out of range"},
		{"panic with a secret", func() error { panic("bind with " + canary) }, broker.Internal, "panic", "panic of type string"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := brokertest.New(t, "", brokertest.Realm{
				Name: "corp", Services: []string{"registry.corp"}, Policy: corpRules,
				More: []connectors.Member{{Name: "ldap", Connector: faulty{tt.answer}}},
			})
			_, err := f.Broker.Token(t.Context(), broker.Request{Service: "registry.corp", Credentials: login("xaver", canary)})
			if !errors.Is(err, tt.wantKind) {
				t.Fatalf("error %v, want %s", err, tt.wantKind)
			}
			if e := f.Last(t); e.Outcome != string(tt.wantKind) || e.Reason != tt.wantReason {
				t.Errorf("audit entry %+v", e)
			}
			if log := f.Log.String(); !strings.Contains(log, tt.wantLog) || strings.Contains(log, canary) {
				t.Errorf("log %s", log)
			}
			if (tt.wantKind == broker.Unavailable) != (broker.AsError(err).RetryAfter > 0) {
				t.Errorf("Retry-After %v", broker.AsError(err).RetryAfter)
			}
		})
	}
}

// hanging is a connector whose upstream never answers: it waits as the function does.
type hanging func(context.Context) error

func (hanging) Handles(c connectors.Credentials) bool { return c.Username == "xaver" }

func (h hanging) Authenticate(ctx context.Context, _ connectors.Credentials) (connectors.Identity, error) {
	return connectors.Identity{}, h(ctx)
}

type markKey struct{}

func TestAHangingConnectorIsGivenUp(t *testing.T) {
	const atOnce, late = 1100 * time.Millisecond, 5 * time.Second // for a client that goes away after a second
	for _, tt := range []struct {
		name string
		gone time.Duration
		wait hanging
	}{
		{"that waits for the end", atOnce, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}},
		{"that looks again and again", atOnce, func(ctx context.Context) error {
			for ctx.Err() == nil {
				time.Sleep(10 * time.Millisecond)
			}
			return ctx.Err()
		}},
		{"that knows the end before", late, func(ctx context.Context) error {
			end, _ := ctx.Deadline()
			time.Sleep(time.Until(end))
			return context.DeadlineExceeded
		}},
		{"that has given itself more time", atOnce, func(ctx context.Context) error {
			long, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			<-long.Done()
			if long.Value(markKey{}) != true || ctx.Value(markKey{}) != true {
				return errors.New("the request's values are lost")
			}
			return long.Err()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := brokertest.New(t, "", brokertest.Realm{
					Name: "corp", Services: []string{"registry.corp"}, Policy: corpRules,
					More: []connectors.Member{{Name: "ldap", Connector: tt.wait}},
				})
				// The client itself waits for longer.
				ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), markKey{}, true), time.Minute)
				defer cancel()
				for _, gone := range []bool{false, true} {
					started, reason, most := time.Now(), "outage", 5*time.Second
					if gone {
						time.AfterFunc(time.Second, cancel)
						reason, most = "client-gone", tt.gone
					}
					_, err := f.Broker.Token(ctx, broker.Request{Service: "registry.corp", Credentials: login("xaver", "xaver-pw")})
					if took := time.Since(started); !errors.Is(err, broker.Unavailable) || took >= most || took < time.Second {
						t.Errorf("error %v after %s, want %s within %s", err, took, broker.Unavailable, most)
					}
					if e := f.Last(t); e.Outcome != string(broker.Unavailable) || e.Reason != reason {
						t.Errorf("audit entry %+v", e)
					}
					if cause := errors.Unwrap(broker.AsError(err)); strings.Contains(fmt.Sprint(cause), "lost") {
						t.Error(cause)
					}
				}
			})
		})
	}
}

// keeping is a connector that remembers logins, and keeps what it was called with.
type keeping struct{ contexts chan context.Context }

func (keeping) Handles(connectors.Credentials) bool { return true }

func (k keeping) Authenticate(ctx context.Context, c connectors.Credentials) (connectors.Identity, error) {
	k.contexts <- ctx
	return connectors.Identity{Connector: "ldap", Via: "ldap", ID: "1", Username: c.Username}, nil
}

// TestAKeptContextEnds holds that what a connector was called with ends when the request
// does, although nobody waited for it before.
func TestAKeptContextEnds(t *testing.T) {
	kept := keeping{make(chan context.Context, 1)}
	f := brokertest.New(t, "", brokertest.Realm{
		Name: "corp", Services: []string{"registry.corp"}, Policy: corpRules,
		More: []connectors.Member{{Name: "ldap", Connector: kept}},
	})
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := f.Broker.Token(ctx, broker.Request{Service: "registry.corp", Credentials: login("xaver", "xaver-pw")}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if (<-kept.contexts).Err() == nil {
		t.Error("the context goes on after the request")
	}
}

func TestNewRefusesSharedServices(t *testing.T) {
	for _, tt := range []struct {
		realms []broker.Realm
		want   string
	}{
		{[]broker.Realm{{Name: "a", Services: []string{"s"}}, {Name: "b", Services: []string{"s"}}}, "service s belongs to the realms a and b"},
		{[]broker.Realm{{Name: "a"}, {Name: "a"}}, "realm a is there twice"},
	} {
		if _, err := broker.New(tt.realms, nil, nil); err == nil || err.Error() != tt.want {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
}

func TestSubject(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	id := connectors.Identity{Connector: "sso", Username: "alice", Groups: []string{"a", "b:c", "cafe\u0301"}, Ceiling: connectors.Unlimited()}
	s := broker.Subject(&id, "reg", addr)
	if s.User != "sso:alice" || fmt.Sprint(s.Groups) != "[sso:a sso:b:c sso:caf\u00e9]" || s.Service != "reg" || s.Addr != addr {
		t.Errorf("subject %+v", s)
	}
	if s := broker.Subject(nil, "reg", addr); s.User != "" || len(s.Groups) != 0 {
		t.Errorf("anonymous subject %+v", s)
	}
}

func TestResponseScope(t *testing.T) {
	r := broker.Response{Access: []token.Access{{Type: "registry", Name: "catalog", Actions: []string{"*"}}, {Type: "repository", Name: "a", Actions: []string{"pull", "push"}}}}
	if got := r.Scope(); got != "registry:catalog:* repository:a:pull,push" {
		t.Errorf("Scope() = %q", got)
	}
}

// TestRejectionsReadAlike holds that a client learns of a rejection no more than that
// it is one, but where a password will never do.
func TestRejectionsReadAlike(t *testing.T) {
	const ordinary = "wrong user name or password"
	for reason, words := range map[connectors.Reason]string{
		connectors.ReasonWrongPassword: ordinary, connectors.ReasonDisabled: ordinary, connectors.ReasonLocked: ordinary,
		connectors.ReasonGroups: ordinary, connectors.ReasonRestricted: ordinary,
		connectors.ReasonInteraction: "log in with an access token in place of the password",
	} {
		t.Run(string(reason), func(t *testing.T) {
			f := brokertest.New(t, "", brokertest.Realm{
				Name: "corp", Services: []string{"registry.corp"}, Policy: corpRules,
				More: []connectors.Member{{Name: "sso", Connector: faulty{func() error { return connectors.Reject(reason) }}}},
			})
			_, err := f.Broker.Token(t.Context(), broker.Request{Service: "registry.corp", Credentials: login("xaver", "pw")})
			if !errors.Is(err, broker.Unauthenticated) || !strings.Contains(broker.AsError(err).Message, words) {
				t.Errorf("error %v, want one that says %q", err, words)
			}
			if e := f.Last(t); e.Reason != string(reason) {
				t.Errorf("the audit log says %q", e.Reason)
			}
		})
	}
}
