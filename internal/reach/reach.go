package reach

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
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
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there; check that it is up, and the port"
	case errors.As(err, &network) && network.Timeout() && !errors.Is(err, context.DeadlineExceeded):
		return "nothing answers there; check the host, proxy, and firewalls in between"
	}
	return ""
}
