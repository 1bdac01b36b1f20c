package ldap

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/keypair"
)

// ClientCertificate is a certificate that the connector shows to servers. Its files
// are read again when they change.
type ClientCertificate struct {
	// CertFile is a PEM file with the certificate, then those that signed it.
	CertFile connectors.Path `yaml:"cert_file"`

	// KeyFile is a PEM file with its private key.
	KeyFile connectors.Path `yaml:"key_file"`
}

func (c *ClientCertificate) validate(p *problems) {
	if c == nil {
		return
	}
	if c.CertFile == "" {
		p.add("client_certificate.cert_file", "is required: the PEM file with the certificate")
	}
	if c.KeyFile == "" {
		p.add("client_certificate.key_file", "is required: the PEM file with the certificate's private key")
	}
}

// load reads the files; there may be nothing to read. A certificate that has expired is
// no error: it may be renewed in place.
func (c *ClientCertificate) load(logger *slog.Logger) (*keypair.Pair, error) {
	if c == nil {
		return nil, nil
	}
	pair, err := keypair.Load(string(c.CertFile), string(c.KeyFile), logger)
	if err != nil {
		return nil, fmt.Errorf("client_certificate: %w", err)
	}
	if err := pair.Expired(time.Now()); err != nil {
		logger.Warn("client_certificate: servers refuse it; renew it", slog.Any("error", err))
	}
	return pair, nil
}

// external reports whether the service account is the client certificate's.
func (c *Config) external() bool {
	return c.ClientCertificate != nil && c.BindDN == "" && c.BindPassword.Blank() && !c.AnonymousSearch && !c.EndsChain()
}

// serviceAccount is who searches, in words.
func (c *Config) serviceAccount() string {
	if c.external() {
		return "the subject of client_certificate"
	}
	return c.BindDN
}

// askedFor notes whether a server asks for a client certificate, and shows it what
// there is.
type askedFor struct {
	server address
	pair   *keypair.Pair // nil: none to show
	asked  bool
}

func (a *askedFor) show(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	a.asked = true
	if a.pair == nil {
		return new(tls.Certificate), nil
	}
	return a.pair.Current(), nil
}

// explain returns err as a *certificateError where the server has hung up after it
// asked for a certificate; nil stays nil.
func (a *askedFor) explain(err error) error {
	if !a.asked || !isHangUp(err) {
		return err
	}
	return &certificateError{shown: a.pair != nil, err: err}
}

// refusal is explain for a connection that was lost before the first answer: with TLS
// 1.3 the client's handshake ends before the server has looked at the certificate.
// lost, what reading failed with, tells more than err; it may be nil.
func (a *askedFor) refusal(err, lost error) error {
	if !a.asked {
		return err
	}
	if lost == nil {
		lost = err
	}
	return &dialError{address: a.server, err: &certificateError{shown: a.pair != nil, err: lost}}
}

// remoteAlert is the operation that package crypto/tls names in the error of an alert
// which the other side has sent.
const remoteAlert = "remote error"

// isHangUp reports whether err says that the other side has closed the connection,
// with or without a TLS alert (RFC 8446 §6).
func isHangUp(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == remoteAlert || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// certificateError is a connection that the server ended over the client certificate.
type certificateError struct {
	shown bool // there was one to show
	err   error
}

// Error says what the server did.
func (e *certificateError) Error() string {
	if e.shown {
		return "it does not take the client certificate: " + e.err.Error()
	}
	return "it demands a client certificate: " + e.err.Error()
}

// Unwrap returns the cause.
func (e *certificateError) Unwrap() error { return e.err }

// advice says what to do.
func (e *certificateError) advice() string {
	if e.shown {
		return "it must trust the authority that signed client_certificate, which must be valid and for client authentication (slapd: TLSCACertificateFile)"
	}
	return "set client_certificate to a certificate that it takes, or have it demand none (slapd: TLSVerifyClient)"
}
