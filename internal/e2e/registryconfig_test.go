package e2e_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/golang-jwt/jwt/v5"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// Services of examples/jwks: one for each kind of trust.
const (
	withX5C  = "registry.corp.example"
	withJWKS = "v3.corp.example"
)

// jwksBroker starts examples/jwks, with changes to its configuration.
func jwksBroker(t *testing.T, edits ...string) *stack.Broker {
	t.Helper()
	config := "listen: '{{listen}}'\nmonitor: '{{monitor}}'\npublic_url: http://{{listen}}\n" + replace(t, example(t, "jwks/shorepass.yaml"), edits...)
	return stack.StartBroker(t, program, config, map[string]string{"users.yaml": example(t, "jwks/users.yaml")})
}

// serviceFor is the service of examples/jwks that a registry of that kind is for.
func serviceFor(registry string) string {
	if registry == "v3-jwks" {
		return withJWKS
	}
	return withX5C
}

// TestRegistryConfigForms starts real registries with every form that registry-config
// prints, pushes and pulls through them, and is refused.
func TestRegistryConfigForms(t *testing.T) {
	b := jwksBroker(t)
	for _, registry := range []string{"v2", "v3", "v3-jwks"} {
		for _, format := range []string{"yaml", "env", "compose", "json"} {
			t.Run(registry+" "+format, func(t *testing.T) {
				r := stack.StartRegistryAs(t, b, stack.Form{For: registry, Format: format}, "--service", serviceFor(registry))
				usable(t, r)
			})
		}
	}
}

// TestRegistryConfigComposeUp starts what is written for docker compose as it is, but for the
// port.
func TestRegistryConfigComposeUp(t *testing.T) {
	b, engine := jwksBroker(t), stack.StartEngine(t)
	engine.ImportRegistry(t, "registry:3")
	for _, registry := range []string{"v3", "v3-jwks"} {
		t.Run(registry, func(t *testing.T) {
			dir := t.TempDir()
			ok(t, b.Command(t, "", "registry-config", "--for", registry, "--service", serviceFor(registry), "--format", "compose", "--out", dir))
			file := filepath.Join(dir, "docker-compose.yml")
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r := &stack.Registry{Addr: stack.FreeAddr(t)}
			port := strings.TrimPrefix(r.Addr, "localhost:")
			if err := os.WriteFile(file, []byte(replace(t, string(content), `"5000:5000"`, `"127.0.0.1:`+port+`:5000"`)), 0o600); err != nil {
				t.Fatal(err)
			}
			project := engine.NewProject(t, dir, file)
			ok(t, project.Compose("up", "--detach"))
			engine.WaitFor(t, "registry", 20*time.Second, func() bool {
				response, err := http.Get("http://" + r.Addr + "/v2/")
				if err != nil {
					return false
				}
				_ = response.Body.Close()
				return response.StatusCode == http.StatusUnauthorized
			})
			usable(t, r)
		})
	}
}

// usable pushes and pulls as bob, who may write below web alone.
func usable(t *testing.T, r *stack.Registry) {
	t.Helper()
	bob := stack.NewClient(t, r)
	ok(t, bob.DockerLogin("bob", "bob-password"))
	ok(t, bob.Crane("push", bob.Image(), bob.Ref("web/app:1")))
	ok(t, bob.Crane("pull", bob.Ref("web/app:1"), os.DevNull))
	if c := bob.Crane("push", bob.Image(), bob.Ref("release/app:1")); c.Code == 0 || !strings.Contains(strings.ToLower(c.Text()), "unauthorized") && !strings.Contains(c.Text(), "DENIED") {
		t.Errorf("a push without the right exits %d: %s", c.Code, c.Text())
	}
	if got := manifest(t, r, "web/app", ""); got != http.StatusUnauthorized {
		t.Errorf("without a token: status %d", got)
	}
}

// TestRegistryConfigOddNames has names and paths that YAML, docker-compose and the
// registry's own reading of its environment take for something else, unless they are quoted.
func TestRegistryConfigOddNames(t *testing.T) {
	for i, name := range []string{"123", "null", "a'b", "$HOME", "#x", "[a]", "*a", "a:", "1e3"} {
		b := jwksBroker(t, "- "+withX5C, "- '"+strings.ReplaceAll(name, "'", "''")+"'")
		token := b.Token(t, "bob", "bob-password", name, "repository:web/app:pull").Token
		for _, format := range []string{"yaml", "env", "compose"} {
			f := stack.Form{For: []string{"v2", "v3"}[i%2], Format: format}
			r := stack.StartRegistryAs(t, b, f, "--service", name)
			if got := manifest(t, r, "web/app", token); got != http.StatusNotFound {
				t.Errorf("%s, %s as %s: status %d", name, f.For, f.Format, got)
			}
		}
	}
}

// TestRegistryConfigZot reads what is printed for zot as zot does: the file at http.auth.bearer.cert
// as a certificate, whose key has to have signed the token, by whatever algorithm fits it.
func TestRegistryConfigZot(t *testing.T) {
	for _, algorithm := range []string{"ES256", "ES384", "RS256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			b := jwksBroker(t, "algorithm: ES256", "algorithm: "+algorithm)
			for range 2 {
				bearer := zotBearer(t, b)
				if bearer.Realm != "http://"+b.Addr+"/token" || bearer.Service != withJWKS {
					t.Errorf("zot sends its clients to %+v", bearer)
				}
				claims := zotReads(t, bearer.Cert, b.Token(t, "bob", "bob-password", bearer.Service, "repository:web/app:pull,push").Token)
				if len(claims.Access) != 1 || claims.Access[0].Type != "repository" || claims.Access[0].Name != "web/app" || strings.Join(claims.Access[0].Actions, " ") != "pull push" {
					t.Errorf("zot reads the access %+v", claims.Access)
				}
				ok(t, b.Command(t, "", "keys", "rotate", "--trust", "x5c")) // which is none of its business
				zotReads(t, bearer.Cert, b.Token(t, "bob", "bob-password", bearer.Service).Token)
				ok(t, b.Command(t, "", "keys", "rotate", "--trust", "jwks"))
				zotReads(t, bearer.Cert, b.Token(t, "bob", "bob-password", bearer.Service).Token)
				raw := b.Token(t, "bob", "bob-password", bearer.Service, "repository:web/app:pull").Token
				ok(t, b.Command(t, "", "keys", "activate", "--force"))
				for what, refused := range map[string]string{
					"of the key that it does not have yet": b.Token(t, "bob", "bob-password", bearer.Service).Token,
					"of a leaf":                            b.Token(t, "bob", "bob-password", withX5C).Token,
					"tampered with":                        tamper(raw),
				} {
					if _, err := zotVerifies(t, bearer.Cert, refused); err == nil {
						t.Errorf("zot takes a token %s", what)
					}
				}
			}
		})
	}
}

// TestRegistryConfigZotCompose has docker-compose read what is written for zot's image, and the
// key that is mounted there verifies a token.
func TestRegistryConfigZotCompose(t *testing.T) {
	b, dir := jwksBroker(t), t.TempDir()
	for range 2 { // the second time the key alone is written
		ok(t, b.Command(t, "", "registry-config", "--for", "zot", "--service", withJWKS, "--format", "compose", "--out", dir))
	}
	text := ok(t, stack.Run(t, nil, "", stack.Find(t, "docker-compose"), "--project-directory", dir, "--file", filepath.Join(dir, "docker-compose.yml"), "config"))
	var project struct {
		Services map[string]struct{ Volumes []string }
	}
	if err := yaml.Unmarshal([]byte(text), &project); err != nil {
		t.Fatal(err)
	}
	mounted := map[string]string{}
	for _, v := range project.Services["zot"].Volumes {
		if parts := strings.Split(v, ":"); len(parts) > 1 {
			mounted[parts[1]] = parts[0]
		}
	}
	content, err := os.ReadFile(mounted["/etc/zot/config.json"])
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Storage struct{ RootDirectory string }
		HTTP    struct {
			Address, Port string
			Auth          struct{ Bearer bearer }
		}
	}
	if err := json.Unmarshal(content, &config); err != nil {
		t.Fatal(err)
	}
	if h := config.HTTP; h.Address != "0.0.0.0" || h.Port != "5000" || h.Auth.Bearer.Service != withJWKS || mounted[config.Storage.RootDirectory] == "" {
		t.Errorf("zot's configuration is %+v, and %v is mounted", config, mounted)
	}
	zotReads(t, mounted[config.HTTP.Auth.Bearer.Cert], b.Token(t, "bob", "bob-password", withJWKS, "repository:web/app:pull").Token)
}

// bearer is zot's section http.auth.bearer.
type bearer struct{ Realm, Service, Cert string }

// zotBearer reads the section from the YAML that is written, and wants the JSON to say the
// same.
func zotBearer(t *testing.T, b *stack.Broker) bearer {
	t.Helper()
	dir := t.TempDir()
	cert := filepath.Join(dir, "shorepass-key.pem")
	ok(t, b.Command(t, "", "registry-config", "--for", "zot", "--service", withJWKS, "--out", dir, "--cert", cert))
	var written, printed struct {
		HTTP struct{ Auth struct{ Bearer bearer } }
	}
	content, err := os.ReadFile(filepath.Join(dir, "zot.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &written); err != nil {
		t.Fatal(err)
	}
	asJSON := b.Command(t, "", "registry-config", "--for", "zot", "--service", withJWKS, "--json", "--cert", cert)
	if !strings.Contains(asJSON.Stderr, "give it a realm of its own") {
		t.Errorf("no warning of the realm's other services: %s", asJSON.Stderr)
	}
	if err := json.Unmarshal([]byte(asJSON.Stdout), &printed); err != nil {
		t.Fatal(err)
	}
	if written != printed {
		t.Errorf("written %+v, printed %+v", written, printed)
	}
	return written.HTTP.Auth.Bearer
}

type zotClaims struct {
	Access []stack.Access `json:"access"`
	jwt.RegisteredClaims
}

// zotReads wants zot to take a token.
func zotReads(t *testing.T, file, raw string) zotClaims {
	t.Helper()
	claims, err := zotVerifies(t, file, raw)
	if err != nil {
		t.Errorf("zot refuses the token: %v", err)
	}
	return claims
}

func zotVerifies(t *testing.T, file, raw string) (claims zotClaims, err error) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(content)
	if block == nil {
		t.Fatalf("no PEM: %s", content)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	_, err = jwt.ParseWithClaims(raw, &claims, func(*jwt.Token) (any, error) { return cert.PublicKey, nil })
	return claims, err
}
