package guard_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// vault is a directory whose accounts are its names, and whose right password is "right". It
// notes the passwords that it is sent.
type vault struct {
	space  string                                           // Upstream
	vouch  []string                                         // the aliases of whoever signs in
	noIDs  bool                                             // only a login tells whose a name is, and aliases may be typed
	id     string                                           // of who signs in; empty: of the name
	answer func(name, password string) error                // in place of a comparison
	locate func(name string) error                          // likewise
	during func(ctx context.Context, name, password string) // while the password is checked

	mu      sync.Mutex
	located int
	sent    []string // name:password
}

func (v *vault) Upstream() string { return v.space }

func (v *vault) Locate(_ context.Context, name string) (connectors.Account, error) {
	v.mu.Lock()
	v.located++
	v.mu.Unlock()
	if v.locate != nil {
		if err := v.locate(name); err != nil {
			return connectors.Account{}, err
		}
	}
	if v.noIDs {
		return connectors.Account{Username: name}, nil
	}
	if strings.HasPrefix(name, "nobody") {
		return connectors.Account{}, connectors.ErrNotMine
	}
	return connectors.Account{ID: idOf(name), Username: account(name)}, nil
}

// account is whose a name is: alice may be typed as alice@corp, too.
func account(name string) string {
	name, _, _ = strings.Cut(name, "@")
	return name
}

func idOf(name string) string { return "id-" + account(name) }

func (v *vault) Verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	v.mu.Lock()
	v.sent = append(v.sent, a.Username+":"+password.Reveal())
	v.mu.Unlock()
	if v.during != nil {
		v.during(ctx, a.Username, password.Reveal())
	}
	if v.answer != nil {
		if err := v.answer(a.Username, password.Reveal()); err != nil {
			return connectors.Identity{}, err
		}
	} else if password.Reveal() != "right" {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	}
	return connectors.Identity{Connector: "vault", Via: "vault", ID: cmp.Or(v.id, idOf(a.Username)), Username: account(a.Username), Aliases: v.vouch, Ceiling: connectors.Unlimited()}, nil
}

// take returns what was sent since it was last asked.
func (v *vault) take() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	sent := v.sent
	v.sent = nil
	return sent
}

// lockout is the default, without caches that would answer in its place.
func lockout() guard.Settings { return guard.Settings{Lockout: guard.DefaultSettings().Lockout} }

// door makes a connector of a vault.
func door(t *testing.T, v *vault, s guard.Settings, shield *guard.Shield) connectors.Connector {
	t.Helper()
	return closing(t, guard.Password(v, guard.Config{Settings: s, Shield: shield, Realm: "corp", Name: "vault"}))
}

func closing(t *testing.T, c connectors.Connector) connectors.Connector {
	t.Helper()
	t.Cleanup(func() {
		if err := c.(interface{ Close() error }).Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// authenticator is a connector or a chain.
type authenticator interface {
	Authenticate(context.Context, connectors.Credentials) (connectors.Identity, error)
}

// The clients of these tests.
var (
	home      = netip.MustParseAddr("192.0.2.1")
	elsewhere = netip.MustParseAddr("198.51.100.1")
)

// login returns what comes of a login: ok, the reason of a rejection, that of a Throttled
// with its time, or outage.
func login(ctx context.Context, a authenticator, name, password string, from netip.Addr) string {
	_, err := a.Authenticate(ctx, connectors.Credentials{Username: name, Password: connectors.NewSecret(password), RemoteIP: from})
	return outcomeOf(err)
}

func outcomeOf(err error) string {
	var rejected *connectors.Rejection
	var throttled *connectors.Throttled
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &rejected):
		return string(rejected.Reason)
	case errors.As(err, &throttled):
		return fmt.Sprintf("429 %s %s", throttled.Reason, throttled.RetryAfter.Round(time.Second))
	case errors.Is(err, connectors.ErrNotMine):
		return "not mine"
	}
	return "outage"
}

// look is what the client sees of it.
func look(outcome string) string {
	switch {
	case outcome == "ok":
		return "200"
	case strings.HasPrefix(outcome, "429"):
		return "429 " + outcome[strings.LastIndexByte(outcome, ' ')+1:]
	case outcome == "outage":
		return "503"
	}
	return "401"
}

// logins are logins one after the other, and what is to come of each.
type logins []struct {
	name, password string
	from           netip.Addr
	want           string
}

func (l logins) run(t *testing.T, a authenticator) {
	t.Helper()
	for i, one := range l {
		if got := login(t.Context(), a, one.name, one.password, one.from); got != one.want {
			t.Errorf("login %d, %s by %s from %s: %s, want %s", i+1, one.name, one.password, one.from, got, one.want)
		}
	}
}
