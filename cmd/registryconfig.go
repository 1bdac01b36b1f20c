package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/internal/files"
)

// registryOptions are the flags of registry-config.
type registryOptions struct {
	keyOptions
	service, version string
	bundlePath, out  string
}

// registryTemplate is the auth section of a CNCF distribution configuration.
const registryTemplate = `# The auth section of the registry's configuration. The registry reads
# rootcertbundle once, at its start: {{.Fetch}}
auth:
  token:
    realm: {{quote .Token.Realm}}
    service: {{quote .Token.Service}}
    issuer: {{quote .Token.Issuer}}
    rootcertbundle: {{quote .Token.RootCertBundle}}
{{- if .Token.SigningAlgorithms}}
    signingalgorithms:
{{- range .Token.SigningAlgorithms}}
      - {{.}}
{{- end}}
{{- end}}
`

func newRegistryConfig(p *program) *cobra.Command {
	var o registryOptions
	c := &cobra.Command{
		Use:   "registry-config",
		Short: "Print what a registry's configuration needs to trust our tokens",
		Long: "Print the auth section of a CNCF distribution registry's configuration, and with\n" +
			"--write-bundle also write the certificates that it names.",
		Example: "  shorepass registry-config --for v3 --bundle /etc/registry/shorepass.pem --write-bundle ./shorepass.pem",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := noEmptyFlags(c); err != nil {
				return err
			}
			return p.registryConfig(c.Context(), o)
		},
	}
	configFlag(c, &o.config)
	realmFlag(c, &o.realm)
	jsonFlag(c, &o.json)
	c.Flags().StringVar(&o.service, "service", "", "`name` of the registry's service; may be left out where the realm has one")
	c.Flags().StringVar(&o.version, "for", "", "the registry: v2 (2.8) or v3 (3.x)")
	c.Flags().StringVar(&o.bundlePath, "bundle", "/etc/distribution/shorepass-ca.pem", "`path` under which the registry finds the certificates")
	c.Flags().StringVar(&o.out, "write-bundle", "", "also write the certificates to `file`")
	return c
}

func (p *program) registryConfig(ctx context.Context, o registryOptions) error {
	if o.version != "v2" && o.version != "v3" {
		return usageError{fmt.Errorf("say which registry with --for: v2 (2.8) or v3 (3.x), not %q", o.version)}
	}
	cfg, realm, service, err := p.loadService(o.config, o.realm, o.service)
	if err != nil {
		return err
	}
	fetch := fmt.Sprintf("fetch it from\n# %s/realms/%s/ca.pem", cfg.PublicURL, realm.Name)
	if o.out != "" {
		if err := p.writeBundle(ctx, o); err != nil {
			return err
		}
		fetch = "it was written to\n# " + o.out
	}
	section := tokenSection{
		Realm: cfg.PublicURL + "/token", Service: service, Issuer: realm.Issuer, RootCertBundle: o.bundlePath,
	}
	if o.version == "v3" {
		// A v3 registry takes HMAC tokens too unless told otherwise.
		algorithm, err := algorithmOf(realm)
		if err != nil {
			return err
		}
		section.SigningAlgorithms = []string{algorithm}
	}
	if o.json {
		return p.printJSON(map[string]any{"auth": map[string]any{"token": section}})
	}
	print, err := template.New("registry").Funcs(template.FuncMap{"quote": quoteYAML}).Parse(registryTemplate)
	if err != nil {
		return err
	}
	return print.Execute(p.Out, map[string]any{"Fetch": fetch, "Token": section})
}

// tokenSection is the auth.token section of a registry's configuration.
type tokenSection struct {
	Realm             string   `json:"realm"`
	Service           string   `json:"service"`
	Issuer            string   `json:"issuer"`
	RootCertBundle    string   `json:"rootcertbundle"`
	SigningAlgorithms []string `json:"signingalgorithms,omitempty"`
}

// algorithmOf is what the realm's tokens are signed with.
func algorithmOf(r config.Realm) (string, error) {
	if r.Signing.KeyFile == "" {
		return r.Signing.Algorithm, nil
	}
	return token.CheckBrought(r.Signing.Algorithm, r.Signing.KeyFile, r.Signing.CertFile)
}

// writeBundle writes the realm's certificates to a file.
func (p *program) writeBundle(ctx context.Context, o registryOptions) error {
	return p.withKeys(o.keyOptions, func(k realmKeys) error {
		pem, err := k.bundle(ctx)
		if err != nil {
			return err
		}
		before, err := files.Read(o.out, 1<<20)
		if !errors.Is(err, fs.ErrNotExist) && (err != nil || len(before) > 0 && !strings.Contains(string(before), "-----BEGIN CERTIFICATE-----")) {
			return fmt.Errorf("--write-bundle: %s is there and holds no certificates: name another file", o.out)
		}
		return os.WriteFile(o.out, pem, 0o644) //nolint:gosec // certificates are public, and another user's registry reads them
	})
}

// quoteYAML writes a string so that no YAML parser takes it for anything else.
func quoteYAML(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
