package token_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

// TestUpgrade opens what a version made that had no services with trust jwks, minutes after
// it was stopped: what registries trust stays, tokens that are alive count, and what was
// missing is there.
func TestUpgrade(t *testing.T) {
	r := newRig(t)
	r.config.Realm = "upgrade-test"
	start := time.Date(2026, 11, 26, 0, 10, 0, 0, time.UTC)
	r.clock.at.Store(&start)
	if err := os.CopyFS(r.config.Dir, os.DirFS("testdata/older")); err != nil {
		t.Fatal(err)
	}
	old := blocks(t, r.path("ca-key.pem"))[1]
	if err := check(r.config); err != nil {
		t.Error(err)
	}
	ring := r.open(t)
	if !bytes.Equal(ring.Bundle(), old) {
		t.Errorf("registries need another bundle: %s", ring.Bundle())
	}
	if got, want := describeUses(ring), []string{"issuing ES256", "signing ES256", "retired ES256", "signing ES256"}; !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
	r.wantSigned(t, issue(t, ring, pull()).Raw, old, signing(ring).KID)
	for _, name := range []string{"ca-key.pem", "leaf-key.pem"} {
		if !bytes.Equal(readFile(t, r.path(name)), readFile(t, filepath.Join("testdata/older", name))) {
			t.Errorf("%s is another: the older version could not go on with it", name)
		}
	}
	do(t, ring, token.PublishCA)
	do(t, ring, token.PublishKey)
}

// A realm of services with trust jwks alone had no CA before.
func TestUpgradeWithoutCA(t *testing.T) {
	r := newRig(t)
	r.config.Trust = map[string]token.Trust{v3: token.JWKS}
	jwks := r.open(t).JWKS()
	remove(t, r.path("ca-key.pem"))
	ring := r.open(t)
	if err := knownBy(issue(t, ring, forV3()).Raw, jwks, r.clock.now()); err != nil {
		t.Error(err)
	}
	if len(ring.Bundle()) == 0 {
		t.Error("there is no CA")
	}
}

// The certificate of a published key is for zot to read. Nothing is to stop working by it.
func TestPublishedCertificateHasNoEnd(t *testing.T) {
	block, _ := pem.Decode(newRig(t).open(t).Certificate())
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC); !cert.NotAfter.Equal(want) {
		t.Errorf("it ends at %v, want %v (RFC 5280 §4.1.2.5)", cert.NotAfter, want)
	}
}

// An algorithm that was changed while the next key was published is not that of the key
// which is about to sign, and the start says so.
func TestAlgorithmOfNextKey(t *testing.T) {
	r := publishing(t)
	do(t, r.open(t), token.PublishKey)
	r.config.Algorithm = token.RS256
	r.log.Reset()
	ring := r.open(t)
	if want := "publish another (shorepass keys rotate --force)"; !bytes.Contains(r.log.Bytes(), []byte(want)) {
		t.Errorf("log %s without %q", r.log, want)
	}
	if _, err := ring.Do(token.PublishKey, true); err != nil {
		t.Fatal(err)
	}
	r.log.Reset()
	r.open(t)
	if r.log.Len() != 0 {
		t.Errorf("the next key is of the right algorithm: %s", r.log)
	}
}
