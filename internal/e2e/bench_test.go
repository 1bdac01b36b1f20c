package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// connections is how many clients ask at once.
const connections = 16

// BenchmarkTokens measures tokens per second over HTTP beside a floor: a bare
// net/http handler that makes one ES256 signature. Each path and the floor run in
// one process after another on the same machine: compare the ratios.
func BenchmarkTokens(b *testing.B) {
	w := newWorld(b, "")
	floor := httptest.NewServer(http.HandlerFunc(bareSignature(b)))
	defer floor.Close()
	const pull = "/token?service=registry.corp.example&scope=repository:public/app:pull"
	for _, path := range []struct{ name, url, username, password string }{
		{"floor", floor.URL, "", ""},
		{"anonymous", "http://" + w.broker.Addr + pull, "", ""},
		{"ldap", "http://" + w.broker.Addr + pull, "alice", "alice-password"},
		{"static", "http://" + w.broker.Addr + pull, "breakglass", "breakglass-password"},
	} {
		b.Run(path.name, func(b *testing.B) {
			request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, path.url, http.NoBody)
			if err != nil {
				b.Fatal(err)
			}
			if path.username != "" {
				request.SetBasicAuth(path.username, path.password)
			}
			load(b, request)
		})
	}
}

// load sends the request b.N times over the connections and reports the rate and the
// 99th percentile.
func load(b *testing.B, request *http.Request) {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	took := make([][]time.Duration, connections)
	var wg sync.WaitGroup
	b.ResetTimer()
	for i := range connections {
		wg.Go(func() {
			for n := i; n < b.N; n += connections {
				started := time.Now()
				response, err := client.Do(request.Clone(request.Context()))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusOK {
					b.Errorf("status %s", response.Status)
					return
				}
				took[i] = append(took[i], time.Since(started))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "tokens/s")
	if len(all) > 0 {
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	}
}

// bareSignature answers with a token and does nothing else.
func bareSignature(b *testing.B) http.HandlerFunc {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		signature, err := jwt.SigningMethodES256.Sign("header.claims", key)
		if err != nil {
			b.Error(err)
		}
		fmt.Fprintf(w, `{"token":"header.claims.%x"}`, signature)
	}
}
