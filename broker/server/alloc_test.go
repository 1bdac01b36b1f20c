package server_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/broker/server"
)

// sink is an answer that nobody reads.
type sink struct{ header http.Header }

func (s sink) Header() http.Header         { return s.header }
func (s sink) Write(b []byte) (int, error) { return len(b), nil }
func (s sink) WriteHeader(int)             {}

// TestAllocations holds a token to what it costs the garbage collector: half of it is
// the signature.
func TestAllocations(t *testing.T) {
	f := brokertest.New(t, "", brokertest.Realm{Name: "corp", Services: []string{"registry.corp"}, Policy: rules})
	handler := server.New(server.Config{Tokens: f.Broker, Logger: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/token?service=registry.corp&scope=repository:public/a:pull", http.NoBody)
	w := sink{http.Header{}}
	n := testing.AllocsPerRun(100, func() { handler.ServeHTTP(w, r) })
	t.Logf("%v allocations", n)
	const most = 128 // some 113, and a dozen more under the race detector
	if n > most {
		t.Errorf("%v allocations for a token, want at most %d", n, most)
	}
}

// TestSwitchAllocatesNothing holds that a handler costs no more for being one that can be
// replaced.
func TestSwitchAllocatesNothing(t *testing.T) {
	itself := server.New(server.Config{Tokens: tokensFunc(func(context.Context, broker.Request) (broker.Response, error) {
		return broker.Response{}, &broker.Error{Kind: broker.Unauthenticated}
	}), Logger: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/token", http.NoBody)
	w := sink{http.Header{}}
	allocations := func(h http.Handler) float64 {
		return testing.AllocsPerRun(200, func() { h.ServeHTTP(w, r) })
	}
	if without, with := allocations(itself), allocations(server.NewSwitch(itself)); with > without {
		t.Errorf("%v allocations, and %v behind a switch", without, with)
	}
}
