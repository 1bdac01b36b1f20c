package e2e_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

const (
	connections = 16                     // how many clients ask at once
	round       = 250 * time.Millisecond // how long they ask the one before they ask the other
)

// BenchmarkTokens measures tokens per second over HTTP beside a floor: a bare
// net/http handler that makes one ES256 signature, in a process of its own as the
// broker is. Each iteration is a round of the floor and a round of the path, so that
// both meet the same machine in the same moments; the load comes from that machine
// too. The ratio is what compares.
func BenchmarkTokens(b *testing.B) {
	w := newWorld(b, "")
	floor := newLoad(b, "http://"+startFloor(b), "", "")
	const pull = "/token?service=registry.corp.example&scope=repository:public/app:pull"
	for _, path := range []struct{ name, username, password string }{
		{"anonymous", "", ""},
		{"ldap", "alice", "alice-password"},
		{"static", "breakglass", "breakglass-password"},
	} {
		b.Run(path.name, func(b *testing.B) {
			beside, tokens := floor.fresh(), newLoad(b, "http://"+w.broker.Addr+pull, path.username, path.password)
			for b.Loop() {
				beside.run(b)
				tokens.run(b)
			}
			b.ReportMetric(0, "ns/op") // of two rounds: it says nothing
			b.ReportMetric(tokens.rate(), "tokens/s")
			b.ReportMetric(beside.rate(), "floor/s")
			b.ReportMetric(tokens.rate()/beside.rate(), "ratio")
			b.ReportMetric(tokens.p99(), "p99-ms")
		})
	}
}

// load is clients that ask one thing over and over, and what came of it.
type load struct {
	client  *http.Client
	request *http.Request
	took    []time.Duration // of each answer
	elapsed time.Duration   // of all rounds
}

func newLoad(b *testing.B, url, username, password string) *load {
	b.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	if username != "" {
		request.SetBasicAuth(username, password)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	b.Cleanup(client.CloseIdleConnections)
	return &load{client: client, request: request}
}

// fresh is the same load before it was run.
func (l *load) fresh() *load { return &load{client: l.client, request: l.request} }

// run asks for one round, over all connections at once.
func (l *load) run(b *testing.B) {
	b.Helper()
	took := make([][]time.Duration, connections)
	started := time.Now()
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() {
			for time.Since(started) < round {
				asked := time.Now()
				if err := l.ask(); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(asked))
			}
		})
	}
	wg.Wait()
	l.elapsed += time.Since(started)
	l.took = append(l.took, slices.Concat(took...)...)
}

func (l *load) ask() error {
	response, err := l.client.Do(l.request.Clone(l.request.Context()))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", l.request.URL, response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

func (l *load) rate() float64 { return float64(len(l.took)) / l.elapsed.Seconds() }

// p99 is the 99th percentile of the answers' times, in milliseconds.
func (l *load) p99() float64 {
	if len(l.took) == 0 {
		return 0
	}
	slices.Sort(l.took)
	return float64(l.took[len(l.took)*99/100].Microseconds()) / 1000
}

// floorAddr names the environment variable that makes this test's binary the floor,
// serving at that address.
const floorAddr = "SHOREPASS_E2E_FLOOR"

// startFloor starts the floor and returns its address.
func startFloor(b *testing.B) string {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	addr := stack.FreeAddr(b)
	stack.Start(b, []string{floorAddr + "=" + addr}, self).WaitFor(b, "floor", 10*time.Second, func() bool {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
	return addr
}

// serveFloor answers every request with a token that it signs, and does nothing else.
func serveFloor(addr string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		signature, err := jwt.SigningMethodES256.Sign("header.claims", key)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `{"token":"header.claims.%x"}`, signature)
	}))
}
