package guard_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a directory of as many people as are asked for. What it answers depends on the
// password; what that is not a word of is wrong.
type desk struct {
	mu       sync.Mutex
	took     time.Duration    // that an answer takes
	answers  map[string]error // to passwords; nil: right
	verified []string         // names

	here, most atomic.Int64
	gone       atomic.Bool // to Resolve
}

var (
	errDown = connectors.Unreachable(errors.New("connection refused"))
	errOdd  = errors.New("the user is in too many groups")
)

// newDesk returns a directory where "right" is right, and other words are what they say.
func newDesk() *desk {
	return &desk{answers: map[string]error{
		"right": nil, "also right": nil, "down": errDown, "odd": errOdd, "busy": connectors.ErrBusy, "unknown": connectors.ErrNotMine,
		"disabled": connectors.Reject(connectors.ReasonDisabled), "throttled": &connectors.Throttled{Reason: connectors.ReasonLockout},
		"cannot be read": connectors.OneAccount(errOdd), "breaks off": connectors.OneAccount(errDown),
	}}
}

func (d *desk) Locate(_ context.Context, username string) (connectors.Account, error) {
	username = strings.TrimSuffix(username, "@corp.example")
	return connectors.Account{ID: "id of " + username, Username: username}, nil
}

func (d *desk) Verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	d.mu.Lock()
	d.verified = append(d.verified, a.Username)
	err, known := d.answers[password.Reveal()]
	took := d.took
	d.most.Store(max(d.most.Load(), d.here.Add(1)))
	d.mu.Unlock()
	defer d.here.Add(-1)
	switch password.Reveal() {
	case "panics":
		time.Sleep(took)
		panic("at the desk")
	case "hangs", "is slow to read", "hangs, and is blamed":
		took = time.Hour
	}
	select {
	case <-time.After(took):
	case <-ctx.Done():
		switch password.Reveal() {
		case "is slow to read":
			return connectors.Identity{}, connectors.OneAccount(ctx.Err())
		case "hangs, and is blamed":
			return connectors.Identity{}, fmt.Errorf("%w: %w", connectors.ErrUnreachable, ctx.Err())
		}
		return connectors.Identity{}, ctx.Err()
	}
	switch {
	case !known:
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	case err != nil:
		return connectors.Identity{}, err
	}
	return connectors.Identity{Connector: "desk", Via: "desk", ID: a.ID, Username: a.Username, Ceiling: connectors.Unlimited()}, nil
}

func (d *desk) Resolve(_ context.Context, id string) (connectors.Identity, error) {
	if d.gone.Load() {
		return connectors.Identity{}, connectors.ErrGone
	}
	return connectors.Identity{ID: id, Username: strings.TrimPrefix(id, "id of ")}, nil
}

// say has a password be answered in another way from now on.
func (d *desk) say(password string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers[password] = err
}

// takes has an answer take so long from now on.
func (d *desk) takes(t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.took = t
}

// asked returns how many passwords it was asked about.
func (d *desk) asked() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.verified)
}

// guarded is a connector that is closed with the test, or the bubble of it.
type guarded struct {
	connectors.Connector
	t   *testing.T
	log *strings.Builder
}

func guardedBy(t *testing.T, d connectors.Directory, s guard.Settings) guarded {
	t.Helper()
	g := guarded{t: t, log: &strings.Builder{}}
	g.Connector = guard.Password(d, guard.Config{Settings: s, Logger: slog.New(slog.NewTextHandler(g.log, nil))})
	t.Cleanup(func() { _ = g.Connector.(interface{ Close() error }).Close() })
	return g
}

// login signs somebody in.
func (g guarded) login(name, password string) (connectors.Identity, error) {
	return g.loginIn(g.t.Context(), name, password)
}

func (g guarded) loginIn(ctx context.Context, name, password string) (connectors.Identity, error) {
	return g.Authenticate(ctx, connectors.Credentials{Username: name, Password: connectors.NewSecret(password)})
}

// want fails the test unless a login ends with the error, and with none where that is nil.
func (g guarded) want(name, password string, want error) {
	g.t.Helper()
	if _, err := g.login(name, password); !errors.Is(err, want) || want == nil && err != nil {
		g.t.Errorf("%s with %q: %v, want %v", name, password, err, want)
	}
}

// passes fails the test unless a login succeeds, with the answer from there.
func (g guarded) passes(name, password string, from connectors.Answer) {
	g.t.Helper()
	if id, err := g.login(name, password); err != nil || id.Answer != from || !strings.HasPrefix(strings.ToLower(name), id.Username) {
		g.t.Errorf("%s with %q: %+v, %v; want an answer from %q", name, password, id, err, from)
	}
}
