package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/internal/starter"
)

func newConfigInit(p *program) *cobra.Command {
	var directory, folder string
	c := &cobra.Command{
		Use:   "init --directory DIRECTORY",
		Short: "Write a configuration to start from",
		Long: "Write shorepass.yaml, policy.yaml and a file for the directory's secret, with comments on what\n" +
			"to change. Nothing is written where one of them is there already.",
		Example: "  shorepass config init --directory openldap\n  shorepass config init --directory keycloak --out /etc/shorepass",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			known := strings.Join(starter.Directories(), ", ")
			if directory == "" {
				return usageError{errors.New("say which directory with --directory: " + known)}
			}
			if err := noEmptyFlags(c); err != nil {
				return err
			}
			written, err := starter.Write(directory, folder)
			if errors.Is(err, starter.ErrUnknown) {
				return usageError{fmt.Errorf("--directory is one of %s, not %q", known, directory)}
			}
			if err != nil {
				return err
			}
			return p.printNext(written)
		},
	}
	c.Flags().StringVar(&directory, "directory", "", "what people's accounts are in: a `directory` of the kind "+strings.Join(starter.Directories(), ", "))
	c.Flags().StringVar(&folder, "out", ".", "the `folder` to write to")
	return c
}

// printNext says what to do with the files that were written.
func (p *program) printNext(w starter.Written) error {
	where := ""
	if w.Folder != "." {
		where = " in " + w.Folder
	}
	_, err := fmt.Fprintf(p.Out, `Written%[4]s:
  %-16[1]s the configuration: look at the lines marked <-
  %-16[2]s who may do what
  %-16[3]s to hold the directory's secret, in place of %[5]q

Then%[4]s:
  shorepass check              finds mistakes, without a network
  shorepass check --connect    tries the directory, step by step
  shorepass explain --login NAME repository:platform/app:pull,push
  shorepass serve
  shorepass registry-config --for v3    what the registry needs; or v2, v3-jwks, zot
`, w.Config, w.Policy, w.Secret, where, starter.Secret)
	return err
}
