package ldap

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// address is a parsed URL of a directory.
type address struct {
	host string // without brackets
	port string
	tls  bool // LDAPS
}

// parseAddress reads an ldap:// or ldaps:// URL that names a server and nothing
// else.
func parseAddress(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil {
		return address{}, errors.New("is not a URL such as ldaps://ldap.example.org")
	}
	var a address
	switch u.Scheme {
	case "ldap":
		a.port = "389"
	case "ldaps":
		a.port, a.tls = "636", true
	case "ldapi":
		return address{}, errors.New("ldapi:// (a Unix socket) is not supported: use ldap://localhost")
	default:
		return address{}, errors.New("must begin with ldaps:// or ldap://, as in ldaps://ldap.example.org")
	}
	switch {
	case u.User != nil:
		return address{}, errors.New("must not hold a user: the service account is bind_dn and bind_password")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return address{}, errors.New("must name a server alone: bases and filters belong to users and groups")
	case u.Hostname() == "":
		return address{}, errors.New("names no host")
	}
	a.host = u.Hostname()
	if u.Port() != "" {
		a.port = u.Port()
		if n, err := strconv.Atoi(a.port); err != nil || n < 1 || n > 65535 {
			return address{}, fmt.Errorf("port %s is not between 1 and 65535", a.port)
		}
	}
	return a, nil
}

// String returns host and port, as net.Dial takes them.
func (a address) String() string { return net.JoinHostPort(a.host, a.port) }

// same reports whether two addresses name one port of one host, however it is spoken
// to.
func (a address) same(b address) bool { return strings.EqualFold(a.host, b.host) && a.port == b.port }

// isGlobalCatalog reports whether the port is one at which Active Directory serves its
// global catalog, encrypted or not.
func (a address) isGlobalCatalog() bool { return a.port == "3268" || a.port == "3269" }

// loopback reports whether the address is this machine's own by its very form: a
// name that merely resolves so today would not do.
func (a address) loopback() bool {
	ip, err := netip.ParseAddr(a.host)
	return strings.EqualFold(a.host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}
