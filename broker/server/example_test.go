package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/policy"
)

// unrecorded keeps no audit log.
type unrecorded struct{}

func (unrecorded) Record(context.Context, broker.Entry) error { return nil }

// publicHandler serves one realm, in which anybody may pull public images.
func publicHandler(dir string) (http.Handler, error) {
	rules, err := policy.Compile(policy.Document{
		Services: []string{"registry.example"},
		Rules: []policy.Rule{{
			Name: policy.Text{Value: "the world reads public images"}, Anyone: true,
			Repositories: []policy.Text{{Value: "public/**"}}, Allow: []policy.Text{{Value: "pull"}},
		}},
	})
	if err != nil {
		return nil, err
	}
	ring, err := token.Open(token.Config{Dir: dir, Realm: "corp"})
	if err != nil {
		return nil, err
	}
	logger := slog.New(slog.DiscardHandler)
	b, err := broker.New([]broker.Realm{{
		Name: "corp", Services: []string{"registry.example"}, Issuer: "https://login.example/realms/corp",
		TokenTTL: 5 * time.Minute, PushTokenTTL: 15 * time.Minute,
		Connectors: connectors.NewChain(connectors.ASCIIUsernames), Policy: rules, Signer: ring,
	}}, unrecorded{}, logger)
	if err != nil {
		return nil, err
	}
	return server.New(server.Config{Tokens: b, Realms: map[string]server.Trust{"corp": ring}, Logger: logger}), nil
}

func ExampleNew() {
	dir, err := os.MkdirTemp("", "shorepass")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	handler, err := publicHandler(dir)
	if err != nil {
		log.Print(err)
		return
	}

	for _, repository := range []string{"public/hello", "secret/plans"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/token?service=registry.example&scope=repository:"+repository+":pull", http.NoBody))
		var answer struct {
			ExpiresIn int `json:"expires_in"`
			Details   string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			log.Print(err)
			return
		}
		fmt.Printf("%s: %d, for %d seconds, %q\n", repository, w.Code, answer.ExpiresIn, answer.Details)
	}
	// Output:
	// public/hello: 200, for 300 seconds, ""
	// secret/plans: 401, for 0 seconds, "authentication required: log in to this registry first, then try again"
}
