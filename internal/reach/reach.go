package reach

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// IsLoopback reports whether the host is this machine, without asking a name server.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}

// Advice says what to do about the error of a request over HTTP that got no answer; empty
// where that is not known.
func Advice(err error) string {
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
	case errors.As(err, &network) && network.Op == "dial" && network.Net == "unix":
		return socketAdvice(err)
	case isAlert(err, 116, 42, 40): // certificate_required; before TLS 1.3 bad_certificate or handshake_failure
		return "it most likely wants a certificate of ours, or another than it was shown"
	case isAlert(err, 70): // protocol_version
		return "it speaks no version of TLS from 1.2 on"
	case errors.Is(err, errUnreadable):
		return "check the address and port; TLS may be spoken there (https://), or something else"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there; check that it is up, and the port"
	case errors.As(err, &network) && network.Timeout() && !errors.Is(err, context.DeadlineExceeded):
		return "nothing answers there; check the host, proxy, and firewalls in between"
	}
	return ""
}

// socketAdvice is [Advice] about a unix socket that cannot be connected to.
func socketAdvice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOENT):
		return "there is no such socket; check that what makes it is up, and the path"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens at the socket; check that what made it is up"
	case errors.Is(err, syscall.EACCES):
		return "the socket, or a folder above it, may not be used by this program's user; change their permissions"
	}
	return ""
}

// isAlert reports whether err is one of these alerts of the other side (RFC 8446 §6). Their
// own type is not exported; its text is.
func isAlert(err error, alerts ...tls.AlertError) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "remote error" &&
		slices.ContainsFunc(alerts, func(a tls.AlertError) bool { return network.Err.Error() == a.Error() })
}
