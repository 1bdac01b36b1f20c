package connectortest_test

import (
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
)

// A connector's own test says how to build it and who can sign in.
func ExampleRun() {
	var t *testing.T // the test's own
	connectortest.Run(t, connectortest.Fixture{
		Name:          "local",
		New:           func(testing.TB) connectors.Connector { return &users{} },
		Good:          connectortest.Login{Username: "alice", Password: "alice's password"},
		Username:      "alice",
		Groups:        []string{"platform"},
		WrongPassword: "not alice's password",
	})
}
