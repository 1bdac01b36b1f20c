package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/shorepass/shorepass/internal/files"
	"github.com/shorepass/shorepass/internal/keypair"
)

// The deadlines. Those of the caller's context hold too.
const (
	connectTimeout   = time.Second     // a TCP connection
	operationTimeout = 2 * time.Second // a TLS handshake, a bind, a search
	callTimeout      = 4 * time.Second // Locate, Verify or Resolve, waiting for a connection included
)

// errNoAnswer is the cause of an operation that was given up.
var errNoAnswer = errors.New("the directory did not answer in time")

// noAnswerAdvice says what to do about errNoAnswer.
const noAnswerAdvice = "it does not answer: see whether it hangs or is overloaded, and check host and port in url"

// dialer opens connections to one server. They are encrypted, where that is
// configured, but not bound.
type dialer struct {
	address  address
	startTLS bool
	tls      *tls.Config   // nil: plain
	client   *keypair.Pair // nil: no client certificate
}

// newDialers returns a dialer for each url.
func newDialers(c *Config, logger *slog.Logger) ([]*dialer, error) {
	roots, err := files.CertPool("ca_file", string(c.CAFile))
	if err != nil {
		return nil, err
	}
	client, err := c.ClientCertificate.load(logger)
	if err != nil {
		return nil, err
	}
	var all []*dialer
	for _, url := range c.URL {
		a, err := parseAddress(url)
		if err != nil {
			return nil, fmt.Errorf("url %w", err)
		}
		d := &dialer{address: a, startTLS: c.StartTLS && !a.tls, client: client}
		if a.tls || c.StartTLS {
			d.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: a.host, RootCAs: roots}
		}
		all = append(all, d)
	}
	return all, nil
}

// dial opens a connection.
func (d *dialer) dial(ctx context.Context) (*session, error) {
	s, err := d.open(ctx)
	if err != nil {
		if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
			<-ctx.Done() // the socket's deadline is the context's, and may be the first to be noticed
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, d.failure(err)
	}
	return s, nil
}

// failure is err as a *dialError; nil stays nil.
func (d *dialer) failure(err error) error {
	if err == nil {
		return nil
	}
	return &dialError{address: d.address, err: err}
}

// dialError is a connection that did not come about.
type dialError struct {
	address address
	err     error
}

// Error says what to do about it, too.
func (e *dialError) Error() string {
	text := "cannot connect to " + e.address.String() + ": "
	if advice := dialAdvice(e.err); advice != "" {
		text += advice + ": "
	}
	return text + e.err.Error()
}

// Unwrap returns the cause.
func (e *dialError) Unwrap() error { return e.err }

func (d *dialer) open(ctx context.Context) (*session, error) {
	// Probes of an idle connection are what tells that the peer is gone without a
	// word, before a login finds out.
	tcp := net.Dialer{
		Timeout:         connectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
	}
	end := step(ctx, "connect")
	socket, err := tcp.DialContext(ctx, "tcp", d.address.String())
	if end != nil {
		end(d.failure(err), describeConnection(d.address, socket))
	}
	if err != nil {
		return nil, err
	}
	if d.tls == nil {
		return newSession(socket, socket), nil
	}
	client := &askedFor{server: d.address, pair: d.client}
	end = step(ctx, "tls")
	encrypted, err := d.encrypt(ctx, socket, client)
	err = client.explain(err)
	if end != nil {
		end(d.failure(err), describeTLS(d.address, encrypted))
	}
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	s := newSession(socket, encrypted)
	s.client = client
	return s, nil
}

// encrypt makes a TLS connection of socket. It takes no longer than an operation.
func (d *dialer) encrypt(ctx context.Context, socket net.Conn, client *askedFor) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, operationTimeout, errNoAnswer)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = socket.Close() })
	defer stop()
	config := d.tls.Clone()
	config.GetClientCertificate = client.show
	encrypted := tls.Client(socket, config)
	err := func() error {
		if d.startTLS {
			if err := requestTLS(socket); err != nil {
				return err
			}
		}
		return encrypted.HandshakeContext(ctx)
	}()
	switch {
	case err == nil:
		return encrypted, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, err
}

// dialAdvice says what to do about a connection that did not come about; it may
// be empty.
func dialAdvice(err error) string {
	var (
		record  tls.RecordHeaderError
		alert   *net.OpError
		dns     *net.DNSError
		refused *resultError
		client  *certificateError
		timeout *net.OpError
	)
	switch {
	case errors.As(err, &client):
		return client.advice()
	case errors.Is(err, errNoAnswer):
		return noAnswerAdvice
	case errors.As(err, &record):
		return "no TLS is spoken at this port; ldaps:// is usual at 636, and start_tls: true with ldap:// at 389"
	case errors.As(err, &alert) && alert.Op == remoteAlert:
		return "it ends the TLS handshake; see its log, and whether it speaks TLS 1.2 or 1.3"
	case isHangUp(err):
		return "it hangs up on the TLS handshake; ldaps:// is usual at 636, and start_tls: true with ldap:// at 389"
	case errors.As(err, &refused):
		return "it refuses StartTLS; set it up there, or use ldaps://"
	case errors.As(err, &dns):
		return "its name cannot be resolved; check the host in url"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there; check that the directory is up, and the port in url"
	case errors.As(err, &timeout) && timeout.Timeout() && !errors.Is(err, context.DeadlineExceeded):
		return "nothing answers there; check the host in url, and firewalls in between"
	}
	return verifyAdvice(err)
}

// isDomainOf reports whether a host is the domain that the first of the names is in: a
// domain controller answers to the domain's name, which its certificate may lack.
func isDomainOf(host string, names []string) bool {
	if len(names) == 0 {
		return false
	}
	_, domain, _ := strings.Cut(names[0], ".")
	return strings.EqualFold(domain, host)
}

// verifyAdvice says what to do about a server certificate that does not hold; empty where
// that is not what is wrong.
func verifyAdvice(err error) string {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &authority):
		return "its certificate comes from an authority that is not trusted; set ca_file to that authority's certificate"
	case errors.As(err, &name) && len(name.Certificate.DNSNames)+len(name.Certificate.IPAddresses) == 0:
		return "its certificate names no host but in its subject, which does not count: have it made anew, with the host as subjectAltName"
	case errors.As(err, &name) && isDomainOf(name.Host, name.Certificate.DNSNames):
		return "its certificate is for this server alone, not for the whole domain; put the servers' own names, such as " + name.Certificate.DNSNames[0] + ", into url, in a list"
	case errors.As(err, &name):
		return "its certificate is not for this host; put a name that the certificate carries into url"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has expired, or is not valid yet, or a clock is wrong: renew it there, and check the time here"
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return "its certificate is not one for servers: have it made anew, with serverAuth in extendedKeyUsage"
	}
	return ""
}
