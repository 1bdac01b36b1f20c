package bench_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/broker/server"
)

// unread is an answer that nobody reads.
type unread struct{ header http.Header }

func (u unread) Header() http.Header         { return u.header }
func (u unread) Write(b []byte) (int, error) { return len(b), nil }
func (u unread) WriteHeader(int)             {}

// BenchmarkAllocations counts what an anonymous token leaves to the garbage collector
// besides what net/http does, and what its signature alone does.
func BenchmarkAllocations(b *testing.B) {
	f := brokertest.New(b, "", brokertest.Realm{
		Name: "corp", Services: []string{"registry.corp"},
		Policy: "rules: [{name: the world reads public images, anyone: true, repositories: [public/**], allow: [pull]}]",
	})
	handler := server.New(server.Config{Tokens: f.Broker, Logger: slog.New(slog.DiscardHandler)})
	request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/token?service=registry.corp&scope=repository:public/app:pull", http.NoBody)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(b, err)
	w := unread{http.Header{}}
	ours := measured(func() { handler.ServeHTTP(w, request) })
	floor := measured(func() {
		signature, err := jwt.SigningMethodES256.Sign("header.claims", key)
		must(b, err)
		fmt.Fprintf(w, `{"token":"header.claims.%x"}`, signature)
	})
	for b.Loop() { // they are the same every time
	}
	report.add(ofAllocations, "anonymous, allocations of the handler", count(ours.objects), count(floor.objects), "")
	report.add(ofAllocations, "anonymous, KiB allocated by the handler", fmt.Sprintf("%.1f", ours.bytes/1024), fmt.Sprintf("%.1f", floor.bytes/1024), "")
}

// garbage is what one call allocates.
type garbage struct{ objects, bytes float64 }

func measured(call func()) garbage {
	const calls = 2000
	call() // what is made once and kept
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		call()
	}
	runtime.ReadMemStats(&after)
	return garbage{float64(after.Mallocs-before.Mallocs) / calls, float64(after.TotalAlloc-before.TotalAlloc) / calls}
}
