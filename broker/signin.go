package broker

import (
	"context"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// What people are told who look after their access tokens.
const (
	textNoPassword = "your account needs more than a password to sign in, such as a second factor or a step at its login page, which this login cannot ask for: take that step there, or ask whoever runs this registry for an access token"
	textPassword   = "an access token cannot be used here: send the user name and password of your account"
	textNoPerson   = "access tokens are for people: this login is another's"
	textSignIn     = "authentication required: send the user name and password of your account"
)

// reasonAccessToken is why a request failed that came with a token rather than a password.
const reasonAccessToken = "access-token"

// SignIn finds out who sent a request of the act that it names, rather than for a token. It
// takes the password of a person's own account, and nothing that Shorepass handed out: a
// token makes no tokens. Scopes and service of the request count for nothing; its realm
// must be there.
//
// It fails with an [*Error], and records that as Token does. What a person does who has
// signed in is for the caller to record.
func (b *Broker) SignIn(ctx context.Context, r Request) (connectors.Identity, error) {
	started := time.Now()
	identity, p, err := guarded(func(p *progress) (connectors.Identity, error) { return b.signIn(ctx, r, p) })
	if err != nil {
		return connectors.Identity{}, b.record(ctx, started, r, p, err)
	}
	return identity, nil
}

func (b *Broker) signIn(ctx context.Context, r Request, p *progress) (connectors.Identity, error) {
	realm := b.realms.byName[r.Realm]
	p.realm = realm
	switch {
	case r.Fault != nil:
		return connectors.Identity{}, r.Fault
	case realm == nil:
		return connectors.Identity{}, malformed("unknown-realm", "there is no such realm")
	case r.Credentials == nil:
		return connectors.Identity{}, &Error{Kind: Unauthenticated, Reason: reasonAnonymous, Message: textSignIn}
	case r.Credentials.Password.Issued():
		return connectors.Identity{}, &Error{Kind: Forbidden, Reason: reasonAccessToken, Message: textPassword}
	}
	identity, err := authenticate(ctx, realm, *r.Credentials)
	if err != nil {
		failure := AsError(err)
		if failure.Reason == string(connectors.ReasonInteraction) {
			failure.Message = textNoPassword
		}
		return connectors.Identity{}, failure
	}
	p.identity, p.subject = &identity, Subject(&identity, "", r.ClientIP)
	switch {
	case identity.Kind != connectors.Person:
		return connectors.Identity{}, &Error{Kind: Forbidden, Reason: "no-person", Message: textNoPerson}
	case identity.Via != identity.Connector || !identity.Ceiling.IsUnlimited():
		return connectors.Identity{}, &Error{Kind: Forbidden, Reason: reasonAccessToken, Message: textPassword}
	}
	return identity, nil
}
