package connectors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Member is a connector and the name it has in its realm.
type Member struct {
	Name      string
	Connector Connector

	// Tokens says that it takes the tokens that Shorepass itself hands out. No other member
	// is asked about one: it might send it on, as somebody's password.
	Tokens bool
}

// Chain asks the connectors of one realm, in their order, each for what it handles.
type Chain struct {
	usernames UsernameForm
	members   []Member
}

// NewChain returns a chain of members, whose names are distinct, in a realm with such
// user names.
func NewChain(usernames UsernameForm, members ...Member) *Chain {
	return &Chain{usernames: usernames, members: append([]Member(nil), members...)}
}

// Failure is an error of the chain with the connector that it came from.
type Failure struct {
	Connector string // empty where no connector knew or handled the credentials
	Err       error
}

// Error names the connector.
func (f *Failure) Error() string {
	if f.Connector == "" {
		return f.Err.Error()
	}
	return fmt.Sprintf("connector %s: %v", f.Connector, f.Err)
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Authenticate asks each connector that handles the credentials until one knows
// the user. It fails with a [*Failure] around [ErrRejected] (a wrong password
// stops; so does a name that nobody knows or handles), around a [Throttled] or around
// an outage, which stops too: it never falls through to the next connector. A blank
// password, and one that is too long or no text, is refused before anybody is asked. All
// other refusals but those of access tokens take about the same time.
func (c *Chain) Authenticate(ctx context.Context, cred Credentials) (Identity, error) {
	switch {
	case cred.Password.Blank():
		return Identity{}, &Failure{Err: Reject(ReasonEmptyPassword)}
	case !isPassword(cred.Password.Reveal()):
		return Identity{}, &Failure{Err: Reject(ReasonBadPassword)}
	}
	begun := time.Now()
	id, failure, took := c.ask(ctx, cred)
	if failure == nil {
		c.tell(id, begun)
		return id, nil
	}
	if isRefusal(failure) {
		failure = c.even(ctx, cred, failure, took)
	}
	return Identity{}, failure
}

// maxPassword is how long a password may be, in bytes. Somebody's upstream fails at some
// length, and that would tell whose.
const maxPassword = 8 << 10

// isPassword reports whether all upstreams can be asked about a text: clients are told that it
// is UTF-8 (RFC 7617 §2.1), and many read no further than a NUL.
func isPassword(text string) bool {
	return len(text) <= maxPassword && utf8.ValidString(text) && !strings.Contains(text, "\x00")
}

// ask asks the connectors. It also returns how long those took that are paced.
func (c *Chain) ask(ctx context.Context, cred Credentials) (_ Identity, _ *Failure, took time.Duration) {
	// A token in the place of the user name is nobody's name, and no upstream's business.
	issued := cred.Password.Issued() || HoldsToken(cred.Username)
	asked := false
	for _, m := range c.members {
		if issued && !m.Tokens || !m.Connector.Handles(cred) {
			continue
		}
		asked = true
		begun := time.Now()
		id, err := m.Connector.Authenticate(ctx, cred)
		if _, ok := m.paced(); ok {
			took += time.Since(begun)
		}
		if errors.Is(err, ErrNotMine) {
			continue
		}
		if err == nil {
			err = c.check(id, m.Name)
		}
		if err != nil {
			return Identity{}, &Failure{Connector: m.Name, Err: err}, took
		}
		return id, nil, took
	}
	return Identity{}, c.nobodys(ctx, cred, asked), took
}

// nobodys refuses a login by a name that nobody knows or handles. It is counted after its
// decoys, whoever hangs up meanwhile: that of a listed name counts when its hash was computed,
// and not where that found no turn.
func (c *Chain) nobodys(ctx context.Context, cred Credentials, asked bool) *Failure {
	if busy := c.spend(context.WithoutCancel(ctx), cred, ""); busy != nil {
		return busy
	}
	if err := c.count(ctx, cred); err != nil {
		return &Failure{Err: err}
	}
	return &Failure{Err: Reject(c.unknown(cred, asked))}
}

// count counts a login by a name that nobody knows or handles, or by what is no name, so
// that such a one is refused like a known one. It fails where there were too many. One
// member counts, and that which does takes the form of the name, if any does.
func (c *Chain) count(ctx context.Context, cred Credentials) error {
	if cred.Username == "" || cred.Password.Issued() || HoldsToken(cred.Username) {
		return nil
	}
	var counts Refuser
	for _, m := range c.members {
		r, ok := m.Connector.(Refuser)
		if !ok {
			continue
		}
		if err := r.RefuseUnknown(ctx, cred); !errors.Is(err, ErrNotMine) {
			return err
		}
		counts = r
	}
	if counts == nil {
		return nil
	}
	return counts.RefuseNoName(ctx, cred)
}

// tell tells the observers of a login. One that another connector vouches for than the
// account is of was by a token, and is none; one that the upstream was not asked about
// shows nothing new of the account.
func (c *Chain) tell(id Identity, begun time.Time) {
	if id.Via != id.Connector || id.Answer != AnswerUpstream {
		return
	}
	for _, m := range c.members {
		if o, ok := m.Connector.(LoginObserver); ok {
			o.LoggedIn(id, begun)
		}
	}
}

// unknown is why a name was refused that no connector knows.
func (c *Chain) unknown(cred Credentials, asked bool) Reason {
	switch {
	case cred.Username == "":
		return ReasonUnknownToken
	case cred.Password.Issued():
		return ReasonBadToken
	case asked:
		return ReasonUnknown
	}
	if _, ok := c.usernames.Parse(cred.Username); !ok || HoldsToken(cred.Username) {
		return ReasonBadUsername
	}
	return ReasonUnhandled
}

// check refuses an identity that breaks the contract: rights hang on these fields.
func (c *Chain) check(id Identity, via string) error {
	name, ok := c.usernames.Parse(id.Username)
	switch {
	case id.Via != via:
		return fmt.Errorf("broken connector: identity vouched for by %q", id.Via)
	case id.Connector == "" || id.ID == "" || id.Username == "":
		return errors.New("broken connector: identity without connector, id or user name")
	case !slices.ContainsFunc(c.members, func(m Member) bool { return m.Name == id.Connector }):
		return fmt.Errorf("broken connector: identity of %q, which is no connector of the realm", id.Connector)
	case !ok || name != id.Username:
		return fmt.Errorf("broken connector: identity with the user name %q, which is not in the form of the realm's: %s", id.Username, c.usernames)
	}
	return nil
}
