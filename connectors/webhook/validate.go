package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/reach"
)

var _ connectors.Validator = (*Config)(nil)

// The bounds of timeout: two questions, or one, must leave the broker time for its own
// answer, which it gives within five seconds.
const (
	minTimeout   = 100 * time.Millisecond
	maxTimeout   = 2 * time.Second
	maxTimeAlone = 4 * time.Second
)

// maxSocketPath is the longest path of a unix socket, in bytes (unix(7), sun_path).
const maxSocketPath = 107

// secretPrefix marks a secret in the form of Standard Webhooks.
const secretPrefix = "whsec_"

// Validate returns what is wrong with the configuration, without I/O.
func (c *Config) Validate() []connectors.FieldProblem {
	var p problems
	c.validateURL(&p)
	if _, err := c.key(); err != nil {
		p.add("secret", err.Error())
	}
	if cert := c.ClientCertificate; cert != nil && cert.CertFile == "" {
		p.add("client_certificate.cert_file", "is required: the PEM file with the certificate")
	}
	if cert := c.ClientCertificate; cert != nil && cert.KeyFile == "" {
		p.add("client_certificate.key_file", "is required: the PEM file with the certificate's private key")
	}
	switch {
	case c.Timeout < minTimeout || c.Timeout > maxTimeAlone:
		p.add("timeout", fmt.Sprintf("%s is not between %s and %s, or %s without locate", c.Timeout, minTimeout, maxTimeout, maxTimeAlone))
	case c.Locate && c.Timeout > maxTimeout:
		p.add("timeout", fmt.Sprintf("%s is longer than %s: with locate a login asks twice", c.Timeout, maxTimeout))
	}
	if c.Resolve && !c.Locate {
		p.add("resolve", "needs locate: true: whom nobody can find by name, nobody looks up by id")
	}
	return p
}

func (c *Config) validateURL(p *problems) {
	if c.URL == "" {
		p.add("url", "is required: the endpoint's address, such as https://people.example.org/shorepass or unix:///run/people.sock")
		return
	}
	u, err := parseURL(c.URL)
	if err != nil {
		p.add("url", err.Error())
		return
	}
	if u.Scheme != "https" && c.CAFile != "" {
		p.add("ca_file", "is of no use without TLS: use https://, or remove it")
	}
	if u.Scheme != "https" && c.ClientCertificate != nil {
		p.add("client_certificate", "is of no use without TLS: use https://, or remove it")
	}
}

// parseURL reads the endpoint's address. Its errors do not show it.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL such as https://people.example.org/shorepass")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("must not hold ? or #: what is asked is in the body")
	case u.User != nil:
		return nil, errors.New("must not hold a user or password: questions are signed with secret")
	case u.Scheme == "unix":
		return u, socketFault(u)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("must begin with https:// or unix://, or with http:// on this machine")
	case u.Hostname() == "":
		return nil, errors.New("names no host")
	case u.Scheme == "http" && !reach.IsLoopback(u.Hostname()):
		return nil, errors.New("http:// sends passwords in clear: use https://; only this machine (localhost) needs none")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("port %s is not between 1 and 65535", port)
		}
	}
	return u, nil
}

func socketFault(u *url.URL) error {
	switch {
	case u.Host != "" || u.Opaque != "" || !path.IsAbs(u.Path) || u.Path == "/":
		return errors.New("must be unix:// and the absolute path of a socket, as in unix:///run/people.sock")
	case len(u.Path) > maxSocketPath:
		return fmt.Errorf("names a socket whose path is longer than %d bytes, the most that the system takes", maxSocketPath)
	}
	return nil
}

// key is what questions are signed with. Its errors do not show it.
func (c *Config) key() ([]byte, error) {
	const advice = `make one with: echo "whsec_$(openssl rand -base64 32)"`
	text := c.Secret.Reveal()
	if text == "" {
		return nil, errors.New("is required: what questions are signed with, and the endpoint knows too; " + advice)
	}
	encoded, found := strings.CutPrefix(text, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errors.New("is not whsec_ and 24 to 64 bytes in base64; " + advice)
	}
	return key, nil
}

// problems collects what Validate finds.
type problems []connectors.FieldProblem

func (p *problems) add(field, message string) {
	*p = append(*p, connectors.FieldProblem{Field: field, Message: message})
}
