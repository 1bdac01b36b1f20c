package keypair_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/internal/keypair"
)

// writePair writes a certificate, valid for an hour from start, and its key.
func writePair(t *testing.T, dir string, serial int64, start time.Time) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: start, NotAfter: start.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		when := start.Add(time.Duration(serial) * time.Second) // however fast the test is
		if err := os.Chtimes(name, when, when); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestPairIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var log strings.Builder
		start := time.Now()
		certFile, keyFile := writePair(t, dir, 1, start)
		p, err := keypair.Load(certFile, keyFile, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		want := func(serial int64) {
			t.Helper()
			if got := p.Current().Leaf.SerialNumber.Int64(); got != serial {
				t.Errorf("serial %d, want %d", got, serial)
			}
		}
		writePair(t, dir, 2, start)
		want(1) // was looked at a moment ago
		time.Sleep(2 * time.Second)
		want(2)
		if err := os.WriteFile(keyFile, []byte("broken"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		want(2)
		if !strings.Contains(log.String(), "a certificate was not read again") {
			t.Errorf("the log says nothing of files that cannot be read:\n%s", &log)
		}
		writePair(t, dir, 3, start)
		time.Sleep(2 * time.Second)
		want(3)
	})
}

// TestPairIsReplaced holds that a pair that was replaced follows the files of the other.
func TestPairIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, before, after := time.Now(), t.TempDir(), t.TempDir()
		load := func(dir string, serial int64) *keypair.Pair {
			certFile, keyFile := writePair(t, dir, serial, start)
			p, err := keypair.Load(certFile, keyFile, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		p := load(before, 1)
		want := func(serial int64) {
			t.Helper()
			if got := p.Current().Leaf.SerialNumber.Int64(); got != serial {
				t.Errorf("serial %d, want %d", got, serial)
			}
		}
		p.Replace(load(after, 2))
		want(2)
		writePair(t, before, 3, start)
		time.Sleep(2 * time.Second)
		want(2)
		writePair(t, after, 4, start)
		time.Sleep(2 * time.Second)
		want(4)
	})
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, 1, time.Now())
	for name, c := range map[string]struct{ cert, key, want string }{
		"no certificate":   {filepath.Join(dir, "none.pem"), keyFile, "none.pem does not exist"},
		"no key":           {certFile, filepath.Join(dir, "none.pem"), "none.pem does not exist"},
		"the same twice":   {certFile, certFile, certFile + " with " + certFile + ": "},
		"the wrong way":    {keyFile, certFile, keyFile + " with " + certFile + ": "},
		"a folder instead": {dir, keyFile, dir + " is a directory, not a file"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := keypair.Load(c.cert, c.key, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestExpired(t *testing.T) {
	now := time.Now()
	certFile, keyFile := writePair(t, t.TempDir(), 1, now)
	p, err := keypair.Load(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for after, valid := range map[time.Duration]bool{-time.Hour: false, time.Minute: true, 2 * time.Hour: false} {
		if err := p.Expired(now.Add(after)); (err == nil) != valid {
			t.Errorf("after %v: %v, want valid: %t", after, err, valid)
		}
	}
}
