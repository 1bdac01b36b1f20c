package token_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

func TestRollover(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	before := ring.Bundle()
	oldKey := blocks(t, r.path("ca-key.pem"))[0]
	r.wantRefusal(t, ring, token.ActivateCA, "there is no next CA")
	r.wantRefusal(t, ring, token.RetireCA, "there is no CA to retire")

	next := do(t, ring, token.PublishCA)
	both := ring.Bundle()
	if !bytes.HasPrefix(both, before) || bytes.Count(both, []byte("BEGIN")) != 2 || next.Use != token.Next || next.Kind != token.CA {
		t.Errorf("published %+v, bundle %s", next, both)
	}
	for _, bundle := range [][]byte{before, both} {
		r.wantSigned(t, issue(t, ring, pull()).Raw, bundle, signing(ring).KID)
	}
	r.wantRefusal(t, ring, token.PublishCA, "the next CA is published already")
	r.wantRefusal(t, ring, token.RetireCA, "activate it first (shorepass keys rollover-ca activate)")
	r.clock.add(token.Settle - time.Second)
	r.wantRefusal(t, r.open(t), token.ActivateCA, "the next CA was published at 2030-01-02T01:04:05Z: ")
	r.clock.add(time.Second)
	late := issue(t, ring, pull()).Raw

	if activated := do(t, ring, token.ActivateCA); activated.Fingerprint != next.Fingerprint || activated.Use != token.Issuing {
		t.Errorf("activated %+v, want %s", activated, next.Fingerprint)
	}
	if bytes.Contains(readFile(t, r.path("ca-key.pem")), oldKey) {
		t.Error("the private key of the CA before is still there")
	}
	if _, err := os.Stat(r.path("ca-next-key.pem")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the next CA is still there: %v", err)
	}
	for _, opened := range []*token.Ring{ring, r.open(t)} {
		fresh := issue(t, opened, pull()).Raw
		r.wantSigned(t, fresh, both, signing(opened).KID)
		if _, err := signedBy(fresh, before, r.clock.now()); err == nil {
			t.Error("the CA before vouches for the leaf")
		}
		if got, want := describeUses(opened), []string{"issuing ES256", "retired ES256", "signing ES256", "retired ES256", "signing ES256"}; !slices.Equal(got, want) {
			t.Errorf("keys %v, want %v", got, want)
		}
	}
	r.wantRefusal(t, ring, token.PublishCA, "the CA before the present one is still in the bundle")

	r.clock.add(token.Retention - time.Second)
	do(t, ring, token.RotateKeys) // so that the last leaf of the CA before is older than the one before
	r.wantRefusal(t, r.open(t), token.RetireCA, "tokens that the old CA vouches for may be alive until 2030-01-02T03:09:05Z")
	r.clock.add(time.Second)
	do(t, ring, token.RetireCA)
	for _, opened := range []*token.Ring{ring, r.open(t)} {
		if got := opened.Bundle(); bytes.Count(got, []byte("BEGIN")) != 1 || !bytes.Contains(both, got) {
			t.Errorf("bundle %s", got)
		}
		if _, err := signedBy(late, opened.Bundle(), r.clock.now().Add(-2*time.Hour)); err == nil {
			t.Error("the bundle still vouches for the leaf of the CA before")
		}
		r.wantSigned(t, issue(t, opened, pull()).Raw, opened.Bundle(), signing(opened).KID)
	}
	do(t, ring, token.PublishCA) // and again
}

func TestRetireWithForce(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	for _, a := range []token.Act{token.PublishCA, token.PublishCA, token.ActivateCA, token.RetireCA} {
		if _, err := ring.Do(a, true); err != nil {
			t.Fatalf("%s: %v", a, err)
		}
	}
	opened := r.open(t)
	if got, want := describeUses(opened), []string{"issuing ES256", "signing ES256", "signing ES256"}; !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
	r.wantSigned(t, issue(t, opened, pull()).Raw, opened.Bundle(), signing(opened).KID)
}

// A process that died after the CA had changed leaves a leaf of the one before, and the
// next CA's file.
func TestDiedWhileActivatingCA(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	do(t, ring, token.PublishCA)
	leaf, next := readFile(t, r.path("leaf-key.pem")), readFile(t, r.path("ca-next-key.pem"))
	r.clock.add(token.Settle)
	do(t, ring, token.ActivateCA)
	bundle := ring.Bundle()
	writeFile(t, r.path("leaf-key.pem"), leaf)
	writeFile(t, r.path("ca-next-key.pem"), next)
	if err := check(r.config); err != nil {
		t.Error(err)
	}
	opened := r.open(t)
	if !bytes.Equal(opened.Bundle(), bundle) {
		t.Errorf("bundle %s, want %s", opened.Bundle(), bundle)
	}
	only := bundle[:bytes.Index(bundle[1:], []byte("-----BEGIN"))+1] // the new CA
	r.wantSigned(t, issue(t, opened, pull()).Raw, only, signing(opened).KID)
	if _, err := os.Stat(r.path("ca-next-key.pem")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the copy is still there: %v", err)
	}
}

// The curve of a CA is that of its leaves where every registry knows it.
func TestCurveOfCA(t *testing.T) {
	for algorithm, want := range map[string]x509.SignatureAlgorithm{
		token.ES256: x509.ECDSAWithSHA256, token.ES384: x509.ECDSAWithSHA384, token.RS256: x509.ECDSAWithSHA256, token.EdDSA: x509.ECDSAWithSHA256,
	} {
		r := newRig(t)
		r.config.Algorithm = algorithm
		block, _ := pem.Decode(r.open(t).Bundle())
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if cert.SignatureAlgorithm != want {
			t.Errorf("%s: the CA signs with %v, want %v", algorithm, cert.SignatureAlgorithm, want)
		}
	}
}

func TestDamagedCAs(t *testing.T) {
	const publish = ": restore it from a backup; or move it away, and publish another (shorepass keys rollover-ca start)"
	r, other := newRig(t), newRig(t)
	do(t, r.open(t), token.PublishCA)
	other.open(t)
	good := readFile(t, r.path("ca-next-key.pem"))
	writeFile(t, r.path("ca-next-key.pem"))
	r.wantError(t, `signing keys of realm "corp": DIR/ca-next-key.pem: not a PEM file`+publish)
	writeFile(t, r.path("ca-next-key.pem"), good)

	ca := readFile(t, r.path("ca-key.pem"))
	writeFile(t, r.path("ca-key.pem"), ca, blocks(t, other.path("ca-key.pem"))[1], good)
	r.wantError(t, `signing keys of realm "corp": DIR/ca-key.pem: more than one private key`+restoreCA)
	writeFile(t, r.path("ca-key.pem"), ca, blocks(t, other.path("ca-key.pem"))[1], blocks(t, r.path("ca-next-key.pem"))[1])
	r.wantError(t, `signing keys of realm "corp": DIR/ca-key.pem: 3 certificates instead of one, or two while a CA is replaced`+restoreCA)
	remove(t, r.path("ca-key.pem"))
	remove(t, r.path("leaf-key.pem"))
	r.wantError(t, `signing keys of realm "corp": DIR/ca-key.pem: missing, while the next CA is there`+restoreCA)
}

// The private key of the CA before is gone once the next one is activated: a next one that
// cannot vouch for anything is refused before.
func TestActivateExpiredCA(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	do(t, ring, token.PublishCA)
	r.clock.add(3000 * day)
	if _, err := ring.RotateIfDue(); err != nil {
		t.Fatal(err)
	}
	for _, later := range []time.Duration{-3001 * day, 3001*day + 660*day} { // before the next one, and after it
		r.clock.add(later)
		before := contents(t, r.config.Dir)
		_, err := ring.Do(token.ActivateCA, true)
		var refusal token.Refusal
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "the next CA cannot vouch for a key: the certificate ") {
			t.Errorf("activated: %v", err)
		}
		if contents(t, r.config.Dir) != before {
			t.Error("the files changed")
		}
	}
	if _, err := ring.Do(token.PublishCA, true); err != nil {
		t.Fatal(err)
	}
	r.clock.add(token.Settle)
	do(t, ring, token.ActivateCA)
	r.wantSigned(t, issue(t, ring, pull()).Raw, ring.Bundle(), signing(ring).KID)
}

// Until a leaf of the present CA signs, the one before is needed.
func TestRetireCAThatVouches(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	leaf := readFile(t, r.path("leaf-key.pem"))
	if _, err := ring.Do(token.PublishCA, true); err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Do(token.ActivateCA, true); err != nil {
		t.Fatal(err)
	}
	writeFile(t, r.path("leaf-key.pem"), leaf) // as a process leaves it that died
	ring, err := token.Load(r.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, force := range []bool{false, true} {
		if _, err := ring.Do(token.RetireCA, force); err == nil || !strings.Contains(err.Error(), "no leaf of the present CA signs") {
			t.Errorf("force %v: %v", force, err)
		}
	}
	do(t, ring, token.RotateKeys)
	r.clock.add(token.Retention)
	do(t, ring, token.RetireCA)
	r.wantSigned(t, issue(t, r.open(t), pull()).Raw, ring.Bundle(), signing(ring).KID)
}

// The list says when the next step may be taken.
func TestTimesOfNextSteps(t *testing.T) {
	r := publishing(t)
	ring := r.open(t)
	now := r.clock.now().UTC().Truncate(time.Second)
	for _, a := range []token.Act{token.PublishCA, token.PublishKey} {
		if got := do(t, ring, a).ActivateFrom; !got.Equal(now.Add(token.Settle)) {
			t.Errorf("%s: activate from %v, want an hour after %v", a, got, now)
		}
	}
	for _, k := range r.open(t).Keys() {
		if want := k.Use == token.Next; k.ActivateFrom.Equal(now.Add(token.Settle)) != want || k.ActivateFrom.IsZero() == want || !k.RetiredUntil.IsZero() {
			t.Errorf("%+v", k)
		}
	}
	r.clock.add(token.Settle)
	now = r.clock.now().UTC().Truncate(time.Second)
	do(t, ring, token.ActivateCA)
	do(t, ring, token.ActivateKey)
	for _, k := range r.open(t).Keys() {
		if want := k.Use == token.Retired; k.RetiredUntil.Equal(now.Add(token.Retention)) != want || k.RetiredUntil.IsZero() == want || !k.ActivateFrom.IsZero() {
			t.Errorf("%+v", k)
		}
	}
}
