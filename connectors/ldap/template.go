package ldap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// Template is an LDAP directory where nobody may search: the DN of a person's entry is
// made from the user name, and each login has a connection of its own, which binds as
// the person, reads the entry and the groups with the person's rights, and is closed.
// It cannot tell an unknown name from a wrong password, and has no way to look anybody
// up without one: it is no [connectors.Resolver]. It is safe for concurrent use.
type Template struct {
	finder  finder // whose searches are those of no connection yet
	dn      dnTemplate
	servers *servers
	slots   slots // each login has a connection of its own
}

var (
	_ connectors.Directory  = (*Template)(nil)
	_ connectors.Prober     = (*Template)(nil)
	_ connectors.Upstreamed = (*Template)(nil)
)

// Open returns the directory that the configuration describes: a [Template] where it
// has users.dn_template, else a [Directory].
func Open(cfg *Config, deps connectors.Deps) (connectors.Directory, error) {
	if cfg.EndsChain() {
		return NewTemplate(cfg, deps)
	}
	return New(cfg, deps)
}

// NewTemplate returns a directory with users.dn_template. It reads the files that cfg
// names, and never dials.
func NewTemplate(cfg *Config, deps connectors.Deps) (*Template, error) {
	if problems := cfg.Validate(); len(problems) > 0 {
		return nil, fmt.Errorf("%s %s", problems[0].Field, problems[0].Message)
	}
	t := &Template{slots: make(slots, connections(deps.AtOnce))}
	var err error
	if t.dn, err = parseTemplate(cfg.Users.DNTemplate); err != nil {
		return nil, fmt.Errorf("users.dn_template %w", err)
	}
	if t.finder, err = newFinder(cfg, deps, nil); err != nil {
		return nil, err
	}
	logger := cmp.Or(deps.Logger, slog.New(slog.DiscardHandler))
	dialers, err := newDialers(&t.finder.config, logger)
	if err != nil {
		return nil, err
	}
	t.servers = newServers(dialers, deps.Hung, logger)
	t.servers.works = answers
	return t, nil
}

// answers fails while a server cannot be connected to, or does not answer: whatever it
// says to a search of its root DSE, which may be that nobody may.
func answers(ctx context.Context, to *server) error {
	ctx, cancel := context.WithTimeoutCause(ctx, operationTimeout, errNoAnswer)
	defer cancel()
	s, err := to.dial(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	end := step(ctx, "answer")
	err = s.do(ctx, searchRoot)
	if !isServerFault(err) {
		err = nil
	}
	if end != nil {
		end(withoutWords(err), "to a search of its root DSE")
	}
	return err
}

// searchRoot searches the root DSE.
func searchRoot(c *ldap.Conn) error {
	_, err := c.Search(&ldap.SearchRequest{Scope: ldap.ScopeBaseObject, Filter: "(objectClass=*)", Attributes: []string{"1.1"}})
	return err
}

// Close ends what goes on in the background.
func (t *Template) Close() error {
	t.servers.close()
	return nil
}

// Domain is the domain of the accounts.
func (t *Template) Domain() connectors.Domain { return connectors.Domain(t.finder.config.Domain) }

// Upstream is the servers, with where people are: what is typed means somebody there.
func (t *Template) Upstream() string { return t.finder.config.upstreamOf(t.dn.parent) }

// Locate answers with the name: who has an entry shows when the password is checked.
func (t *Template) Locate(_ context.Context, username string) (connectors.Account, error) {
	return connectors.Account{Username: username}, nil
}

// Verify binds as the entry that the user name stands for, then reads it.
func (t *Template) Verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	if password.Blank() {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonEmptyPassword)
	}
	if err := sendable(password); err != nil {
		return connectors.Identity{}, err
	}
	ctx, cancel := callContext(ctx)
	defer cancel()
	var id connectors.Identity
	err := t.slots.do(ctx, func() (err error) {
		id, err = t.verify(ctx, a, password)
		return err
	})
	return id, err
}

// verify is Verify for one that may have a connection.
func (t *Template) verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	bind := accountBind{dn: t.dn.of(a.Username), password: password}
	s, err := t.open(ctx, &bind)
	if err != nil {
		return connectors.Identity{}, outage(err)
	}
	defer s.close()
	own, err := t.finder.on(s.do, password)
	if err != nil {
		return connectors.Identity{}, err
	}
	found, err := own.self(ctx, bind.dn, a.Username)
	if err != nil {
		return connectors.Identity{}, connectors.OneAccount(outage(err))
	}
	return own.identity(ctx, found)
}

// open returns a connection that is bound as the user.
func (t *Template) open(ctx context.Context, bind *accountBind) (*session, error) {
	end := step(ctx, "password")
	var opened *session
	err := t.servers.ask(ctx, func(ctx context.Context, to *server) error {
		s, err := to.dial(ctx)
		if err != nil {
			return err
		}
		if err := to.bind(ctx, s, bind.run, anonymously); err != nil {
			s.close()
			return err
		}
		opened = s
		return nil
	})
	err = bind.verdict(err)
	if end != nil && !isReported(err) {
		end(wrongOrNobody(err), "as "+bind.dn)
	}
	if err == nil {
		return opened, nil
	}
	if opened != nil {
		opened.close() // the password is right, and the account may not sign in
	}
	return nil, err
}

// wrongOrNobody adds to a refusal that may be of the password or of the DN what to do in
// the second case.
func wrongOrNobody(err error) error {
	var refused *connectors.Rejection
	if errors.As(err, &refused) && (refused.Reason == connectors.ReasonWrongPassword || refused.Reason == connectors.ReasonUnknown) {
		return &probeError{err: err, fix: "if the password is right and the account is not locked, no entry has this DN: check users.dn_template"}
	}
	return err
}
