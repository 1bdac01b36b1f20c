package connectortest_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
)

const goodToken, wrongToken = "srp_right-one", "srp_wrong-canary-7f3a"

// badges is a small connector of tokens that keeps the contract, but for its flaw.
type badges struct{ flaw flaw }

const (
	takesPasswords flaw = "handles passwords"
	leavesCut      flaw = "leaves tokens that were cut off to others"
	noCeiling      flaw = "bounds nothing"
	noTokenID      flaw = "does not say which token it was"
	ownAccounts    flaw = "vouches for accounts of its own"
)

func (b badges) Handles(c connectors.Credentials) bool {
	secret := c.Password.Reveal()
	switch b.flaw {
	case takesPasswords:
		return true
	case leavesCut:
		return secret == goodToken || secret == wrongToken
	}
	return strings.HasPrefix(secret, connectors.AccessTokenPrefix)
}

func (b badges) Authenticate(_ context.Context, c connectors.Credentials) (connectors.Identity, error) {
	switch {
	case c.Password.Blank():
		return connectors.Identity{}, connectors.Reject(connectors.ReasonEmptyPassword)
	case c.Password.Reveal() != goodToken:
		return connectors.Identity{}, connectors.Reject(connectors.ReasonBadToken)
	}
	id := connectors.Identity{
		Connector: "corp", Via: "tokens", ID: "id-1", Username: "alice", Groups: []string{"platform"},
		Ceiling: connectors.Limited("repository:**:pull"), Token: "right-one",
	}
	switch b.flaw {
	case noCeiling:
		id.Ceiling = connectors.Unlimited()
	case noTokenID:
		id.Token = ""
	case ownAccounts:
		id.Connector = "tokens"
	}
	return id, nil
}

func tokenFixture(f flaw) connectortest.Fixture {
	return connectortest.Fixture{
		Name: "tokens", Tokens: "corp", Username: "alice", Groups: []string{"platform"},
		New:           func(testing.TB) connectors.Connector { return badges{f} },
		Good:          connectortest.Login{Username: "whoever", Password: goodToken},
		WrongPassword: wrongToken,
	}
}

func TestSuiteOfTokens(t *testing.T) {
	connectortest.Run(t, tokenFixture(none))
	for f, clause := range map[flaw]string{
		takesPasswords: "unhandled user", leavesCut: "unhandled user", noCeiling: "good login", noTokenID: "good login", ownAccounts: "good login",
	} {
		t.Run(string(f), func(t *testing.T) {
			if failed := failing(t, tokenFixture(f)); !slices.Contains(failed, clause) {
				t.Errorf("a connector that %s fails %q, want %q among them", f, failed, clause)
			}
		})
	}
}
