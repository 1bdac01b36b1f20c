package staff

import (
	"fmt"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// Type is what the program is handed.
func Type() connectors.Type {
	return connectors.Type{
		Config: func() any { return new(Config) },
		New: func(config any, d connectors.Deps) (connectors.Connector, error) {
			c, ok := config.(*Config)
			if !ok {
				return nil, fmt.Errorf("connector %s: got a configuration of type %T", d.Name, config)
			}
			directory, err := New(c, d)
			if err != nil {
				return nil, err
			}
			return guard.Password(directory, guard.Config{Form: d.Form, Usernames: d.Usernames}), nil
		},
	}
}
