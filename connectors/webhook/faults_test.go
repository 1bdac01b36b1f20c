package webhook_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// answering answers everything with a body; careful is whether it looks at signatures.
func (p *peer) answering(body string, careful bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if careful && p.checkSignature(r.Header, p.sent()) != nil {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}

// TestFaults holds that an endpoint which gives no answer, or an odd one, is an outage
// within the time that the broker has, and that all is well again when it is.
func TestFaults(t *testing.T) {
	answer := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, alice)
		}
	}
	everybodys := []string{"500", "half", "hangs", "one byte a time", "hangs up"} // the others may be about one account
	for name, tt := range map[string]struct {
		fault http.HandlerFunc
		want  string
	}{
		"500":           {status(500), "status 500: it has a fault"},
		"401":           {status(401), "status 401: it does not take the signature"},
		"403":           {status(403), "status 403: it does not take the signature"},
		"404":           {status(404), "status 404: there is no endpoint at this address"},
		"429":           {status(429), "status 429: it limits"},
		"201":           {status(201), "status 201: an answer has the status 200"},
		"nothing in it": {status(204), "status 204"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "status 307: a redirect is not followed"},
		"no JSON":            {answer(`<html>`), "not one JSON object"},
		"empty":              {answer(``), "not one JSON object"},
		"more after it":      {answer(alice + alice), "not one JSON object"},
		"10 MB":              {answer(strings.Repeat(" ", 10<<20) + alice), "larger than 1048576 bytes"},
		"unavailable":        {answer(`{"result":"unavailable"}`), "says that it is unavailable"},
		"unsupported":        {answer(`{"result":"unsupported"}`), "does not know the action verify"},
		"another question":   {answer(`{"result":"account","id":"7","username":"alice"}`), "answers verify with account"},
		"password as a name": {answer(`{"result":"identity","id":"7","username":"alice-password é","groups":[]}`), "not in the form of the realm's"},
		"half": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			answer(`{"result":`)(w, r)
		}, "breaks off"},
		"another type": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, alice)
		}, "not of the type application/json"},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "did not answer in time"},
		"one byte a time": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for _, b := range []byte(alice) {
				select {
				case <-r.Context().Done():
					return
				case <-time.After(time.Second):
				}
				_, _ = w.Write([]byte{b})
				w.(http.Flusher).Flush()
			}
		}, "did not answer in time"},
		"hangs up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPeer(t, inClear)
			c := p.configured(t)
			c.Locate, c.Resolve = false, false
			c.Timeout = 2 * time.Second
			if strings.HasPrefix(tt.want, "did not") {
				c.Timeout = 100 * time.Millisecond
			}
			connector := connect(t, c)
			p.breakWith(tt.fault)
			started := time.Now()
			if _, err := login(t, connector, "alice", "alice-password"); !isOutage(err) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want an outage that says %q", err, tt.want)
			} else if whole := slices.Contains(everybodys, name); errors.Is(err, connectors.ErrUnreachable) != whole {
				t.Errorf("error %v: everybody's %v, want %v", err, !whole, whole)
			}
			if took := time.Since(started); took > 4*time.Second {
				t.Errorf("it took %v", took)
			}
			p.breakWith(nil)
			c.Timeout = 2 * time.Second
			if _, err := login(t, connect(t, c), "alice", "alice-password"); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// TestSomebodyElse holds that answers about another account than the one asked for are
// outages.
func TestSomebodyElse(t *testing.T) {
	p := startPeer(t, inClear)
	d := open(t, p.configured(t))
	for _, who := range []string{
		`{"result":"identity","id":"8","username":"alice","groups":[]}`,
		`{"result":"identity","id":"7","username":"bob","groups":[]}`,
		`{"result":"identity","id":"7","username":"ａlice","groups":[]}`,
		`{"result":"not-mine"}`, // it has located her
	} {
		p.breakWith(p.answering(who, true))
		if _, err := d.Verify(t.Context(), connectors.Account{ID: "7", Username: "alice"}, connectors.NewSecret("alice-password")); !isOutage(err) {
			t.Errorf("Verify() with %s gives %v", who, err)
		}
	}
	p.breakWith(p.answering(`{"result":"identity","id":"8","username":"alice","groups":[]}`, true))
	if _, err := d.(connectors.Resolver).Resolve(t.Context(), "7"); !isOutage(err) {
		t.Errorf("Resolve() gives %v", err)
	}
}

// TestSpellings holds that a Unicode realm takes no fullwidth name of an endpoint for a
// plain one.
func TestSpellings(t *testing.T) {
	p := startPeer(t, inClear)
	c := p.configured(t)
	c.Locate, c.Resolve = false, false
	d := openIn(t, c, connectors.UnicodeUsernames)
	for name, ok := range map[string]bool{"Łukasz": true, "ａlice": false, "a b": false} {
		p.breakWith(p.answering(fmt.Sprintf(`{"result":"identity","id":"7","username":%q,"groups":[]}`, name), true))
		_, err := d.Verify(t.Context(), connectors.Account{Username: "x"}, connectors.NewSecret("pw"))
		if (err == nil) != ok || err != nil && !isOutage(err) {
			t.Errorf("%q: error %v", name, err)
		}
	}
}

// TestCertificates holds who is spoken to over TLS.
func TestCertificates(t *testing.T) {
	p := startPeer(t, overTLS)
	c := p.configured(t)
	ca := c.CAFile
	c.CAFile = ""
	if _, err := login(t, connect(t, c), "alice", "alice-password"); !isOutage(err) || !strings.Contains(err.Error(), "set ca_file") {
		t.Errorf("an authority that is not trusted: %v", err)
	}
	c.CAFile, c.URL = ca, strings.Replace(p.URL, "127.0.0.1", "localhost", 1)
	if _, err := login(t, connect(t, c), "alice", "alice-password"); !isOutage(err) || !strings.Contains(err.Error(), "not for this host") {
		t.Errorf("another host's certificate: %v", err)
	}
	if _, n := p.lastAsked(); n > 0 {
		t.Errorf("the endpoint was asked %d times", n)
	}
}

// TestRestart holds that the endpoint is asked again as soon as it is back, over the same
// connector.
func TestRestart(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "people.sock")
	first := startPeer(t, overSocket(t, socket))
	c := first.configured(t)
	c.URL = "unix://" + socket
	connector := connect(t, c)
	if _, err := login(t, connector, "alice", "alice-password"); err != nil {
		t.Fatal(err)
	}
	first.CloseClientConnections()
	first.Close()
	if _, err := login(t, connector, "alice", "alice-password"); !isOutage(err) {
		t.Errorf("while it is down: %v", err)
	}
	startPeer(t, overSocket(t, socket))
	if _, err := login(t, connector, "alice", "alice-password"); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// TestClosedConnection holds that a connection which the endpoint has closed since costs
// no login.
func TestClosedConnection(t *testing.T) {
	p := startPeer(t, inClear)
	connector := connect(t, p.configured(t))
	for range 20 {
		if _, err := login(t, connector, "alice", "alice-password"); err != nil {
			t.Fatal(err)
		}
		p.CloseClientConnections()
	}
}

// TestProxyOfTheEnvironment is not asked: TestMain has named one, since package net/http looks
// once.
func TestProxyOfTheEnvironment(t *testing.T) {
	c := startPeer(t, inClear).configured(t)
	c.URL = "https://people.invalid" // package net/http needs no proxy for this machine
	if _, err := login(t, connect(t, c), "alice", "alice-password"); !isOutage(err) || strings.Contains(err.Error(), "proxy") {
		t.Errorf("error %v", err)
	}
}

// TestClientCertificate holds that an endpoint which asks for a certificate is shown it.
func TestClientCertificate(t *testing.T) {
	certificate, certFile, keyFile := makeCertificate(t, time.Hour)
	p := startPeer(t, func(s *httptest.Server) {
		pool := x509.NewCertPool()
		pool.AddCert(certificate)
		s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
		s.Config.ErrorLog = nil
		s.StartTLS()
	})
	c := p.configured(t)
	if _, err := login(t, connect(t, c), "alice", "alice-password"); !isOutage(err) {
		t.Errorf("without a certificate: %v", err)
	}
	c.ClientCertificate = clientCertificate(certFile, keyFile)
	if _, err := login(t, connect(t, c), "alice", "alice-password"); err != nil {
		t.Errorf("with it: %v", err)
	}
}

func writePEM(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
