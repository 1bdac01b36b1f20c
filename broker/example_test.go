package broker_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/policy"
)

// welcome takes everybody for who they say they are.
type welcome struct{}

func (welcome) Authenticate(_ context.Context, c connectors.Credentials) (connectors.Identity, error) {
	return connectors.Identity{
		Connector: "directory", Via: "directory", ID: c.Username, Username: c.Username, Groups: []string{"platform"},
		Ceiling: connectors.Unlimited(),
	}, nil
}

// printed is an audit log on standard output.
type printed struct{}

func (printed) Record(_ context.Context, e broker.Entry) error {
	fmt.Println("audit:", e.Subject, e.Outcome)
	for _, v := range e.Refused {
		fmt.Println("audit: refused", v.Scope, v.Action, v.Reason)
	}
	return nil
}

// exampleRealm has its signing keys in dir, and lets platform push to its namespace.
func exampleRealm(dir string) (broker.Realm, error) {
	rules, err := policy.Compile(policy.Document{
		Connectors: []policy.Connector{{Name: "directory"}},
		Services:   []string{"registry.example"},
		Rules: []policy.Rule{{
			Name:         policy.Text{Value: "platform owns its namespace"},
			Groups:       []policy.Text{{Value: "directory:platform"}},
			Repositories: []policy.Text{{Value: "platform/**"}},
			Allow:        []policy.Text{{Value: "pull"}, {Value: "push"}},
		}},
	})
	if err != nil {
		return broker.Realm{}, err
	}
	ring, err := token.Open(token.Config{Dir: dir, Realm: "corp"})
	return broker.Realm{
		Name: "corp", Services: []string{"registry.example"}, Issuer: "https://login.example/realms/corp",
		TokenTTL: 5 * time.Minute, PushTokenTTL: 15 * time.Minute,
		Connectors: welcome{}, Policy: rules, Signer: ring,
	}, err
}

func ExampleBroker_Token() {
	dir, err := os.MkdirTemp("", "shorepass")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	realm, err := exampleRealm(dir)
	if err != nil {
		log.Print(err)
		return
	}
	b, err := broker.New([]broker.Realm{realm}, printed{}, slog.New(slog.DiscardHandler))
	if err != nil {
		log.Print(err)
		return
	}

	answer, err := b.Token(context.Background(), broker.Request{
		Service:     "registry.example",
		Scopes:      []string{"repository:platform/app:pull,push", "repository:release/app:pull"},
		Credentials: &connectors.Credentials{Username: "alice", Password: connectors.NewSecret("secret")},
	})
	fmt.Println(answer.Scope(), answer.ExpiresIn, err)
	// Output:
	// audit: directory:alice partly
	// audit: refused repository:release/app pull no-rule
	// repository:platform/app:pull,push 15m0s <nil>
}
