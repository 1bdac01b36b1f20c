package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/internal/keypair"
	"github.com/shorepass/shorepass/internal/strictyaml"
)

// finding is one line of check.
type finding struct {
	Severity string `json:"severity"` // error | warning
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Message  string `json:"message"`
}

// checkOptions are the flags of check.
type checkOptions struct {
	config, user  string
	connect, json bool
}

func newCheck(p *program) *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check",
		Short: "Find what is wrong with a configuration, without a network unless asked to",
		Long: "Find everything that is wrong with a configuration, its policies and the files that it\n" +
			"names, as far as that can be known without a network. With --connect every connector is\n" +
			"tried, too, as far as that takes nobody's password: each step is shown, with what to do\n" +
			"about one that fails. Exits 1 on errors, 0 on warnings.",
		Example: "  shorepass check --connect\n  shorepass check --connect --user alice",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := noEmptyFlags(c); err != nil {
				return err
			}
			if o.user != "" && !o.connect {
				return usageError{errors.New("--user needs --connect: without a network nobody can be found")}
			}
			return p.runCheck(c.Context(), o)
		},
	}
	configFlag(c, &o.config)
	jsonFlag(c, &o.json)
	c.Flags().BoolVar(&o.connect, "connect", false, "try every connector")
	c.Flags().StringVar(&o.user, "user", "", "with --connect: find the user of this `name` and the groups, without a password")
	return c
}

// runCheck checks, connects where that is asked for, and prints what was found.
func (p *program) runCheck(ctx context.Context, o checkOptions) error {
	cfg, findings := p.check(o.config)
	var realms []realmReport
	if o.connect && cfg != nil {
		realms = p.connect(ctx, cfg, o.user)
	}
	if err := p.printCheck(o, findings, presets(cfg), realms); err != nil {
		return err
	}
	if slices.ContainsFunc(findings, func(f finding) bool { return f.Severity == "error" }) || o.connect && !connected(realms, o.user) {
		return errNo
	}
	return nil
}

// check loads the configuration, and then every file and folder that it names, also
// where the configuration itself has faults. There is no configuration where it
// cannot be read at all.
func (p *program) check(path string) (cfg *config.Config, findings []finding) {
	if gone := missing(path); gone != nil {
		return nil, []finding{newFinding("error", strictyaml.Problem{File: gone.Path, Message: gone.Problem})}
	}
	cfg, err := config.Load(path, p.types)
	if err != nil {
		findings = findingsOf(err, strictyaml.Problem{File: path, Line: 1, Column: 1})
	}
	if cfg == nil {
		return nil, findings
	}
	p.lookAtDatabase(cfg)
	for _, w := range cfg.Warnings() {
		findings = append(findings, newFinding("warning", w))
	}
	owners := keyOwners{}
	for _, r := range cfg.Realms {
		findings = append(findings, p.checkConnectors(cfg, r, err == nil)...)
		findings = append(findings, p.checkKeys(cfg, r, owners)...)
	}
	findings = append(findings, p.checkTLS(cfg)...)
	findings = append(findings, checkPlaces(cfg)...)
	slices.SortStableFunc(findings, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return cfg, findings
}

// checkConnectors opens the connectors of a realm. Whether they are asked for the names
// that they list is known of a sound configuration alone.
func (p *program) checkConnectors(cfg *config.Config, r config.Realm, sound bool) []finding {
	var findings []finding
	for _, c := range r.Connectors {
		opened, err := p.openConnector(r, c, nil, p.quiet())
		if err != nil {
			findings = append(findings, findingsOf(err, at(cfg, c.At))...)
			continue
		}
		if sound {
			findings = append(findings, checkReach(cfg, r, c, opened)...)
		}
		closeConnector(opened)
	}
	return findings
}

// checkReach looks for user names that the connectors before this one keep from it.
func checkReach(cfg *config.Config, r config.Realm, c config.Connector, opened connectors.Connector) []finding {
	where := at(cfg, c.At)
	warning, err := reach(r, c, opened)
	switch {
	case err != nil:
		return findingsOf(err, where)
	case warning != "":
		where.Message = warning
		return []finding{newFinding("warning", where)}
	}
	return nil
}

// checkKeys reads the keys of a realm, and adds those that were brought to owners.
func (p *program) checkKeys(cfg *config.Config, r config.Realm, owners keyOwners) []finding {
	if r.Name == "" {
		return nil
	}
	if info, err := os.Stat(cfg.DataDir); r.Signing.KeyFile == "" && (err != nil || !info.IsDir()) {
		return nil // there are no keys yet, or checkPlaces says why
	}
	ring, err := token.Load(ringConfig(cfg, r, p.quiet()))
	if errors.Is(err, token.ErrNoKeys) {
		return nil
	}
	if err == nil {
		err = errors.Join(ring.Check(), owners.add(r.Name, ring))
	}
	if err != nil {
		return findingsOf(err, at(cfg, r.Signing.At))
	}
	return nil
}

func (p *program) checkTLS(cfg *config.Config) []finding {
	if cfg.TLS == nil {
		return nil
	}
	certificate, err := keypair.Load(cfg.TLS.CertFile, cfg.TLS.KeyFile, p.quiet())
	if err == nil {
		if err = certificate.Expired(time.Now()); err != nil {
			err = fmt.Errorf("%w: clients refuse it", err)
		}
	}
	if err != nil {
		return findingsOf(fmt.Errorf("tls: %w", err), at(cfg, cfg.TLS.At))
	}
	return nil
}

// checkPlaces looks at what is where the program is going to write.
func checkPlaces(cfg *config.Config) []finding {
	root, err := strictyaml.ParseFile(cfg.File)
	if err != nil {
		return nil // was reported
	}
	var findings []finding
	look := func(key, path, want string, fits func(fs.FileMode) bool) {
		if path == "" {
			return // could not be read, and was reported
		}
		info, err := os.Stat(path)
		if err == nil && !fits(info.Mode()) {
			findings = append(findings, newFinding("error", root.Problem(key, "%s: %s is there and is no %s", key, path, want)))
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) { // of a folder above
			findings = append(findings, newFinding("error", root.Problem(key, "%s: %v", key, err)))
		}
	}
	look("data_dir", cfg.DataDir, "folder", fs.FileMode.IsDir)
	look("admin_socket", cfg.AdminSocket, "socket", func(m fs.FileMode) bool { return m.Type() == fs.ModeSocket })
	if !cfg.Audit.Stdout {
		look("audit", cfg.Audit.File, "file", func(m fs.FileMode) bool { return !m.IsDir() })
	}
	return findings
}

// findingsOf turns an error into findings: problems with places of their own, or one
// at the place that named the file.
func findingsOf(err error, where strictyaml.Problem) []finding {
	var problems strictyaml.Problems
	if !errors.As(err, &problems) {
		where.Message = err.Error()
		problems = strictyaml.Problems{where}
	}
	findings := make([]finding, len(problems))
	for i, problem := range problems {
		findings[i] = newFinding("error", problem)
	}
	return findings
}

func newFinding(severity string, p strictyaml.Problem) finding {
	return finding{Severity: severity, File: p.File, Line: p.Line, Column: p.Column, Message: p.Message}
}

// printCheck prints what was found and, where that was asked for, how connecting went.
func (p *program) printCheck(o checkOptions, findings []finding, presets []*presetReport, realms []realmReport) error {
	if o.json {
		return p.printJSON(struct {
			Findings []finding       `json:"findings"`
			Presets  []*presetReport `json:"presets,omitempty"`
			Realms   []realmReport   `json:"realms,omitempty"`
		}{append([]finding{}, findings...), presets, realms})
	}
	if err := p.printFindings(o.config, findings); err != nil {
		return err
	}
	if !o.connect { // the reports on connectors tell it
		for _, preset := range presets {
			if _, err := fmt.Fprintf(p.Out, "realm %s, connector %s: %s\n", preset.Realm, preset.Connector, preset); err != nil {
				return err
			}
		}
	}
	return p.printConnections(realms)
}

// printFindings prints findings as compilers do.
func (p *program) printFindings(path string, findings []finding) error {
	for _, f := range findings {
		message := f.Message
		if f.Severity == "warning" {
			message = "warning: " + message
		}
		line := strictyaml.Problem{File: f.File, Line: f.Line, Column: f.Column, Message: message}
		if _, err := fmt.Fprintln(p.Out, line); err != nil {
			return err
		}
	}
	if len(findings) == 0 {
		_, err := fmt.Fprintf(p.Out, "%s: fine\n", path)
		return err
	}
	return nil
}

// at is a place in the configuration's file: its beginning, for what is not written.
func at(cfg *config.Config, p config.Position) strictyaml.Problem {
	p = config.Position{Line: max(p.Line, 1), Column: max(p.Column, 1)}
	return strictyaml.Problem{File: cfg.File, Line: p.Line, Column: p.Column}
}
