package broker

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/policy"
)

// The most that one request may ask for. Scopes are counted before they are merged.
const (
	MaxScopes     = 100
	MaxScopeBytes = 16 << 10
)

// Request is a request for a token, or of a person who wants something else, parsed once.
type Request struct {
	ID          string                  // the request id, for logs and for the client
	Realm       string                  // the realm that the path names; empty: found by Service
	Service     string                  // the registry's service name; empty where none was sent
	Scopes      []string                // scope parameters as sent, each a space-separated list
	Credentials *connectors.Credentials // nil: anonymous
	Account     string                  // the account parameter: logged, never an identity
	ClientIP    netip.Addr
	UserAgent   string
	Act         string // what is wanted, where it is no token: see [Broker.SignIn]

	// Fault is set where the request could not be parsed: Token and SignIn fail with it,
	// so that such a request is audited like every other.
	Fault *Error
}

// Response is a granted token request.
type Response struct {
	Token     string
	IssuedAt  time.Time
	ExpiresIn time.Duration
	Access    []token.Access // what was granted; empty, never nil
}

// Scope returns the granted access as scope text (RFC 6749 §3.3).
func (r Response) Scope() string {
	items := make([]string, len(r.Access))
	for i, a := range r.Access {
		items[i] = a.Type + ":" + a.Name + ":" + strings.Join(a.Actions, ",")
	}
	return strings.Join(items, " ")
}

// parseScopes reads what is asked for. Items that cannot be read are dropped, as if
// they had not been asked, and returned for the audit entry.
func parseScopes(params []string) (asked []policy.Scope, dropped []string, err *Error) {
	size := 0
	var items []string
	for _, p := range params {
		size += len(p)
		if size > MaxScopeBytes {
			return nil, nil, malformed("too-long-scopes", fmt.Sprintf("the scopes are longer than %d bytes together: ask for less at once", MaxScopeBytes))
		}
		items = append(items, strings.Fields(p)...)
	}
	if len(items) > MaxScopes {
		return nil, nil, malformed("too-many-scopes", fmt.Sprintf("%d scopes are more than %d: ask for less at once", len(items), MaxScopes))
	}
	for _, item := range items {
		scope, err := policy.ParseScope(item)
		if err != nil {
			dropped = append(dropped, item)
			continue
		}
		asked = append(asked, scope)
	}
	return asked, dropped, nil
}
