package token_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/shorepass/shorepass/broker/token"
)

const v3 = "v3.example"

// publishing makes a rig with a service whose registry knows keys by the JWKS, beside one
// that knows them by certificates.
func publishing(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.config.Trust = map[string]token.Trust{"registry.example": token.X5C, v3: token.JWKS}
	return r
}

// forV3 is a grant for the service with trust jwks.
func forV3() token.Grant {
	g := pull()
	g.Audience = v3
	return g
}

func do(t *testing.T, r *token.Ring, a token.Act) token.KeyInfo {
	t.Helper()
	info, err := r.Do(a, false)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// wantRefusal wants an act to be refused with a text that has want in it, and to change
// nothing.
func (r *rig) wantRefusal(t *testing.T, ring *token.Ring, a token.Act, want string) {
	t.Helper()
	before := contents(t, r.config.Dir)
	_, err := ring.Do(a, false)
	var refusal token.Refusal
	if !errors.As(err, &refusal) || !strings.Contains(string(refusal), want) || !strings.HasPrefix(err.Error(), string(a)+` of realm "corp": `) {
		t.Errorf("%s: %v, want a refusal with %q", a, err, want)
	}
	if contents(t, r.config.Dir) != before {
		t.Errorf("%s was refused, and changed the files", a)
	}
}

// knownBy verifies a token as a registry does that read the JWKS at its start.
func knownBy(raw string, jwks []byte, now time.Time) error {
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(jwks, &set); err != nil {
		return err
	}
	_, err := jwt.NewParser(jwt.WithTimeFunc(func() time.Time { return now })).Parse(raw, func(t *jwt.Token) (any, error) {
		if t.Header["x5c"] != nil {
			return nil, errors.New("the token carries a certificate")
		}
		for _, k := range set.Keys {
			if k["kid"] == t.Header["kid"] && k["alg"] == t.Header["alg"] {
				return publicKey(k)
			}
		}
		return nil, errors.New("unknown key")
	})
	return err
}

func TestPublishedKey(t *testing.T) {
	for _, algorithm := range token.Algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			r := publishing(t)
			r.config.Algorithm = algorithm
			ring := r.open(t)
			issued := issue(t, ring, forV3()).Raw
			if err := knownBy(issued, ring.JWKS(), r.clock.now()); err != nil {
				t.Error(err)
			}
			if err := knownBy(issue(t, r.open(t), forV3()).Raw, ring.JWKS(), r.clock.now()); err != nil {
				t.Errorf("after a restart: %v", err)
			}
			header, _ := parts(t, issued)
			if want := `{"alg":"` + algorithm + `","typ":"JWT","kid":"` + ring.Keys()[2].KID + `"}`; header != want {
				t.Errorf("header %s, want %s", header, want)
			}
			r.wantSigned(t, issue(t, ring, pull()).Raw, ring.Bundle(), signing(ring).KID)
			if err := ring.Ready(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPublishAndActivate(t *testing.T) {
	r := publishing(t)
	ring := r.open(t)
	before := ring.JWKS()
	old := issue(t, ring, forV3()).Raw
	r.wantRefusal(t, ring, token.ActivateKey, "there is no next key")

	next := do(t, ring, token.PublishKey)
	if want := []string{"issuing ES256", "signing ES256", "signing ES256", "next ES256"}; !slices.Equal(describeUses(ring), want) {
		t.Errorf("keys %v, want %v", describeUses(ring), want)
	}
	if next.Kind != token.Published || next.Use != token.Next || !next.NotAfter.IsZero() || next.Fingerprint != "" {
		t.Errorf("published %+v", next)
	}
	restarted := ring.JWKS() // of a registry that is restarted now
	for name, jwks := range map[string][]byte{"not restarted": before, "restarted": restarted} {
		if err := knownBy(issue(t, ring, forV3()).Raw, jwks, r.clock.now()); err != nil {
			t.Errorf("published, registry %s: %v", name, err)
		}
	}
	r.wantRefusal(t, ring, token.PublishKey, "the next key is published already")

	r.clock.add(token.Settle - time.Second)
	r.wantRefusal(t, r.open(t), token.ActivateKey, "the next key was published at 2030-01-02T01:04:05Z: ")
	r.clock.add(time.Second)
	activated := do(t, ring, token.ActivateKey)
	if activated.KID != next.KID || activated.Use != token.Signing {
		t.Errorf("activated %+v, want %s", activated, next.KID)
	}
	if _, err := os.Stat(r.path("jwks-next-key.pem")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the next key is still there: %v", err)
	}
	for _, opened := range []*token.Ring{ring, r.open(t)} {
		fresh := issue(t, opened, forV3()).Raw
		if err := knownBy(fresh, restarted, r.clock.now()); err != nil {
			t.Errorf("activated, registry restarted before: %v", err)
		}
		if err := knownBy(fresh, before, r.clock.now()); err == nil {
			t.Error("a registry that was never restarted knows the next key")
		}
		if got, want := describeUses(opened), []string{"issuing ES256", "signing ES256", "signing ES256", "retired ES256"}; !slices.Equal(got, want) {
			t.Errorf("keys %v, want %v", got, want)
		}
	}

	// The key before stays published from its last token on, not from when the next was made.
	r.clock.add(token.Retention - time.Second)
	if !strings.Contains(string(ring.JWKS()), kidOf(t, old)) || !strings.Contains(string(r.open(t).JWKS()), kidOf(t, old)) {
		t.Error("the retired key is gone while its tokens may be alive")
	}
	r.clock.add(time.Second)
	if strings.Contains(string(ring.JWKS()), kidOf(t, old)) || strings.Contains(string(r.open(t).JWKS()), kidOf(t, old)) {
		t.Error("the retired key is published for ever")
	}
}

// Leaves come and go, and the key of services with trust jwks stays; no certificate of its
// own ever stops it.
func TestPublishedKeyStays(t *testing.T) {
	r := publishing(t)
	ring := r.open(t)
	jwks := ring.JWKS()
	for range 3 {
		r.clock.add(31 * day)
		if rotated, err := ring.RotateIfDue(); !rotated || err != nil {
			t.Fatalf("rotated %v, %v", rotated, err)
		}
		r.config.Algorithm = token.RS256
		ring = r.open(t)
		if err := knownBy(issue(t, ring, forV3()).Raw, jwks, r.clock.now()); err != nil {
			t.Error(err)
		}
	}
	r.clock.add(-200 * day)
	if err := knownBy(issue(t, ring, forV3()).Raw, jwks, r.clock.now()); err != nil {
		t.Errorf("with a clock that was set back: %v", err)
	}
	if want := "services with trust jwks keep their key"; !strings.Contains(r.log.String(), want) {
		t.Errorf("log %q without %q", r.log, want)
	}
	if next := do(t, ring, token.PublishKey); next.Algorithm != token.RS256 {
		t.Errorf("the next key is of %s", next.Algorithm)
	}
}

func TestPublishAnother(t *testing.T) {
	r := publishing(t)
	ring := r.open(t)
	first := do(t, ring, token.PublishKey)
	second, err := ring.Do(token.PublishKey, true)
	if err != nil || second.KID == first.KID {
		t.Fatalf("%+v, %v", second, err)
	}
	if activated, err := r.open(t).Do(token.ActivateKey, true); err != nil || activated.KID != second.KID {
		t.Errorf("activated %+v (%v), want %s", activated, err, second.KID)
	}
}

// TestMove holds that a registry can be given what it will need before the trust of its
// service changes, and its tokens are then signed by that.
func TestMove(t *testing.T) {
	for _, m := range []struct{ from, to token.Trust }{{token.X5C, token.JWKS}, {token.JWKS, token.X5C}} {
		r := newRig(t)
		r.config.Trust = map[string]token.Trust{v3: m.from}
		ring := r.open(t)
		jwks, bundle := ring.JWKS(), ring.Bundle()
		r.config.Trust = map[string]token.Trust{v3: m.to}
		r.log.Reset()
		moved := r.open(t)
		raw := issue(t, moved, forV3()).Raw
		err := knownBy(raw, jwks, r.clock.now())
		if m.to == token.X5C {
			_, err = signedBy(raw, bundle, r.clock.now())
		}
		if err != nil {
			t.Errorf("from %s to %s: %v", m.from, m.to, err)
		}
		if strings.Contains(r.log.String(), "level=WARN") {
			t.Errorf("from %s to %s: %s", m.from, m.to, r.log)
		}
	}
}

func TestOneKind(t *testing.T) {
	only := newRig(t)
	only.config.Trust = map[string]token.Trust{v3: token.JWKS}
	ring := only.open(t)
	if got, want := describeUses(ring), []string{"issuing ES256", "signing ES256"}; !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v: a leaf is for services with trust x5c", got, want)
	}
	if got := strings.Count(only.log.String(), "level=WARN"); got != 1 || !strings.Contains(only.log.String(), "level=WARN msg=\"made a signing key for services with trust jwks") {
		t.Errorf("%d warnings, want one, of the key: %s", got, only.log)
	}
	only.clock.add(4000 * day)
	only.log.Reset()
	if rotated, err := ring.RotateIfDue(); rotated || err != nil {
		t.Errorf("rotated %v, %v", rotated, err)
	}
	ring = only.open(t)
	if err := ring.Ready(); err != nil {
		t.Error(err)
	}
	if only.log.Len() != 0 {
		t.Errorf("the end of a CA that nobody needs: %s", only.log)
	}
}

// The JWKS is what a registry believes for as long as it runs. A leaf in it would be
// believed even after its CA was replaced.
func TestNoLeafInJWKS(t *testing.T) {
	r := publishing(t)
	ring := r.open(t)
	do(t, ring, token.RotateKeys)
	do(t, ring, token.PublishKey)
	for _, k := range ring.Keys() {
		if in := strings.Contains(string(ring.JWKS()), k.KID); in != (k.Kind == token.Published) {
			t.Errorf("%s %s is in the JWKS: %v", k.Use, k.Kind, in)
		}
	}
}

func TestBroughtPublished(t *testing.T) {
	for _, name := range []string{"es256", "rs256"} {
		r := newRig(t).bring(name)
		r.config.Trust = map[string]token.Trust{v3: token.JWKS}
		ring := r.open(t)
		if err := knownBy(issue(t, ring, forV3()).Raw, ring.JWKS(), r.clock.now()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(ring.Keys()) != 1 || len(readJWKS(t, ring)) != 1 {
			t.Errorf("%s: keys %+v", name, ring.Keys())
		}
		if _, err := ring.Do(token.PublishKey, true); !errors.Is(err, token.ErrBrought) {
			t.Errorf("%s: published: %v", name, err)
		}
	}
}

// A registry that takes one key alone has the one that signs.
func TestCertificate(t *testing.T) {
	r := publishing(t)
	ring := r.open(t)
	for range 2 {
		block, rest := pem.Decode(ring.Certificate())
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil || len(rest) != 0 {
			t.Fatalf("%v, rest %q", err, rest)
		}
		_, err = jwt.NewParser(jwt.WithTimeFunc(r.clock.now)).Parse(issue(t, ring, forV3()).Raw, func(*jwt.Token) (any, error) { return cert.PublicKey, nil })
		if err != nil {
			t.Error(err)
		}
		do(t, ring, token.PublishKey)
		r.clock.add(token.Settle)
		do(t, ring, token.ActivateKey)
	}
}

func TestDamagedPublishedFiles(t *testing.T) {
	const (
		key, next = "jwks-key.pem", "jwks-next-key.pem"
		restore   = ": restore it from a backup; or move it and jwks-next-key.pem away: a new key is made then, and registries of services with trust jwks need the new jwks"
		publish   = ": restore it from a backup; or move it away, and publish another (shorepass keys rotate --trust jwks)"
	)
	for _, tc := range []struct {
		name   string
		damage func(t *testing.T, r, other *rig)
		want   string
	}{
		{"key lost", func(t *testing.T, r, _ *rig) { remove(t, r.path(key)) }, key + ": missing, while the next key is there" + restore},
		{"key empty", func(t *testing.T, r, _ *rig) { writeFile(t, r.path(key)) }, key + ": not a PEM file" + restore},
		{"next empty", func(t *testing.T, r, _ *rig) { writeFile(t, r.path(next)) }, next + ": not a PEM file" + publish},
		{"another certificate", func(t *testing.T, r, other *rig) {
			writeFile(t, r.path(key), blocks(t, r.path(key))[0], blocks(t, other.path(key))[1])
		}, key + ": the private key and the certificate do not belong together" + restore},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, other := publishing(t), publishing(t)
			do(t, r.open(t), token.PublishKey)
			other.open(t)
			tc.damage(t, r, other)
			before := contents(t, r.config.Dir)
			if err := check(r.config); err == nil || strings.ReplaceAll(err.Error(), r.config.Dir, "DIR") != "DIR/"+tc.want {
				t.Errorf("check says %v", err)
			}
			r.wantError(t, `signing keys of realm "corp": DIR/`+tc.want)
			if contents(t, r.config.Dir) != before {
				t.Error("the files changed")
			}
		})
	}
	lab, r := publishing(t), publishing(t)
	lab.config.Realm = "lab"
	lab.open(t)
	r.open(t)
	writeFile(t, r.path(key), readFile(t, lab.path(key)))
	_, err := token.Open(r.config)
	wantBetween(t, err, `signing keys of realm "corp": `+r.path(key)+": the key is of another realm (CN=Shorepass published ", ",OU=lab,O=Shorepass): realms share no keys"+restore)
}

func describeUses(r *token.Ring) []string {
	var out []string
	for _, k := range r.Keys() {
		out = append(out, string(k.Use)+" "+k.Algorithm)
	}
	return out
}

func kidOf(t *testing.T, raw string) string {
	t.Helper()
	text, _ := parts(t, raw)
	var header struct{ Kid string }
	if err := json.Unmarshal([]byte(text), &header); err != nil {
		t.Fatal(err)
	}
	return header.Kid
}

func number(k map[string]string, name string) []byte {
	raw, _ := base64.RawURLEncoding.DecodeString(k[name])
	return raw
}

// publicKey reads a JWK (RFC 7518 §6, RFC 8037 §2).
func publicKey(k map[string]string) (any, error) {
	integer := func(name string) *big.Int { return new(big.Int).SetBytes(number(k, name)) }
	curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384()}
	switch k["kty"] {
	case "RSA":
		return &rsa.PublicKey{N: integer("n"), E: int(integer("e").Int64())}, nil
	case "EC":
		return ecdsa.ParseUncompressedPublicKey(curves[k["crv"]], slices.Concat([]byte{4}, number(k, "x"), number(k, "y")))
	case "OKP":
		return ed25519.PublicKey(number(k, "x")), nil
	}
	return nil, errors.New("unknown kind of key")
}

// A process that died after the key had changed leaves the next key's file: it is the key
// that signs, and no other is to come.
func TestDiedWhileActivatingKey(t *testing.T) {
	r := publishing(t)
	ring := r.open(t)
	do(t, ring, token.PublishKey)
	next := readFile(t, r.path("jwks-next-key.pem"))
	r.clock.add(token.Settle)
	do(t, ring, token.ActivateKey)
	writeFile(t, r.path("jwks-next-key.pem"), next)
	if err := check(r.config); err != nil {
		t.Error(err)
	}
	opened := r.open(t)
	if got, want := describeUses(opened), describeUses(ring); !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
	r.wantRefusal(t, opened, token.ActivateKey, "there is no next key")
	if _, err := os.Stat(r.path("jwks-next-key.pem")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the copy is still there: %v", err)
	}
}
