package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestRegistriesTrustEveryForm starts real registries with what registry-config
// prints, and shows them tokens of every form that the broker signs; the keys rotate,
// and no registry is restarted.
func TestRegistriesTrustEveryForm(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forms := []struct {
		name, signing string
		files         map[string]string
		rotates       bool
		registries    []stack.Version
	}{
		{"ES256", "{algorithm: ES256}", nil, true, stack.Registries()},
		{"ES384", "{algorithm: ES384}", nil, true, stack.Registries()},
		{"RS256", "{algorithm: RS256}", nil, true, stack.Registries()},
		{"EdDSA", "{algorithm: EdDSA}", nil, true, []stack.Version{stack.V3}},
		{"brought RSA", "{key_file: key.pem, cert_file: cert.pem}", selfSigned(t, rsaKey, rsaKey.Public()), false, stack.Registries()},
		{"brought EC", "{key_file: key.pem, cert_file: cert.pem}", selfSigned(t, ecKey, ecKey.Public()), false, stack.Registries()},
	}
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			files := map[string]string{"users.yaml": example(t, "small-team/users.yaml")}
			for name, content := range form.files {
				files[name] = content
			}
			config := "listen: '{{listen}}'\nmonitor: '{{monitor}}'\npublic_url: http://{{listen}}\n" +
				replace(t, example(t, "small-team/shorepass.yaml"), "    connectors:\n", "    signing: "+form.signing+"\n    connectors:\n")
			b := stack.StartBroker(t, program, config, files)
			for _, version := range form.registries {
				t.Run(string(version), func(t *testing.T) {
					r := stack.StartRegistry(t, b, version)
					token := func() string {
						return b.Token(t, "bob", "bob-password", "registry.team.example", "repository:web/app:pull").Token
					}
					old := token()
					for _, tt := range []struct {
						what, token, repository string
						want                    int
					}{
						{"granted", old, "web/app", http.StatusNotFound}, // let in, and there is nothing yet
						{"another repository", old, "web/other", http.StatusUnauthorized},
						{"tampered with", tamper(old), "web/app", http.StatusUnauthorized},
						{"none", "", "web/app", http.StatusUnauthorized},
					} {
						if got := manifest(t, r, tt.repository, tt.token); got != tt.want {
							t.Errorf("%s: status %d, want %d", tt.what, got, tt.want)
						}
					}
					rotation := b.Command(t, "", "keys", "rotate")
					if (rotation.Code == 0) != form.rotates {
						t.Fatalf("keys rotate exits %d: %s", rotation.Code, rotation.Text())
					}
					fresh := token()
					if form.rotates == (header(old) == header(fresh)) {
						t.Error("the key is not the one it should be after rotating")
					}
					for what, token := range map[string]string{"old": old, "fresh": fresh} {
						if got := manifest(t, r, "web/app", token); got != http.StatusNotFound {
							t.Errorf("%s token after the rotation: status %d", what, got)
						}
					}
				})
			}
		})
	}
}

// TestTLS serves the token endpoint over TLS, and refuses to do without off loopback.
func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	files := selfSigned(t, key, key.Public())
	files["users.yaml"] = example(t, "small-team/users.yaml")
	config := "monitor: '{{monitor}}'\npublic_url: https://{{listen}}\n" + example(t, "small-team/shorepass.yaml")
	b := stack.StartBroker(t, program, "listen: '{{listen}}'\ntls: {cert_file: cert.pem, key_file: key.pem}\n"+config, files)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(files["cert.pem"]))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	response, err := client.Get("https://" + b.Addr + "/token?scope=repository:public/a:pull")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("status %s", response.Status)
	}
	bare := stack.NewBroker(t, program, "listen: 0.0.0.0:5001\n"+config, files)
	if r := bare.Command(t, "", "serve"); r.Code != 1 || !strings.Contains(r.Stderr, "plain_http: true") {
		t.Errorf("without TLS: exit code %d: %s", r.Code, r.Stderr)
	}
}

// manifest asks a registry for a manifest that is not there.
func manifest(t *testing.T, r *stack.Registry, repository, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.Addr+"/v2/"+repository+"/manifests/none", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func header(token string) string {
	h, _, _ := strings.Cut(token, ".")
	return h
}

// tamper changes a character in the middle of the claims.
func tamper(token string) string {
	i := strings.Index(token, ".") + 40
	other := byte('A')
	if token[i] == other {
		other = 'B'
	}
	return token[:i] + string(other) + token[i+1:]
}

// selfSigned makes the files of a brought pair.
func selfSigned(t *testing.T, key, public any) map[string]string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "of a test"}, DNSNames: []string{"localhost"}, NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"cert.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		"key.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
	}
}
