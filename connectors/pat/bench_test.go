package pat_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

// BenchmarkLogin is a login of an owner who is known, with a database in memory.
func BenchmarkLogin(b *testing.B) {
	text := pat.NewText()
	kept := &ledger{owners: map[pat.Account]pat.Owner{}, tokens: map[string]pat.Token{text.ID(): {
		Realm: realm, ID: text.ID(), Hash: text.Hash(), Account: alice, Scopes: []string{"repository:**:*"}, Expires: time.Now().Add(time.Hour),
	}}}
	d := &directory{people: map[string]connectors.Identity{alice.ID: person(alice, "alice", "platform")}}
	memory := pat.NewMemory(kept, kept, slog.New(slog.DiscardHandler))
	defer memory.Close()
	c := pat.New(pat.DefaultConfig(), connectors.Deps{
		Realm: realm, Name: "tokens", Logger: slog.New(slog.DiscardHandler),
		Sibling: func(string) (connectors.Connector, bool) { return d, true },
	}, memory)
	defer c.Close()
	cred := connectors.Credentials{Username: "ci", Password: text.Secret(), RemoteIP: home}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Authenticate(b.Context(), cred); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkNoToken is what looks like a token and is none.
func BenchmarkNoToken(b *testing.B) {
	secret := connectors.NewSecret("srp_0123456789abABCDEFGHIJKLMNOPQRSTUVWXYZabcdefXXXXXX")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := pat.ParseText(secret); ok {
			b.Fatal("it is one")
		}
	}
}
