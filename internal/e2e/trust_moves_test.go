package e2e_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// edit changes the broker's configuration, which it reads at its next start.
func edit(t *testing.T, b *stack.Broker, edits ...string) {
	t.Helper()
	content, err := os.ReadFile(b.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.Config, []byte(replace(t, string(content), edits...)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTrustMoves has a service change its trust as docs/configuration.md says, in a realm
// that had the one kind alone: its registry takes every token, before and after.
func TestTrustMoves(t *testing.T) {
	const x5c, jwks = "- " + withX5C, "- {name: " + withX5C + ", trust: jwks}"
	for name, m := range map[string]struct{ from, to, kind, file string }{
		"from x5c to jwks": {x5c, jwks, "v3-jwks", "shorepass-jwks.json"},
		"from jwks to x5c": {jwks, x5c, "v3", "shorepass-ca.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			b := jwksBroker(t, "      - {name: "+withJWKS+", trust: jwks}\n", "", x5c, m.from, "services: ["+withJWKS, "services: ["+withX5C)
			fetch := func(what string) string {
				path := filepath.Join(b.Dir, what)
				body := askEndpoint(t, http.MethodGet, "http://"+b.Addr+"/realms/corp/"+what, nil, "", "").Body
				if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			r := stack.StartRegistryWith(t, stack.V3, "auth:\n  token:\n    realm: http://"+b.Addr+"/token\n    service: "+withX5C+
				"\n    issuer: http://"+b.Addr+"/realms/corp\n    rootcertbundle: "+fetch("ca.pem")+"\n    jwks: "+fetch("keys")+"\n")
			ask := func() string {
				return b.Token(t, "bob", "bob-password", withX5C, "repository:web/app:pull").Token
			}
			old := ask()
			wantTaken(t, "before", old, trusting{"with both", r, true})
			edit(t, b, m.from, m.to)
			// What is written for the registry now, from a process that does not know of the change
			// yet, is what it will need.
			ok(t, b.Command(t, "", "registry-config", "--for", m.kind, "--out", filepath.Join(b.Dir, "out")))
			b.Restart(t)
			fresh := ask()
			if header(fresh) == header(old) {
				t.Error("the trust did not change")
			}
			wantTaken(t, "after", fresh, trusting{"with both", r, true})
			wantTaken(t, "after, old token", old, trusting{"with both", r, true})
			alone := stack.StartRegistryWith(t, stack.V3, writtenIn(t, b, "out/"+m.file))
			wantTaken(t, "after", fresh, trusting{"with what was written before the restart", alone, true})
		})
	}
}

// TestLeakedLeaf forges a token with the key of a leaf, which the CA's end would make
// worthless: a registry that holds the keys themselves never took it.
func TestLeakedLeaf(t *testing.T) {
	b := jwksBroker(t)
	r := stack.StartRegistryAs(t, b, stack.Form{For: "v3-jwks", Format: "yaml"}, "--service", withJWKS)
	content, err := os.ReadFile(filepath.Join(b.Dir, "data", "keys", "corp", "leaf-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(content)
	leaf, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	var keys []token.KeyInfo
	if err := json.Unmarshal([]byte(b.Command(t, "", "keys", "list", "--json").Stdout), &keys); err != nil {
		t.Fatal(err)
	}
	good := b.Token(t, "bob", "bob-password", withJWKS, "repository:web/app:pull").Token
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(good, claims); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k.Kind != token.Leaf {
			continue
		}
		forged := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
		forged.Header["kid"] = k.KID
		raw, err := forged.SignedString(leaf.(crypto.Signer))
		if err != nil {
			t.Fatal(err)
		}
		wantTaken(t, "with a leaf's key", raw, trusting{"trust jwks", r, false})
	}
	wantTaken(t, "as it is", good, trusting{"trust jwks", r, true})
}

// twoRealms are the realms one and two with a registry each.
func twoRealms(one, two string) string {
	realm := func(name, more string) string {
		return "  - name: " + name + "\n    services: [" + name + ".example]\n" + more +
			"    policy: {rules: [{name: a, anyone: true, repositories: [web/app], allow: [pull]}]}\n"
	}
	return "listen: '{{listen}}'\nmonitor: '{{monitor}}'\npublic_url: http://{{listen}}\nrealms:\n" + realm("one", one) + realm("two", two)
}

// TestExpiredCA starts with a CA that has expired: the other realm is served, and the CA is
// replaced by the commands for that, after which all is well.
func TestExpiredCA(t *testing.T) {
	for _, serving := range []bool{true, false} {
		b := stack.NewBroker(t, program, twoRealms("", ""), nil)
		dir := filepath.Join(b.Dir, "data", "keys", "one")
		if _, err := token.Open(token.Config{Dir: dir, Realm: "one", Now: func() time.Time { return time.Now().AddDate(-11, 0, 0) }}); err != nil {
			t.Fatal(err)
		}
		serve := func() {
			b.Process = stack.Start(t, nil, b.Program, "serve", "--config", b.Config)
			b.WaitFor(t, "broker that is not ready", 20*time.Second, func() bool { return b.Ready() == http.StatusServiceUnavailable })
		}
		serve()
		if r := b.Command(t, "", "check"); r.Code != 1 || !strings.Contains(r.Text(), "ca-key.pem: the certificate expired at ") || !strings.Contains(r.Text(), "rollover-ca start") {
			t.Errorf("check exits %d: %s", r.Code, r.Text())
		}
		if a, err := b.Ask(t.Context(), "", "", "two.example", "repository:web/app:pull"); err != nil || a.Token == "" {
			t.Errorf("the other realm: %+v, %v", a, err)
		}
		if a, err := b.Ask(t.Context(), "", "", "one.example", "repository:web/app:pull"); err == nil && a.Token != "" {
			t.Error("a token was signed under a CA that has expired")
		}
		if !serving {
			if err := b.Signal(os.Kill); err != nil {
				t.Fatal(err)
			}
			b.Wait(t, 20*time.Second)
		}
		ok(t, b.Command(t, "", "keys", "list", "--realm", "one"))
		ok(t, b.Command(t, "", "keys", "rollover-ca", "start", "--realm", "one"))
		ok(t, b.Command(t, "", "keys", "rollover-ca", "activate", "--force", "--realm", "one"))
		if !serving {
			b.Serve(t)
		}
		b.WaitFor(t, "ready broker", 20*time.Second, func() bool { return b.Ready() == http.StatusOK })
		ok(t, b.Command(t, "", "check"))
		r := stack.StartRegistry(t, b, stack.V3, "--realm", "one")
		a, err := b.Ask(t.Context(), "", "", "one.example", "repository:web/app:pull")
		if err != nil {
			t.Fatal(err)
		}
		wantTaken(t, "replaced", a.Token, trusting{"v3", r, true})
	}
}

// TestRealmsShareNoKey has two realms bring one key, in files of different names.
func TestRealmsShareNoKey(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	files := selfSigned(t, key, key.Public())
	for name, content := range selfSigned(t, key, key.Public()) {
		files["copy-"+name] = content
	}
	b := stack.NewBroker(t, program, twoRealms("    signing: {key_file: key.pem, cert_file: cert.pem}\n", "    signing: {key_file: copy-key.pem, cert_file: copy-cert.pem}\n"), files)
	for _, command := range []string{"check", "serve"} {
		if r := b.Command(t, "", command); r.Code != 1 || !strings.Contains(r.Text(), "realm two signs with the key of realm one (signing.key_file)") {
			t.Errorf("%s exits %d: %s", command, r.Code, r.Text())
		}
	}
}

// TestSigningChangesBeforeRestart asks for what registries need while the process does not
// know of the key that the configuration brings.
func TestSigningChangesBeforeRestart(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := stack.StartBroker(t, program, twoRealms("", ""), selfSigned(t, key, key.Public()))
	edit(t, b, "services: [one.example]\n", "services: [one.example]\n    signing: {key_file: key.pem, cert_file: cert.pem}\n", "name: two\n", "name: three\n")
	out := filepath.Join(t.TempDir(), "out.pem")
	for realm, want := range map[string]string{
		"one":   "the process that serves signs with another key for realm one than " + b.Config + " says (signing.key_file): send it SIGHUP first",
		"three": "the process that serves has no realm three: if the realm is new, send it SIGHUP",
	} {
		if r := b.Command(t, "", "registry-config", "--for", "v3", "--realm", realm, "--write-bundle", out); r.Code != 1 || !strings.Contains(r.Stderr, want) {
			t.Errorf("%s: exits %d: %s", realm, r.Code, r.Text())
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("it was written all the same")
	}
}

// TestActWithoutRecord takes the audit log's folder away: keys are not changed then.
func TestActWithoutRecord(t *testing.T) {
	b := stack.StartBroker(t, program, "audit: {file: log/audit.jsonl}\n"+twoRealms("", ""), nil)
	before := b.Command(t, "", "keys", "list", "--realm", "one").Stdout
	if err := os.Rename(filepath.Join(b.Dir, "log"), filepath.Join(b.Dir, "gone")); err != nil {
		t.Fatal(err)
	}
	for _, act := range [][]string{{"rotate"}, {"rollover-ca", "start"}} {
		r := b.Command(t, "", append([]string{"keys", "--realm", "one"}, act...)...)
		if r.Code != 1 || !strings.Contains(r.Stderr, "could not be recorded in the audit log, and was not done") {
			t.Errorf("%s exits %d: %s", act, r.Code, r.Text())
		}
	}
	if after := b.Command(t, "", "keys", "list", "--realm", "one").Stdout; after != before {
		t.Errorf("keys were\n%sand are\n%s", before, after)
	}
}
