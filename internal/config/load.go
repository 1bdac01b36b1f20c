package config

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/strictyaml"
)

// Load reads the configuration at path. types are the connector types, by the names
// that configurations use. The error is a [strictyaml.Problems] with everything that
// is wrong, in the configuration and in the policy files that it names.
func Load(path string, types map[string]connectors.Type) (*Config, error) {
	root, err := strictyaml.ParseFile(path)
	if err != nil {
		return nil, err
	}
	l := &loader{types: types, cfg: &Config{File: path}, realms: map[string]bool{}, services: map[string]string{}}
	l.file(root)
	if len(l.problems) > 0 {
		return nil, l.problems.Sorted()
	}
	return l.cfg, nil
}

// loader collects a configuration and what is wrong with it.
type loader struct {
	types    map[string]connectors.Type
	cfg      *Config
	realms   map[string]bool   // the names that are taken
	services map[string]string // the realm that each service belongs to
	problems strictyaml.Problems
}

// decode fills keys and reports whether all went well.
func (l *loader) decode(n strictyaml.Node, keys any) bool {
	err := n.Decode(keys)
	var problems strictyaml.Problems
	if errors.As(err, &problems) {
		l.problems = append(l.problems, problems...)
	}
	return err == nil
}

// file loads the top level, and then each realm.
func (l *loader) file(root strictyaml.Node) {
	folder, _ := filepath.Abs(filepath.Dir(l.cfg.File)) // fails only where the working directory is gone
	keys := fileKeys{
		Listen:  "localhost:5001",
		Monitor: "localhost:5002",
		DataDir: connectors.Path(filepath.Join(folder, "data")),
		Log:     logKeys{Level: "info", Format: "text"},
	}
	if l.decode(root, &keys) {
		l.setFile(keys)
		l.checkFile(root, keys)
	}
	for _, n := range keys.Realms {
		if !n.IsZero() {
			l.realm(n)
		}
	}
}

// setFile copies the keys of the top level, with their defaults.
func (l *loader) setFile(keys fileKeys) {
	c := l.cfg
	c.Listen, c.PlainHTTP, c.Monitor = keys.Listen, keys.PlainHTTP, keys.Monitor
	c.DataDir, c.AdminSocket = string(keys.DataDir), string(keys.AdminSocket)
	c.PublicURL = strings.TrimRight(keys.PublicURL, "/")
	c.Log = Log(keys.Log)
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

// namePattern is what realms and connectors may be called: names stand in URLs,
// folders and rules.
var namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// checkName checks the name of a realm or connector at the path.
func (l *loader) checkName(n strictyaml.Node, what, name string) bool {
	if namePattern.MatchString(name) {
		return true
	}
	l.report(n, "name", "%q is no %s name: want a letter and then up to 62 letters, digits and hyphens, all lower case", name, what)
	return false
}

// report adds a problem of the value at the path from n.
func (l *loader) report(n strictyaml.Node, path, format string, args ...any) {
	l.problems = append(l.problems, n.Problem(path, format, args...))
}

// warn adds a warning about the value at the path from n.
func (l *loader) warn(n strictyaml.Node, path, format string, args ...any) {
	l.cfg.warnings = append(l.cfg.warnings, n.Problem(path, format, args...))
}

// choice checks a value that is one of a few.
func (l *loader) choice(n strictyaml.Node, path, value string, known ...string) {
	for _, k := range known {
		if value == k {
			return
		}
	}
	l.report(n, path, "%s: %q is not one of %s", path, value, strings.Join(known, ", "))
}

// suggestion ends a message about an unknown name.
func suggestion(name, kinds string, known []string) string {
	if near, ok := strictyaml.Nearest(name, known); ok {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Sprintf("; the %s are %s", kinds, strings.Join(known, ", "))
}

// show prints a duration without the zeros that package time adds.
func show(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
