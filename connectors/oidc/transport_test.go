package oidc_test

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/oidc"
)

// overTLS starts a provider with a certificate, and returns a file with what signed it.
func overTLS(t *testing.T, max uint16) (*provider, connectors.Path) {
	t.Helper()
	p := unstarted(t)
	p.TLS = &tls.Config{MaxVersion: max}
	p.Config.ErrorLog = discard()
	p.StartTLS()
	t.Cleanup(p.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	content := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return p, connectors.Path(file)
}

func TestTLS(t *testing.T) {
	p, ca := overTLS(t, 0)
	trusting := func(c *oidc.Config) { c.CAFile = ca }
	p.connect(trusting).mustLogin(t)

	_, err := p.connect().login(t.Context())
	wantOutage(t, err, "set ca_file to that authority's certificate")

	// httptest's certificate is for example.com and loopback addresses.
	_, err = p.connect(trusting, func(c *oidc.Config) { c.Issuer = strings.Replace(c.Issuer, "127.0.0.1", "localhost", 1) }).login(t.Context())
	wantOutage(t, err, "its certificate is not for this host")

	for _, endpoint := range []string{"token_endpoint", "jwks_uri", "userinfo_endpoint"} {
		p.edit = func(d map[string]any) { d[endpoint] = "http://127.0.0.1:1/" }
		_, err := p.connect(trusting).login(t.Context())
		wantOutage(t, err, endpoint)
	}
	p.edit = nil

	old, ca := overTLS(t, tls.VersionTLS11)
	_, err = old.connect(func(c *oidc.Config) { c.CAFile = ca }).login(t.Context())
	wantOutage(t, err, "protocol version")

	plain := newProvider(t)
	_, err = plain.connect(func(c *oidc.Config) { c.Issuer = strings.Replace(c.Issuer, "http:", "https:", 1) }).login(t.Context())
	wantOutage(t, err, "server gave HTTP response to HTTPS client")
	if len(plain.asked) > 0 {
		t.Error("it was asked without TLS")
	}
}

func TestCAFile(t *testing.T) {
	folder := t.TempDir()
	empty := filepath.Join(folder, "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, words := range map[string]string{empty: "holds no certificate", filepath.Join(folder, "missing.pem"): "does not exist", folder: "is a directory"} {
		c := rightConfig()
		c.CAFile = connectors.Path(file)
		_, err := oidc.New(c, connectors.Deps{Name: "sso"}, oidc.NewAccounts())
		if err == nil || !strings.Contains(err.Error(), "ca_file: ") || !strings.Contains(err.Error(), words) {
			t.Errorf("error = %v, want one of ca_file that says %q", err, words)
		}
	}
}

// tunnel is a proxy that opens tunnels (CONNECT) for who has the password, to a
// provider that only it can find.
type tunnel struct {
	to     string
	opened atomic.Int32
}

func (x *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Proxy-Authorization") != "Basic cHJveHktdXNlcjpwcm94eS1wYXNz" { // proxy-user:proxy-pass
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if r.Method != http.MethodConnect {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	inner, err := net.Dial("tcp", x.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer inner.Close()
	x.opened.Add(1)
	w.WriteHeader(http.StatusOK)
	outer, read, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer outer.Close()
	go func() {
		_, _ = io.Copy(inner, read) // which may hold the first bytes already
		_ = inner.Close()
	}()
	_, _ = io.Copy(outer, inner)
}

func TestProxy(t *testing.T) {
	p, ca := overTLS(t, 0)
	x := &tunnel{to: p.Listener.Addr().String()}
	server := startServer(t, x)
	p.URL = "https://example.com" // as the certificate says; nobody is to resolve it
	through := func(url string) func(*oidc.Config) {
		return func(c *oidc.Config) { c.CAFile, c.Proxy = ca, connectors.NewSecret(url) }
	}
	p.connect(through("http://proxy-user:proxy-pass@" + server)).mustLogin(t)
	if x.opened.Load() == 0 {
		t.Error("the proxy was gone around")
	}

	_, err := p.connect(through("http://proxy-user:wr0ng@" + server)).login(t.Context())
	wantOutage(t, err, "Proxy Authentication Required")
	if strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("the error shows the proxy's password: %v", err)
	}
	_, err = p.connect(through("http://proxy-user:wr0ng@127.0.0.1:1")).login(t.Context())
	wantOutage(t, err, "proxyconnect")
	if strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("the error shows the proxy's password: %v", err)
	}
}

// TestEnvironmentProxy holds that the environment sends no password anywhere. It runs
// itself once more, since Go reads the environment's proxies once for a process.
func TestEnvironmentProxy(t *testing.T) {
	const marker = "SHOREPASS_TEST_ENVIRONMENT_PROXY"
	if os.Getenv(marker) == "" {
		server := startServer(t, &tunnel{})
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEnvironmentProxy$")
		again.Env = append(os.Environ(), marker+"=1")
		for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
			again.Env = append(again.Env, name+"=http://"+server)
		}
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("with proxies in the environment: %v\n%s", err, out)
		}
		return
	}
	c := rightConfig()
	c.Issuer = "https://sso.invalid"
	d, err := oidc.New(c, connectors.Deps{Name: "sso"}, oidc.NewAccounts())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, err = d.Verify(t.Context(), connectors.Account{Username: "alice"}, connectors.NewSecret("x"))
	wantOutage(t, err, "sso.invalid")
	if err != nil && (strings.Contains(err.Error(), "proxyconnect") || strings.Contains(err.Error(), "Proxy Authentication")) {
		t.Errorf("the environment's proxy was asked: %v", err)
	}
}
