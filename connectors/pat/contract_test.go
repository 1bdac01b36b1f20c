package pat_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/pat"
)

// TestContract holds the connector to what all of them keep, as far as it goes for one that
// takes tokens.
func TestContract(t *testing.T) {
	good, disabled, wrong := pat.NewText(), pat.NewText(), pat.NewText()
	fixture := connectortest.Fixture{
		Name:          "tokens",
		Tokens:        "directory",
		Good:          connectortest.Login{Username: "whoever", Password: good.Secret().Reveal()},
		Username:      "alice",
		Groups:        []string{"platform", "audit"},
		WrongPassword: wrong.Secret().Reveal(),
		Disabled:      connectortest.Login{Username: "bob", Password: disabled.Secret().Reveal()},
		Spellings:     []string{"", "alice", "ALICE", "bob", "*", "ａｌｉｃｅ"},
	}
	open := func(tb testing.TB, down bool) connectors.Connector {
		kept := &ledger{tokens: map[string]pat.Token{}, owners: map[pat.Account]pat.Owner{}, down: down}
		for text, account := range map[pat.Text]pat.Account{good: alice, disabled: bob} {
			kept.tokens[text.ID()] = pat.Token{
				Realm: realm, ID: text.ID(), Hash: text.Hash(), Account: account, Scopes: []string{"repository:**:pull"}, Expires: time.Now().Add(time.Hour),
			}
		}
		d := &directory{people: map[string]connectors.Identity{alice.ID: person(alice, "alice", "audit", "platform")}}
		m := pat.NewMemory(kept, kept, slog.New(slog.DiscardHandler))
		c := pat.New(pat.DefaultConfig(), connectors.Deps{
			Realm: realm, Name: "tokens", Logger: slog.New(slog.DiscardHandler),
			Sibling: func(name string) (connectors.Connector, bool) { return d, name == "directory" },
		}, m)
		tb.Cleanup(func() {
			if err := errors.Join(c.Close(), m.Close()); err != nil && !down {
				tb.Error(err)
			}
		})
		return c
	}
	fixture.New = func(tb testing.TB) connectors.Connector { return open(tb, false) }
	fixture.Down = func(tb testing.TB) connectors.Connector { return open(tb, true) }
	connectortest.Run(t, fixture)
}
