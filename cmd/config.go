package cmd

import (
	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/docs"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/internal/manual"
)

func newConfig(p *program) *cobra.Command {
	return group("config", "Start a configuration, and have an editor check it", newConfigInit(p), newConfigSchema(p))
}

func newConfigSchema(p *program) *cobra.Command {
	var ofPolicy bool
	c := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration, or of a policy",
		Long: "Print the JSON Schema of the configuration, or of a policy file, with what the manual says of\n" +
			"each key: editors complete, explain and check by it. A line at the top of the file names it:\n\n" +
			"  # yaml-language-server: $schema=shorepass.schema.json\n\n" +
			"A schema knows keys and kinds of values alone; \"shorepass check\" knows the rest.",
		Example: "  shorepass config schema > shorepass.schema.json\n  shorepass config schema --policy > policy.schema.json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			m := manual.Parse(docs.Configuration)
			if ofPolicy {
				return p.printJSON(config.PolicyJSONSchema(m))
			}
			return p.printJSON(config.JSONSchema(p.types, m))
		},
	}
	c.Flags().BoolVar(&ofPolicy, "policy", false, "the schema of a policy file")
	return c
}
