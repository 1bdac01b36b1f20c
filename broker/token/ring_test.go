package token_test

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

const day = 24 * time.Hour

func TestFirstStart(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	for path, want := range map[string]fs.FileMode{
		r.config.Dir:           fs.ModeDir | 0o700,
		r.path("ca-key.pem"):   0o600,
		r.path("leaf-key.pem"): 0o600,
		r.path("jwks-key.pem"): 0o600,
	} {
		if info, err := os.Stat(path); err != nil {
			t.Error(err)
		} else if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
	if entries, err := os.ReadDir(r.config.Dir); err != nil || len(entries) != 3 {
		t.Errorf("folder holds %v (%v), want three files", entries, err)
	}
	ca := ring.Keys()[0]
	for _, want := range []string{"level=WARN", "realm=corp", "fingerprint=" + ca.Fingerprint, "rootcertbundle", "registry-config"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("log without %q: %s", want, r.log)
		}
	}
	if got := strings.Count(r.log.String(), "level=WARN"); got != 1 {
		t.Errorf("%d warnings, want one, of the CA: %s", got, r.log)
	}
	r.log.Reset()
	again := r.open(t)
	if got, want := again.Keys(), ring.Keys(); !reflect.DeepEqual(got, want) {
		t.Errorf("after a restart %v, want %v", got, want)
	}
	if r.log.Len() != 0 {
		t.Errorf("a restart logs %s", r.log)
	}
}

func TestKeys(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	start := time.Date(2030, 1, 2, 1, 4, 5, 0, time.UTC)
	got := ring.Keys()
	if len(got) != 3 {
		t.Fatalf("keys %+v, want three", got)
	}
	for i := range got {
		if len(got[i].KID) != len(kidES256) || got[i].Kind != token.Published && len(got[i].Fingerprint) != 32*3-1 {
			t.Errorf("key id %q, fingerprint %q", got[i].KID, got[i].Fingerprint)
		}
		got[i].KID, got[i].Fingerprint = "", ""
	}
	want := []token.KeyInfo{
		{Algorithm: "ES256", Use: token.Issuing, Kind: token.CA, NotBefore: start.Add(-time.Hour), NotAfter: start.AddDate(10, 0, 0)},
		{Algorithm: "ES256", Use: token.Signing, Kind: token.Leaf, NotBefore: start.Add(-time.Hour), NotAfter: start.Add(90 * day)},
		{Algorithm: "ES256", Use: token.Signing, Kind: token.Published, NotBefore: start.Add(-time.Hour)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestCertificates(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	block, rest := pem.Decode(ring.Bundle())
	if block == nil || len(rest) != 0 {
		t.Fatalf("bundle is not one certificate: %s", ring.Bundle())
	}
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if !ca.IsCA || ca.MaxPathLen != 0 || !ca.MaxPathLenZero || ca.KeyUsage != x509.KeyUsageCertSign {
		t.Errorf("CA %v, path length %d, usage %b", ca.IsCA, ca.MaxPathLen, ca.KeyUsage)
	}
	leafBlock, _ := pem.Decode(blocks(t, r.path("leaf-key.pem"))[1])
	leaf, err := x509.ParseCertificate(leafBlock.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if leaf.IsCA || leaf.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("leaf: CA %v, usage %b", leaf.IsCA, leaf.KeyUsage)
	}
	other := newRig(t)
	other.config.Realm = "lab"
	otherBlock, _ := pem.Decode(other.open(t).Bundle())
	otherCA, err := x509.ParseCertificate(otherBlock.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{ca.Subject.String(): true, leaf.Subject.String(): true, otherCA.Subject.String(): true}
	if len(names) != 3 {
		t.Errorf("names are not distinct: %v", names)
	}
	for name, want := range map[string]string{ca.Subject.String(): ",OU=corp,", otherCA.Subject.String(): ",OU=lab,"} {
		if !strings.Contains(name, want) {
			t.Errorf("%s does not name its realm", name)
		}
	}
}

func TestAlgorithms(t *testing.T) {
	for algorithm, isKind := range map[string]func(any) bool{
		"":      func(k any) bool { _, ok := k.(*ecdsa.PrivateKey); return ok },
		"ES256": func(k any) bool { _, ok := k.(*ecdsa.PrivateKey); return ok },
		"RS256": func(k any) bool { k2, ok := k.(*rsa.PrivateKey); return ok && k2.N.BitLen() == 2048 },
	} {
		t.Run(algorithm, func(t *testing.T) {
			r := newRig(t)
			r.config.Algorithm = algorithm
			ring := r.open(t)
			r.wantSigned(t, issue(t, ring, pull()).Raw, ring.Bundle(), signing(ring).KID)
			block, _ := pem.Decode(readFile(t, r.path("leaf-key.pem")))
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if !isKind(key) {
				t.Errorf("signs with a %T", key)
			}
		})
	}
}

func TestConfigRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		config token.Config
		want   string
	}{
		{"no realm", token.Config{Dir: "x"}, `signing keys of realm "": no realm name`},
		{"no folder", token.Config{Realm: "corp"}, `signing keys of realm "corp": no folder for the keys`},
		{"algorithm", token.Config{Realm: "corp", Dir: "x", Algorithm: "HS256"}, `signing keys of realm "corp": algorithm "HS256": want one of ES256, ES384, RS256, EdDSA`},
		{"key alone", token.Config{Realm: "corp", Dir: "x", KeyFile: "k"}, `signing keys of realm "corp": key_file and cert_file go together: set both or neither`},
		{"certificate alone", token.Config{Realm: "corp", Dir: "x", CertFile: "c"}, `signing keys of realm "corp": key_file and cert_file go together: set both or neither`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := token.Open(tc.config); err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestFolderCannotBeMade(t *testing.T) {
	r := newRig(t)
	r.config.Dir = "testdata/README.md/keys"
	_, err := token.Open(r.config)
	if want := `signing keys of realm "corp": testdata/README.md/keys/ca-key.pem cannot be read: not a directory`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestWorldReadableKeyWarns(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	do(t, ring, token.PublishCA)
	do(t, ring, token.PublishKey)
	for _, name := range []string{"ca-key.pem", "ca-next-key.pem", "leaf-key.pem", "jwks-key.pem", "jwks-next-key.pem"} {
		if err := os.Chmod(r.path(name), 0o604); err != nil {
			t.Fatal(err)
		}
		r.log.Reset()
		r.open(t)
		if got := r.log.String(); strings.Count(got, "everybody on this machine may read private keys") != 1 || !strings.Contains(got, "/"+name) {
			t.Errorf("log %q, want one warning about %s", got, name)
		}
		if err := os.Chmod(r.path(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
