package ldap

import (
	"context"
	"errors"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// bind sends somebody's password, on a connection to the server. A server that hangs does all
// that it was sent when it comes to itself, and counts each wrong password; so may one whose
// connection broke. One that has not answered a bind is sent no other before it has answered
// one without anybody's password, on the same connection: others than binds it may answer all
// the time.
func (to *server) bind(ctx context.Context, s *session, as func(*ldap.Conn) error, without func(context.Context, *session, *server) error) error {
	if to.hung.Load() {
		if err := without(ctx, s, to); err != nil {
			return err
		}
		to.hung.Store(false)
		if end, ok := ctx.Deadline(); ok && time.Until(end) < fairShare {
			return tooLate(ctx, "waiting for a directory that did not answer before") // it does now
		}
	}
	err := s.do(ctx, as)
	if isUnanswered(err) && s.limit.sent.Load() {
		to.hung.Store(true)
		return connectors.InDoubt(err)
	}
	return err
}

// isUnanswered reports whether what ended with err was not answered.
func isUnanswered(err error) bool {
	_, answered := asResult(err)
	return err != nil && !answered
}

// mayGoOn reports whether what ended with err may be tried once more: what may have been
// counted as a wrong password takes another try.
func mayGoOn(ctx context.Context, err error) bool {
	return !errors.Is(err, connectors.ErrInDoubt) || connectors.MayResend(ctx)
}

// anonymously binds as nobody. It fails where that is not answered: a refusal will do.
func anonymously(ctx context.Context, s *session, _ *server) error {
	err := s.do(ctx, func(c *ldap.Conn) error { return c.UnauthenticatedBind("") })
	if isUnanswered(err) {
		return err
	}
	return nil
}
