package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/reach"
)

// Directory is an endpoint that people are known to. It is safe for concurrent use.
type Directory struct {
	deps     connectors.Deps
	config   Config
	endpoint *endpoint
}

var (
	_ connectors.Directory  = (*Directory)(nil)
	_ connectors.Prober     = (*Directory)(nil)
	_ connectors.Upstreamed = (*Directory)(nil)
	_ connectors.Resolver   = (*resolving)(nil)
)

// resolving is a directory whose endpoint answers resolve.
type resolving struct{ *Directory }

// Open returns the directory of a configuration: a [connectors.Resolver] where the endpoint
// resolves. It reads the files that the configuration names, and never dials.
func Open(c *Config, deps connectors.Deps) (connectors.Directory, error) {
	if problems := c.Validate(); len(problems) > 0 {
		return nil, fmt.Errorf("%s %s", problems[0].Field, problems[0].Message)
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	e, err := newEndpoint(c, deps)
	if err != nil {
		return nil, err
	}
	d := &Directory{deps: deps, config: *c, endpoint: e}
	if c.Resolve {
		return &resolving{d}, nil
	}
	return d, nil
}

// Close closes the connections that are not in use.
func (d *Directory) Close() error {
	d.endpoint.kept.CloseIdleConnections()
	return nil
}

// Upstream is the endpoint.
func (d *Directory) Upstream() string { return d.config.URL }

// Locate asks whose the user name is, if the endpoint answers that; else the account is
// that name.
func (d *Directory) Locate(ctx context.Context, username string) (connectors.Account, error) {
	if !d.config.Locate {
		return connectors.Account{Username: username}, nil
	}
	a, err := d.ask(ctx, question{Action: actionLocate, Username: username})
	return connectors.Account{ID: a.ID, Username: a.Username}, err
}

// Verify asks whether the password is the account's, and who that is. Without locate it
// fails with [connectors.ErrNotMine] where the endpoint does not know the name.
func (d *Directory) Verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	switch typed := password.Reveal(); {
	case password.Blank():
		return connectors.Identity{}, connectors.Reject(connectors.ReasonEmptyPassword)
	case strings.Contains(typed, "\x00") || !utf8.ValidString(typed):
		// JSON would carry another one, and many a hash ends at a NUL.
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, maxTimeAlone, errNoAnswer)
	defer cancel()
	if err := d.awake(ctx); err != nil {
		return connectors.Identity{}, err
	}
	who, err := d.ask(ctx, question{Action: actionVerify, ID: a.ID, Username: a.Username, Password: password.Reveal()})
	switch {
	case err != nil:
		return connectors.Identity{}, err
	case d.config.Locate && (who.ID != a.ID || who.Username != a.Username):
		return connectors.Identity{}, d.placed(errors.New("it answers verify for another account than the one it located"))
	}
	return d.identity(who), nil
}

// Resolve asks who has the id now.
func (r *resolving) Resolve(ctx context.Context, id string) (connectors.Identity, error) {
	if !isText(id) {
		return connectors.Identity{}, connectors.ErrGone // no identity ever had it
	}
	who, err := r.ask(ctx, question{Action: actionResolve, ID: id})
	switch {
	case err != nil:
		return connectors.Identity{}, err
	case who.ID != id:
		return connectors.Identity{}, r.placed(errors.New("it answers resolve for another id"))
	}
	return r.identity(who), nil
}

// identity is who an answer is about.
func (d *Directory) identity(a answer) connectors.Identity {
	return connectors.Identity{
		Connector: d.deps.Name,
		Via:       d.deps.Name,
		Kind:      connectors.Person,
		ID:        a.ID,
		Username:  a.Username,
		Groups:    a.Groups,
		Ceiling:   connectors.Unlimited(),
	}
}

// ask asks the endpoint, in a step, and returns an answer about somebody. The address stands
// in front of an outage; in a step, of all that it says.
func (d *Directory) ask(ctx context.Context, q question) (answer, error) {
	finish := connectors.StartStep(ctx, q.Action)
	a, err := d.answer(ctx, q)
	if finish != nil {
		s := connectors.Step{Detail: d.describe(a, err)}
		if !isUnknown(err) {
			s.Fix, s.Err = reach.Told(err)
		}
		finish(s)
	}
	return a, d.placed(err)
}

// placed is err with the endpoint's address, if it is an outage.
func (d *Directory) placed(err error) error {
	if err == nil || isUnknown(err) || errors.Is(err, connectors.ErrRejected) {
		return err
	}
	return fmt.Errorf("%s: %w", d.endpoint.shown, err)
}

// answer asks the endpoint. An answer that refuses or knows nobody is an error, as the
// contract of connectors has it.
func (d *Directory) answer(ctx context.Context, q question) (answer, error) {
	q.Realm, q.Connector = d.deps.Realm, d.deps.Name
	a, err := d.endpoint.ask(ctx, q)
	if err != nil {
		return answer{}, err
	}
	switch a.Result {
	case resultNotMine:
		return answer{}, connectors.ErrNotMine
	case resultRejected:
		return answer{}, connectors.Reject(a.Reason)
	case resultGone:
		return answer{}, connectors.ErrGone
	}
	name, ok := d.deps.Form.Parse(a.Username)
	switch {
	case !ok:
		return answer{}, fmt.Errorf("it answers with a user name that is not in the form of the realm's: %s", d.deps.Form)
	case name != strings.ToLower(a.Username):
		return answer{}, errors.New("it answers with another spelling of a user name, which may be somebody else")
	}
	a.Username = name
	slices.Sort(a.Groups)
	a.Groups = slices.Compact(a.Groups)
	return a, nil
}

// describe says what came of a question, for a step.
func (d *Directory) describe(a answer, err error) string {
	text := d.endpoint.shown
	switch {
	case errors.Is(err, connectors.ErrNotMine):
		return text + ": knows nobody of that name"
	case errors.Is(err, connectors.ErrGone):
		return text + ": gone: nobody has this id, or the account may not sign in"
	case err != nil:
		return text
	case a.Result == resultIdentity:
		return fmt.Sprintf("%s: user name %s, id %s, groups: %s", text, a.Username, a.ID, connectors.Listed(a.Groups))
	}
	return fmt.Sprintf("%s: user name %s, id %s", text, a.Username, a.ID)
}

// isUnknown reports whether err says that the endpoint knows nobody such.
func isUnknown(err error) bool {
	return errors.Is(err, connectors.ErrNotMine) || errors.Is(err, connectors.ErrGone)
}
