package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/time/rate"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/policy"
)

// authenticateWithin bounds the time for finding out who a client is, so that the
// whole answer comes within five seconds.
const authenticateWithin = 4500 * time.Millisecond

// retryAfter is when a client should try again after an outage.
const retryAfter = 5 * time.Second

// reasonGone is why a request failed whose client hung up: nobody's outage;
// reasonAnonymous, why one did whose client must log in; the others, outages that guards make.
const (
	reasonGone      = "client-gone"
	reasonAnonymous = "no-credentials"
	reasonResting   = "breaker-open"
	reasonBusy      = "busy"
)

// What clients are told; people read it in whatever client they use, so no client is
// named. The text of a refusal is one for all its reasons but these: tokens without a user
// name, which people do not know that their client has saved; accounts that no password
// will ever do for; and access tokens, of which only who made one can find out more.
const (
	textInteraction = "your account needs more than a password to sign in, such as a second factor or a step at its login page, which this login cannot ask for: take that step there, or log in with an access token in place of the password"
	textThrottled   = "too many failed logins, with this user name or from this network, which says nothing about your password: wait a while and try again, or log in with an access token; whoever runs this registry can end the wait"
	textRejected    = "wrong user name or password, or the account may not sign in here: check them and log in again"
	textToken       = "the identity token that was sent is not valid here: log out of this registry, then log in again"
	textAccess      = "the access token that was sent is not valid here: it may be mistyped, expired, taken back, or kept from this network, or its owner may have lost access: ask whoever made it, or log in with another"
	textAnonymous   = "authentication required: log in to this registry first, then try again"
	textRegistry    = "whoever runs this registry must configure it as \"shorepass registry-config\" prints"
	textUnavailable = "your login cannot be checked at the moment, which says nothing about your password: try again in a few seconds"
)

// Broker turns token requests into tokens. It is safe for concurrent use.
type Broker struct {
	realms  *directory
	auditor Auditor
	logger  *slog.Logger
	signing connectors.Turns
	busy    Seldom // of requests that were refused since others are worked on
	failed  failures
}

// New returns a broker for the realms. It fails where two realms share a name or a
// service.
func New(realms []Realm, auditor Auditor, logger *slog.Logger) (*Broker, error) {
	d, err := newDirectory(realms)
	if err != nil {
		return nil, err
	}
	return &Broker{
		realms: d, auditor: auditor, logger: logger, signing: connectors.NewTurns(runtime.GOMAXPROCS(0)),
		failed: failures{faults: rate.NewLimiter(faultsPerSecond, faultsAtOnce)},
	}, nil
}

// progress is what became known of a request, for its audit entry.
type progress struct {
	realm    *Realm
	service  string
	asked    []policy.Scope
	dropped  []string
	identity *connectors.Identity
	subject  policy.Subject
	decision policy.Decision
	jti      string
}

// Token answers one token request and records it. It fails with an [*Error], and
// grants nothing that could not be recorded.
func (b *Broker) Token(ctx context.Context, r Request) (Response, error) {
	started := time.Now()
	ctx, _ = connectors.Arriving(ctx)
	response, p, err := guarded(func(p *progress) (Response, error) { return b.token(ctx, r, p) })
	if err = b.record(ctx, started, r, p, err); err != nil {
		return Response{}, err
	}
	return response, nil
}

// record writes the audit entry of a request, and logs what an operator must know of. It
// returns what the request failed with, which may be that it could not be recorded.
func (b *Broker) record(ctx context.Context, started time.Time, r Request, p progress, err error) error {
	if err != nil {
		b.report(ctx, r, p.realm, err)
	}
	e := entry(r, p, err)
	e.Time = started.UTC()
	e.LatencyMS = float64(time.Since(started).Microseconds()) / 1000
	// A client that has gone away must not keep its request out of the record.
	if recordErr := b.auditor.Record(context.WithoutCancel(ctx), e); recordErr != nil {
		err = internal("audit", recordErr)
		b.report(ctx, r, p.realm, err)
	}
	return err
}

// token is the one path.
func (b *Broker) token(ctx context.Context, r Request, p *progress) (Response, error) {
	if r.Fault != nil {
		return Response{}, r.Fault
	}

	// 1. Whose registry is it?
	realm, service, fault := b.realms.find(r.Realm, r.Service)
	if fault != nil {
		return Response{}, fault
	}
	p.realm, p.service = realm, service

	// 2. What is asked?
	p.asked, p.dropped, fault = parseScopes(r.Scopes)
	if fault != nil {
		return Response{}, fault
	}

	// 3. Who asks?
	if r.Credentials != nil {
		identity, err := authenticate(ctx, realm, *r.Credentials)
		if err != nil {
			return Response{}, err
		}
		p.identity = &identity
	}
	p.subject = Subject(p.identity, service, r.ClientIP)

	// 4. What may they do?
	p.decision = realm.Policy.Decide(p.subject, p.asked)
	if p.identity == nil && !worthAnonymous(realm.Policy, p.asked, p.decision) {
		return Response{}, &Error{Kind: Unauthenticated, Reason: reasonAnonymous, Message: textAnonymous}
	}

	// 5. The token says so.
	if realm.Signer.Slow() {
		if err := b.signing.Take(ctx); err != nil {
			return Response{}, noTurn(ctx, err)
		}
		defer b.signing.End()
	}
	response, jti, err := issue(realm, service, p.identity, p.subject.User, p.decision.Access)
	p.jti = jti
	return response, err
}

// authenticate asks the realm's connectors and sorts their failures.
func authenticate(ctx context.Context, realm *Realm, c connectors.Credentials) (connectors.Identity, error) {
	bounded := &patience{of: ctx, until: time.Now().Add(authenticateWithin)}
	defer bounded.end()
	identity, err := realm.Connectors.Authenticate(bounded, c)
	if err == nil {
		return identity, nil
	}
	var rejection *connectors.Rejection
	var throttled *connectors.Throttled
	switch {
	case errors.As(err, &rejection):
		return identity, &Error{Kind: Unauthenticated, Reason: string(rejection.Reason), Message: rejectionText(rejection.Reason), Cause: err}
	case errors.As(err, &throttled):
		return identity, &Error{Kind: Throttled, Reason: string(throttled.Reason), Message: textThrottled, RetryAfter: throttled.RetryAfter, Cause: err}
	case errors.Is(err, connectors.ErrRejected):
		return identity, &Error{Kind: Unauthenticated, Reason: "rejected", Message: textRejected, Cause: err}
	case errors.Is(ctx.Err(), context.Canceled):
		return identity, &Error{Kind: Unavailable, Reason: reasonGone, Message: textUnavailable, Cause: err}
	}
	return identity, &Error{Kind: Unavailable, Reason: outageReason(err), Message: textUnavailable, RetryAfter: again(err), Cause: err}
}

// again is when it is worth another try after an outage.
func again(err error) time.Duration {
	var resting *connectors.Resting
	switch {
	case errors.As(err, &resting):
		return max(resting.RetryAfter, time.Second)
	case errors.Is(err, connectors.ErrBusy):
		return scattered()
	}
	return retryAfter
}

// outageReason is what the record says of an outage.
func outageReason(err error) string {
	switch {
	case errors.Is(err, connectors.ErrResting):
		return reasonResting
	case errors.Is(err, connectors.ErrBusy):
		return reasonBusy
	}
	return "outage"
}

// rejectionText is what the client is told of a rejection.
func rejectionText(r connectors.Reason) string {
	switch r {
	case connectors.ReasonUnknownToken:
		return textToken
	case connectors.ReasonInteraction:
		return textInteraction
	case connectors.ReasonBadToken, connectors.ReasonTokenExpired, connectors.ReasonTokenRevoked, connectors.ReasonTokenNetwork,
		connectors.ReasonOwnerGone, connectors.ReasonOwnerUnseen:
		return textAccess
	}
	return textRejected
}

// worthAnonymous reports whether a client without credentials gets a token: when
// something of what it asked is granted, or when it asked nothing in a realm that
// grants anything to anyone. Else it is told to log in.
func worthAnonymous(p *policy.Policy, asked []policy.Scope, d policy.Decision) bool {
	if len(asked) == 0 {
		return p.AllowsAnonymous()
	}
	return len(d.Access) > 0
}

// issue signs a token for what was granted. It does not outlive what the client has signed
// in with, but for a second, which is the least that registries take.
func issue(realm *Realm, service string, id *connectors.Identity, subject string, granted []policy.Access) (Response, string, error) {
	access := make([]token.Access, len(granted))
	ttl := realm.TokenTTL
	for i, a := range granted {
		access[i] = token.Access(a)
		for _, action := range a.Actions {
			if action == "push" {
				ttl = realm.PushTokenTTL
			}
		}
	}
	if id != nil && !id.Until.IsZero() {
		ttl = max(time.Second, min(ttl, time.Until(id.Until).Truncate(time.Second)))
	}
	t, err := realm.Signer.Issue(token.Grant{Issuer: realm.Issuer, Subject: subject, Audience: service, Access: access, TTL: ttl})
	if err != nil {
		return Response{}, "", internal("signing", err)
	}
	return Response{Token: t.Raw, IssuedAt: t.IssuedAt, ExpiresIn: t.TTL, Access: access}, t.ID, nil
}

// guarded turns a panic into an internal error, so that it is audited and answered.
// The panic's own text might hold what a client sent, so only errors of the Go
// runtime are shown.
func guarded[T any](do func(*progress) (T, error)) (result T, p progress, err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case runtime.Error:
			err = internal("panic", fmt.Errorf("panic: %w\n%s", v, debug.Stack()))
		default:
			err = internal("panic", fmt.Errorf("panic of type %T\n%s", v, debug.Stack()))
		}
	}()
	result, err = do(&p)
	return result, p, err
}

// report logs what an operator must know of; refusals are in the audit log.
func (b *Broker) report(ctx context.Context, r Request, realm *Realm, err error) {
	failure := AsError(err)
	switch {
	case failure.Kind != Unavailable && failure.Kind != Internal, failure.Reason == reasonGone:
		return
	case failure.Reason == reasonResting: // what led to it was logged
		return
	case failure.Reason == ReasonOverloaded, failure.Reason == reasonBusy:
		if count, tell := b.busy.Add(time.Now()); tell {
			b.logger.WarnContext(ctx, "too much at once: requests are turned away (503) that would wait too long",
				slog.Int64("count", count), slog.String("request_id", r.ID), slog.Any("error", failure.Cause))
		}
		return
	}
	count, tell := b.failed.add(realm, failure, time.Now())
	if !tell {
		return
	}
	what := "token request failed"
	if r.Act != "" {
		what = "request of a person failed"
	}
	b.logger.ErrorContext(ctx, what,
		slog.String("request_id", r.ID), slog.String("reason", failure.Reason), slog.Int64("count", count), slog.Any("error", failure.Cause))
}
