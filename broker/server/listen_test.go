package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/internal/keypair"
)

func serve(t *testing.T, s *http.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if s.TLSConfig != nil {
			_ = s.ServeTLS(l, "", "")
			return
		}
		_ = s.Serve(l)
	}()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

// TestHalfSentRequestsAreDropped sends the beginnings of requests and nothing more.
func TestHalfSentRequestsAreDropped(t *testing.T) {
	reads := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for _, tt := range []struct {
		name, sent string
		count      int
	}{
		{"headers", "GET /token HTTP/1.1\r\nHost: x\r\nX-", 1500},
		{"body", "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\ngrant_type", 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, server.HTTP(reads, nil, slog.New(slog.DiscardHandler)))
			conns := make([]net.Conn, tt.count)
			for i := range conns {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				conns[i] = c
				if _, err := io.WriteString(c, tt.sent); err != nil {
					t.Fatal(err)
				}
			}
			deadline := time.Now().Add(15 * time.Second)
			for i, c := range conns {
				_ = c.SetReadDeadline(deadline)
				if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatalf("connection %d is still open after 15 s", i)
				}
			}
		})
	}
}

// TestLimits covers what takes too long to wait for.
func TestLimits(t *testing.T) {
	s := server.HTTP(http.NotFoundHandler(), nil, slog.New(slog.DiscardHandler))
	for _, tt := range []struct {
		name      string
		got, most time.Duration
	}{
		{"ReadHeaderTimeout", s.ReadHeaderTimeout, 10 * time.Second},
		{"ReadTimeout", s.ReadTimeout, 15 * time.Second},
		{"WriteTimeout", s.WriteTimeout, 30 * time.Second},
		{"IdleTimeout", s.IdleTimeout, 2 * time.Minute},
	} {
		if tt.got < 5*time.Second || tt.got > tt.most { // an answer may take five seconds
			t.Errorf("%s is %s", tt.name, tt.got)
		}
	}
	monitor := server.MonitorHTTP(server.NewMonitor(), slog.New(slog.DiscardHandler))
	if most := 2 * time.Second; monitor.ReadHeaderTimeout > most || monitor.ReadTimeout > most {
		t.Errorf("the monitor waits %s for headers, %s for all", monitor.ReadHeaderTimeout, monitor.ReadTimeout)
	}
	if s.MaxHeaderBytes < 16<<10 || s.MaxHeaderBytes > 64<<10 {
		t.Errorf("MaxHeaderBytes is %d", s.MaxHeaderBytes)
	}
}

func TestLargeHeadersAreRefused(t *testing.T) {
	addr := serve(t, server.HTTP(http.NotFoundHandler(), nil, slog.New(slog.DiscardHandler)))
	r := request(t, http.MethodGet, "http://"+addr+"/", "", "X-Large", strings.Repeat("x", 80<<10))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %s", response.Status)
	}
}

// writePair writes a certificate for 127.0.0.1 with the serial number.
func writePair(t *testing.T, dir string, serial int64) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(time.Duration(serial) * time.Second) // however fast the test is
		if err := os.Chtimes(name, when, when); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, 1)
	certificate, err := keypair.Load(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, server.HTTP(http.NotFoundHandler(), certificate, slog.New(slog.DiscardHandler)))
	serial := func() int64 {
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // looks at what is served
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	waitFor := func(want int64) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); serial() != want; time.Sleep(100 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("serial %d is served, want %d", serial(), want)
			}
		}
	}
	waitFor(1)
	writePair(t, dir, 2)
	waitFor(2)
	if err := os.WriteFile(keyFile, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2500 * time.Millisecond)
	waitFor(2)
	if _, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil { //nolint:gosec // as above
		t.Error("TLS 1.1 is spoken")
	}
}

// TestHTTP1Alone has a client that would rather speak HTTP/2.
func TestHTTP1Alone(t *testing.T) {
	certFile, keyFile := writePair(t, t.TempDir(), 1)
	certificate, err := keypair.Load(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	url := "https://" + serve(t, server.HTTP(http.NotFoundHandler(), certificate, slog.New(slog.DiscardHandler)))
	client := http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // looks at what is served
	response, err := client.Do(request(t, http.MethodGet, url, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.Proto != "HTTP/1.1" || response.StatusCode != http.StatusNotFound {
		t.Errorf("it is answered %s %d, want HTTP/1.1 404", response.Proto, response.StatusCode)
	}
}

func TestMonitor(t *testing.T) {
	failing := errors.New("no key")
	var fault error
	m := server.NewMonitor(server.Check{Name: "signing", Run: func(context.Context) error { return fault }})
	s := httptest.NewServer(m.Handler())
	defer s.Close()
	get := func(path string) string {
		response, err := http.DefaultClient.Do(request(t, http.MethodGet, s.URL+path, ""))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return response.Status + " " + strings.TrimSpace(string(text))
	}
	if got := get("/livez") + ", " + get("/readyz"); got != "200 OK ok, 200 OK ok" {
		t.Errorf("got %s", got)
	}
	fault = failing
	if got := get("/livez") + ", " + get("/readyz"); got != "200 OK ok, 503 Service Unavailable signing failed" {
		t.Errorf("got %s", got)
	}
	fault = nil
	m.Drain()
	if got := get("/livez") + ", " + get("/readyz"); got != "200 OK ok, 503 Service Unavailable draining" {
		t.Errorf("got %s", got)
	}
	if got := get("/token"); !strings.HasPrefix(got, "404 Not Found {") {
		t.Errorf("got %s", got)
	}
}
