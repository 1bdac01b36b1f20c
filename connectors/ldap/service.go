package ldap

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/keypair"
)

// How often the service account signs in.
const (
	firstRest = 30 * time.Second // after a refusal
	restFold  = 4                // by which it grows with each further one
	maxRest   = 10 * time.Minute
	proof     = time.Second // for which a bind that succeeded lets others run side by side
)

// account is the service account, and what the directory last said of it. Anybody can
// have it sign in, by logging in with any name, and each refusal may count toward a
// lockout. So a refusal, by whichever server, is the answer for a while, and then one
// bind finds out whether it still is. It is safe for concurrent use.
type account struct {
	config *Config
	client *keypair.Pair // nil: no client certificate
	logger *slog.Logger
	warned atomic.Int64 // Unix time of the last warning of a grace login

	mu      sync.Mutex
	refused error            // nil: nothing known against the account
	shown   *tls.Certificate // what was refused; nil without a client certificate
	told    time.Time        // of the refusal
	rest    time.Duration    // from one bind to the next, while it is refused
	again   time.Time        // when the next may be
	proven  time.Time        // when the account was last taken
}

// signIn binds a connection as the service account, or answers with what the directory
// has refused it with.
func (a *account) signIn(ctx context.Context, s *session, to *server) error {
	if a.config.AnonymousSearch {
		return nil // a connection which nobody has signed in on is anonymous (RFC 4513 §5.1.1)
	}
	end := step(ctx, "bind")
	err := a.inTurn(ctx, s, to)
	if end != nil {
		end(err, "as "+a.config.serviceAccount())
	}
	if !isFailure(err) {
		return nil
	}
	return err
}

// inTurn binds, one connection to a server after the other until one has shown that the
// account is taken: of many that begin at once, all would be refused.
func (a *account) inTurn(ctx context.Context, s *session, to *server) error {
	if err := to.takeTurn(ctx); err != nil {
		return err
	}
	if a.isProven() {
		<-to.turn
		return a.bind(ctx, s)
	}
	defer func() { <-to.turn }()
	if err := a.claim(); err != nil {
		return err
	}
	began := time.Now()
	err := a.bind(ctx, s)
	if errors.Is(err, errNoAnswer) && time.Since(began) >= fairShare {
		to.silent = time.Now()
	}
	return err
}

// bind binds, and keeps the answer in mind.
func (a *account) bind(ctx context.Context, s *session) error {
	begun, shown, asked := time.Now(), a.certificate(), s.client != nil && s.client.asked
	simple := accountBind{dn: a.config.BindDN, password: a.config.BindPassword}
	err := s.do(ctx, func(c *ldap.Conn) error {
		if a.config.external() {
			return c.ExternalBind()
		}
		return simple.run(c)
	})
	err = a.verdict(&simple, asked, err)
	if refused := new(serviceError); errors.As(err, &refused) {
		a.refuse(begun, shown, refused)
	} else if !isFailure(err) {
		a.accept()
	}
	return err
}

// verdict sorts what a bind ended with; asked is whether the server had asked for a client
// certificate. A grace login is taken, for people could not sign in otherwise, and told
// of, with advice: those left are few.
func (a *account) verdict(bind *accountBind, asked bool, err error) error {
	reason := policyRefusal(bind.controls, err == nil)
	code, answered := resultCode(err)
	if result, ok := asResult(err); ok && reason == "" && subcodeOf(result) != "" {
		reason, answered = subcodeReason(subcodeOf(result))
	}
	switch {
	case err == nil && reason == "":
		return nil
	case reason == connectors.ReasonGraceLogin:
		advice := &probeError{fix: "the password of the service account has expired: change it, in the directory and as bind_password"}
		a.warn(advice)
		return advice
	case err == nil:
		err = errors.New("it may bind, and nothing else")
	case !answered || isServerState(code):
		return fmt.Errorf("signing in as the service account: %w", resultOf(err, a.config.BindPassword.Reveal()))
	}
	return &serviceError{err: withoutAdvice(resultOf(err, a.config.BindPassword.Reveal())), check: a.config.serviceCheck(reason, code, asked)}
}

// refusal returns what the account is refused with until the next try; nil where there
// is nothing to wait for.
func (a *account) refusal() error {
	shown := a.certificate()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.standing(shown)
}

// claim is refusal for one that is about to bind: meanwhile the others have the answer
// that there was.
func (a *account) claim() error {
	shown := a.certificate()
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.standing(shown)
	if err == nil {
		a.again = time.Now().Add(a.rest)
	}
	return err
}

// standing is refusal with the lock held.
func (a *account) standing(shown *tls.Certificate) error {
	if a.shown == shown && time.Now().Before(a.again) {
		return a.refused
	}
	return nil
}

// refuse keeps a refusal in mind: for longer than the last one, unless the bind had begun
// before that was known.
func (a *account) refuse(begun time.Time, shown *tls.Certificate, err error) {
	a.mu.Lock()
	news := begun.After(a.told)
	if news {
		a.rest = min(max(restFold*a.rest, firstRest), maxRest)
	}
	a.refused, a.shown, a.told, a.proven = err, shown, time.Now(), time.Time{}
	a.again = a.told.Add(a.rest)
	rest := a.rest
	a.mu.Unlock()
	if news {
		a.logger.Error("nobody can sign in", slog.String("account", a.config.serviceAccount()), slog.Any("error", err), slog.Duration("next_try", rest))
	}
}

// accept forgets the refusal.
func (a *account) accept() {
	a.mu.Lock()
	mended := a.refused != nil
	a.refused, a.rest, a.proven = nil, 0, time.Now()
	a.mu.Unlock()
	if mended {
		a.logger.Info("people can sign in again: the directory takes the service account", slog.String("account", a.config.serviceAccount()))
	}
}

func (a *account) isProven() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Since(a.proven) < proof
}

// certificate is what the directory is shown now. A new one is worth a try at once.
func (a *account) certificate() *tls.Certificate {
	if a.client == nil {
		return nil
	}
	return a.client.Current()
}

// warn tells that people can sign in for a while, twice a minute at most.
func (a *account) warn(err error) {
	now, last := time.Now().Unix(), a.warned.Load()
	if now-last >= 30 && a.warned.CompareAndSwap(last, now) {
		a.logger.Warn("people can sign in a few times more", slog.String("account", a.config.serviceAccount()), slog.Any("error", err))
	}
}

// serviceCheck says what to do about a refusal of the service account by a server that had
// asked for a client certificate, or had not.
func (c *Config) serviceCheck(reason connectors.Reason, code uint16, asked bool) string {
	const change = "change it, in the directory and as bind_password"
	switch {
	case c.external() && !asked:
		return "it asks for no client certificate: have it do so (slapd: TLSVerifyClient try, or demand), or set bind_dn and bind_password"
	case c.external():
		return "check client_certificate, and what the directory makes of its subject (slapd: authz-regexp)"
	case reason == connectors.ReasonLocked:
		return "it is locked: unlock it in the directory"
	case reason == connectors.ReasonExpired:
		return "its password has expired: " + change
	case reason == connectors.ReasonMustChange:
		return "its password was reset: " + change
	case reason == connectors.ReasonDisabled:
		return "it is disabled: enable it in the directory"
	case reason == connectors.ReasonAccountExpired:
		return "it has expired: extend it in the directory"
	case reason == connectors.ReasonRestricted:
		return "its hours or workstations, or a policy, keep it from signing in here: see the account in the directory"
	case reason == connectors.ReasonWrongPassword: // Active Directory says so of unknown names, too, and not of a locked account
		return "check bind_password, and that bind_dn is the DN or the user principal name of a user"
	case code == ldap.LDAPResultInvalidCredentials:
		return "check bind_dn and bind_password, and whether the account is locked"
	}
	return cmp.Or(strings.TrimPrefix(advice(code), ": "), "check bind_dn and bind_password")
}

// serviceError is a refusal of the service account.
type serviceError struct {
	err   error
	check string // what to do about it
}

// Error says what to do about it, too.
func (e *serviceError) Error() string {
	return "the directory refuses the service account; " + e.check + ": " + e.err.Error()
}

// Unwrap returns the cause.
func (e *serviceError) Unwrap() error { return e.err }
