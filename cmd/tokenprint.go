package cmd

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/broker/server"
)

// printMade prints a new token: the secret alone on standard output, or all as JSON.
func (p *program) printMade(made access.Created, asJSON bool) error {
	t := made.Token
	var err error
	if asJSON {
		err = p.printJSON(server.MadeToken{Token: t, Secret: made.Secret.Reveal(), Warnings: made.Warnings})
	} else {
		_, err = fmt.Fprintln(p.Out, made.Secret.Reveal())
	}
	if err != nil || asJSON {
		return err
	}
	fmt.Fprintf(p.Err, "access token %s, %q, of %s, until %s: shown this once\n", t.ID, t.Name, printable(t.Owner), minute(t.Expires))
	p.warn(made.Warnings)
	return nil
}

// warn says what else there is to know.
func (p *program) warn(warnings []string) {
	for _, w := range warnings {
		fmt.Fprintf(p.Err, "warning: %s\n", printable(w))
	}
}

// printTokens prints tokens as a table. Names and owners may have come from anywhere.
func (p *program) printTokens(list []access.Token, asJSON bool) error {
	if asJSON {
		return p.printJSON(append([]access.Token{}, list...))
	}
	w := tabwriter.NewWriter(p.Out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tOWNER\tNAME\tSCOPES\tEXPIRES\tLAST USED\tSTATUS")
	for _, t := range list {
		cells := []string{t.ID, t.Owner, t.Name, shortly(t.Scopes), minute(t.Expires), minute(t.LastUsed), string(t.Status)}
		for i, text := range cells {
			cells[i] = printable(text)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// printToken prints all of a token.
func (p *program) printToken(t access.Token, asJSON bool) error {
	if asJSON {
		return p.printJSON(t)
	}
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	line := func(name, value string) { fmt.Fprintf(w, "%s\t%s\n", name, printable(value)) }
	line("id", t.ID)
	line("realm", t.Realm)
	line("owner", t.Owner)
	line("name", t.Name)
	line("status", string(t.Status))
	line("scopes", strings.Join(t.Scopes, " "))
	line("networks", orElse(strings.Join(t.Networks, " "), "all"))
	line("groups", orElse(strings.Join(t.Groups, ", "), "those that the owner has"))
	line("created", minute(t.Created)+" by "+t.CreatedBy)
	line("expires", minute(t.Expires))
	if !t.Revoked.IsZero() {
		line("revoked", minute(t.Revoked)+" by "+t.RevokedBy)
	}
	used := minute(t.LastUsed)
	if t.LastUsedFrom != "" {
		used += " from " + t.LastUsedFrom
	}
	line("last used", used)
	return w.Flush()
}

// printRevoked confirms what was revoked.
func (p *program) printRevoked(list []access.Token, asJSON bool) error {
	if asJSON {
		return p.printJSON(append([]access.Token{}, list...))
	}
	for _, t := range list {
		if _, err := fmt.Fprintf(p.Out, "revoked %s, %q, of %s\n", t.ID, t.Name, printable(t.Owner)); err != nil {
			return err
		}
	}
	return nil
}

// shortly shows the first of many.
func shortly(items []string) string {
	if len(items) <= 2 {
		return strings.Join(items, " ")
	}
	return fmt.Sprintf("%s and %d more", items[0], len(items)-1)
}

// minute shows a time to the minute, in UTC.
func minute(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
