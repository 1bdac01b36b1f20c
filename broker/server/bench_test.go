package server_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/broker/server"
)

// BenchmarkToken measures an anonymous token request within the process: all but the
// network.
func BenchmarkToken(b *testing.B) {
	f := brokertest.New(b, "", brokertest.Realm{Name: "corp", Services: []string{"registry.corp"}, Policy: rules})
	handler := server.New(server.Config{Tokens: f.Broker, Logger: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/token?service=registry.corp&scope=repository:public/a:pull", http.NoBody)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
