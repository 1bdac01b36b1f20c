package staff

import (
	"net/url"

	"github.com/shorepass/shorepass/connectors"
)

// Config is the `config` of a connector of type staff.
type Config struct {
	URL   string            `yaml:"url"`   // of the service: https, or http on this machine
	Token connectors.Secret `yaml:"token"` // what the service knows us by
}

// Validate returns what is wrong, all of it.
func (c *Config) Validate() []connectors.FieldProblem {
	var problems []connectors.FieldProblem
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		problems = append(problems, connectors.FieldProblem{Field: "url", Message: "missing: where is the service? Such as https://staff.corp.example"})
	case err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost"):
		problems = append(problems, connectors.FieldProblem{Field: "url", Message: "want https://HOST, or http://localhost: passwords are sent there"})
	}
	if c.Token.Blank() {
		problems = append(problems, connectors.FieldProblem{Field: "token", Message: "missing: what does the service know us by?"})
	}
	return problems
}

// HasGroups reports that people have groups, so that rules about them can match.
func (*Config) HasGroups() bool { return true }
