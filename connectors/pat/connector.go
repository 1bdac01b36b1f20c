package pat

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// Tokens is where tokens are kept.
type Tokens interface {
	// Token returns a token as it is now, revocation included. It fails with [ErrNoToken].
	Token(ctx context.Context, realm, id string) (Token, error)

	// RecordUses notes when tokens were last used, all or none.
	RecordUses(ctx context.Context, uses []Use) error

	// Check fails where tokens cannot be read and written.
	Check(ctx context.Context) error
}

// Owners is where is kept what was last learned of the accounts that have tokens.
type Owners interface {
	// Owner returns what is known of an account. It fails with [ErrNoOwner].
	Owner(ctx context.Context, realm string, a Account) (Owner, error)

	// SaveOwners keeps what was learned, all or none, but for those of whom something newer was.
	SaveOwners(ctx context.Context, list []Owner) error

	// HasTokens reports whether an account has tokens.
	HasTokens(ctx context.Context, realm string, a Account) (bool, error)
}

// Connector takes the tokens of one realm.
type Connector struct {
	realm, name string
	form        connectors.UsernameForm
	memory      *memory
	owners      *owners
}

var (
	_ connectors.Connector     = (*Connector)(nil)
	_ connectors.LoginObserver = (*Connector)(nil)
	_ connectors.Prober        = (*Connector)(nil)
)

// New returns a connector of the realm's tokens and owners. It reads nothing yet, and is to be
// closed before the memory.
func New(cfg *Config, d connectors.Deps, m *Memory) *Connector {
	known := m.of(d.Realm)
	return &Connector{realm: d.Realm, name: d.Name, form: d.Form, memory: known, owners: newOwners(cfg, d, known)}
}

// Handles takes what begins as a token does, or has one in it. One that was cut off or
// mistyped is ours as well: it is nobody's password. None was ever handed out as an
// identity token.
func (c *Connector) Handles(cred connectors.Credentials) bool {
	return !cred.Refresh && cred.Password.Issued() && !cred.Password.IssuedForLogin()
}

// Authenticate returns the token's owner, with the rights that the owner has now and the
// token's ceiling. The user name that came with the token does not matter.
func (c *Connector) Authenticate(ctx context.Context, cred connectors.Credentials) (connectors.Identity, error) {
	if cred.Password.Blank() {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonEmptyPassword)
	}
	token, err := c.find(ctx, cred.Password)
	if err != nil {
		return connectors.Identity{}, err
	}
	owner, err := c.owner(ctx, token, cred.RemoteIP)
	if err == nil {
		err = c.counts(ctx, token.ID, cred.RemoteIP)
	}
	if err != nil {
		return connectors.Identity{}, c.recorded(ctx, err, token)
	}
	c.memory.recorder.used(Use{Realm: c.realm, ID: token.ID, At: wallTime().Truncate(time.Second), From: cred.RemoteIP.Unmap().WithZone("")})
	return c.identity(token, owner), nil
}

// Rights returns the identity that a login with the token of a public id would have from
// an address now, and fails as that would, or with [ErrNoToken]. It is for telling what a
// token may do: no secret is asked for, and no use noted.
func (c *Connector) Rights(ctx context.Context, id string, from netip.Addr) (connectors.Identity, error) {
	token, err := c.memory.tokens.Token(ctx, c.realm, id)
	if err != nil {
		return connectors.Identity{}, err
	}
	owner, err := c.owner(ctx, token, from)
	if err != nil {
		return connectors.Identity{}, err
	}
	return c.identity(token, owner), nil
}

// counts rejects a token that has ended or was taken back while its owner was looked up.
func (c *Connector) counts(ctx context.Context, id string, from netip.Addr) error {
	token, err := c.memory.tokens.Token(ctx, c.realm, id)
	if err != nil {
		return fmt.Errorf("reading the access token %s again: %w", id, err)
	}
	if reason := token.refusal(from, time.Now()); reason != "" {
		return connectors.Reject(reason)
	}
	return nil
}

// find returns the token of a text, whose secret is right. Whether it still counts is
// another matter.
func (c *Connector) find(ctx context.Context, secret connectors.Secret) (token Token, err error) {
	finish := connectors.StartStep(ctx, "token")
	defer func() {
		if finish != nil {
			finish(tokenStep(token, err))
		}
	}()
	text, ok := ParseText(secret)
	if !ok {
		return Token{}, connectors.Reject(connectors.ReasonBadToken)
	}
	token, err = c.memory.tokens.Token(ctx, c.realm, text.ID())
	if err != nil && !errors.Is(err, ErrNoToken) {
		return Token{}, fmt.Errorf("reading the access token %s: %w", text.ID(), err)
	}
	// There is no token with a hash of zeros: an id that nobody has takes the same path.
	hash := text.Hash()
	if subtle.ConstantTimeCompare(token.Hash[:], hash[:]) != 1 {
		return Token{}, connectors.Reject(connectors.ReasonBadToken)
	}
	return token, nil
}

// owner returns what the owner of a token is allowed to be now, unless the token does not
// count.
func (c *Connector) owner(ctx context.Context, t Token, from netip.Addr) (owner Owner, err error) {
	if reason := t.refusal(from, time.Now()); reason != "" {
		return Owner{}, connectors.Reject(reason)
	}
	finish := connectors.StartStep(ctx, "owner")
	defer func() {
		if finish != nil {
			finish(ownerStep(t, owner, err))
		}
	}()
	if owner, err = c.owners.now(ctx, t); err != nil {
		return Owner{}, err
	}
	if canonical, ok := c.form.Parse(owner.Username); !ok || canonical != owner.Username {
		c.owners.warnName(owner, c.form)
		return Owner{}, connectors.Reject(connectors.ReasonOwnerGone)
	}
	return owner, nil
}

// refusal says why the token does not count at the time and from the address; empty where
// it does. An address that is not known is in no network.
func (t Token) refusal(from netip.Addr, now time.Time) connectors.Reason {
	from = from.Unmap().WithZone("")
	switch {
	case !t.Revoked.IsZero():
		return connectors.ReasonTokenRevoked
	case !now.Before(t.Expires):
		return connectors.ReasonTokenExpired
	case len(t.Networks) > 0 && !slices.ContainsFunc(t.Networks, func(n netip.Prefix) bool { return n.Contains(from) }):
		return connectors.ReasonTokenNetwork
	}
	return ""
}

// identity is the owner's, by way of the token.
func (c *Connector) identity(t Token, o Owner) connectors.Identity {
	return connectors.Identity{
		Connector: t.Account.Connector,
		Via:       c.name,
		Kind:      connectors.Person,
		ID:        t.Account.ID,
		Username:  o.Username,
		Groups:    slices.Clone(o.Groups),
		Ceiling:   connectors.Limited(t.Scopes...),
		Token:     t.ID,
		Until:     t.Expires,
	}
}

// recorded adds to a failure, for the record, which token it was and whose.
func (c *Connector) recorded(ctx context.Context, err error, t Token) error {
	last, _ := c.memory.recall(ctx, t.Account) // without a name where that cannot be read
	known := c.identity(t, last)
	var rejection *connectors.Rejection
	if errors.As(err, &rejection) {
		return &connectors.Rejection{Reason: rejection.Reason, Known: &known}
	}
	return &connectors.Outage{Known: &known, Err: err}
}

// LoggedIn notes what a login with a password has shown of an account. What it has read may be
// as old as the login: one that began before something was forgotten brings none of that back.
func (c *Connector) LoggedIn(id connectors.Identity, begun time.Time) { c.owners.loggedIn(id, begun) }

// Recent returns the accounts that have shown to go by a canonical user name so lately that
// it is not in the database yet.
func (c *Connector) Recent(connector, username string) []Owner {
	return c.memory.recorder.pendingAs(connector, username)
}

// Probe tries the database.
func (c *Connector) Probe(ctx context.Context) error {
	finish := connectors.StartStep(ctx, "database")
	err := c.memory.tokens.Check(ctx)
	if finish != nil {
		finish(connectors.Step{Detail: "where access tokens are kept", Err: err})
	}
	return err
}

// Close ends what goes on in the background. What is not written down yet is in the memory.
func (c *Connector) Close() error {
	c.owners.close()
	return nil
}
