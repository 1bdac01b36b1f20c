package connectors

import (
	"context"
	"errors"
	"fmt"
)

// Member is a connector and the name it has in its realm.
type Member struct {
	Name      string
	Connector Connector
}

// Chain asks the connectors of one realm, in their order, each for what it handles.
type Chain struct{ members []Member }

// NewChain returns a chain of members. Their names are distinct.
func NewChain(members ...Member) *Chain {
	return &Chain{members: append([]Member(nil), members...)}
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
// stops; so does a name that nobody knows or handles) or around an outage, which
// stops too: it never falls through to the next connector.
func (c *Chain) Authenticate(ctx context.Context, cred Credentials) (Identity, error) {
	asked := false
	for _, m := range c.members {
		if !m.Connector.Handles(cred) {
			continue
		}
		asked = true
		id, err := m.Connector.Authenticate(ctx, cred)
		if errors.Is(err, ErrNotMine) {
			continue
		}
		if err == nil {
			err = id.check(m.Name)
		}
		if err != nil {
			return Identity{}, &Failure{Connector: m.Name, Err: err}
		}
		return id, nil
	}
	return Identity{}, c.unknown(ctx, cred, asked)
}

// Handlers returns the names of the connectors that handle the credentials, in the
// order in which they are asked.
func (c *Chain) Handlers(cred Credentials) []string {
	var names []string
	for _, m := range c.members {
		if m.Connector.Handles(cred) {
			names = append(names, m.Name)
		}
	}
	return names
}

// unknown refuses a name that no connector knows, after the time that refusing a
// known one takes.
func (c *Chain) unknown(ctx context.Context, cred Credentials, asked bool) error {
	for _, m := range c.members {
		decoy, ok := m.Connector.(Decoy)
		if !ok {
			continue
		}
		if err := decoy.SpendAsRefusal(ctx, cred.Password); err != nil {
			return &Failure{Connector: m.Name, Err: err}
		}
		break
	}
	if asked {
		return &Failure{Err: Reject(ReasonUnknown)}
	}
	if _, ok := ParseUsername(cred.Username); !ok {
		return &Failure{Err: Reject(ReasonBadUsername)}
	}
	return &Failure{Err: Reject(ReasonUnhandled)}
}

// check refuses an identity that breaks the contract: rights hang on these fields.
func (id Identity) check(via string) error {
	switch {
	case id.Via != via:
		return fmt.Errorf("broken connector: identity vouched for by %q", id.Via)
	case id.Connector == "" || id.ID == "" || id.Username == "":
		return errors.New("broken connector: identity without connector, id or user name")
	}
	return nil
}
