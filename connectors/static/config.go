package static

import "github.com/shorepass/shorepass/connectors"

// Config is the `config` of a connector of type static: exactly one of the two.
type Config struct {
	File     connectors.Path `yaml:"file"`     // users.yaml: names, hashes, groups
	Htpasswd connectors.Path `yaml:"htpasswd"` // an htpasswd file: bcrypt lines, no groups
}

var _ connectors.Connected = (*Config)(nil)

// Validate wants exactly one file.
func (c *Config) Validate() []connectors.FieldProblem {
	if (c.File == "") == (c.Htpasswd == "") {
		return []connectors.FieldProblem{{Message: "name exactly one of file (users.yaml) and htpasswd"}}
	}
	return nil
}

// HasGroups reports whether the users have groups: those of an htpasswd file do not.
func (c *Config) HasGroups() bool { return c.Htpasswd == "" }

// Connections is none: people are in a file.
func (c *Config) Connections(int) int { return 0 }
