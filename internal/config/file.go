package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// maxSocket is the longest path of a Unix socket, in bytes (unix(7)).
	maxSocket = 107

	minSync = 10 * time.Millisecond
	maxSync = time.Minute
)

// checkFile checks the top level.
func (p part) checkFile(keys fileKeys) {
	listenOK := p.address("listen", keys.Listen)
	if p.address("monitor", keys.Monitor) && listenOK && collide(keys.Listen, keys.Monitor) {
		p.report("monitor", "monitor: %s is the address of listen: choose another port", keys.Monitor)
	}
	if listenOK {
		p.checkListen(keys)
	}
	if keys.PublicURL != "" {
		p.checkPublicURL(keys)
	}
	p.choice("log.level", keys.Log.Level, "debug", "info", "warn", "error")
	p.choice("log.format", keys.Log.Format, "text", "json")
	if keys.Audit.File != "" && keys.Audit.Stdout {
		p.report("audit.stdout", "audit: file and stdout: true exclude each other: remove one of the two")
	}
	if keys.Audit.Sync != nil && keys.Audit.Stdout {
		p.report("audit.sync", "audit.sync: standard output is never synced: remove it")
	}
	p.checkLimits(keys.Limits)
	socketKnown := keys.AdminSocket != "" || p.whole("data_dir")
	if socket := p.cfg.AdminSocket; len(socket) > maxSocket && socketKnown {
		p.report("admin_socket", "admin_socket: %s has %d bytes, and a socket's path has at most %d: name a shorter one", socket, len(socket), maxSocket)
	}
	p.checkProxies(keys.TrustedProxies)
}

// The widest ranges that may be those of proxies alone.
const (
	proxies4   = 24  // bits
	proxies6   = 64  // likewise
	translated = 120 // of an IPv4 range that NAT64 has made an IPv6 one of: its last 32 are the address
)

// isTranslated reports whether a range has addresses that translators put IPv4 ones behind
// (RFC 6052 §2.1, RFC 8215).
func isTranslated(r netip.Prefix) bool {
	return r.Overlaps(netip.MustParsePrefix("64:ff9b::/96")) || r.Overlaps(netip.MustParsePrefix("64:ff9b:1::/48"))
}

// checkProxies warns of ranges in which there is more than proxies.
func (p part) checkProxies(ranges []network) {
	for i, r := range ranges {
		proxies, widest, who := netip.Prefix(r), proxies6, "every client"
		switch {
		case proxies.Addr().Is4():
			widest = proxies4
		case isTranslated(proxies):
			widest = translated
		}
		if !proxies.IsValid() || proxies.Bits() >= widest || proxies.Addr().IsLoopback() {
			continue // what is none is reported where it is read
		}
		if proxies.Bits() > 0 {
			who += " in " + proxies.String()
		}
		p.warn("trusted_proxies["+strconv.Itoa(i)+"]", "trusted_proxies: %s is believed what it says of its address, and so escapes the limits of client networks: name the proxies alone", who)
	}
}

// checkTLS reports whether the TLS section can be relied on.
func (p part) checkTLS(keys *tlsKeys) bool {
	before := len(p.problems)
	p.checkPaths("tls", keys)
	return p.whole("tls") && p.sound(before)
}

func (p part) checkListen(keys fileKeys) {
	local := isLoopback(keys.Listen)
	switch {
	case keys.PlainHTTP && keys.TLS != nil:
		p.report("plain_http", "plain_http: true contradicts tls: remove one of the two")
	case !local && !keys.PlainHTTP && keys.TLS == nil && p.whole("plain_http") && p.whole("tls"):
		p.report("listen", "listen: %s is open to other machines, and passwords would cross the network in clear: configure tls, or set plain_http: true where a proxy in front terminates TLS", keys.Listen)
	}
	if !local && keys.PublicURL == "" && p.whole("public_url") {
		p.report("listen", "public_url is missing: off loopback, listen does not tell what clients see: set it, such as public_url: https://login.example.com")
	}
}

// address reports whether the value at the path is known and is HOST:PORT.
func (p part) address(path, value string) bool {
	host, port, err := net.SplitHostPort(value)
	if err == nil && isPort(port) && (host == "" || isHost(host)) {
		return p.whole(path)
	}
	p.report(path, "%s: %q is not HOST:PORT, such as localhost:5001 or 0.0.0.0:5001", path, value)
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

func (p part) checkPublicURL(keys fileKeys) {
	u, err := url.Parse(keys.PublicURL)
	switch {
	case !isWord(keys.PublicURL):
		p.report("public_url", "public_url: want visible ASCII characters without spaces, quotation marks and backslashes, at most 255")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !isHost(u.Hostname()) || u.Port() == "" && strings.HasSuffix(u.Host, ":"):
		p.report("public_url", "public_url: want an absolute URL, such as https://login.example.com")
	case u.Port() != "" && !isPort(u.Port()):
		p.report("public_url", "public_url: the port %s is not one of 1 to 65535", u.Port())
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(keys.PublicURL, "#"):
		p.report("public_url", "public_url: want scheme, host and path alone, such as https://login.example.com")
	case hasDots(u.Path):
		p.report("public_url", "public_url: the path has . or .. between slashes, which clients take out: write the path without")
	case u.Scheme == "http" && keys.TLS != nil:
		p.warn("public_url", "public_url: clients are sent to http://, while tls answers https:// alone")
	case u.Scheme == "http" && !isLoopback(net.JoinHostPort(u.Hostname(), "0")):
		p.warn("public_url", "public_url: clients send their passwords in clear to an http:// address: use https://")
	}
}

// hasDots reports whether the path has segments that mean another path (RFC 3986
// §5.2.4).
func hasDots(path string) bool {
	return strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../")
}
