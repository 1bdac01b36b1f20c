package static

import (
	"context"
	"fmt"
	"runtime"

	"github.com/shorepass/shorepass/connectors"
)

// Directory is the accounts of one file.
type Directory struct {
	name  string
	users map[string]user
	decoy hash
	slots chan struct{} // bounds how many hashes are computed at once
}

var (
	_ connectors.Directory = (*Directory)(nil)
	_ connectors.Resolver  = (*Directory)(nil)
	_ connectors.Lister    = (*Directory)(nil)
	_ connectors.Decoy     = (*Directory)(nil)
)

// New reads the file that cfg names. Its error lists every fault of the file, with
// line and column.
func New(cfg *Config, d connectors.Deps) (*Directory, error) {
	load, path := loadUsers, cfg.File
	if cfg.Htpasswd != "" {
		load, path = loadHtpasswd, cfg.Htpasswd
	}
	users, err := load(string(path))
	if err != nil {
		return nil, err
	}
	dir := &Directory{
		name:  d.Name,
		users: make(map[string]user, len(users)),
		decoy: users[0].Hash.hash,
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	for _, u := range users {
		dir.users[string(u.Username)] = u
	}
	return dir, nil
}

// Lists reports whether the file has the user.
func (d *Directory) Lists(username string) bool {
	_, ok := d.users[username]
	return ok
}

// Locate finds the user in the file.
func (d *Directory) Locate(_ context.Context, username string) (connectors.Account, error) {
	if !d.Lists(username) {
		return connectors.Account{}, connectors.ErrNotMine
	}
	return connectors.Account{ID: username, Username: username}, nil
}

// Verify computes the hash of the password; for a disabled user too, so that time
// does not tell.
func (d *Directory) Verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	if password.Blank() {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonEmptyPassword)
	}
	u, ok := d.users[a.ID]
	if !ok {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonUnknown)
	}
	matches, err := d.compute(ctx, u.Hash.hash, password)
	switch {
	case err != nil:
		return connectors.Identity{}, err
	case u.Disabled:
		return connectors.Identity{}, connectors.Reject(connectors.ReasonDisabled)
	case !matches:
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	}
	return d.identity(u), nil
}

// Resolve returns the user as the file has it.
func (d *Directory) Resolve(_ context.Context, id string) (connectors.Identity, error) {
	u, ok := d.users[id]
	if !ok || u.Disabled {
		return connectors.Identity{}, connectors.ErrGone
	}
	return d.identity(u), nil
}

// SpendAsRefusal computes the hash of one of the users.
func (d *Directory) SpendAsRefusal(ctx context.Context, password connectors.Secret) error {
	_, err := d.compute(ctx, d.decoy, password)
	return err
}

// compute waits for its turn, at most as long as the request may take.
func (d *Directory) compute(ctx context.Context, h hash, password connectors.Secret) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
		return h.matches(password.Reveal()), nil
	case <-ctx.Done():
		return false, fmt.Errorf("too many password hashes at once: %w", ctx.Err())
	}
}

func (d *Directory) identity(u user) connectors.Identity {
	groups := make([]string, len(u.Groups))
	for i, g := range u.Groups {
		groups[i] = string(g)
	}
	return connectors.Identity{
		Connector: d.name,
		Via:       d.name,
		Kind:      connectors.Person,
		ID:        string(u.Username),
		Username:  string(u.Username),
		Groups:    groups,
		Ceiling:   connectors.Unlimited(),
	}
}
