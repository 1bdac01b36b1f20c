package server_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// BenchmarkToken measures token requests within the process: all but the network.
func BenchmarkToken(b *testing.B) {
	again := guard.Password(one{}, guard.Config{Settings: guard.DefaultSettings()})
	f := brokertest.New(b, "", brokertest.Realm{
		Name: "corp", Services: []string{"registry.corp"}, Policy: rules,
		More: []connectors.Member{{Name: "directory", Connector: again}},
	})
	handler := server.New(server.Config{Tokens: f.Broker, Logger: slog.New(slog.DiscardHandler)})
	for name, username := range map[string]string{"anonymous": "", "repeated login": "dora"} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/token?service=registry.corp&scope=repository:public/a:pull", http.NoBody)
			if username != "" {
				r.SetBasicAuth(username, username+"-pw")
			}
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
		})
	}
}

// one is a directory of one person.
type one struct{}

func (one) Locate(_ context.Context, username string) (connectors.Account, error) {
	return connectors.Account{ID: "1", Username: username}, nil
}

func (one) Verify(_ context.Context, a connectors.Account, _ connectors.Secret) (connectors.Identity, error) {
	return connectors.Identity{Connector: "directory", Via: "directory", ID: a.ID, Username: a.Username, Groups: []string{"platform"}, Ceiling: connectors.Unlimited()}, nil
}
