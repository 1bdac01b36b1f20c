package guard_test

import (
	"context"
	"fmt"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// phonebook is a password directory: user names and passwords.
type phonebook map[string]string

func (p phonebook) Locate(_ context.Context, username string) (connectors.Account, error) {
	if _, ok := p[username]; !ok {
		return connectors.Account{}, connectors.ErrNotMine
	}
	return connectors.Account{ID: username, Username: username}, nil
}

func (p phonebook) Verify(_ context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	if p[a.Username] != password.Reveal() {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	}
	return connectors.Identity{
		Connector: "phonebook", Via: "phonebook", ID: a.ID, Username: a.Username, Ceiling: connectors.Unlimited(),
	}, nil
}

func ExamplePassword() {
	connector := guard.Password(phonebook{"alice": "secret"}, guard.Config{Usernames: []string{"a*"}})

	for _, c := range []connectors.Credentials{
		{Username: "ALICE", Password: connectors.NewSecret("secret")},
		{Username: "alice", Password: connectors.NewSecret("guess")},
		{Username: "alice"},
		{Username: "anna", Password: connectors.NewSecret("secret")},
	} {
		who, err := connector.Authenticate(context.Background(), c)
		fmt.Printf("%s: %q, %v\n", c.Username, who.Username, err)
	}
	fmt.Println("bob:", connector.Handles(connectors.Credentials{Username: "bob"}))
	// Output:
	// ALICE: "alice", <nil>
	// alice: "", credentials rejected: wrong-password
	// alice: "", credentials rejected: empty-password
	// anna: "", no such user here
	// bob: false
}
