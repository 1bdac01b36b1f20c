package token_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

func TestBrought(t *testing.T) {
	for _, tc := range []struct{ name, set, algorithm, kid string }{
		{"es256", "", "ES256", kidES256},
		{"es256", "ES256", "ES256", kidES256},
		{"rs256", "", "RS256", kidRS256},
		{"rs256", "RS256", "RS256", kidRS256},
	} {
		t.Run(tc.name+" set to "+tc.set, func(t *testing.T) {
			r := newRig(t).bring(tc.name)
			r.config.Algorithm = tc.set
			ring := r.open(t)
			keys := ring.Keys()
			if len(keys) != 1 {
				t.Fatalf("keys %+v, want one", keys)
			}
			if k := keys[0]; k.KID != tc.kid || k.Algorithm != tc.algorithm || k.Kind != token.Brought || k.Use != token.Signing {
				t.Errorf("key %+v", k)
			}
			bundle := readFile(t, r.config.CertFile)
			r.wantSigned(t, issue(t, ring, pull()).Raw, bundle, tc.kid)
			if got := ring.Bundle(); !bytes.Equal(got, bundle) {
				t.Errorf("bundle %s, want cert_file", got)
			}
			if _, err := os.Stat(r.config.Dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("made a folder for a brought pair: %v", err)
			}
		})
	}
}

func TestBroughtDoesNotRotate(t *testing.T) {
	ring := newRig(t).bring("es256").open(t)
	const want = `rotate keys of realm "corp": the signing key was brought (key_file and cert_file), and rotating it would leave registries without its certificate: replace both files, and reload (SIGHUP)`
	if _, err := ring.Rotate(); !errors.Is(err, token.ErrBrought) || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if rotated, err := ring.RotateIfDue(); rotated || err != nil {
		t.Errorf("rotated %v, %v", rotated, err)
	}
}

func TestBroughtChain(t *testing.T) {
	r := newRig(t)
	root := newAuthority(t, r, "root", nil)
	middle := newAuthority(t, r, "middle", root)
	leaf := newAuthority(t, r, "leaf", middle)
	r.bringFiles(t, leaf.key, leaf.der, middle.der, root.der)
	ring := r.open(t)
	issued := issue(t, ring, pull())
	for name, bundle := range map[string][]byte{"root": encode(root.der), "middle": encode(middle.der), "leaf": encode(leaf.der), "all": ring.Bundle()} {
		if _, err := signedBy(issued.Raw, bundle, r.clock.now()); err != nil {
			t.Errorf("a registry that trusts %s: %v", name, err)
		}
	}
	header, _ := parts(t, issued.Raw)
	var got struct{ X5C [][]byte }
	if err := json.Unmarshal([]byte(header), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.X5C) != 2 || !bytes.Equal(got.X5C[0], leaf.der) || !bytes.Equal(got.X5C[1], middle.der) {
		t.Errorf("x5c of %d certificates, want leaf and middle", len(got.X5C))
	}
	if want := "every certificate of its CA"; !strings.Contains(r.log.String(), want) {
		t.Errorf("log %q without %q", r.log, want)
	}
}

func TestBroughtRefused(t *testing.T) {
	const (
		wantKey  = ": key_file wants one private key in PEM, P-256, P-384, Ed25519, or RSA of 2048 bits or more"
		wantCert = ": cert_file wants the certificate of key_file in PEM, then those that signed it, in order"
		renew    = ": registries refuse its tokens: renew it, or bring another pair"
	)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		set  func(t *testing.T, r *rig)
		want string
	}{
		{"other algorithm", func(_ *testing.T, r *rig) { r.bring("rs256").config.Algorithm = "ES256" }, "testdata/rs256.key: the key signs with RS256, while algorithm says ES256: set algorithm: RS256, or bring another key"},
		{"no such key", func(_ *testing.T, r *rig) { r.bring("none") }, "testdata/none.key does not exist"},
		{"no such certificate", func(_ *testing.T, r *rig) { r.bring("es256").config.CertFile = "testdata/none.crt" }, "testdata/none.crt does not exist"},
		{"not PEM", func(_ *testing.T, r *rig) { r.bring("es256").config.KeyFile = "testdata/README.md" }, "testdata/README.md: not a PEM file" + wantKey},
		{"certificate as key", func(_ *testing.T, r *rig) { r.bring("es256").config.KeyFile = "testdata/es256.crt" }, "testdata/es256.crt: no private key in it" + wantKey},
		{"key as certificate", func(_ *testing.T, r *rig) { r.bring("es256").config.CertFile = "testdata/es256.key" }, "testdata/es256.key: no certificate in it" + wantCert},
		{"certificate of another key", func(_ *testing.T, r *rig) { r.bring("es256").config.CertFile = "testdata/rs256.crt" }, "testdata/rs256.crt: its first certificate is not that of the key in testdata/es256.key" + wantCert},
		{"small RSA", func(t *testing.T, r *rig) { r.bringFiles(t, small) }, "DIR.key: RSA key of 1024 bits: want 2048 or more" + wantKey},
		{"P-521", func(t *testing.T, r *rig) { r.bringFiles(t, p521) }, "DIR.key: elliptic curve P-521: want P-256 or P-384" + wantKey},
		{"encrypted", func(t *testing.T, r *rig) {
			r.bring("es256").config.KeyFile = filepath.Join(t.TempDir(), "DIR.key")
			writeFile(t, r.config.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}}))
		}, "DIR.key: the private key is encrypted: decrypt it first (openssl pkey -in FILE -out PLAIN)" + wantKey},
		{"encrypted the old way", func(t *testing.T, r *rig) {
			r.bring("es256").config.KeyFile = filepath.Join(t.TempDir(), "DIR.key")
			writeFile(t, r.config.KeyFile, pem.EncodeToMemory(&pem.Block{
				Type: "RSA PRIVATE KEY", Bytes: []byte{1},
				Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"},
			}))
		}, "DIR.key: the private key is encrypted: decrypt it first (openssl pkey -in FILE -out PLAIN)" + wantKey},
		{"unknown kind of key", func(t *testing.T, r *rig) {
			r.bring("es256").config.KeyFile = filepath.Join(t.TempDir(), "DIR.key")
			writeFile(t, r.config.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "DSA PRIVATE KEY", Bytes: []byte{1}}))
		}, `DIR.key: unknown kind of private key "DSA PRIVATE KEY": want PKCS #8` + wantKey},
		{"chain in the wrong order", func(t *testing.T, r *rig) {
			root := newAuthority(t, r, "root", nil)
			leaf, other := newAuthority(t, r, "leaf", root), newAuthority(t, r, "other", root)
			r.bringFiles(t, leaf.key, leaf.der, other.der, root.der)
		}, "DIR.crt: certificate 1 is not signed by certificate 2: x509: ECDSA verification failure" + wantCert},
		{"root first", func(t *testing.T, r *rig) {
			root := newAuthority(t, r, "root", nil)
			leaf := newAuthority(t, r, "leaf", root)
			r.bringFiles(t, leaf.key, root.der, leaf.der)
		}, "DIR.crt: its first certificate is not that of the key in DIR.key" + wantCert},
		{"expired", func(t *testing.T, r *rig) {
			leaf := newAuthority(t, r, "leaf", nil)
			r.bringFiles(t, leaf.key, leaf.der)
			r.clock.add(60*day + time.Second)
		}, "DIR.crt: the certificate expired at 2030-03-03T01:04:05Z (it is 2030-03-03T01:04:06Z now)" + renew},
		{"not valid yet", func(t *testing.T, r *rig) {
			leaf := newAuthority(t, r, "leaf", nil)
			r.bringFiles(t, leaf.key, leaf.der)
			r.clock.add(-61 * time.Minute)
		}, "DIR.crt: the certificate is not valid before 2030-01-02T00:04:05Z (it is 2030-01-02T00:03:05Z now)" + renew},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			tc.set(t, r)
			_, err := token.Open(r.config)
			if err == nil {
				t.Fatal("opened")
			}
			got := strings.ReplaceAll(err.Error(), filepath.Dir(r.config.KeyFile)+"/DIR", "DIR")
			if want := `signing keys of realm "corp": ` + tc.want; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestBroughtExpiresSoon(t *testing.T) {
	r := newRig(t)
	leaf := newAuthority(t, r, "leaf", nil) // for 60 days
	r.bringFiles(t, leaf.key, leaf.der)
	r.clock.add(29 * day)
	ring := r.open(t)
	if r.log.Len() != 0 {
		t.Errorf("31 days before the end: %s", r.log)
	}
	r.clock.add(2 * day)
	if _, err := ring.RotateIfDue(); err != nil {
		t.Fatal(err)
	}
	r.open(t)
	if got := strings.Count(r.log.String(), "level=WARN msg=\"the certificate that registries trust expires"); got != 2 {
		t.Errorf("29 days before the end %d warnings, want one while running and one at a start: %s", got, r.log)
	}
	r.clock.add(30 * day)
	if _, err := ring.Issue(pull()); err == nil || !strings.HasPrefix(err.Error(), "issue token: the certificate expired at ") {
		t.Errorf("issued after the end: %v", err)
	}
}

// Nobody sees the certificate of a key that registries know by the JWKS: a restart after
// its end changes nothing.
func TestBroughtPublishedExpires(t *testing.T) {
	r := newRig(t)
	leaf := newAuthority(t, r, "leaf", nil)
	r.bringFiles(t, leaf.key, leaf.der)
	r.config.Trust = map[string]token.Trust{v3: token.JWKS}
	jwks := r.open(t).JWKS()
	r.clock.add(61 * day)
	r.log.Reset()
	if err := knownBy(issue(t, r.open(t), forV3()).Raw, jwks, r.clock.now()); err != nil {
		t.Error(err)
	}
	if r.log.Len() != 0 {
		t.Errorf("log %s", r.log)
	}
}

// authority is a key and its certificate, valid from an hour ago for 60 days to come.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	der  []byte
}

// newAuthority makes a certificate signed by parent, or by itself.
func newAuthority(t *testing.T, r *rig, name string, parent *authority) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, cert: &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             r.clock.now().Add(-time.Hour),
		NotAfter:              r.clock.now().Add(60 * day),
		BasicConstraintsValid: true,
		IsCA:                  true,
	}}
	if parent == nil {
		parent = a
	}
	if a.der, err = x509.CreateCertificate(rand.Reader, a.cert, parent.cert, key.Public(), parent.key); err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(a.der); err != nil {
		t.Fatal(err)
	}
	return a
}

// bringFiles writes a pair to DIR.key (PKCS #8) and DIR.crt, with text around the
// certificates as openssl writes it, and sets it.
func (r *rig) bringFiles(t *testing.T, key crypto.Signer, certs ...[]byte) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r.config.KeyFile, r.config.CertFile = filepath.Join(dir, "DIR.key"), filepath.Join(dir, "DIR.crt")
	writeFile(t, r.config.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	writeFile(t, r.config.CertFile, []byte("Certificate:\n    Data:\n"), encode(certs...))
}

func encode(certs ...[]byte) []byte {
	var out []byte
	for _, der := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}
