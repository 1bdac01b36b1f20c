package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/connectors"
)

func newLockouts(p *program) *cobra.Command {
	return group("lockouts", "Failed logins, and who is kept waiting for them", newLockoutsList(p), newLockoutsClear(p))
}

func newLockoutsList(p *program) *cobra.Command {
	var o guardOptions
	c := &cobra.Command{
		Use:   "list",
		Short: "List the accounts and networks that logins have failed for",
		Long: "List what the process that serves holds against accounts, names that nobody has, and client\n" +
			"networks: how many different passwords were refused, how many of these the directory has\n" +
			"counted as wrong, and until when others are kept waiting.",
		Example: "  shorepass lockouts list --user alice",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var list []server.Lockout
			if err := askGuards(c, http.MethodGet, "lockouts", o, &list); err != nil {
				return err
			}
			if o.json {
				return p.printJSON(list)
			}
			return p.printLockouts(list)
		},
	}
	o.flags(c, "for the user of this `name` alone, as it is typed at a login")
	return c
}

func newLockoutsClear(p *program) *cobra.Command {
	var o guardOptions
	c := &cobra.Command{
		Use:   "clear",
		Short: "Forget failed logins, so that nobody waits for them",
		Long: "Forget the failed logins that the process that serves holds against a user, or against all:\n" +
			"which passwords were refused, so that the directory is asked about them again, and how many.\n" +
			"An account that the directory itself has locked is to be unlocked there. With --network, only\n" +
			"the limit of client networks is cleared, and passwords stay refused.",
		Example: "  shorepass lockouts clear --user alice\n  shorepass lockouts clear --network 192.0.2.7",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.network != "" && o.realm+o.user != "" {
				return usageError{errors.New("--network is about clients, of whatever realm and user: give it without --realm and --user")}
			}
			var done server.Cleared
			if err := askGuards(c, http.MethodDelete, "lockouts", o, &done); err != nil {
				return err
			}
			if o.json {
				return p.printJSON(done)
			}
			_, err := fmt.Fprintf(p.Out, "cleared: %s\n", counted(done.Cleared, "lockout"))
			return err
		},
	}
	o.flags(c, "of the user of this `name` alone, as it is typed at a login")
	c.Flags().StringVar(&o.network, "network", "", "of this client `network` alone, an address or a range of them such as 192.0.2.0/24")
	return c
}

// printLockouts prints a table. Names may have come from anywhere.
func (p *program) printLockouts(list []server.Lockout) error {
	w := tabwriter.NewWriter(p.Out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "WHO\tWHERE\tREFUSED\tCOUNTED\tWAITS UNTIL\tBECAUSE OF\tLAST\tFROM")
	for _, l := range list {
		because := l.Limit
		if because == "" && l.Until != "" {
			because = "lockout"
		}
		passwords, counts := "-", "-"
		if l.User != "" {
			passwords, counts = fmt.Sprint(l.Refused), fmt.Sprint(l.Counted)
			if l.Budget > 0 {
				counts += fmt.Sprintf(" of %d", l.Budget)
			}
		}
		all := "everybody"
		if l.Limit == string(connectors.ReasonNetworkLimit) {
			all = "no known address"
		}
		cells := []string{
			cmp.Or(l.User, l.Network, all), strings.Join(l.Connectors, " "), passwords, counts, l.Until, because, l.Last, l.From,
		}
		for i, text := range cells {
			cells[i] = printable(cmp.Or(text, "-"))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}
