package reach_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/freeport"
	"github.com/shorepass/shorepass/internal/reach"
)

const canary = "hunter2-canary"

// answering is a server that answers whatever it is asked with these bytes, and ends. It reads
// on until the client has seen that: what arrives at a closed connection resets it.
func answering(t *testing.T, answer string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(conn, answer)
		_ = conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	}))
	t.Cleanup(s.Close)
	return s
}

// ask posts something and reads the answer.
func ask(t *testing.T, d *reach.Discreet, to string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, strings.NewReader(canary))
	if err != nil {
		t.Fatal(err)
	}
	response, err := d.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.ReadAll(response.Body)
	return err
}

// TestDiscreet holds that no error repeats an answer: that of package net/http does, in each
// of the cases that are marked, or the case would show nothing.
func TestDiscreet(t *testing.T) {
	for name, tt := range map[string]struct {
		answer string
		quotes bool
	}{
		"no HTTP":           {canary + "\r\n\r\n", true},
		"version":           {"HTTP/" + canary + " 200 OK\r\n\r\n", true},
		"status":            {"HTTP/1.1 " + canary + " OK\r\n\r\n", true},
		"header":            {"HTTP/1.1 200 OK\r\n" + canary + "\r\n\r\n", true},
		"Content-Length":    {"HTTP/1.1 200 OK\r\nContent-Length: " + canary + "\r\n\r\n", true},
		"two lengths":       {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: " + canary + "\r\n\r\n", true},
		"Transfer-Encoding": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + canary + "\r\n\r\n", true},
		"trailer":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + canary + "\r\n\r\n", true},
		"chunk":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + canary + "\r\n", false},
		"large header":      {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat(canary, 1<<17) + "\r\n\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := answering(t, tt.answer)
			plain := &http.Transport{MaxResponseHeaderBytes: 64 << 10}
			defer plain.CloseIdleConnections()
			if err := ask(t, &reach.Discreet{Transport: plain}, s.URL); err == nil || strings.Contains(err.Error(), canary) {
				t.Errorf("error %v", err)
			}
			response, err := (&http.Client{Transport: plain}).Post(s.URL, "", nil)
			if err == nil {
				_, err = io.ReadAll(response.Body)
				_ = response.Body.Close()
			}
			if err == nil || strings.Contains(err.Error(), canary) != tt.quotes {
				t.Errorf("package net/http says %v", err)
			}
		})
	}
}

// TestDiscreetProxy holds the same of a proxy, whose password is canary.
func TestDiscreetProxy(t *testing.T) {
	for answer, want := range map[string]string{
		"HTTP/1.1 407 " + canary + "\r\n\r\n":      "status 407 (Proxy Authentication Required)",
		"HTTP/1.1 500 tls: " + canary + "\r\n\r\n": "status 500 (Internal Server Error)",
		"HTTP/1.1 " + canary + "\r\n\r\n":          "is not HTTP",
		"HTTP/1.1 200 OK\r\n\r\n":                  "EOF", // of the tunnel
	} {
		proxy, err := url.Parse(answering(t, answer).URL)
		if err != nil {
			t.Fatal(err)
		}
		d := reach.NewDiscreet(&http.Transport{Proxy: http.ProxyURL(proxy)})
		if err := ask(t, d, "https://people.invalid"); err == nil || strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want one that says %q", answer, err, want)
		}
	}
}

// quoting is an error of the network that repeats something.
type quoting struct{}

func (quoting) Error() string   { return "it says " + canary }
func (quoting) Timeout() bool   { return false }
func (quoting) Temporary() bool { return false }

// TestDiscreetDial holds that what a dialer says goes no further either, on the way to a proxy
// or without one.
func TestDiscreetDial(t *testing.T) {
	dial := func(context.Context, string, string) (net.Conn, error) { return nil, quoting{} }
	for name, proxy := range map[string]*url.URL{"direct": nil, "to a proxy": {Scheme: "http", Host: "proxy.invalid"}} {
		d := reach.NewDiscreet(&http.Transport{Proxy: http.ProxyURL(proxy), DialContext: dial})
		if err := ask(t, d, "https://people.invalid"); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestDiscreetTells holds that errors of the network, of TLS and of time are still said, with
// what to do about them.
func TestDiscreetTells(t *testing.T) {
	over := httptest.NewUnstartedServer(http.NotFoundHandler())
	over.Config.ErrorLog = log.New(io.Discard, "", 0)
	over.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	over.StartTLS()
	defer over.Close()
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = over.Config.ErrorLog
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11} //nolint:gosec // that is the point
	old.StartTLS()
	defer old.Close()
	clear := httptest.NewServer(http.NotFoundHandler())
	defer clear.Close()
	down := fmt.Sprint("http://127.0.0.1:", freeport.For(t))
	alerting := answering(t, "\x15\x03\x01\x00\x02\x02\x0a")
	insecure := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // certificates are not what this is about
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else nothing tells that the other side has gone
		<-r.Context().Done()
	}))
	defer hanging.Close()
	for name, tt := range map[string]struct {
		transport *http.Transport
		to        string
		want, fix string
	}{
		"down":           {&http.Transport{}, down, "connection refused", "nothing listens there"},
		"hangs up":       {&http.Transport{}, answering(t, "").URL, "EOF", ""},
		"half":           {&http.Transport{}, answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx").URL, "unexpected EOF", ""},
		"authority":      {&http.Transport{}, over.URL, "unknown authority", "set ca_file"},
		"certificate":    {&http.Transport{TLSClientConfig: insecure}, over.URL, "certificate required", "wants a certificate of ours"},
		"before TLS 1.3": {&http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}}, over.URL, "handshake failure", "wants a certificate of ours"}, //nolint:gosec // as above
		"old TLS":        {&http.Transport{TLSClientConfig: insecure}, old.URL, "protocol version", "no version of TLS from 1.2 on"},
		"no version":     {&http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS12}}, over.URL, "tls: no supported versions", ""}, //nolint:gosec // that is the point
		"no TLS":         {&http.Transport{}, strings.Replace(clear.URL, "http:", "https:", 1), "TLS handshake", "no TLS is spoken"},
		"TLS":            {&http.Transport{}, alerting.URL, "is not HTTP", "TLS may be spoken there"},
		"timeout":        {&http.Transport{ResponseHeaderTimeout: 50 * time.Millisecond}, hanging.URL, "timeout awaiting response headers", ""},
		"no socket": {&http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", "/none.sock")
		}}, clear.URL, "no such file", "there is no such socket"},
		"no name": {&http.Transport{}, "http://people.invalid", "lookup people.invalid", "cannot be resolved"},
	} {
		t.Run(name, func(t *testing.T) {
			d := reach.NewDiscreet(tt.transport)
			defer d.CloseIdleConnections()
			err := ask(t, d, tt.to)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
			if fix := reach.Advice(err); !strings.Contains(fix, tt.fix) || (fix == "") != (tt.fix == "") {
				t.Errorf("of %v it advises %q, want %q", err, fix, tt.fix)
			}
		})
	}
}
