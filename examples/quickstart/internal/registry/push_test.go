package registry_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/examples/quickstart/internal/registry"
)

// certificate writes a certificate that no token is signed with, and returns its file.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// start runs a registry that sends clients to the given token endpoint, and returns
// its URL.
func start(t *testing.T, realm string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	server, err := registry.Start(t.Context(), registry.Config{
		Address:        address,
		Realm:          realm,
		Service:        "registry.localhost",
		Issuer:         "http://localhost/realms/demo",
		RootCertBundle: certificate(t),
		LogFile:        filepath.Join(t.TempDir(), "registry.log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return "http://" + address
}

func TestPushFollowsTheChallenge(t *testing.T) {
	var query, username, password string
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.RawQuery
		username, password, _ = r.BasicAuth()
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(endpoint.Close)
	who := registry.Account{Username: "alice", Password: "secret"}
	err := registry.Push(t.Context(), start(t, endpoint.URL+"/token"), who, "a/b", "latest", registry.Image{})
	if err == nil {
		t.Error("pushed with nothing")
	}
	if want := "scope=repository%3Aa%2Fb%3Apull%2Cpush&service=registry.localhost"; query != want {
		t.Errorf("asked %q, want %q", query, want)
	}
	if username != "alice" || password != "secret" {
		t.Errorf("asked as %q with %q", username, password)
	}
}

func TestPushSaysWhatWentWrong(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string
		refuse bool
	}{
		{"the broker refuses", http.StatusUnauthorized, "wrong password\n", "401 Unauthorized: wrong password", true},
		{"the broker refuses in JSON", http.StatusUnauthorized, `{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}`, "401 Unauthorized: wrong password", true},
		{"the broker cannot tell", http.StatusServiceUnavailable, `{"errors":[{"code":"UNAVAILABLE","message":"try again"}]}`, "503 Service Unavailable: try again", false},
		{"no token in the answer", http.StatusOK, `{"access_token":""}`, "the broker's answer holds no token", false},
		{"no JSON", http.StatusOK, "hello", "the broker's answer holds no token", false},
		{"a token that the registry does not take", http.StatusOK, `{"token":"e30.e30.e30"}`, "/v2/a/b/blobs/uploads/: 401 Unauthorized: authentication required", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				if _, err := w.Write([]byte(tt.body)); err != nil {
					t.Error(err)
				}
			}))
			t.Cleanup(endpoint.Close)
			err := registry.Push(t.Context(), start(t, endpoint.URL), registry.Account{Username: "alice"}, "a/b", "latest", registry.Image{})
			if err == nil || !strings.HasPrefix(err.Error(), "push of a/b as alice: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if errors.Is(err, registry.ErrRefused) != tt.refuse || strings.Contains(err.Error(), "{") {
				t.Errorf("got %v, want ErrRefused: %v", err, tt.refuse)
			}
		})
	}
}

func TestStartOnABusyPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, err = registry.Start(t.Context(), registry.Config{Address: listener.Addr().String()})
	if err == nil || !strings.HasPrefix(err.Error(), "the registry: ") {
		t.Errorf("got %v", err)
	}
}
