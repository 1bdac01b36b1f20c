package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestReloadKeepsKeys holds that a reload makes no keys where nothing was said about them, so
// that registries notice nothing.
func TestReloadKeepsKeys(t *testing.T) {
	t.Parallel()
	w := newReloading(t)
	before, certificate := ok(t, w.broker.Command(t, "", "keys", "list")), signedBy(t, w.broker, service)
	reload(t, w.broker, reloaded)
	if after := ok(t, w.broker.Command(t, "", "keys", "list")); after != before {
		t.Errorf("keys before\n%s\nand after\n%s", before, after)
	}
	if signedBy(t, w.broker, service) != certificate {
		t.Error("another key signs")
	}
}

// TestReloadAndActsOnKeys has keys rotated without a pause while the configuration gives the
// realm another algorithm again and again. Whatever comes last, the key that signs is the one
// on the disk: else the next start would sign with one of which nobody has heard.
func TestReloadAndActsOnKeys(t *testing.T) {
	t.Parallel()
	b := stack.StartBroker(t, program, anonymousConfig, nil)
	good := read(t, b, "shorepass.yaml")
	socket := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(b.Dir, "data", "admin.sock"))
	}}}
	for n := range 20 {
		var acts sync.WaitGroup
		var done atomic.Int64
		ended := make(chan struct{})
		for range 4 {
			acts.Go(func() {
				for {
					select {
					case <-ended:
						return
					default:
					}
					response, err := socket.Post("http://admin/v1/realms/corp/acts/rotate-keys?force=true", "", nil)
					if err != nil {
						t.Error(err)
						return
					}
					_ = response.Body.Close()
					if response.StatusCode != http.StatusOK {
						t.Errorf("an act: status %d", response.StatusCode)
						return
					}
					done.Add(1)
				}
			})
		}
		b.WaitFor(t, "acts", 20*time.Second, func() bool { return done.Load() > 4 || t.Failed() })
		write(t, b, "shorepass.yaml", replace(t, good, "    services:", "    signing: {algorithm: "+[]string{"ES384", "ES256"}[n%2]+"}\n    services:"))
		reload(t, b, reloaded)
		close(ended)
		acts.Wait()
		_, certificate, _ := strings.Cut(read(t, b, "data/keys/corp/leaf-key.pem"), "-----END PRIVATE KEY-----\n")
		leaf, _ := pem.Decode([]byte(certificate))
		if signs := signedBy(t, b, "registry.corp"); signs != base64.StdEncoding.EncodeToString(leaf.Bytes) {
			t.Fatalf("after %d reloads, another key signs than the one on the disk", n+1)
		}
	}
}

// signedBy is the certificate of the key that signs, as a token has it.
func signedBy(t *testing.T, b *stack.Broker, service string) string {
	t.Helper()
	header, _, _ := strings.Cut(b.Token(t, "", "", service, "repository:public/app:pull").Token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil {
		t.Fatal(err)
	}
	var h struct {
		X5C []string `json:"x5c"`
	}
	if err := json.Unmarshal(raw, &h); err != nil || len(h.X5C) == 0 {
		t.Fatalf("%s: %v", raw, err)
	}
	return h.X5C[0]
}
