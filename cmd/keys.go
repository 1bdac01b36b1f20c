package cmd

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/config"
)

func newKeys(p *program) *cobra.Command {
	return group("keys", "The keys that sign tokens", newKeysList(p), newKeysRotate(p), newKeysActivate(p), newRollover(p))
}

func newKeysList(p *program) *cobra.Command {
	var o keyOptions
	c := &cobra.Command{
		Use:   "list",
		Short: "List a realm's keys and certificates",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.withKeys(o, func(k realmKeys, _ *config.Config, _ config.Realm) error {
				infos, err := k.keys(c.Context())
				if err != nil {
					return err
				}
				return p.printKeys(infos, o.json)
			})
		},
	}
	o.flags(c)
	return c
}

func newKeysRotate(p *program) *cobra.Command {
	var o actOptions
	var trust string
	c := &cobra.Command{
		Use:   "rotate",
		Short: "Replace the signing key: at once with trust x5c, in two steps with trust jwks",
		Long: "With trust x5c, a new key signs from now on, and registries need nothing.\n" +
			"With trust jwks, this is the first of two steps: the next key is published beside the one\n" +
			"that signs, and every registry is to be restarted with it before \"shorepass keys activate\".",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.act(c.Context(), o, func(r config.Realm) (token.Act, error) { return rotation(r, trust) })
		},
	}
	o.flags(c, "with trust jwks: publish another key in place of the next one that is published already")
	c.Flags().StringVar(&trust, "trust", "", "of which `services`: x5c or jwks; may be left out where the realm has one kind")
	return c
}

// rotation is what to rotate the keys of a realm means, for services with that trust.
func rotation(r config.Realm, trust string) (token.Act, error) {
	has := func(t string) bool {
		return slices.ContainsFunc(r.Services, func(s config.Service) bool { return s.Trust == t })
	}
	switch {
	case trust != "" && trust != "x5c" && trust != "jwks":
		return "", usageError{fmt.Errorf("--trust is x5c or jwks, not %q", trust)}
	case trust == "" && has("x5c") && has("jwks"):
		return "", usageError{fmt.Errorf("say which key with --trust: realm %s has services with trust x5c, and with trust jwks", r.Name)}
	case trust == "jwks" || trust == "" && has("jwks"):
		return token.PublishKey, nil
	}
	return token.RotateKeys, nil
}

func newKeysActivate(p *program) *cobra.Command {
	return newAct(p, "activate", "Sign with the next key from now on (trust jwks)",
		"Have the next key, which \"shorepass keys rotate\" has published, sign the tokens of services\n"+
			"with trust jwks. Registries that were not restarted with it refuse them.",
		token.ActivateKey, "also within an hour of its publication: every registry has it")
}

func newRollover(p *program) *cobra.Command {
	return group("rollover-ca", "Replace the CA that registries trust, in three steps (trust x5c)",
		newAct(p, "start", "Publish the next CA beside the present one",
			"Make the next CA and publish it in the bundle beside the present one, which goes on to sign.\n"+
				"Every registry is to be restarted with both.",
			token.PublishCA, "publish another in place of the next one that is published already"),
		newAct(p, "activate", "Have the next CA vouch for a new signing key",
			"Have the next CA vouch for a new signing key. Registries that were not restarted with both\n"+
				"CAs refuse its tokens.",
			token.ActivateCA, "also within an hour of its publication: every registry has both"),
		newAct(p, "finish", "Take the CA before out of the bundle",
			"Take the CA before out of the bundle, once its last token has expired. Registries that are\n"+
				"restarted with that trust it no more.",
			token.RetireCA, "also while its tokens may be alive"))
}

// actOptions are the flags of the commands that change keys.
type actOptions struct {
	keyOptions
	force bool
}

func (o *actOptions) flags(c *cobra.Command, force string) {
	o.keyOptions.flags(c)
	c.Flags().BoolVar(&o.force, "force", false, force)
}

// newAct is a command that does one act.
func newAct(p *program, use, short, long string, act token.Act, force string) *cobra.Command {
	var o actOptions
	c := &cobra.Command{
		Use: use, Short: short, Long: long, Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.act(c.Context(), o, func(config.Realm) (token.Act, error) { return act, nil })
		},
	}
	o.flags(c, force)
	return c
}

// act does an act on a realm's keys, and says what registries need next.
func (p *program) act(ctx context.Context, o actOptions, choose func(config.Realm) (token.Act, error)) error {
	return p.withKeys(o.keyOptions, func(k realmKeys, cfg *config.Config, realm config.Realm) error {
		act, err := choose(realm)
		if err != nil {
			return err
		}
		info, err := k.do(ctx, act, o.force)
		if err != nil {
			return err
		}
		if err := p.printKeys([]token.KeyInfo{info}, o.json); err != nil || o.json {
			return err
		}
		text, err := afterAct(act, info, o.keyOptions, cfg, realm, time.Now())
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(p.Out, text)
		return err
	})
}

// printKeys prints keys as a table.
func (p *program) printKeys(infos []token.KeyInfo, asJSON bool) error {
	if asJSON {
		return p.printJSON(infos)
	}
	w := tabwriter.NewWriter(p.Out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tUSE\tALGORITHM\tNOT BEFORE\tNOT AFTER\tNEXT STEP\tKEY ID\tFINGERPRINT")
	for _, k := range infos {
		end, fingerprint := "-", "-"
		if !k.NotAfter.IsZero() {
			end, fingerprint = k.NotAfter.UTC().Format(timeLayout), k.Fingerprint
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.Kind, k.Use, k.Algorithm, k.NotBefore.UTC().Format(timeLayout), end, nextStep(k), k.KID, fingerprint)
	}
	return w.Flush()
}

// nextStep is what becomes of a key, and when.
func nextStep(k token.KeyInfo) string {
	switch {
	case !k.ActivateFrom.IsZero():
		return "activate from " + wholeMinute(k.ActivateFrom)
	case k.RetiredUntil.IsZero():
		return "-"
	case k.Kind == token.CA:
		return "finish from " + wholeMinute(k.RetiredUntil)
	}
	return "gone from " + wholeMinute(k.RetiredUntil)
}
