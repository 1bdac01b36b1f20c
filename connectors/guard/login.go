package guard

import (
	"context"
	"errors"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// Authenticate answers from memory, or locates the account and verifies the password.
func (p *password) Authenticate(ctx context.Context, c connectors.Credentials) (connectors.Identity, error) {
	name, ok := p.parse(c.Username)
	if !ok {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonBadUsername)
	}
	if c.Password.Blank() {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonEmptyPassword)
	}
	d := p.digests.of(name, c.Password)
	if id, ok := p.cache.login(d); ok {
		return id, nil
	}
	if p.cache.isUnknown(name) {
		return connectors.Identity{}, connectors.ErrNotMine
	}
	return p.flights.do(ctx, d, func(ctx context.Context) (connectors.Identity, error) { return p.ask(ctx, name, c, d) })
}

// ask has the directory answer, and remembers what it says.
func (p *password) ask(ctx context.Context, name string, c connectors.Credentials, d digest) (connectors.Identity, error) {
	generation := p.cache.generation.Load()
	id, err := p.login(ctx, name, c)
	switch {
	case err == nil:
		p.cache.passed(d, name, id, generation)
	case errors.Is(err, connectors.ErrNotMine):
		p.cache.noSuch(name, generation)
		p.cache.refused(d)
	case errors.Is(err, connectors.ErrRejected):
		p.cache.refused(d)
	default:
		if id, ok := p.cache.stale(d); ok {
			return id, nil
		}
	}
	return id, err
}

// login locates the account, then verifies the password.
func (p *password) login(ctx context.Context, name string, c connectors.Credentials) (connectors.Identity, error) {
	begun := time.Now()
	account, err := p.locate(ctx, name)
	if err != nil {
		return connectors.Identity{}, err
	}
	id, err := p.directory.Verify(ctx, account, c.Password)
	p.pace.note(name, account, err, time.Since(begun))
	if err == nil && !p.config.admits(id.Username) { // which some directories know no sooner
		return connectors.Identity{}, connectors.ErrNotMine
	}
	return id, err
}

// locate locates an account of the connector's.
func (p *password) locate(ctx context.Context, name string) (connectors.Account, error) {
	account, err := p.directory.Locate(ctx, name)
	if err == nil && account.Username != "" && !p.config.admits(account.Username) {
		return connectors.Account{}, connectors.ErrNotMine
	}
	return account, err
}

// Forget forgets what is remembered of the logins of a user name, or of all where that is
// empty, so that the directory is asked again. It returns how much it was.
func (p *password) Forget(username string) int {
	if username == "" {
		return p.cache.clear()
	}
	name, ok := p.parse(username)
	if !ok {
		return 0
	}
	return p.cache.clearName(name)
}
