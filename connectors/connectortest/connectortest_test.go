package connectortest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
)

// users is a small connector that keeps the contract, but for its flaw.
type users struct {
	flaw flaw
	down bool
}

// flaw is one way to break the contract.
type flaw string

const (
	none             flaw = ""
	anyPassword      flaw = "takes any password"
	noReason         flaw = "rejects without a reason"
	unknownRejected  flaw = "rejects unknown users"
	unknownOutage    flaw = "takes an unknown user for an outage"
	disabledSignsIn  flaw = "lets disabled accounts in"
	handlesAll       flaw = "handles what is not its own"
	typedName        flaw = "calls people what they typed"
	decomposedName   flaw = "decomposes names"
	filterInjection  flaw = "takes a star for alice"
	namesBreakIt     flaw = "takes an odd name for an outage"
	blankIsSent      flaw = "sends blank passwords"
	showsPassword    flaw = "shows the password in its error"
	canceledRejected flaw = "rejects who went away"
	canceledBlames   flaw = "takes who went away for an outage of the upstream"
	mixesUp          flaw = "mixes up logins"
	downRejects      flaw = "rejects while its upstream is down"
	downNotMine      flaw = "knows nobody while its upstream is down"
	downUnmarked     flaw = "does not mark that its upstream is down"
	zeroCeiling      flaw = "grants nothing"
	losesGroups      flaw = "loses a group"
	viaAnother       flaw = "vouches under another name"
	noID             flaw = "gives no id"
	unstableID       flaw = "gives a new id each time"
	resolvesLess     flaw = "resolves with fewer groups"
	resolvesAnybody  flaw = "resolves unknown ids"
	goneRejected     flaw = "rejects unknown ids"
	resolvesDisabled flaw = "resolves disabled accounts"
)

const (
	goodPassword  = "correct-horse"
	wrongPassword = "wrong-canary-7f3a"
)

func fixture(f flaw) connectortest.Fixture {
	return connectortest.Fixture{
		Name:          "corp",
		New:           func(testing.TB) connectors.Connector { return &users{flaw: f} },
		Good:          connectortest.Login{Username: "Alice", Password: goodPassword},
		Username:      "alice",
		Groups:        []string{"platform", "audit"},
		WrongPassword: wrongPassword,
		Unknown:       "nobody",
		Disabled:      connectortest.Login{Username: "bob", Password: goodPassword},
		DisabledID:    "id-2",
		Unhandled:     "robot",
		Spellings:     []string{"alice", "ALICE", " alice", "ａｌｉｃｅ"},
		Down:          func(testing.TB) connectors.Connector { return &users{flaw: f, down: true} },
	}
}

func (u *users) Handles(c connectors.Credentials) bool {
	name, ok := connectors.ASCIIUsernames.Parse(c.Username)
	return ok && name != "robot" || u.flaw == handlesAll
}

func (u *users) Authenticate(ctx context.Context, c connectors.Credentials) (connectors.Identity, error) {
	name, ok := connectors.ASCIIUsernames.Parse(c.Username)
	switch {
	case u.flaw == filterInjection && c.Username == "*":
		name = "alice"
	case u.flaw == namesBreakIt && strings.Contains(c.Username, "("):
		return connectors.Identity{}, errors.New("bad filter")
	case !ok:
		return connectors.Identity{}, connectors.Reject(connectors.ReasonBadUsername)
	case c.Password.Blank() && u.flaw != blankIsSent:
		return connectors.Identity{}, connectors.Reject(connectors.ReasonEmptyPassword)
	}
	if err := u.upstream(ctx); err != nil {
		return connectors.Identity{}, err
	}
	return u.verify(name, c)
}

// upstream fails where the upstream cannot be asked.
func (u *users) upstream(ctx context.Context) error {
	switch {
	case u.down && u.flaw == downRejects:
		return connectors.Reject(connectors.ReasonWrongPassword)
	case u.down && u.flaw == downNotMine:
		return connectors.ErrNotMine
	case u.down && u.flaw == downUnmarked:
		return errors.New("connection refused")
	case u.down:
		return connectors.Unreachable(errors.New("connection refused"))
	case ctx.Err() != nil && u.flaw == canceledBlames:
		return fmt.Errorf("%w: %w", connectors.ErrUnreachable, ctx.Err())
	case ctx.Err() != nil && u.flaw == canceledRejected:
		return connectors.Reject(connectors.ReasonWrongPassword)
	}
	return ctx.Err()
}

func (u *users) verify(name string, c connectors.Credentials) (connectors.Identity, error) {
	right := c.Password.Reveal() == goodPassword || u.flaw == anyPassword
	switch {
	case name == "bob" && right && u.flaw == disabledSignsIn:
	case name == "bob":
		return connectors.Identity{}, connectors.Reject(connectors.ReasonDisabled)
	case name != "alice" && u.flaw == unknownRejected:
		return connectors.Identity{}, connectors.Reject(connectors.ReasonUnknown)
	case name != "alice" && u.flaw == unknownOutage:
		return connectors.Identity{}, errors.New("no such entry")
	case name != "alice":
		return connectors.Identity{}, connectors.ErrNotMine
	case !right && u.flaw == noReason:
		return connectors.Identity{}, connectors.ErrRejected
	case !right && u.flaw == showsPassword:
		return connectors.Identity{}, fmt.Errorf("%w: %x", connectors.Reject(connectors.ReasonWrongPassword), c.Password.Reveal())
	case !right && u.flaw == mixesUp && !raceFree():
	case !right:
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	}
	id := u.identity()
	if u.flaw == typedName {
		id.Username = c.Username
	}
	return id, nil
}

// raceFree reports whether hardly anybody else is at work: a connector that mixes
// up logins does so under load alone.
func raceFree() bool { return runtime.NumGoroutine() < 20 }

func (u *users) identity() connectors.Identity {
	id := connectors.Identity{
		Connector: "corp", Via: "corp", ID: "id-1", Username: "alice",
		Groups: []string{"audit", "platform"}, Ceiling: connectors.Unlimited(),
	}
	switch u.flaw {
	case decomposedName:
		id.Username = "jose\u0301"
	case zeroCeiling:
		id.Ceiling = connectors.Ceiling{}
	case losesGroups:
		id.Groups = id.Groups[:1]
	case viaAnother:
		id.Via = "tokens"
	case noID:
		id.ID = ""
	case unstableID:
		id.ID = fmt.Sprintf("%p", &id)
	}
	return id
}

func (u *users) Resolve(_ context.Context, id string) (connectors.Identity, error) {
	switch {
	case u.down:
		return connectors.Identity{}, errors.New("connection refused")
	case id == u.identity().ID && u.flaw == resolvesLess:
		got := u.identity()
		got.Groups = nil
		return got, nil
	case id == "id-1" || u.flaw == resolvesAnybody:
		return u.identity(), nil
	case id == "id-2" && u.flaw == resolvesDisabled:
		return connectors.Identity{Connector: "corp", Via: "corp", ID: "id-2", Username: "bob", Ceiling: connectors.Unlimited()}, nil
	case u.flaw == goneRejected:
		return connectors.Identity{}, connectors.Reject(connectors.ReasonUnknown)
	}
	return connectors.Identity{}, connectors.ErrGone
}

func TestSuitePassesWhatKeepsTheContract(t *testing.T) {
	connectortest.Run(t, fixture(none))
}

// TestSuiteFailsWhatBreaksIt names, for every flaw, a clause that must notice it.
func TestSuiteFailsWhatBreaksIt(t *testing.T) {
	noticed := map[flaw]string{
		anyPassword:      "wrong password",
		noReason:         "wrong password",
		unknownRejected:  "unknown user",
		unknownOutage:    "unknown user",
		disabledSignsIn:  "disabled account",
		handlesAll:       "unhandled user",
		typedName:        "spellings",
		filterInjection:  "hostile user names",
		namesBreakIt:     "hostile user names",
		blankIsSent:      "blank passwords",
		showsPassword:    "passwords stay out of errors",
		canceledRejected: "canceled context",
		canceledBlames:   "canceled context",
		mixesUp:          "concurrent logins",
		downRejects:      "upstream down",
		downNotMine:      "upstream down",
		downUnmarked:     "upstream down",
		zeroCeiling:      "good login",
		losesGroups:      "good login",
		viaAnother:       "good login",
		noID:             "good login",
		unstableID:       "good login",
		resolvesLess:     "resolve",
		resolvesAnybody:  "resolve unknown id",
		goneRejected:     "resolve unknown id",
		resolvesDisabled: "resolve disabled account",
	}
	for f, clause := range noticed {
		t.Run(string(f), func(t *testing.T) {
			if failed := failing(t, fixture(f)); !slices.Contains(failed, clause) {
				t.Errorf("a connector that %s fails %q, want %q among them", f, failed, clause)
			}
		})
	}
	for _, c := range connectortest.Checks() {
		if !slices.Contains(values(noticed), c.Name) {
			t.Errorf("no flaw is shown to fail %q", c.Name)
		}
	}
}

// TestSuiteFailsANameOfNoForm holds that a name is in its canonical form even where
// the fixture's author has taken down the one that the connector gives.
func TestSuiteFailsANameOfNoForm(t *testing.T) {
	f := fixture(decomposedName)
	f.Form, f.Username = connectors.UnicodeUsernames, "jose\u0301"
	if failed := failing(t, f); !slices.Contains(failed, "good login") {
		t.Errorf("a connector that %s fails %q, want good login among them", decomposedName, failed)
	}
}

func TestIncompleteFixtures(t *testing.T) {
	for name, edit := range map[string]func(*connectortest.Fixture){
		"no name":             func(f *connectortest.Fixture) { f.Name = "" },
		"no constructor":      func(f *connectortest.Fixture) { f.New = nil },
		"no login":            func(f *connectortest.Fixture) { f.Good.Username = "" },
		"no canonical name":   func(f *connectortest.Fixture) { f.Username = "" },
		"short wrong one":     func(f *connectortest.Fixture) { f.WrongPassword = "wrong" },
		"nobody disabled":     func(f *connectortest.Fixture) { f.Disabled = connectortest.Login{} },
		"wrong one that fits": func(f *connectortest.Fixture) { f.WrongPassword = f.Good.Password },
	} {
		t.Run(name, func(t *testing.T) {
			f := fixture(none)
			edit(&f)
			if failed := failing(t, f); len(failed) != len(connectortest.Checks()) {
				t.Errorf("of an incomplete fixture only %q fail", failed)
			}
		})
	}
}

// failing returns the names of the clauses that the connector breaks.
func failing(t *testing.T, f connectortest.Fixture) []string {
	t.Helper()
	var failed []string
	for _, c := range connectortest.Checks() {
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() { // FailNow ends the goroutine that it is called on
			defer close(done)
			c.Run(r, f)
		}()
		<-done
		if r.Failed() {
			failed = append(failed, c.Name)
		}
	}
	return failed
}

// recorder is a test that notes its failure, and fails nothing.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	failed bool
}

func (r *recorder) Fail() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) FailNow() {
	r.Fail()
	runtime.Goexit()
}

func (r *recorder) Helper()               {}
func (r *recorder) Error(...any)          { r.Fail() }
func (r *recorder) Errorf(string, ...any) { r.Fail() }
func (r *recorder) Fatal(...any)          { r.FailNow() }
func (r *recorder) Fatalf(string, ...any) { r.FailNow() }

func values(m map[flaw]string) []string {
	var list []string
	for _, v := range m {
		list = append(list, v)
	}
	return list
}
