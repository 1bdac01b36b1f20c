package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/config"
)

// realmKeys are the keys of a realm, reached over the admin socket or on disk.
type realmKeys interface {
	keys(ctx context.Context) ([]token.KeyInfo, error)
	rotate(ctx context.Context) (token.KeyInfo, error)
	bundle(ctx context.Context) ([]byte, error)
}

func newKeys(p *program) *cobra.Command {
	return group("keys", "The keys that sign tokens", newKeysList(p), newKeysRotate(p))
}

func newKeysList(p *program) *cobra.Command {
	var o keyOptions
	c := &cobra.Command{
		Use:   "list",
		Short: "List a realm's keys and certificates",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.withKeys(o, func(k realmKeys) error {
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
	var o keyOptions
	c := &cobra.Command{
		Use:   "rotate",
		Short: "Sign with a new key from now on; registries need no restart",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.withKeys(o, func(k realmKeys) error {
				info, err := k.rotate(c.Context())
				if err != nil {
					return err
				}
				return p.printKeys([]token.KeyInfo{info}, o.json)
			})
		},
	}
	o.flags(c)
	return c
}

// keyOptions are the flags of the commands about keys.
type keyOptions struct {
	config, realm string
	json          bool
}

func (o *keyOptions) flags(c *cobra.Command) {
	configFlag(c, &o.config)
	realmFlag(c, &o.realm)
	jsonFlag(c, &o.json)
}

// withKeys reaches a realm's keys: over the admin socket of the process that serves,
// or, when none does, on the files, under the lock.
func (p *program) withKeys(o keyOptions, do func(realmKeys) error) error {
	cfg, realm, err := p.loadRealm(o.config, o.realm)
	if err != nil {
		return err
	}
	unlock, err := lockExisting(cfg.DataDir)
	if errors.Is(err, errLocked) {
		return do(adminKeys{socket: cfg.AdminSocket, realm: realm.Name})
	}
	if err != nil {
		return err
	}
	defer unlock() //nolint:errcheck // the lock ends with the process
	return p.withFiles(cfg, realm, do)
}

// withFiles opens the keys on disk. It makes none: that is for the process that
// serves.
func (p *program) withFiles(cfg *config.Config, realm config.Realm, do func(realmKeys) error) error {
	if err := token.Check(ringConfig(cfg, realm, p.quiet())); err != nil {
		return fmt.Errorf("realm %s: %w", realm.Name, err)
	}
	ring, err := openRing(cfg, realm, p.quiet())
	if err != nil {
		return err
	}
	return do(fileKeys{ring: ring, realm: realm.Name, cfg: cfg, logger: p.quiet()})
}

// fileKeys works on the files.
type fileKeys struct {
	ring   *token.Ring
	realm  string
	cfg    *config.Config
	logger *slog.Logger
}

func (f fileKeys) keys(context.Context) ([]token.KeyInfo, error) { return f.ring.Keys(), nil }

func (f fileKeys) bundle(context.Context) ([]byte, error) { return f.ring.Bundle(), nil }

func (f fileKeys) rotate(ctx context.Context) (info token.KeyInfo, err error) {
	log, err := openAudit(f.cfg, os.Stderr, f.logger) // standard output has the command's answer
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	info, err = f.ring.Rotate()
	return info, errors.Join(err, log.Record(ctx, broker.Act("", f.realm, "rotate-keys", err)))
}

// printKeys prints keys as a table.
func (p *program) printKeys(infos []token.KeyInfo, asJSON bool) error {
	if asJSON {
		return p.printJSON(infos)
	}
	w := tabwriter.NewWriter(p.Out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tUSE\tALGORITHM\tNOT BEFORE\tNOT AFTER\tKEY ID\tFINGERPRINT")
	for _, k := range infos {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.Kind, k.Use, k.Algorithm,
			k.NotBefore.UTC().Format("2006-01-02 15:04Z"), k.NotAfter.UTC().Format("2006-01-02 15:04Z"), k.KID, k.Fingerprint)
	}
	return w.Flush()
}
