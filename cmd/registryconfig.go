package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/internal/files"
)

// registryOptions are the flags of registry-config.
type registryOptions struct {
	keyOptions
	service, version, format string
	bundlePath, jwksPath     string // where the registry finds what it trusts
	certPath                 string
	out, outDir              string
}

func newRegistryConfig(p *program) *cobra.Command {
	var o registryOptions
	c := &cobra.Command{
		Use:   "registry-config",
		Short: "Print what a registry's configuration needs to trust our tokens",
		Long: "Print what a registry's configuration needs to trust our tokens: a section of its file,\n" +
			"environment variables (for docker run --env-file), or a file for docker compose. With --out,\n" +
			"write it and the file that it names, ready to use. No secret of the configuration is read.",
		Example: "  shorepass registry-config --for v3 --format compose --out ./registry\n" +
			"  shorepass registry-config --for v3-jwks --jwks /etc/registry/jwks.json --out ./registry\n" +
			"  shorepass registry-config --for v3 --bundle /etc/registry/shorepass.pem --write-bundle ./shorepass.pem",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := noEmptyFlags(c); err != nil {
				return err
			}
			if err := o.check(c); err != nil {
				return usageError{err}
			}
			return p.registryConfig(c.Context(), o)
		},
	}
	configFlag(c, &o.config)
	realmFlag(c, &o.realm)
	jsonFlag(c, &o.json)
	f := c.Flags()
	f.StringVar(&o.service, "service", "", "`name` of the registry's service; may be left out where the realm has one")
	f.StringVar(&o.version, "for", "", "the `registry`: v2 (2.8), v3 (3.x), v3-jwks (3.x, trust jwks) or zot (trust jwks)")
	f.StringVar(&o.format, "format", "yaml", "yaml, env or compose")
	f.StringVar(&o.bundlePath, "bundle", "/etc/distribution/"+bundleName, "v2, v3: `path` under which the registry finds the certificates")
	f.StringVar(&o.jwksPath, "jwks", "/etc/distribution/"+jwksName, "v3-jwks: `path` under which the registry finds the keys")
	f.StringVar(&o.certPath, "cert", "/etc/zot/"+certName, "zot: `path` under which the registry finds the certificate of the key")
	f.StringVar(&o.outDir, "out", "", "write the configuration, and the file that it names, to the `folder`")
	f.StringVar(&o.out, "write-bundle", "", "v2, v3: also write the certificates to `file`")
	return c
}

// check refuses flags that do not go together.
func (o registryOptions) check(c *cobra.Command) error {
	kind, ok := registryKinds()[o.version]
	if !ok {
		return fmt.Errorf("say which registry with --for: v2 (2.8), v3 (3.x), v3-jwks (3.x, for services with trust jwks) or zot, not %q", o.version)
	}
	if !slices.Contains([]string{"yaml", "env", "compose"}, o.format) {
		return fmt.Errorf("--format is yaml, env or compose, not %q", o.format)
	}
	if kind.zot && o.format == "env" {
		return errors.New("zot reads no environment variables: --format yaml or compose, or --json")
	}
	if kind.zot && o.format == "compose" && o.outDir == "" {
		return errors.New("zot's configuration is a file of its own beside the one for docker compose: name a folder for both with --out")
	}
	for _, flag := range []string{"bundle", "jwks", "cert", "write-bundle"} {
		if c.Flags().Changed(flag) && flag != kind.flag && (flag != "write-bundle" || kind.flag != "bundle") {
			return fmt.Errorf("--%s does not go with --for %s, which has --%s", flag, o.version, kind.flag)
		}
	}
	if path := o.trustPath(kind); o.format == "compose" && !strings.HasPrefix(path, "/") {
		return fmt.Errorf("--%s %s: docker compose mounts a file at a path that begins with /", kind.flag, path)
	}
	switch {
	case o.json && c.Flags().Changed("format"):
		return errors.New("--json and --format exclude each other")
	case o.json && o.outDir != "":
		return errors.New("--json and --out exclude each other: --out writes a file of the --format")
	case o.out != "" && o.outDir != "":
		return errors.New("--write-bundle and --out exclude each other: --out writes the certificates, too")
	}
	return nil
}

// trustPath is where the registry finds what it trusts.
func (o registryOptions) trustPath(kind registryKind) string {
	return map[string]string{"bundle": o.bundlePath, "jwks": o.jwksPath, "cert": o.certPath}[kind.flag]
}

func (p *program) registryConfig(ctx context.Context, o registryOptions) error {
	cfg, realm, err := loadKeys(o.config, o.realm)
	if err != nil {
		return err
	}
	service, err := serviceOf(realm, o.service)
	if err != nil {
		return err
	}
	o.realm = realm.Name
	kind := registryKinds()[o.version]
	if err := p.fits(o, kind, realm, service); err != nil {
		return err
	}
	r := registry{
		kind: kind, Realm: cfg.PublicURL + "/token", Service: service.Name, Issuer: realm.Issuer,
		Path: o.trustPath(kind),
	}
	switch {
	case o.outDir != "":
		r.Origin = filepath.Join(o.outDir, kind.file)
		return p.writeRegistry(ctx, o, r)
	case o.out != "":
		if err := p.writeTrust(ctx, o, kind, o.out); err != nil {
			return err
		}
		r.Origin = o.out
	case kind.path != "":
		r.Fetch = fmt.Sprintf("%s/realms/%s/%s", cfg.PublicURL, realm.Name, kind.path)
	}
	if o.json {
		return p.printJSON(r.document())
	}
	text, err := r.print(o.format)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(p.Out, text)
	return err
}

// fits refuses a registry that would not take the tokens of the service.
func (p *program) fits(o registryOptions, kind registryKind, realm config.Realm, s config.Service) error {
	switch {
	case kind.trust == "jwks" && s.Trust != "jwks":
		return fmt.Errorf("the service %s has trust x5c, and --for %s is for keys that stay: write {name: %s, trust: jwks} among the services, or say --for v3", s.Name, o.version, s.Name)
	case o.version == "v2" && s.Trust == "jwks":
		return fmt.Errorf("the service %s has trust jwks, which registries of version 2 do not know: write {name: %s, trust: x5c} among the services", s.Name, s.Name)
	case s.Trust == "jwks" && kind.trust != "jwks":
		return fmt.Errorf("the service %s has trust jwks: say --for v3-jwks", s.Name)
	}
	if o.version == "v2" {
		algorithm, err := algorithmOf(realm)
		if err != nil {
			return err
		}
		if algorithm == token.EdDSA {
			return fmt.Errorf("realm %s signs with EdDSA, which registries of version 2 do not know: set signing.algorithm to another, or use a registry of version 3", realm.Name)
		}
	}
	if kind.zot && len(realm.Services) > 1 {
		fmt.Fprintf(p.Err, "shorepass: warning: zot looks neither at a token's issuer nor at its service, and takes those for every service with trust jwks of realm %s: give it a realm of its own\n", realm.Name)
	}
	return nil
}

// algorithmOf is what the realm's tokens are signed with.
func algorithmOf(r config.Realm) (string, error) {
	if r.Signing.Algorithm != "" {
		return r.Signing.Algorithm, nil
	}
	return token.CheckBrought(r.Signing.Algorithm, r.Signing.KeyFile, r.Signing.CertFile)
}

// writeRegistry writes the configuration and the file that it names, and says so.
func (p *program) writeRegistry(ctx context.Context, o registryOptions, r registry) error {
	text, err := r.print(o.format)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.outDir, 0o755); err != nil { //nolint:gosec // nothing in it is secret, and another user's registry reads it
		return fmt.Errorf("--out: %w", err)
	}
	if err := p.writeTrust(ctx, o, r.kind, r.Origin); err != nil {
		return err
	}
	path := filepath.Join(o.outDir, r.fileName(o.format))
	if err := r.write(path, text); err != nil {
		return err
	}
	if r.kind.zot && o.format == "compose" {
		config, err := r.zotConfig()
		if err != nil {
			return err
		}
		if err := r.write(filepath.Join(o.outDir, zotName), config); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(p.Out, "%s: %s\n%s: what it trusts, to be at %s for it; it reads that once, at its start\n", path, r.use(o.format), r.Origin, r.Path)
	return err
}

// write writes a file of the configuration, unless somebody has changed what is there.
func (r registry) write(path, text string) error {
	before, err := files.Read(path, 1<<20)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = os.WriteFile(path, []byte(text), 0o644) //nolint:gosec // nothing in it is secret
	case err == nil && string(before) != text:
		err = fmt.Errorf("%s was written anew, but %s has other content than it would get: move it away, or name another folder", r.Origin, path)
	}
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return nil
}

// writeTrust writes what the registry trusts to a file.
func (p *program) writeTrust(ctx context.Context, o registryOptions, kind registryKind, path string) error {
	return p.withKeys(o.keyOptions, func(k realmKeys, cfg *config.Config, realm config.Realm) error {
		infos, err := k.keys(ctx)
		if err != nil {
			return err
		}
		brought := func(k token.KeyInfo) bool { return k.Kind == token.Brought }
		if slices.ContainsFunc(infos, brought) != (realm.Signing.KeyFile != "") {
			return fmt.Errorf("the process that serves signs with another key for realm %s than %s says (signing.key_file): send it SIGHUP first", realm.Name, cfg.File)
		}
		content, err := k.file(ctx, kind.content)
		if err != nil {
			return err
		}
		before, err := files.Read(path, 1<<20)
		if !errors.Is(err, fs.ErrNotExist) && (err != nil || len(before) > 0 && !strings.Contains(string(before), kind.mark)) {
			return fmt.Errorf("%s is there and holds no %s: name another", path, kind.what)
		}
		return os.WriteFile(path, content, 0o644) //nolint:gosec // it is public, and another user's registry reads it
	})
}
