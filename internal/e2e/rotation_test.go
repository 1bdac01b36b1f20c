package e2e_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestKeysRotateByThemselves starts the program with a leaf that turns thirty days old
// a few seconds later: a new one signs from then on, a registry that is never
// restarted takes both, and the act is in the audit log.
func TestKeysRotateByThemselves(t *testing.T) {
	config := "listen: '{{listen}}'\nmonitor: '{{monitor}}'\npublic_url: http://{{listen}}\n" + example(t, "small-team/shorepass.yaml")
	b := stack.StartBroker(t, program, config, map[string]string{"users.yaml": example(t, "small-team/users.yaml")})
	if err := b.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	b.Wait(t, 10*time.Second)
	ageLeaf(t, filepath.Join(b.Dir, "data", "keys", "team"), 30*24*time.Hour-6*time.Second)
	b.Serve(t)
	r := stack.StartRegistry(t, b, stack.V3)
	token := func() string {
		return b.Token(t, "bob", "bob-password", "registry.team.example", "repository:web/app:pull").Token
	}
	old := token()
	fresh := old
	for deadline := time.Now().Add(40 * time.Second); header(fresh) == header(old); fresh = token() {
		if time.Now().After(deadline) {
			t.Fatal("the leaf is past its thirty days and still signs")
		}
		time.Sleep(500 * time.Millisecond)
	}
	for what, token := range map[string]string{"old": old, "fresh": fresh} {
		if got := manifest(t, r, "web/app", token); got != http.StatusNotFound {
			t.Errorf("%s token: status %d", what, got)
		}
	}
	if list := b.Command(t, "", "keys", "list").Stdout; !strings.Contains(list, "retired") {
		t.Errorf("keys list prints\n%s", list)
	}
	acts := 0
	for _, e := range b.Audit(t) {
		if e.Reason == "rotate-keys" {
			acts++
		}
	}
	if acts != 1 {
		t.Errorf("%d rotations are in the audit log, want one", acts)
	}
}

// ageLeaf puts a leaf of the age in the place of the one in the folder.
func ageLeaf(t *testing.T, dir string, age time.Duration) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "ca-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	keyBlock, rest := pem.Decode(content)
	certBlock, _ := pem.Decode(rest)
	caKey, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := time.Now().Add(-age)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "aged"}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: made.Add(-time.Hour), NotAfter: made.AddDate(0, 0, 90), BasicConstraintsValid: true, // as the program dates them
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	_ = pem.Encode(&out, &pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, "leaf-key.pem"), out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
