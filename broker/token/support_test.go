package token_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/shorepass/shorepass/broker/token"
)

// The libtrust key ids of the keys in testdata, computed with openssl: see the README
// there.
const (
	kidES256 = "AIWD:CWT3:YFIH:D2H7:TZW7:IKMJ:TH6R:NUVP:NHCO:PAML:EH7Y:26NG"
	kidRS256 = "ZSVE:RBLL:DLUM:XD74:XPKQ:G3HR:LACK:C4NJ:3G33:DVPE:FKHG:7RIC"
)

// clock is a clock that tests set.
type clock struct{ at atomic.Pointer[time.Time] }

// newClock stands within the lifetime of the certificates in testdata.
func newClock() *clock {
	c := &clock{}
	start := time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.FixedZone("", 2*60*60))
	c.at.Store(&start)
	return c
}

func (c *clock) now() time.Time { return *c.at.Load() }

func (c *clock) add(d time.Duration) {
	later := c.now().Add(d)
	c.at.Store(&later)
}

// rig is a folder, a clock and a log for rings.
type rig struct {
	config token.Config
	clock  *clock
	log    *bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{clock: newClock(), log: &bytes.Buffer{}}
	r.config = token.Config{
		Dir:    filepath.Join(t.TempDir(), "realms", "corp"),
		Realm:  "corp",
		Logger: slog.New(slog.NewTextHandler(r.log, nil)),
		Now:    r.clock.now,
	}
	return r
}

// bring sets the pair of that name in testdata.
func (r *rig) bring(name string) *rig {
	r.config.KeyFile = filepath.Join("testdata", name+".key")
	r.config.CertFile = filepath.Join("testdata", name+".crt")
	return r
}

func (r *rig) open(t *testing.T) *token.Ring {
	t.Helper()
	ring, err := token.Open(r.config)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// check looks at the files of a ring, as the command check does.
func check(c token.Config) error {
	r, err := token.Load(c)
	if err != nil {
		return err
	}
	return r.Check()
}

func (r *rig) path(name string) string { return filepath.Join(r.config.Dir, name) }

// wantError opens the rig's ring and wants exactly that error, in which DIR stands
// for the folder.
func (r *rig) wantError(t *testing.T, want string) {
	t.Helper()
	_, err := token.Open(r.config)
	if err == nil {
		t.Fatal("opened")
	}
	if got := strings.ReplaceAll(err.Error(), r.config.Dir, "DIR"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func pull() token.Grant {
	return token.Grant{
		Issuer:   "https://auth.example/realms/corp",
		Subject:  "directory:alice",
		Audience: "registry.example",
		Access:   []token.Access{{Type: "repository", Name: "team/app", Actions: []string{"pull"}}},
		TTL:      5 * time.Minute,
	}
}

func issue(t *testing.T, r *token.Ring, g token.Grant) token.Token {
	t.Helper()
	issued, err := r.Issue(g)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// parts returns the decoded header and body of a token.
func parts(t *testing.T, raw string) (header, body string) {
	t.Helper()
	fields := strings.Split(raw, ".")
	if len(fields) != 3 {
		t.Fatalf("token of %d parts", len(fields))
	}
	var decoded [2]string
	for i := range decoded {
		b, err := base64.RawURLEncoding.DecodeString(fields[i])
		if err != nil {
			t.Fatal(err)
		}
		decoded[i] = string(b)
	}
	return decoded[0], decoded[1]
}

// signedBy verifies a token as a registry does that trusts the bundle, and returns
// its key id.
func signedBy(raw string, bundle []byte, now time.Time) (string, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	var kid string
	_, err := jwt.NewParser(jwt.WithTimeFunc(func() time.Time { return now })).Parse(raw, func(t *jwt.Token) (any, error) {
		kid, _ = t.Header["kid"].(string)
		chain, err := certificatesOf(t.Header["x5c"])
		if err != nil {
			return nil, err
		}
		between := x509.NewCertPool()
		for _, c := range chain[1:] {
			between.AddCert(c)
		}
		_, err = chain[0].Verify(x509.VerifyOptions{
			Roots: roots, Intermediates: between, CurrentTime: now,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		return chain[0].PublicKey, err
	})
	return kid, err
}

func certificatesOf(x5c any) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	text, err := json.Marshal(x5c)
	if err != nil {
		return nil, err
	}
	var ders [][]byte
	if err := json.Unmarshal(text, &ders); err != nil {
		return nil, err
	}
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// wantSigned wants a token that the bundle vouches for, signed by that key.
func (r *rig) wantSigned(t *testing.T, raw string, bundle []byte, kid string) {
	t.Helper()
	got, err := signedBy(raw, bundle, r.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	if got != kid {
		t.Errorf("signed by %s, want %s", got, kid)
	}
}

// uses returns "use algorithm" of every key that has to do with certificates, and wants
// the JWKS to hold the others, in the same order, and a brought one.
func uses(t *testing.T, r *token.Ring) []string {
	t.Helper()
	var got, ids []string
	for _, k := range r.Keys() {
		if k.Kind != token.Published {
			got = append(got, string(k.Use)+" "+k.Algorithm)
		}
		if k.Kind == token.Published || k.Kind == token.Brought {
			ids = append(ids, k.KID)
		}
	}
	var published []string
	for _, k := range readJWKS(t, r) {
		published = append(published, k["kid"])
	}
	if strings.Join(ids, " ") != strings.Join(published, " ") {
		t.Errorf("keys %v, published %v", ids, published)
	}
	return got
}

func readJWKS(t *testing.T, r *token.Ring) []map[string]string {
	t.Helper()
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(r.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	return set.Keys
}

// signing returns the key that signs now.
func signing(r *token.Ring) token.KeyInfo {
	for _, k := range r.Keys() {
		if k.Use == token.Signing {
			return k
		}
	}
	return token.KeyInfo{}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t *testing.T, path string, data ...[]byte) {
	t.Helper()
	if err := os.WriteFile(path, bytes.Join(data, nil), 0o600); err != nil {
		t.Fatal(err)
	}
}

// blocks returns each PEM block of a file, encoded on its own.
func blocks(t *testing.T, path string) [][]byte {
	t.Helper()
	var out [][]byte
	for rest := readFile(t, path); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return out
		}
		out = append(out, pem.EncodeToMemory(b))
	}
}
