package cmd_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/shorepass/shorepass/cmd"
	"github.com/shorepass/shorepass/connectors"
)

// phrase takes anybody who knows the pass phrase.
type phrase struct {
	Name   string            `yaml:"-"`
	Phrase connectors.Secret `yaml:"phrase"`
}

func (p phrase) Handles(c connectors.Credentials) bool {
	_, ok := connectors.ASCIIUsernames.Parse(c.Username)
	return ok
}

func (p phrase) Authenticate(_ context.Context, c connectors.Credentials) (connectors.Identity, error) {
	name, ok := connectors.ASCIIUsernames.Parse(c.Username)
	if !ok || c.Password.Reveal() != p.Phrase.Reveal() {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	}
	return connectors.Identity{Connector: p.Name, Via: p.Name, ID: name, Username: name, Ceiling: connectors.Unlimited()}, nil
}

const crewConfig = `
realms:
  - name: crew
    services: [registry.example]
    connectors:
      - {name: gangway, type: phrase, config: {phrase: ahoy}}
    policy:
      rules:
        - {name: the crew pulls, users: ["gangway:*"], repositories: [ship/**], allow: [pull]}
`

// A program with a connector of one's own is cmd.Main, called with it.
func ExampleMain() {
	dir, err := os.MkdirTemp("", "shorepass")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	config := filepath.Join(dir, "shorepass.yaml")
	if err := os.WriteFile(config, []byte(crewConfig), 0o600); err != nil {
		log.Print(err)
		return
	}
	os.Args = []string{"shorepass", "explain", "--config", config, "--user", "gangway:jim", "repository:ship/log:pull,push"}

	code := cmd.Main(map[string]connectors.Type{"phrase": {
		Config: func() any { return new(phrase) },
		New: func(config any, d connectors.Deps) (connectors.Connector, error) {
			p := *config.(*phrase)
			p.Name = d.Name
			return p, nil
		},
	}})
	fmt.Println("\nexit code", code) // a main ends with os.Exit(code)
	// Output:
	// who      gangway:jim
	// groups   none
	// service  registry.example
	// from     not known
	//
	// granted  repository:ship/log  pull  allowed by rule "the crew pulls"
	// refused  repository:ship/log  push  no rule allows it
	//
	// exit code 1
}
