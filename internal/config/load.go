package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/strictyaml"
)

// Load reads the configuration at path. types are the connector types, by the names
// that configurations use. The error is a [strictyaml.Problems] with everything that
// is wrong, in the configuration and in the policy files that it names.
//
// Where the file is YAML at all, the configuration comes together with the error, so
// that what its sound parts name can be looked into: TLS, a realm's Signing and its
// Connectors are there where nothing is wrong with them, and else nil, zero and left
// out. Nothing but these and the name of a realm is to be relied on then.
func Load(path string, types map[string]connectors.Type) (*Config, error) {
	return (&loader{types: types}).load(path)
}

// LoadKeys reads of the configuration at path what commands about keys and registries
// need: everything but connectors and policies, which it leaves out. No secret is read,
// and no file but path. The error is as that of [Load].
func LoadKeys(path string) (*Config, error) {
	return (&loader{keysOnly: true}).load(path)
}

func (l *loader) load(path string) (*Config, error) {
	if path == "" {
		return nil, strictyaml.Problems{{Message: "no configuration is named: give the path of one, such as shorepass.yaml"}}
	}
	root, err := strictyaml.ParseFile(path)
	if err != nil {
		return nil, err
	}
	l.cfg, l.realms, l.services = &Config{File: path}, map[string]bool{}, map[string]string{}
	l.file(root)
	if len(l.problems) > 0 {
		return l.cfg, l.problems.Sorted()
	}
	return l.cfg, nil
}

// loader collects a configuration and what is wrong with it.
type loader struct {
	types    map[string]connectors.Type
	keysOnly bool // leave out connectors and policies
	cfg      *Config
	realms   map[string]bool   // the names that are taken
	services map[string]string // the realm that each service belongs to
	named    []named           // the files that are read
	problems strictyaml.Problems
}

// sound reports whether nothing was found to be wrong since there were so many
// problems.
func (l *loader) sound(problems int) bool { return len(l.problems) == problems }

// file loads the top level, and then each realm.
func (l *loader) file(root strictyaml.Node) {
	folder := filepath.Dir(absolute(l.cfg.File))
	keys := fileKeys{
		Listen:  "localhost:5001",
		Monitor: "localhost:5002",
		DataDir: connectors.Path(filepath.Join(folder, "data")),
		Log:     logKeys{Level: "info", Format: "text"},
		Limits:  defaultLimits(),
	}
	p := l.decode(root, &keys)
	l.setFile(keys)
	p.checkFile(keys)
	if !p.checkTLS(keys.TLS) {
		l.cfg.TLS = nil
	}
	for _, n := range keys.Realms {
		if !n.IsZero() {
			l.realm(n)
		}
	}
	p.checkOutputs()
}

// setFile copies the keys of the top level, with their defaults.
func (l *loader) setFile(keys fileKeys) {
	c := l.cfg
	c.Listen, c.PlainHTTP, c.Monitor = keys.Listen, keys.PlainHTTP, keys.Monitor
	c.DataDir, c.AdminSocket = string(keys.DataDir), string(keys.AdminSocket)
	c.PublicURL = strings.TrimRight(keys.PublicURL, "/")
	c.Log = Log(keys.Log)
	c.Limits = keys.Limits.limits()
	c.Audit = Audit{File: string(keys.Audit.File), Stdout: keys.Audit.Stdout, Sync: time.Second}
	if keys.TLS != nil {
		c.TLS = &TLS{CertFile: string(keys.TLS.CertFile), KeyFile: string(keys.TLS.KeyFile), At: keys.TLS.at}
	}
	if keys.Audit.Sync != nil {
		c.Audit.Sync = time.Duration(*keys.Audit.Sync)
	}
	if c.Audit.File == "" && !c.Audit.Stdout {
		c.Audit.File = filepath.Join(c.DataDir, "audit.jsonl")
	}
	if c.AdminSocket == "" {
		c.AdminSocket = filepath.Join(c.DataDir, "admin.sock")
	}
	if c.PublicURL == "" {
		c.PublicURL = localURL(c.Listen, c.TLS != nil)
	}
	for _, n := range keys.TrustedProxies {
		c.TrustedProxies = append(c.TrustedProxies, netip.Prefix(n))
	}
}

// suggestion ends a message about an unknown name.
func suggestion(name, kinds string, known []string) string {
	if near, ok := strictyaml.Nearest(name, known); ok {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Sprintf("; the %s are %s", kinds, strings.Join(known, ", "))
}

// ShowDuration returns a duration as people write it, without the zeros that package time
// adds.
func ShowDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
