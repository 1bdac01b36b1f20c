package staff

import (
	"fmt"

	"github.com/shorepass/shorepass/connectors"
)

// Type is what the program is handed.
func Type() connectors.Type {
	return connectors.Type{
		Config: func() any { return new(Config) },
		Directory: func(config any, d connectors.Deps) (connectors.Directory, error) {
			c, ok := config.(*Config)
			if !ok {
				return nil, fmt.Errorf("connector %s: got a configuration of type %T", d.Name, config)
			}
			return New(c, d)
		},
	}
}
