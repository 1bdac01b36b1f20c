package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newMan makes the command that prints the manual page, which is made of what the commands
// say of themselves: docs/man/shorepass.1 is its output.
func newMan(p *program) *cobra.Command {
	return &cobra.Command{
		Use:     "man",
		Short:   "Print the manual page, in roff",
		Example: "  shorepass man | man -l -\n  shorepass man > /usr/local/share/man/man1/shorepass.1",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := io.WriteString(p.Out, manualPage(c.Root()))
			return err
		},
	}
}

// manualPage is the manual page of a command and of all below it, in the macros of man(7).
func manualPage(root *cobra.Command) string {
	var m page
	m.macro("TH", strings.ToUpper(root.Name()), "1", "", root.Name(), "")
	m.macro("SH", "NAME")
	m.text(root.Name() + " - " + lowerFirst(root.Short))
	m.macro("SH", "SYNOPSIS")
	m.line(`.B ` + root.Name())
	m.line(`.I command`)
	m.line(`[flags]`)
	m.macro("SH", "DESCRIPTION")
	m.text(root.Long)
	m.macro("SH", "COMMANDS")
	m.commands(root)
	m.macro("SH", "FILES")
	m.entry(defaultConfig, "The configuration, in the current folder unless --config names another.")
	m.macro("SH", "EXIT STATUS")
	m.entry("0", "All is fine.")
	m.entry("1", "The answer is no, or the input is wrong.")
	m.entry("2", "The command line is wrong.")
	m.macro("SH", "SEE ALSO")
	m.text("The documentation in the folder docs of the source: configuration.md has every key, operations.md is for those who run it.")
	return m.String()
}

// page is a manual page in the making.
type page struct{ strings.Builder }

// commands describes the commands below one that do something themselves.
func (m *page) commands(above *cobra.Command) {
	for _, c := range above.Commands() {
		switch {
		case !c.IsAvailableCommand():
		case c.HasSubCommands():
			m.commands(c)
		default:
			m.command(c)
		}
	}
}

func (m *page) command(c *cobra.Command) {
	m.macro("SS", strings.TrimSuffix(c.UseLine(), " [flags]"))
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	m.text(text)
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			m.flag(f)
		}
	})
	if c.Example != "" {
		m.macro("PP")
		m.verbatim(c.Example)
	}
}

func (m *page) flag(f *pflag.Flag) {
	placeholder, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if f.Value.Type() == "string" && f.DefValue != "" {
		usage += " (default: " + f.DefValue + ")"
	}
	m.entry(strings.TrimSpace(name+" "+placeholder), usage+".")
}

// entry is a term and what it means.
func (m *page) entry(term, meaning string) {
	m.macro("TP")
	m.line(`.B ` + quoted(term))
	m.line(escaped(meaning))
}

// text sets paragraphs, which empty lines separate; indented ones as they are.
func (m *page) text(text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			m.macro("PP")
		}
		if strings.HasPrefix(paragraph, " ") {
			m.verbatim(paragraph)
			continue
		}
		for _, line := range strings.Split(paragraph, "\n") {
			m.line(escaped(line))
		}
	}
}

func (m *page) verbatim(text string) {
	m.macro("EX")
	for _, line := range strings.Split(text, "\n") {
		m.line(escaped(line))
	}
	m.macro("EE")
}

func (m *page) macro(name string, args ...string) {
	line := "." + name
	for _, a := range args {
		line += " " + quoted(a)
	}
	m.line(line)
}

func (m *page) line(text string) { m.WriteString(text + "\n") }

// quoted is an argument of a macro.
func quoted(text string) string { return `"` + strings.ReplaceAll(escaped(text), `"`, `\(dq`) + `"` }

// escaped is a line of text for roff, in ASCII.
func escaped(text string) string {
	var b strings.Builder
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		b.WriteString(`\&`)
	}
	for _, r := range text {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r == '\'':
			b.WriteString(`\(aq`)
		case r == '`':
			b.WriteString(`\(ga`)
		case r > '~':
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
