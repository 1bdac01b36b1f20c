package cmd

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/internal/starter"
)

// newCompletion makes the commands that print what a shell completes command lines by.
func newCompletion(p *program) *cobra.Command {
	shell := func(name, how string, generate func(root *cobra.Command, to io.Writer) error) *cobra.Command {
		return &cobra.Command{
			Use:   name,
			Short: "Print the script for " + name,
			Long:  "Print the script by which " + name + " completes command lines of shorepass. To load it:\n\n" + how,
			Args:  noArgs,
			RunE:  func(c *cobra.Command, _ []string) error { return generate(c.Root(), p.Out) },
		}
	}
	return group("completion", "Print a script by which a shell completes command lines",
		shell("bash", "  source <(shorepass completion bash)                                      # now\n"+
			"  shorepass completion bash > /etc/bash_completion.d/shorepass              # from the next shell on\n\n"+
			"It needs the package bash-completion.",
			func(root *cobra.Command, to io.Writer) error { return root.GenBashCompletionV2(to, true) }),
		shell("zsh", "  source <(shorepass completion zsh)                                       # now\n"+
			"  shorepass completion zsh > \"${fpath[1]}/_shorepass\"                       # from the next shell on",
			func(root *cobra.Command, to io.Writer) error { return root.GenZshCompletion(to) }),
		shell("fish", "  shorepass completion fish | source                                       # now\n"+
			"  shorepass completion fish > ~/.config/fish/completions/shorepass.fish     # from the next shell on",
			func(root *cobra.Command, to io.Writer) error { return root.GenFishCompletion(to, true) }),
		shell("powershell", "  shorepass completion powershell | Out-String | Invoke-Expression         # now; in the profile: always",
			func(root *cobra.Command, to io.Writer) error { return root.GenPowerShellCompletionWithDesc(to) }),
	)
}

// completer suggests the values of a flag.
type completer = func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective)

// complete gives every flag of a command, and of those below it, what its values are.
func (p *program) complete(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if values := p.valuesOf(f); values != nil {
			_ = c.RegisterFlagCompletionFunc(f.Name, values) // fails for a flag that is not there
		}
	})
	if c.ValidArgsFunction == nil && !c.HasSubCommands() {
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, below := range c.Commands() {
		p.complete(below)
	}
}

// valuesOf returns what suggests the values of a flag; nil for one that takes none.
func (p *program) valuesOf(f *pflag.Flag) completer {
	placeholder, _ := pflag.UnquoteUsage(f)
	switch {
	case f.NoOptDefVal != "":
		return nil
	case f.Name == "config":
		return fixed(cobra.ShellCompDirectiveFilterFileExt, "yaml", "yml")
	case f.Name == "realm":
		return fromRealms(func(r config.Realm) []string { return []string{r.Name} })
	case f.Name == "service":
		return fromRealms(serviceNames)
	case placeholder == "connector:name":
		return p.connectors
	case f.Name == "for":
		return fixed(cobra.ShellCompDirectiveNoFileComp, "v2", "v3", "v3-jwks", "zot")
	case f.Name == "format":
		return fixed(cobra.ShellCompDirectiveNoFileComp, "yaml", "env", "compose")
	case f.Name == "directory":
		return fixed(cobra.ShellCompDirectiveNoFileComp, starter.Directories()...)
	case f.Name == "trust":
		return fixed(cobra.ShellCompDirectiveNoFileComp, "x5c", "jwks")
	case f.Name == "algorithm":
		return fixed(cobra.ShellCompDirectiveNoFileComp, hashAlgorithms()...)
	case placeholder == "file":
		return fixed(cobra.ShellCompDirectiveDefault)
	case placeholder == "folder":
		return fixed(cobra.ShellCompDirectiveFilterDirs)
	}
	return cobra.NoFileCompletions
}

// fixed suggests the same values always.
func fixed(how cobra.ShellCompDirective, values ...string) completer {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return values, how
	}
}

// fromRealms suggests what the realms of the configuration have; of the named realm alone,
// where the command line has one. No secret is read for it.
func fromRealms(names func(config.Realm) []string) completer {
	return func(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		cfg, _ := config.LoadKeys(configOf(c)) // what is wrong with it, "check" says
		return ofRealms(c, cfg, names), cobra.ShellCompDirectiveNoFileComp
	}
}

// connectors suggests the connectors of people, each to be followed by a name. That of access
// tokens is none: they are their owners'.
func (p *program) connectors(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if strings.Contains(typed, ":") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cfg, _ := config.Load(configOf(c), p.types) // as above
	return ofRealms(c, cfg, func(r config.Realm) []string {
		var names []string
		for _, one := range r.Connectors {
			if !p.types[one.Type].Tokens {
				names = append(names, one.Name+":")
			}
		}
		return names
	}), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// configOf is the configuration that a command line names.
func configOf(c *cobra.Command) string {
	path, _ := c.Flags().GetString("config") // empty where there is no such flag
	return path
}

// ofRealms returns what the realms have that a command line is about; cfg is nil where there
// is none.
func ofRealms(c *cobra.Command, cfg *config.Config, names func(config.Realm) []string) []cobra.Completion {
	if cfg == nil {
		return nil
	}
	only := ""
	if f := c.Flags().Lookup("realm"); f != nil && f.Changed {
		only = f.Value.String()
	}
	var all []cobra.Completion
	for _, r := range cfg.Realms {
		if only == "" || r.Name == only {
			all = append(all, names(r)...)
		}
	}
	slices.Sort(all) // two realms may have the same
	return slices.Compact(all)
}
