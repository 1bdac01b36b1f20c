package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/shorepass/shorepass/internal/strictyaml"
)

const (
	// maxSocket is the longest path of a Unix socket, in bytes (unix(7)).
	maxSocket = 107

	minSync = 10 * time.Millisecond
	maxSync = time.Minute
)

// checkFile checks the top level.
func (l *loader) checkFile(n strictyaml.Node, keys fileKeys) {
	listenOK := l.address(n, "listen", keys.Listen)
	if l.address(n, "monitor", keys.Monitor) && listenOK && collide(keys.Listen, keys.Monitor) {
		l.report(n, "monitor", "monitor: %s is the address of listen: choose another port", keys.Monitor)
	}
	if listenOK {
		l.checkListen(n, keys)
	}
	if keys.PublicURL != "" {
		l.checkPublicURL(n, keys)
	}
	l.choice(n, "log.level", keys.Log.Level, "debug", "info", "warn", "error")
	l.choice(n, "log.format", keys.Log.Format, "text", "json")
	if keys.Audit.File != "" && keys.Audit.Stdout {
		l.report(n, "audit", "audit: file and stdout: true exclude each other: remove one of the two")
	}
	if keys.Audit.Sync != nil && keys.Audit.Stdout {
		l.report(n, "audit.sync", "audit.sync: standard output is never synced: remove it")
	}
	if socket := l.cfg.AdminSocket; len(socket) > maxSocket {
		l.report(n, "admin_socket", "admin_socket: %s has %d bytes, and a socket's path has at most %d: name a shorter one", socket, len(socket), maxSocket)
	}
	for i, network := range keys.TrustedProxies {
		if netip.Prefix(network).Bits() == 0 {
			l.warn(n, "trusted_proxies["+strconv.Itoa(i)+"]", "trusted_proxies: every client is believed what it says of its address: name the proxies alone")
		}
	}
}

func (l *loader) checkListen(n strictyaml.Node, keys fileKeys) {
	local := isLoopback(keys.Listen)
	switch {
	case keys.PlainHTTP && keys.TLS != nil:
		l.report(n, "plain_http", "plain_http: true contradicts tls: remove one of the two")
	case !local && !keys.PlainHTTP && keys.TLS == nil:
		l.report(n, "listen", "listen: %s is open to other machines, and passwords would cross the network in clear: configure tls, or set plain_http: true where a proxy in front terminates TLS", keys.Listen)
	}
	if !local && keys.PublicURL == "" {
		l.report(n, "listen", "public_url is missing: off loopback, listen does not tell what clients see: set it, such as public_url: https://login.example.com")
	}
}

// address checks a HOST:PORT.
func (l *loader) address(n strictyaml.Node, path, value string) bool {
	host, port, err := net.SplitHostPort(value)
	if err == nil && isPort(port) && (host == "" || isHost(host)) {
		return true
	}
	l.report(n, path, "%s: %q is not HOST:PORT, such as localhost:5001 or 0.0.0.0:5001", path, value)
	return false
}

// hostName matches names that may be looked up.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)

// digits matches what can be nothing but a misspelled address.
var digits = regexp.MustCompile(`^[0-9.]+$`)

func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return len(host) <= 253 && hostName.MatchString(host) && !digits.MatchString(host)
}

func isPort(port string) bool {
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0
}

// isLoopback reports whether nobody but this machine can reach the address.
func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// collide reports whether two addresses cannot both be listened on.
func collide(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	numberA, _ := strconv.Atoi(portA)
	numberB, _ := strconv.Atoi(portB)
	if numberA != numberB {
		return false
	}
	return strings.EqualFold(hostA, hostB) || isWildcard(hostA) || isWildcard(hostB) || isLoopback(a) && isLoopback(b)
}

func isWildcard(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || err == nil && addr.IsUnspecified()
}

// localURL is what clients on this machine see; empty where others can connect.
// Some clients refuse a token endpoint on 127.0.0.1 and take one on localhost.
func localURL(listen string, tls bool) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || !isLoopback(listen) {
		return ""
	}
	if host == "127.0.0.1" || host == "::1" {
		host = "localhost"
	}
	scheme := "http"
	if tls {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

func (l *loader) checkPublicURL(n strictyaml.Node, keys fileKeys) {
	u, err := url.Parse(keys.PublicURL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !isAuthority(u):
		l.report(n, "public_url", "public_url: want an absolute URL, such as https://login.example.com")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(keys.PublicURL, "#"):
		l.report(n, "public_url", "public_url: want scheme, host and path alone, such as https://login.example.com")
	case u.Scheme == "http" && keys.TLS != nil:
		l.warn(n, "public_url", "public_url: clients are sent to http://, while tls answers https:// alone")
	case u.Scheme == "http" && !isLoopback(net.JoinHostPort(u.Hostname(), "0")):
		l.warn(n, "public_url", "public_url: clients send their passwords in clear to an http:// address: use https://")
	}
}

// isAuthority reports whether the URL has a host and, if it has a colon after that,
// a port.
func isAuthority(u *url.URL) bool {
	return isHost(u.Hostname()) && (isPort(u.Port()) || u.Port() == "" && !strings.HasSuffix(u.Host, ":"))
}
