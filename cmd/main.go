package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/connectors"
)

// The exit codes.
const (
	exitFine  = 0
	exitNo    = 1 // the answer is no, or the input is wrong
	exitUsage = 2
)

// errNo ends a command whose output already said that the answer is no.
var errNo = errors.New("no")

// usageError is a mistake on the command line.
type usageError struct{ error }

// Streams are what a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Main runs the command line of this process and returns its exit code. extra are
// connector types besides the built-in ones, by the name that configurations use.
func Main(extra map[string]connectors.Type) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	log.SetOutput(io.Discard)    // where package net/http repeats what a server sends unasked: a password, maybe
	return Run(ctx, os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, extra)
}

// Run runs one command line and returns its exit code: 0 fine, 1 the answer is no or
// the input is wrong, 2 usage.
func Run(ctx context.Context, args []string, s Streams, extra map[string]connectors.Type) int {
	p := newProgram(s, extra)
	defer p.close() //nolint:errcheck // what was to be kept was acknowledged
	root := newRoot(p)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errNo):
		return exitNo
	case errors.As(err, &usage):
		fmt.Fprintf(s.Err, "shorepass: %v\nRun \"shorepass --help\" for what there is.\n", err)
		return exitUsage
	}
	fmt.Fprintf(s.Err, "shorepass: %v\n", err)
	return exitNo
}

// program is what every subcommand shares.
type program struct {
	Streams
	wiring
}

func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:   "shorepass",
		Short: "Log in to container registries with the account you already have",
		Long: "Shorepass stands between container clients and container registries: it checks who\n" +
			"somebody is with the directory or the file that knows, decides by policy what they\n" +
			"may pull, push and delete, and signs the token that the registry trusts.",
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              subcommands,
		RunE:              help,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newServe(p), newCheck(p), newExplain(p), newToken(p), newKeys(p), newCache(p), newLockouts(p), newBackup(p), newRestore(p), newRegistryConfig(p), newConfig(p), newUsers(p), newHealth(p), newCompletion(p), newMan(p), newVersion(p))
	p.complete(root)
	return root
}

// group is a command that only has subcommands.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: subcommands, RunE: help}
	c.AddCommand(commands...)
	return c
}

func help(c *cobra.Command, _ []string) error { return c.Help() }

// subcommands refuses a word that is no subcommand.
func subcommands(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath())
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		text += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return usageError{errors.New(text)}
}

// noArgs refuses arguments.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%q takes no arguments, got %q", c.CommandPath(), args[0])}
	}
	return nil
}
