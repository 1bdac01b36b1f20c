package broker

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/policy"
)

// Authenticator says who a client is; [connectors.Chain] is one.
type Authenticator interface {
	Authenticate(ctx context.Context, c connectors.Credentials) (connectors.Identity, error)
}

// Issuer signs tokens; [token.Ring] is one.
type Issuer interface {
	Issue(g token.Grant) (token.Token, error)

	// Slow reports whether a signature takes so long that only few are to be made at once.
	Slow() bool
}

// Realm is one tenant: nothing of it is shared with another.
type Realm struct {
	Name         string
	Services     []string // the audiences; each belongs to one realm only
	Issuer       string   // the iss claim
	TokenTTL     time.Duration
	PushTokenTTL time.Duration // for tokens that grant push: a long upload must not outlive its token
	Connectors   Authenticator
	Policy       *policy.Policy
	Signer       Issuer
}

// directory finds realms by name and by service.
type directory struct {
	byName    map[string]*Realm
	byService map[string]*Realm
	only      *Realm // where there is one realm alone
}

func newDirectory(realms []Realm) (*directory, error) {
	d := &directory{byName: map[string]*Realm{}, byService: map[string]*Realm{}}
	for i := range realms {
		r := &realms[i]
		if d.byName[r.Name] != nil {
			return nil, fmt.Errorf("realm %s is there twice", r.Name)
		}
		d.byName[r.Name] = r
		for _, s := range r.Services {
			if other := d.byService[s]; other != nil {
				return nil, fmt.Errorf("service %s belongs to the realms %s and %s", s, other.Name, r.Name)
			}
			d.byService[s] = r
		}
	}
	if len(realms) == 1 {
		d.only = &realms[0]
	}
	return d, nil
}

// find returns the realm and the service of a request. What is missing is filled in
// only where there is one choice.
func (d *directory) find(realm, service string) (*Realm, string, *Error) {
	r := d.only
	switch {
	case realm != "":
		if r = d.byName[realm]; r == nil {
			return nil, "", malformed("unknown-realm", fmt.Sprintf("there is no realm %q: "+textRegistry, clip(realm)))
		}
	case service != "":
		if r = d.byService[service]; r == nil {
			return nil, "", malformed("unknown-service", fmt.Sprintf("there is no service %q: "+textRegistry, clip(service)))
		}
	case r == nil:
		return nil, "", malformed("no-service", "the parameter service is missing: "+textRegistry)
	}
	switch {
	case service == "" && len(r.Services) == 1:
		return r, r.Services[0], nil
	case service == "":
		return nil, "", malformed("no-service", "the parameter service is missing: "+textRegistry)
	case d.byService[service] != r:
		return nil, "", malformed("unknown-service", fmt.Sprintf("there is no service %q in realm %s: "+textRegistry, clip(service), r.Name))
	}
	return r, service, nil
}

// clip bounds what of a client's own text is repeated to it or recorded, in bytes; no
// letter is cut in two. Tokens in it are not repeated.
func clip(s string) string {
	const most, mostOfToken = 128, 64
	whole := len(s) <= most+mostOfToken
	if !whole {
		s = s[:most+mostOfToken] // a token that begins before the end is looked for in whole
	}
	s = connectors.WithoutTokens(s)
	if whole && len(s) <= most {
		return s
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
