package access

import (
	"context"
	"log/slog"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/policy"
)

// Keeper keeps tokens. What fails with none of the errors of package pat is an outage.
type Keeper interface {
	// Create keeps a new token and, unless it is zero, what is known of its owner, in one
	// step with the look at what tokens there are. It fails with [pat.ErrNameTaken],
	// [pat.ErrTooMany] and [pat.ErrTooFast].
	Create(ctx context.Context, t pat.Token, owner pat.Owner, most pat.Limits) error
	// Tokens returns those that the filter chooses, newest first.
	Tokens(ctx context.Context, f pat.Filter) ([]pat.Token, error)
	// Revoke revokes tokens of a realm and returns those that had not been before. It fails
	// with [pat.ErrUnsettled] where they are revoked, and what was revoked might come back if
	// a file were lost; it goes on to see to that by itself.
	Revoke(ctx context.Context, realm string, ids []string, at time.Time, by string) ([]pat.Token, error)
}

// Lookup finds the owners of tokens.
type Lookup interface {
	// Owner fails with [pat.ErrNoOwner].
	Owner(ctx context.Context, realm string, a pat.Account) (pat.Owner, error)
	// Owners returns the accounts that have gone by a canonical user name.
	Owners(ctx context.Context, realm, connector, username string) ([]pat.Owner, error)
}

// Config is what a [Service] works with.
type Config struct {
	Realms  map[string]Realm // those without access tokens, too
	Keeper  Keeper           // nil where no realm has access tokens
	Lookup  Lookup           // likewise
	Auditor broker.Auditor
	Logger  *slog.Logger
	Now     func() time.Time // nil: time.Now
}

// Realm is a realm, whose people may have tokens if one of its connectors takes them.
type Realm struct {
	Connectors  []Connector // one of which takes the tokens, where the realm has such
	Usernames   connectors.UsernameForm
	Policy      *policy.Policy
	SelfService SelfService
}

// Connector is a connector of a realm. Accounts are looked up where it is a
// [connectors.Finder].
type Connector struct {
	connectors.Member
	Groups connectors.GroupForm
}

// SelfService is what people may do for themselves. The limits that hold for all tokens
// are not widened by it.
type SelfService struct {
	Enabled       bool
	DefaultExpiry time.Duration
	MaxExpiry     time.Duration
	Scopes        []string // each scope of a token lies within one of these
	MaxTokens     int      // of an account, that count at a time
}
