package connectors_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/shorepass/shorepass/connectors"
)

// team is a connector that knows its members and their passwords.
type team struct {
	name    string
	members map[string]string
}

func (t team) Handles(connectors.Credentials) bool { return true }

func (t team) Authenticate(_ context.Context, c connectors.Credentials) (connectors.Identity, error) {
	password, ok := t.members[c.Username]
	switch {
	case !ok:
		return connectors.Identity{}, connectors.ErrNotMine
	case password != c.Password.Reveal():
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	}
	return connectors.Identity{
		Connector: t.name, Via: t.name, ID: c.Username, Username: c.Username, Ceiling: connectors.Unlimited(),
	}, nil
}

// An unknown name goes on to the next connector; a wrong password stops.
func ExampleNewChain() {
	deck := team{"deck", map[string]string{"alice": "ecila"}}
	engine := team{"engine", map[string]string{"alice": "other", "bob": "bob"}}
	chain := connectors.NewChain(connectors.ASCIIUsernames,
		connectors.Member{Name: "deck", Connector: deck},
		connectors.Member{Name: "engine", Connector: engine},
	)

	for _, c := range []connectors.Credentials{
		{Username: "alice", Password: connectors.NewSecret("ecila")},
		{Username: "bob", Password: connectors.NewSecret("bob")},
		{Username: "alice", Password: connectors.NewSecret("other")},
		{Username: "zoe", Password: connectors.NewSecret("eoz")},
	} {
		who, err := chain.Authenticate(context.Background(), c)
		if errors.Is(err, connectors.ErrRejected) {
			fmt.Println(err)
			continue
		}
		fmt.Println(who.Connector, who.Username)
	}
	// Output:
	// deck alice
	// engine bob
	// connector deck: credentials rejected: wrong-password
	// credentials rejected: unknown-user
}
