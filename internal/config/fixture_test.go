package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/connectors/oidc"
	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/connectors/webhook"
)

var update = flag.Bool("update", false, "write the golden files anew")

// deskConfig is the configuration of a connector type with every kind of value that
// the built-in types lack.
type deskConfig struct {
	URL      string               `yaml:"url,required"`
	Password connectors.Secret    `yaml:"password"`
	Key      connectors.Path      `yaml:"key"`
	Hosts    connectors.OneOrMany `yaml:"hosts"`
	Limits   *deskLimits          `yaml:"limits"`
}

type deskLimits struct {
	Max    int           `yaml:"max"`
	Window time.Duration `yaml:"window"`
}

func (c *deskConfig) Validate() []connectors.FieldProblem {
	var problems []connectors.FieldProblem
	if !strings.HasPrefix(c.URL, "desk://") {
		problems = append(problems, connectors.FieldProblem{Field: "url", Message: "want desk://HOST"})
	}
	if c.Limits != nil && c.Limits.Max < 1 {
		problems = append(problems, connectors.FieldProblem{Field: "limits.max", Message: "want 1 or more"})
	}
	if c.Password.Blank() {
		problems = append(problems, connectors.FieldProblem{Message: "a desk has a password"})
	}
	return problems
}

func types() map[string]connectors.Type {
	directory := func(any, connectors.Deps) (connectors.Directory, error) { return nil, errors.ErrUnsupported }
	return map[string]connectors.Type{
		"desk":    {Config: func() any { return new(deskConfig) }, Directory: directory},
		"static":  {Config: func() any { return new(static.Config) }, Directory: directory},
		"ldap":    {Config: func() any { return ldap.DefaultConfig() }, Directory: directory, Groups: connectors.FoldedGroups},
		"oidc":    {Config: func() any { return oidc.DefaultConfig() }, Directory: directory},
		"webhook": {Config: func() any { return webhook.DefaultConfig() }, Directory: directory},
		"pat":     {Config: func() any { return pat.DefaultConfig() }, Tokens: true},
	}
}

// anonymize takes the machine's paths out of messages.
func anonymize(t *testing.T, message, folder string) string {
	t.Helper()
	absolute, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	message = strings.ReplaceAll(message, absolute, "DIR")
	return strings.ReplaceAll(message, folder+"/", "") + "\n"
}

// golden compares with the content of a file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
