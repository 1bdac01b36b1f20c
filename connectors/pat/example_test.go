package pat_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

// A token counts as its owner, whom the owner's own connector knows.
func ExampleNew() {
	text := pat.NewText()
	kept := &ledger{owners: map[pat.Account]pat.Owner{}, tokens: map[string]pat.Token{text.ID(): {
		Realm: realm, ID: text.ID(), Hash: text.Hash(), Account: alice, Scopes: []string{"repository:team/**:pull"}, Expires: time.Now().Add(time.Hour),
	}}}
	directory := &directory{people: map[string]connectors.Identity{alice.ID: person(alice, "alice", "platform")}}
	memory := pat.NewMemory(kept, kept, slog.New(slog.DiscardHandler))
	defer memory.Close()
	c := pat.New(pat.DefaultConfig(), connectors.Deps{
		Realm: realm, Name: "tokens", Logger: slog.New(slog.DiscardHandler),
		Sibling: func(name string) (connectors.Connector, bool) { return directory, name == "directory" },
	}, memory)
	defer c.Close()

	id, err := c.Authenticate(context.Background(), connectors.Credentials{Username: "gitlab-ci", Password: text.Secret()})
	fmt.Println(id.Connector, id.Username, id.Groups, id.Ceiling.Scopes(), err)
	// Output: directory alice [platform] [repository:team/**:pull] <nil>
}

// What is not a token is known without a database.
func ExampleParseText() {
	made := pat.NewText()
	read, ok := pat.ParseText(made.Secret())
	fmt.Println(ok, read.ID() == made.ID(), read.Hash() == made.Hash())
	_, ok = pat.ParseText(connectors.NewSecret("srp_0123456789abABCDEFGHIJKLMNOPQRSTUVWXYZabcdefXXXXXX"))
	fmt.Println(ok)
	// Output:
	// true true true
	// false
}
