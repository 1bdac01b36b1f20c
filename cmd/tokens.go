package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker/access"
)

func newToken(p *program) *cobra.Command {
	return group("token", "Personal access tokens", newTokenCreate(p), newTokenList(p), newTokenShow(p), newTokenRevoke(p))
}

// tokenOptions are the flags of the commands about access tokens.
type tokenOptions struct {
	config, realm string
	json          bool
	byID          bool // the tokens are named by their ids, which are of one realm each
	serverOptions      // of people, about their own
}

func (o *tokenOptions) flags(c *cobra.Command) {
	configFlag(c, &o.config)
	realmFlag(c, &o.realm)
	jsonFlag(c, &o.json)
	o.serverOptions.flags(c)
}

func newTokenCreate(p *program) *cobra.Command {
	var o tokenOptions
	var spec access.Spec
	c := &cobra.Command{
		Use:   "create --owner CONNECTOR:NAME --name NAME --scope SCOPE…",
		Short: "Make an access token and print it, this once",
		Long: "Make an access token and print it, this once: it is kept nowhere. Clients log in with it\n" +
			"in place of a password. It does what the scopes say as far as the rules allow it to its\n" +
			"owner at the time, until it expires or is revoked.\n" +
			"The token alone goes to standard output, the rest to standard error.\n" +
			"With --server you make one of your own, within what the realm's self_service allows.",
		Example: "  shorepass token create --owner directory:alice --name ci --scope 'repository:team/**:pull' --expires 30d\n" +
			"  TOKEN=$(shorepass token create --owner directory:alice --name build --network 10.0.0.0/8 \\\n" +
			"    --scope 'repository:team/app:pull,push' --scope 'repository:base/*:pull')\n" +
			"  shorepass token create --owner sso:alice --group platform --name ci --scope 'repository:**:pull'\n" +
			"  shorepass token create --server https://login.corp.example --user alice --name laptop --scope 'repository:**:pull'",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			need := []string{"owner", "name", "scope"}
			if o.server != "" {
				need = need[1:]
			}
			if err := o.check(c, "owner", "group"); err != nil {
				return err
			}
			if err := needFlags(c, need...); err != nil {
				return err
			}
			signal.Ignore(syscall.SIGPIPE) // a reader that has gone is an error, after which there is something to do
			if err := p.checkOutput(); err != nil {
				return err
			}
			return p.withTokens(c.Context(), o, true, true, func(t tokens) error {
				made, err := t.create(c.Context(), spec)
				if err != nil {
					return err
				}
				if err := p.printMade(made, o.json); err != nil {
					return takeBack(c.Context(), t, made.Token.ID, err)
				}
				return nil
			})
		},
	}
	o.flags(c)
	f := c.Flags()
	f.StringVar(&spec.Owner, "owner", "", "whose token it is, as `connector:name`")
	f.StringVar(&spec.Name, "name", "", "what the token is for: a `name` among the owner's tokens")
	f.StringArrayVar(&spec.Scopes, "scope", nil, "what it may do at most: a `scope` such as repository:team/**:pull,push; may be repeated")
	f.StringVar(&spec.Expires, "expires", "", "how long it lasts, such as 30d or 12h, or its end as a `date` or a time (90d, at most 366d)")
	f.StringArrayVar(&spec.Networks, "network", nil, "an address or `CIDR` that it may be used from; may be repeated")
	f.StringArrayVar(&spec.Groups, "group", nil, "a `group` of the owner, fixed for the life of the token (30d at most), where the connector cannot look the owner up; may be repeated")
	return c
}

// checkOutput fails where a token that is printed would be lost. A standard output that is
// closed when a program starts is /dev/null to it.
func (p *program) checkOutput() error {
	out, ok := p.Out.(*os.File)
	if !ok {
		return nil
	}
	info, err := out.Stat()
	if err != nil {
		return fmt.Errorf("the token could not be printed, and was not made: %w", err)
	}
	if null, err := os.Stat(os.DevNull); err == nil && os.SameFile(info, null) {
		return fmt.Errorf("standard output is closed or %s, where the token would be lost: none was made", os.DevNull)
	}
	return nil
}

// takeBack revokes a token that could not be printed: nobody has it.
func takeBack(ctx context.Context, t tokenWriter, id string, cause error) error {
	if _, err := t.revoke(context.WithoutCancel(ctx), id); err != nil {
		return fmt.Errorf("the token was made, could not be printed (%w), and could not be revoked either: \"shorepass token revoke %s\" does that: %w", cause, id, err)
	}
	return fmt.Errorf("the token could not be printed, and was revoked: %w", cause)
}

func newTokenList(p *program) *cobra.Command {
	var o tokenOptions
	var filter access.Filter
	c := &cobra.Command{
		Use:   "list",
		Short: "List a realm's access tokens, newest first",
		Long: "List a realm's access tokens, newest first: those that count, or with --all those too\n" +
			"that have expired or were revoked, for the 90 days that they are kept. Those made within\n" +
			"the same second are listed by their ids.",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.check(c, "owner"); err != nil {
				return err
			}
			var list access.List
			err := p.withTokens(c.Context(), o, false, filter.Owner != "", func(t tokens) (err error) {
				list, err = t.list(c.Context(), filter)
				return err
			})
			if errors.Is(err, errNoDatabase) {
				fmt.Fprintln(p.Err, err)
				err = nil
			}
			if err != nil {
				return err
			}
			p.warn(list.Warnings)
			return p.printTokens(list.Tokens, o.json)
		},
	}
	o.flags(c)
	c.Flags().StringVar(&filter.Owner, "owner", "", "only those of an owner, as `connector:name`")
	c.Flags().BoolVar(&filter.All, "all", false, "those too that no longer count")
	return c
}

func newTokenShow(p *program) *cobra.Command {
	var o tokenOptions
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show an access token: all but the token itself",
		Long: "Show an access token: whose it is, what it may do, when it was used last. The token itself\n" +
			"is kept nowhere. Its id is the 12 characters after srp_, and names no other in any realm.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("%q wants the id of one token", c.CommandPath())}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.check(c); err != nil {
				return err
			}
			o.byID = true
			return p.withTokens(c.Context(), o, false, false, func(t tokens) error {
				if err := access.CheckID(args[0]); err != nil {
					return err
				}
				one, err := t.show(c.Context(), args[0])
				if err != nil {
					return err
				}
				return p.printToken(one, o.json)
			})
		},
	}
	o.flags(c)
	return c
}

func newTokenRevoke(p *program) *cobra.Command {
	var o tokenOptions
	var owner string
	var all bool
	c := &cobra.Command{
		Use:   "revoke ID… | --owner CONNECTOR:NAME --all | --server URL --all",
		Short: "Take access tokens back, at once and for good",
		Long: "Take access tokens back: the next login with one is refused. Registry tokens that were\n" +
			"granted before last for the few minutes that they have left. The realm need not be named\n" +
			"with ids.\n" +
			"To revoke a token again changes nothing, and a warning says since when it is revoked.\n" +
			"Exits 1 where a token is not revoked then, such as one that is not there.",
		Example: "  shorepass token revoke 4fGh2kLmN0pQ\n" +
			"  shorepass token revoke --owner directory:alice --all",
		RunE: func(c *cobra.Command, ids []string) error {
			if err := o.check(c, "owner"); err != nil {
				return err
			}
			if len(ids) == 0 && (owner+o.server == "" || !all) || len(ids) > 0 && (owner != "" || all) {
				return usageError{errors.New("say which tokens: their ids, or --owner and --all; with --server: their ids, or --all")}
			}
			o.byID = len(ids) > 0
			return p.withTokens(c.Context(), o, false, owner != "", func(t tokens) error {
				revoked, err := revokeTokens(c.Context(), t, owner, ids)
				p.warn(revoked.Warnings)
				return errors.Join(p.printRevoked(revoked.Tokens, o.json), err)
			})
		},
	}
	o.flags(c)
	c.Flags().StringVar(&owner, "owner", "", "with --all: those of an owner, as `connector:name`")
	c.Flags().BoolVar(&all, "all", false, "with --owner or --server: all that count")
	return c
}

// revokeTokens revokes what it can; the error says what it could not.
func revokeTokens(ctx context.Context, t tokenWriter, owner string, ids []string) (access.List, error) {
	if len(ids) == 0 {
		return t.revokeAll(ctx, owner)
	}
	var revoked access.List
	var errs []error
	for _, id := range ids {
		err := access.CheckID(id)
		if err == nil {
			var one access.RevokedToken
			if one, err = t.revoke(ctx, id); one.ID != "" {
				revoked.Tokens = append(revoked.Tokens, one.Token)
				revoked.Warnings = append(revoked.Warnings, one.Warnings...)
			}
		}
		errs = append(errs, err)
	}
	return revoked, errors.Join(errs...)
}

// needFlags refuses a command without these flags.
func needFlags(c *cobra.Command, names ...string) error {
	var missing []string
	for _, name := range names {
		if !c.Flags().Changed(name) {
			missing = append(missing, "--"+name)
		}
	}
	if len(missing) > 0 {
		return usageError{fmt.Errorf("%q needs %s", c.CommandPath(), strings.Join(missing, ", "))}
	}
	return nil
}
