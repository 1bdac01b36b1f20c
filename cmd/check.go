package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker/token"
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

func newCheck(p *program) *cobra.Command {
	var path string
	var asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Find what is wrong with a configuration, without a network",
		Long:  "Find everything that is wrong with a configuration, its policies and the files that it\nnames, as far as that can be known without a network. Exits 1 on errors, 0 on warnings.",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			findings := p.check(path)
			if err := p.printFindings(path, findings, asJSON); err != nil {
				return err
			}
			if slices.ContainsFunc(findings, func(f finding) bool { return f.Severity == "error" }) {
				return errNo
			}
			return nil
		},
	}
	configFlag(c, &path)
	jsonFlag(c, &asJSON)
	return c
}

// check loads the configuration, and then every file and folder that it names, also
// where the configuration itself has faults.
func (p *program) check(path string) []finding {
	cfg, err := config.Load(path, p.types)
	var findings []finding
	if err != nil {
		findings = findingsOf(err, strictyaml.Problem{File: path, Line: 1, Column: 1})
	}
	if cfg == nil {
		return findings
	}
	for _, w := range cfg.Warnings() {
		findings = append(findings, newFinding("warning", w))
	}
	for _, r := range cfg.Realms {
		findings = append(findings, p.checkRealm(cfg, r)...)
	}
	findings = append(findings, p.checkTLS(cfg)...)
	findings = append(findings, checkPlaces(cfg)...)
	slices.SortStableFunc(findings, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return findings
}

// checkRealm opens the connectors and reads the keys of a realm.
func (p *program) checkRealm(cfg *config.Config, r config.Realm) []finding {
	var findings []finding
	for _, c := range r.Connectors {
		opened, err := p.openConnector(r, c, p.quiet())
		if err != nil {
			findings = append(findings, findingsOf(err, at(cfg, c.At))...)
			continue
		}
		closeConnector(opened)
	}
	if r.Name == "" {
		return findings
	}
	if info, err := os.Stat(cfg.DataDir); r.Signing.KeyFile == "" && (err != nil || !info.IsDir()) {
		return findings // there are no keys yet, or checkPlaces says why
	}
	if err := token.Check(ringConfig(cfg, r, p.quiet())); err != nil && !errors.Is(err, token.ErrNoKeys) {
		findings = append(findings, findingsOf(err, at(cfg, r.Signing.At))...)
	}
	return findings
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

// printFindings prints findings as compilers do.
func (p *program) printFindings(path string, findings []finding, asJSON bool) error {
	if asJSON {
		return p.printJSON(map[string][]finding{"findings": append([]finding{}, findings...)})
	}
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
