package ldap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// serviceVerdict sorts what the service account's bind ended with. A grace login is
// taken, for people could not sign in otherwise, and told of: those left are few.
func (d *Directory) serviceVerdict(bind *accountBind, err error) error {
	reason := policyRefusal(bind.controls, err == nil)
	_, answered := asResult(err)
	switch {
	case err == nil && reason == "":
		return nil
	case reason == connectors.ReasonGraceLogin:
		d.warn(slog.LevelWarn, "people can sign in a few times more", errors.New("the password of the service account has expired: change it, in the directory and as bind_password"))
		return nil
	case err != nil && !answered:
		return fmt.Errorf("signing in as the service account: %w", err)
	case err == nil:
		err = errors.New("it may bind, and nothing else")
	}
	refused := &serviceError{err: resultOf(err, d.config.BindPassword.Reveal()), check: d.config.serviceCheck(reason)}
	d.warn(slog.LevelError, "nobody can sign in", refused)
	return refused
}

// serviceCheck says what to do about a refusal of the service account.
func (c *Config) serviceCheck(reason connectors.Reason) string {
	const change = "change it, in the directory and as bind_password"
	switch {
	case c.external():
		return "check client_certificate, and what the directory makes of its subject (slapd: authz-regexp)"
	case reason == connectors.ReasonLocked:
		return "it is locked: unlock it in the directory"
	case reason == connectors.ReasonExpired:
		return "its password has expired: " + change
	case reason == connectors.ReasonMustChange:
		return "its password was reset: " + change
	}
	return "check bind_dn and bind_password"
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

// warn logs a fault that only an operator can mend, twice a minute at most.
func (d *Directory) warn(level slog.Level, message string, err error) {
	now, last := time.Now().Unix(), d.warned.Load()
	if now-last >= 30 && d.warned.CompareAndSwap(last, now) {
		d.logger.Log(context.Background(), level, message, slog.String("bind_dn", d.config.BindDN), slog.Any("error", err))
	}
}
