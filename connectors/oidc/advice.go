package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"syscall"
)

// fault is what went wrong, and what to do about it.
type fault struct {
	err error
	fix string
}

// Error says both.
func (f *fault) Error() string { return f.err.Error() + ": " + f.fix }

// Unwrap returns the cause.
func (f *fault) Unwrap() error { return f.err }

// mend is err with what to do about it, if that is known.
func mend(err error, fix string) error {
	if fix == "" {
		return err
	}
	return &fault{err, fix}
}

// told splits an error into what to do about it and what went wrong.
func told(err error) (fix string, cause error) {
	var f *fault
	if errors.As(err, &f) {
		return f.fix, f.err
	}
	return "", err
}

// connectAdvice says what to do about a provider that cannot be spoken to; empty where
// that is not known.
func connectAdvice(err error) string {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		dns       *net.DNSError
		network   *net.OpError
	)
	switch {
	case errors.As(err, &authority):
		return "its certificate comes from an authority that is not trusted; set ca_file to that authority's certificate"
	case errors.As(err, &name):
		return "its certificate is not for this host; use a name that the certificate carries"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has expired, or is not valid yet, or a clock is wrong"
	case errors.As(err, &record):
		return "no TLS is spoken at this port"
	case errors.As(err, &dns):
		return "its name cannot be resolved; check the host"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there; check that it is up, and the port"
	case errors.As(err, &network) && network.Timeout() && !errors.Is(err, context.DeadlineExceeded):
		return "nothing answers there; check the host, proxy, and firewalls in between"
	}
	return ""
}

// statusAdvice says what an answer's status most likely means.
func statusAdvice(status int) string {
	switch {
	case status == http.StatusNotFound:
		return "there is nothing at this address; check issuer"
	case status == http.StatusTooManyRequests:
		return "it limits how often it is asked"
	case status == http.StatusProxyAuthRequired:
		return "the proxy wants a user name and password in proxy"
	case status >= http.StatusInternalServerError:
		return "it has a fault, or something in front of it"
	}
	return "it is not an answer of an OpenID provider; check issuer, and what stands in front of it"
}
