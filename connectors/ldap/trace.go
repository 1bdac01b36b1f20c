package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// step begins a step of a trace. What it returns ends it, and is nil where nobody
// listens.
func step(ctx context.Context, name string) (end func(err error, detail string)) {
	finish := connectors.StartStep(ctx, name)
	if finish == nil {
		return nil
	}
	return func(err error, detail string) {
		s := connectors.Step{Detail: detail}
		s.Fix, s.Err = told(err)
		finish(s)
	}
}

// told splits an error into what to do about it and what went wrong.
func told(err error) (fix string, cause error) {
	var (
		dial    *dialError
		service *serviceError
		probed  *probeError
		result  *resultError
	)
	switch {
	case errors.As(err, &dial):
		return dialAdvice(dial.err), dial.err
	case errors.As(err, &probed):
		return probed.fix, probed.err
	case errors.As(err, &result) && result.advice != "":
		return strings.TrimPrefix(result.advice, ": "), withoutAdvice(result)
	case errors.As(err, &service):
		return service.check, service.err
	case errors.Is(err, errNoAnswer):
		return noAnswerAdvice, err
	case isHangUp(err):
		return "it hangs up; see its log, and whether the port in url is one for ldaps://", err
	}
	return "", err
}

// isFailure reports whether anything went wrong: err may be advice alone.
func isFailure(err error) bool {
	_, cause := told(err)
	return cause != nil
}

// reportedError is an error that a step has told of already: the steps around it
// need not.
type reportedError struct{ error }

// Unwrap returns the error.
func (e *reportedError) Unwrap() error { return e.error }

// isReported reports whether a step within has told of err. Of the faults of several
// servers, each has had one.
func isReported(err error) bool {
	var (
		dial    *dialError
		service *serviceError
		told    *reportedError
		servers serverErrors
	)
	return errors.As(err, &servers) || errors.As(err, &dial) || errors.As(err, &service) || errors.As(err, &told)
}

// describeConnection says what a connection leads to; socket is nil where it did not
// come about.
func describeConnection(to address, socket net.Conn) string {
	if socket == nil {
		return to.String()
	}
	if at := socket.RemoteAddr().String(); at != to.String() {
		return to.String() + " at " + at
	}
	return to.String()
}

// describeTLS says what a handshake has led to; encrypted is nil where it failed.
func describeTLS(to address, encrypted *tls.Conn) string {
	if encrypted == nil {
		return to.String()
	}
	c := encrypted.ConnectionState()
	text := tls.VersionName(c.Version)
	if len(c.PeerCertificates) > 0 {
		leaf := c.PeerCertificates[0]
		text += fmt.Sprintf("; the certificate is for %s, until %s", strings.Join(certificateNames(leaf), ", "), leaf.NotAfter.UTC().Format(time.DateOnly))
	}
	return text
}

// certificateNames returns the names and addresses that a certificate is good for.
func certificateNames(c *x509.Certificate) []string {
	names := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = append(names, "nobody ("+c.Subject.String()+")")
	}
	return names
}

// describeSearch says what a search has found.
func describeSearch(r *ldap.SearchRequest, found *ldap.SearchResult, err error) string {
	scope := ""
	if r.Scope == ldap.ScopeSingleLevel {
		scope = " (one level)"
	}
	const most = 500 // bytes of the filter: it may name 50 groups
	filter := r.Filter
	if len(filter) > most {
		filter = strings.ToValidUTF8(filter[:most], "") + "…"
	}
	text := fmt.Sprintf("%s%s for %s", r.BaseDN, scope, filter)
	if n := len(found.Entries); err == nil || n > 0 {
		text += ": " + plural(n, "entry", "entries")
	}
	return text
}

// describeEntry says what an entry gives; e is nil where it is not a person's.
func (f *finder) describeEntry(raw *ldap.Entry, e *entry) string {
	if e == nil {
		if name, ok := f.usernameOf(raw); !ok && name != "" {
			return fmt.Sprintf("%s: %s is %q, which is not a user name: want %s", raw.DN, f.config.Users.UsernameAttribute, firstWords(name), f.usernames)
		}
		return raw.DN
	}
	return fmt.Sprintf("%s: user name %s, id %s", raw.DN, e.username, e.id)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
