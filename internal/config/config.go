package config

import (
	"net/netip"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/internal/strictyaml"
	"github.com/shorepass/shorepass/policy"
)

// Config is a whole configuration, checked and with its defaults filled in. Paths
// are absolute.
type Config struct {
	File           string         // as it was named
	Listen         string         // HOST:PORT of the token endpoint
	PlainHTTP      bool           // a proxy in front terminates TLS
	Monitor        string         // HOST:PORT of health and metrics
	AdminSocket    string         // path of the Unix socket of the admin API
	PublicURL      string         // what clients see, without a slash at the end
	TLS            *TLS           // nil: none
	DataDir        string         // signing keys
	Log            Log            // the program's own log
	Audit          Audit          // the record of decisions
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	Limits         Limits         // of what clients may ask of the process
	Realms         []Realm        // at least one

	warnings strictyaml.Problems
}

// Position is a place in the configuration's file.
type Position struct{ Line, Column int }

// TLS names the certificate of the token endpoint.
type TLS struct {
	CertFile, KeyFile string
	At                Position
}

// Log says what the program logs.
type Log struct {
	Level  string // debug, info, warn or error
	Format string // text or json
}

// Audit says where the record of decisions goes.
type Audit struct {
	File   string        // empty with Stdout
	Stdout bool          // to standard output
	Sync   time.Duration // how soon a line is on the disk itself; 0: before the answer
}

// Realm is one tenant.
type Realm struct {
	Name         string
	Services     []Service // at least one
	Issuer       string    // the iss claim
	Usernames    connectors.UsernameForm
	TokenTTL     time.Duration
	PushTokenTTL time.Duration // for tokens that grant push
	Signing      Signing
	Connectors   []Connector // in the order in which they are asked
	Policy       *policy.Policy
}

// Service is a registry of a realm: the audience of its tokens.
type Service struct {
	Name  string
	Trust string // x5c or jwks: by what the registry knows the keys
}

// Signing says what a realm's tokens are signed with.
type Signing struct {
	Algorithm         string // ES256, ES384, RS256 or EdDSA; empty: what fits KeyFile
	KeyFile, CertFile string // an existing pair; both are empty, or none is
	At                Position
}

// Connector is a connector of a realm.
type Connector struct {
	Name      string
	Type      string
	Usernames connectors.UsernamePatterns // of the names that it may be sent
	Config    any                         // what the Config function of its type returned, filled
	Guard     guard.Settings              // of a type that checks passwords
	At        Position
}

// endsChain reports whether the connector cannot tell whom it does not know, so that
// none after it is asked for the names that it takes.
func (c Connector) endsChain() bool {
	e, ok := c.Config.(connectors.ChainEnder)
	return ok && e.EndsChain()
}

// Taker returns the name of the connector that keeps a user name from another one: it is
// before that, takes the name, and cannot tell whom it does not know.
func (r Realm) Taker(from Connector, username string) (connector string, ok bool) {
	for _, c := range r.Connectors {
		switch {
		case c.Name == from.Name:
			return "", false
		case c.endsChain() && c.Usernames.Match(username):
			return c.Name, true
		}
	}
	return "", false
}

// Warnings returns what is allowed and probably not meant, in the order of the files.
func (c *Config) Warnings() []strictyaml.Problem { return c.warnings.Sorted() }
