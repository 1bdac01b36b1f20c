package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
)

// realmReport is what became of the connectors of one realm.
type realmReport struct {
	Name       string             `json:"name"`
	Connectors []*connectorReport `json:"connectors"`
}

// connect has every connector of every realm do all that takes nobody's password;
// with a user name, finds that user, too. Those that could not be opened were found
// wanting before.
func (p *program) connect(ctx context.Context, cfg *config.Config, username string) []realmReport {
	reports := []realmReport{}
	for _, r := range cfg.Realms {
		report := realmReport{Name: r.Name, Connectors: []*connectorReport{}}
		for _, c := range r.Connectors {
			opened, err := p.openConnector(r, c, nil, slog.New(slog.DiscardHandler))
			if err != nil {
				continue
			}
			one := probe(ctx, c, opened)
			works := one.Verdict == verdictFine
			switch {
			case username == "":
			case one.Verdict == verdictFailed:
				one.unsought(username)
			case p.types[c.Type].Tokens:
				one.takesTokens()
			default:
				find(ctx, one, r.Usernames, opened, username)
			}
			if works {
				tellLockouts(ctx, one, c, opened, username)
			}
			report.Connectors = append(report.Connectors, one)
			closeConnector(opened)
		}
		reports = append(reports, report)
	}
	return reports
}

// probe reports on one connector.
func probe(ctx context.Context, c config.Connector, opened connectors.Connector) *connectorReport {
	report := newReport(c, verdictFine)
	ctx = connectors.WithTrace(ctx, report.add)
	err := errors.ErrUnsupported
	if prober, ok := opened.(connectors.Prober); ok {
		err = prober.Probe(ctx)
	}
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		report.Verdict, report.Message = verdictUntold, "a connector of this type cannot be tried without somebody's password: use explain --login"
	case err != nil:
		report.Verdict = verdictFailed
		if !report.failed() {
			report.Message = err.Error()
		}
	}
	return report
}

// find looks a user up, without a password.
func find(ctx context.Context, report *connectorReport, usernames connectors.UsernameForm, opened connectors.Connector, username string) {
	if !opened.Handles(connectors.Credentials{Username: username}) {
		report.unhandled(usernames, username)
		return
	}
	id, err := connectors.Identity{}, errors.ErrUnsupported
	if finder, ok := opened.(connectors.Finder); ok {
		id, err = finder.Find(connectors.WithTrace(ctx, report.add), username)
	}
	var rejected *connectors.Rejection
	switch {
	case err == nil:
		report.Message = vouched(id)
	case errors.Is(err, errors.ErrUnsupported):
		report.Verdict, report.Message = verdictUntold, "finds nobody without a password: use explain --login"
	case errors.Is(err, connectors.ErrNotMine):
		report.Verdict, report.Message = verdictUnknown, fmt.Sprintf("does not know %q", username)
		diagnose(ctx, report, opened, username)
	case errors.Is(err, connectors.ErrGone):
		report.Verdict, report.Message = verdictRejected, fmt.Sprintf("%q may not sign in: %v", username, err)
	case errors.As(err, &rejected):
		report.Verdict, report.Message, report.Fix = verdictRejected, fmt.Sprintf("%q may not sign in: %s", username, rejected.Reason), report.fixOf(rejected.Reason)
	default:
		report.Verdict, report.Message = verdictFailed, fmt.Sprintf("cannot tell whether %q may sign in", username)
		if !report.ended() {
			report.Message += ": " + err.Error()
		}
	}
}

// diagnose has a connector look for a user whom it does not know, if it can.
func diagnose(ctx context.Context, report *connectorReport, opened connectors.Connector, username string) {
	if d, ok := opened.(connectors.Diagnoser); ok {
		d.Diagnose(connectors.WithTrace(ctx, report.add), username)
	}
}

// vouched says who a connector says that somebody is.
func vouched(id connectors.Identity) string {
	groups := strings.Join(id.Groups, ", ")
	if groups == "" {
		groups = "none"
	}
	return fmt.Sprintf("%s:%s (id %s), groups: %s", id.Connector, id.Username, id.ID, groups)
}

// connected reports whether all connectors work and, where one was named, the user
// was found, or may be known to one that cannot say so.
func connected(reports []realmReport, username string) bool {
	found := username == ""
	for _, r := range reports {
		for _, c := range r.Connectors {
			switch c.Verdict {
			case verdictFailed, verdictRejected:
				return false
			case verdictFine, verdictUntold:
				found = true
			}
		}
	}
	return found
}

// printConnections prints the reports for people.
func (p *program) printConnections(reports []realmReport) error {
	for _, r := range reports {
		if _, err := fmt.Fprintf(p.Out, "\nrealm %s\n", r.Name); err != nil {
			return err
		}
		if len(r.Connectors) == 0 {
			if _, err := fmt.Fprintln(p.Out, "  no connector that could be tried"); err != nil {
				return err
			}
		}
		for _, c := range r.Connectors {
			if err := c.write(p.Out); err != nil {
				return err
			}
		}
	}
	return nil
}
