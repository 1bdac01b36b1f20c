package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
)

// loginReport is the way that a login took through the connectors of a realm.
type loginReport struct {
	Username   string             `json:"username"` // as typed
	Realm      string             `json:"realm"`
	Connectors []*connectorReport `json:"connectors"`
}

// login asks the realm's connectors as the broker does, and notes what each did. The
// report comes with an error, too.
func (p *program) login(ctx context.Context, realm config.Realm, c connectors.Credentials) (connectors.Identity, *loginReport, error) {
	report := &loginReport{Username: c.Username, Realm: realm.Name, Connectors: []*connectorReport{}}
	members, closeAll, err := p.openMembers(realm, slog.New(slog.DiscardHandler)) // the report says it all
	if err != nil {
		return connectors.Identity{}, report, err
	}
	defer closeAll() //nolint:errcheck // the process ends next
	watches := make([]*watched, len(members))
	for i, m := range members {
		watches[i] = &watched{Connector: m.Connector, tokens: m.Tokens, usernames: realm.Usernames, report: newReport(realm.Connectors[i], verdictNotAsked)}
		watches[i].report.Message = "not asked"
		if c.Password.Issued() && !m.Tokens {
			watches[i].report.Message = "not asked: it takes passwords, and this is a token"
		}
		report.Connectors = append(report.Connectors, watches[i].report)
		members[i].Connector = watches[i]
	}
	limited, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	identity, err := connectors.NewChain(realm.Usernames, members...).Authenticate(limited, c)
	if failure := new(connectors.Failure); errors.As(err, &failure) && failure.Connector == "" {
		diagnoseAll(ctx, watches, c.Username)
	}
	switch {
	case errors.Is(err, connectors.ErrRejected):
		err = fmt.Errorf("login refused: %w", err)
	case err != nil:
		err = fmt.Errorf("login not possible: %w", err)
	}
	return identity, report, err
}

// watched is a connector whose part in a login is noted.
type watched struct {
	connectors.Connector
	tokens    bool
	usernames connectors.UsernameForm
	report    *connectorReport
}

// diagnoseAll has the connectors that were asked look for a user whom none of them knows.
func diagnoseAll(ctx context.Context, watches []*watched, username string) {
	for _, w := range watches {
		if w.report.Verdict == verdictUnknown {
			diagnose(ctx, w.report, w.Connector, username)
		}
	}
}

// Handles notes a name that is not for the connector.
func (w *watched) Handles(c connectors.Credentials) bool {
	handles := w.Connector.Handles(c)
	switch {
	case handles:
	case w.tokens:
		w.report.takesTokens()
	default:
		w.report.unhandled(w.usernames, c.Username)
	}
	return handles
}

// Authenticate notes the steps and the verdict.
func (w *watched) Authenticate(ctx context.Context, c connectors.Credentials) (connectors.Identity, error) {
	id, err := w.Connector.Authenticate(connectors.WithTrace(ctx, w.report.add), c)
	r := w.report
	var rejected *connectors.Rejection
	switch {
	case err == nil:
		r.Verdict, r.Message = verdictFine, "vouches for "+vouched(id)
	case errors.Is(err, connectors.ErrNotMine):
		r.Verdict, r.Message = verdictUnknown, "does not know this name: the next connector that takes it is asked"
	case errors.As(err, &rejected):
		r.Verdict, r.Message, r.Fix = verdictRejected, "refuses: "+string(rejected.Reason), r.fixOf(rejected.Reason)
	case errors.Is(err, connectors.ErrRejected):
		r.Verdict, r.Message = verdictRejected, "refuses"
	default:
		r.Verdict, r.Message = verdictFailed, "cannot tell: clients get 503"
		if r.Fix = `"shorepass check --connect" tries what takes no password`; !r.ended() {
			r.Message += ": " + err.Error()
		}
	}
	return id, err
}

// printLogin prints a report for people.
func (p *program) printLogin(r *loginReport) error {
	if _, err := fmt.Fprintf(p.Out, "login of %q, realm %s\n", r.Username, r.Realm); err != nil {
		return err
	}
	for _, c := range r.Connectors {
		if err := c.write(p.Out); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(p.Out)
	return err
}
