package oidc

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/reach"
)

var (
	_ connectors.Validator = (*Config)(nil)
	_ connectors.Connected = (*Config)(nil)
)

// scopeOpenID is what makes an OAuth2 request one for an ID token.
const scopeOpenID = "openid"

// maxClaimPath bounds username_claim and groups_claim, in bytes.
const maxClaimPath = 512

// asymmetric are the algorithms (RFC 7518 §3.1, RFC 8037) that an ID token may be
// signed with: none is no signature, and the key of HS256 is one that we hold too.
func asymmetric() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// Validate returns what is wrong with the configuration, without I/O.
func (c *Config) Validate() []connectors.FieldProblem {
	full := c.withDefaults()
	var p problems
	full.validateProvider(&p)
	full.validateClient(&p)
	full.validateClaims(&p)
	full.validateAlgorithms(&p)
	return p
}

func (c *Config) validateProvider(p *problems) {
	if !c.Proxy.Blank() {
		if _, err := parseProxy(c.Proxy); err != nil {
			p.add("proxy", err.Error())
		}
	}
	if c.Issuer == "" {
		p.add("issuer", "is required: the provider's URL, such as https://sso.example.org/realms/corp")
		return
	}
	u, err := parseIssuer(c.Issuer)
	switch {
	case err != nil:
		p.add("issuer", err.Error())
	case u.Scheme == "http" && !c.allowsPlain(u):
		p.add("issuer", "http:// sends passwords in clear: use https://; insecure_plaintext: true accepts the risk")
	case u.Scheme == "http" && c.CAFile != "":
		p.add("ca_file", "is of no use without TLS: use https://, or remove it")
	}
}

func (c *Config) validateClient(p *problems) {
	if c.ClientID == "" {
		p.add("client_id", "is required: the client that the provider knows Shorepass by")
	}
	secret := c.ClientSecret.Reveal() != ""
	switch c.ClientAuth {
	case authBasic, authPost:
		if !secret {
			p.add("client_secret", "is required: the secret of client_id; a public client, which has none, needs client_auth: none")
		}
	case authNone:
		if secret {
			p.add("client_secret", "is not sent with client_auth: none: remove one of the two")
		}
	default:
		p.add("client_auth", fmt.Sprintf("%q is none of basic, post and none", c.ClientAuth))
	}
	if !slices.Contains(c.Scopes, scopeOpenID) {
		p.add("scopes", "must hold openid: without it the provider sends no ID token")
	}
	for i, s := range c.Scopes {
		if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			p.add(fmt.Sprintf("scopes[%d]", i), fmt.Sprintf("%q is not a scope: it is one word (RFC 6749 §3.3)", s))
		}
	}
}

func (c *Config) validateClaims(p *problems) {
	p.claim("username_claim", c.UsernameClaim)
	p.claim("groups_claim", c.GroupsClaim)
	if c.GroupsRequired && c.GroupsClaim == "" {
		p.add("groups_required", "needs groups_claim: the claim that is required")
	}
	strip := strings.TrimPrefix(c.UsernameStrip, "@")
	if _, ok := connectors.UnicodeUsernames.Parse(strip); c.UsernameStrip != "" && (strip == c.UsernameStrip || !ok || strings.Contains(strip, "@")) {
		p.add("username_strip", fmt.Sprintf("%q is not the end of a name such as @example.org", c.UsernameStrip))
	}
}

func (c *Config) validateAlgorithms(p *problems) {
	if len(c.Algorithms) == 0 {
		p.add("algorithms", "is an empty list, by which no ID token could be trusted: name one, or remove the key")
	}
	for i, a := range c.Algorithms {
		if !slices.Contains(asymmetric(), a) {
			p.add(fmt.Sprintf("algorithms[%d]", i), fmt.Sprintf("%q is none of %s", a, strings.Join(asymmetric(), ", ")))
		}
	}
}

// parseIssuer reads the provider's URL (OpenID Connect Discovery 1.0 §3), of which no
// part is left to chance: tokens must carry it letter by letter.
func parseIssuer(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("is not a URL such as https://sso.example.org/realms/corp")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("must begin with https://, as in https://sso.example.org/realms/corp")
	case u.Hostname() == "":
		return nil, errors.New("names no host")
	case u.User != nil:
		return nil, errors.New("must not hold a user: the client is client_id and client_secret")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("must not hold ? or #: it is the issuer as the provider's tokens have it")
	case strings.HasSuffix(u.Path, "/.well-known/openid-configuration"):
		return nil, errors.New("is the address of the discovery document: leave off /.well-known/openid-configuration")
	}
	return u, portFault(u)
}

// parseProxy reads the URL of a proxy. Its errors do not show it: it may hold a
// password.
func parseProxy(s connectors.Secret) (*url.URL, error) {
	u, err := url.Parse(s.Reveal())
	switch {
	case err != nil:
		return nil, errors.New("is not a URL such as http://proxy.example.org:3128")
	case !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme):
		return nil, errors.New("must begin with http://, https:// or socks5://, as in http://proxy.example.org:3128")
	case u.Hostname() == "":
		return nil, errors.New("names no host")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("must name a proxy alone, as in http://proxy.example.org:3128")
	}
	return u, portFault(u)
}

func portFault(u *url.URL) error {
	if u.Port() == "" {
		return nil
	}
	if n, err := strconv.Atoi(u.Port()); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("port %s is not between 1 and 65535", u.Port())
	}
	return nil
}

// allowsPlain reports whether u may be asked without TLS: a provider on this machine
// may name others there. A proxy is another machine, which would see what passes.
func (c *Config) allowsPlain(u *url.URL) bool {
	return c.InsecurePlaintext || c.Proxy.Blank() && reach.IsLoopback(u.Hostname()) && strings.HasPrefix(c.Issuer, "http://")
}

// problems collects what Validate finds.
type problems []connectors.FieldProblem

func (p *problems) add(field, message string) {
	*p = append(*p, connectors.FieldProblem{Field: field, Message: message})
}

func (p *problems) claim(field, path string) {
	if len(path) > maxClaimPath {
		p.add(field, fmt.Sprintf("is longer than %d bytes", maxClaimPath))
	}
}
