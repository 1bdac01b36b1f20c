package cmd

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os/user"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/files"
)

// serverTime is how long a server may take to answer.
const serverTime = 15 * time.Second

// serverOptions are the flags by which people reach a server as themselves, with a
// password rather than with its configuration.
type serverOptions struct {
	server, caFile, user string
	stdin                bool
}

func (o *serverOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.server, "server", "", "your own, at the server with this `URL`; you are asked for your password")
	f.StringVar(&o.user, "user", "", "with --server: your user `name` there; left out: the one that you have here")
	f.BoolVar(&o.stdin, "password-stdin", false, "with --server: read the password from standard input")
	f.StringVar(&o.caFile, "ca-file", "", "with --server: a PEM `file` with the authority of its certificate; left out: the system's")
}

// check refuses flags that do not go together: own are those that only the
// configuration's way has.
func (o *serverOptions) check(c *cobra.Command, own ...string) error {
	if err := noEmptyFlags(c); err != nil {
		return err
	}
	if o.server == "" {
		for _, name := range []string{"user", "password-stdin", "ca-file"} {
			if c.Flags().Changed(name) {
				return usageError{fmt.Errorf("--%s goes with --server", name)}
			}
		}
		return nil
	}
	for _, name := range append(own, "config") {
		if c.Flags().Changed(name) {
			return usageError{fmt.Errorf("with --server these are your own tokens: leave out --%s", name)}
		}
	}
	return nil
}

// openServer finds out who asks, and reads the password.
func (p *program) openServer(o serverOptions, realm string) (*serverTokens, error) {
	base, err := serverURL(o.server)
	if err != nil {
		return nil, usageError{err}
	}
	roots, err := files.CertPool("--ca-file", o.caFile)
	if err != nil {
		return nil, err
	}
	if strings.Contains(o.user, ":") {
		return nil, usageError{errors.New("--user: a name with a colon cannot be sent (RFC 7617)")}
	}
	if o.user == "" {
		here, err := user.Current()
		if err != nil {
			return nil, usageError{fmt.Errorf("say who you are with --user: %w", err)}
		}
		o.user = here.Username
	}
	password, err := p.serverPassword(o, base.Host)
	if err != nil {
		return nil, err
	}
	return &serverTokens{
		base: base.JoinPath("api", "v1"), realm: realm, user: o.user, password: password,
		client: &http.Client{
			Timeout:   serverTime,
			Transport: serverTransport(base, roots),
			// The password goes to the server that was named, and nowhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// serverTransport reaches a server. What is not encrypted leaves this machine by no way:
// neither through a proxy, nor since a name was made to stand for another address.
func serverTransport(base *url.URL, roots *x509.CertPool) *http.Transport {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		ForceAttemptHTTP2:     true,
		ResponseHeaderTimeout: serverTime,
	}
	if base.Scheme == "http" {
		t.Proxy = nil
		t.DialContext = (&net.Dialer{Control: loopbackAlone}).DialContext
	}
	return t
}

// loopbackAlone refuses to connect to another machine.
func loopbackAlone(_, address string, _ syscall.RawConn) error {
	if to, err := netip.ParseAddrPort(address); err != nil || !to.Addr().IsLoopback() {
		return fmt.Errorf("%s is another machine, where your password would go unencrypted: write https", address)
	}
	return nil
}

// serverPassword asks for the password, or reads the first line of standard input.
func (p *program) serverPassword(o serverOptions, host string) (connectors.Secret, error) {
	if o.stdin {
		return p.passwordLine()
	}
	return p.password(fmt.Sprintf("Password of %s at %s: ", o.user, host))
}

// serverURL reads the address of a server: https, unless it is this machine.
func serverURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return nil, errors.New("--server: want a URL such as https://login.corp.example")
	case u.User != nil:
		return nil, errors.New("--server: leave the user out of the URL, and name it with --user")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("--server: want the server's public_url alone, without ? and #")
	case u.Scheme == "http" && !onThisMachine(u.Hostname()):
		return nil, fmt.Errorf("--server: your password would go to %s unencrypted: write https", u.Host)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("--server: %q is neither https nor http", u.Scheme)
	}
	return u, nil
}

// onThisMachine reports whether a host is this machine itself (RFC 6761 §6.3).
func onThisMachine(host string) bool {
	addr, err := netip.ParseAddr(host)
	host = strings.ToLower(host)
	return err == nil && addr.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
