package static

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"

	"github.com/shorepass/shorepass/connectors"
)

// Bound is how many hashes the process computes at once. All static connectors of a
// process share one. Decoys have places of their own, so that names which nobody has
// do not keep those that somebody has waiting.
type Bound struct {
	logins connectors.Turns
	decoys connectors.Turns
}

// NewBound returns the bound for a process: as many hashes as there are cores, and
// half as many decoys.
func NewBound() *Bound {
	cores := runtime.GOMAXPROCS(0)
	return &Bound{logins: connectors.NewTurns(cores), decoys: connectors.NewTurns(max(1, cores/2))}
}

// Directory is the accounts of one file.
type Directory struct {
	name  string
	path  string
	users map[string]user
	decoy hash
	bound *Bound
}

var (
	_ connectors.Directory  = (*Directory)(nil)
	_ connectors.Resolver   = (*Directory)(nil)
	_ connectors.Lister     = (*Directory)(nil)
	_ connectors.Decoy      = (*Directory)(nil)
	_ connectors.Prober     = (*Directory)(nil)
	_ connectors.Upstreamed = (*Directory)(nil)
)

// New reads the file that cfg names. Its error lists every fault of the file, with
// line and column.
func New(cfg *Config, d connectors.Deps, bound *Bound) (*Directory, error) {
	load, path := loadUsers, cfg.File
	if cfg.Htpasswd != "" {
		load, path = loadHtpasswd, cfg.Htpasswd
	}
	users, err := load(string(path), d.Form)
	if err != nil {
		return nil, err
	}
	dir := &Directory{
		name:  d.Name,
		path:  string(path),
		users: make(map[string]user, len(users)),
		decoy: users[0].Hash.hash,
		bound: bound,
	}
	for _, u := range users {
		dir.users[u.Username.text] = u
		if u.Hash.cost() > dir.decoy.cost() {
			dir.decoy = u.Hash.hash
		}
	}
	return dir, nil
}

// Upstream is the file.
func (d *Directory) Upstream() string { return d.path }

// Lists reports whether the file has the user.
func (d *Directory) Lists(username string) bool {
	_, ok := d.users[username]
	return ok
}

// Usernames returns the users of the file.
func (d *Directory) Usernames() []string { return slices.Sorted(maps.Keys(d.users)) }

// Locate finds the user in the file.
func (d *Directory) Locate(ctx context.Context, username string) (connectors.Account, error) {
	finish := connectors.StartStep(ctx, "user")
	if !d.Lists(username) {
		return connectors.Account{}, connectors.ErrNotMine
	}
	if finish != nil {
		finish(connectors.Step{Detail: username + " is listed in " + d.path})
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
	finish := connectors.StartStep(ctx, "password")
	err := d.check(ctx, u, password)
	if finish != nil {
		finish(connectors.Step{Detail: "against the hash in " + d.path, Err: err})
	}
	if err != nil {
		return connectors.Identity{}, err
	}
	return d.identity(u), nil
}

// check fails unless the password is the user's, and the account is not disabled.
func (d *Directory) check(ctx context.Context, u user, password connectors.Secret) error {
	matches, err := d.compute(ctx, u.Hash.hash, password)
	switch {
	case err != nil:
		return err
	case !matches:
		// A name that is not listed waits for a decoy's turn: so does one that is.
		d.bound.asDecoy(ctx, func() {})
		return connectors.Reject(connectors.ReasonWrongPassword)
	case u.Disabled:
		return connectors.Reject(connectors.ReasonDisabled)
	}
	return nil
}

// Probe says how many users there are: their file was read when the connector was
// made.
func (d *Directory) Probe(ctx context.Context) error {
	if finish := connectors.StartStep(ctx, "users"); finish != nil {
		disabled := 0
		for _, u := range d.users {
			if u.Disabled {
				disabled++
			}
		}
		finish(connectors.Step{Detail: fmt.Sprintf("%d listed in %s, %d of them disabled", len(d.users), d.path, disabled)})
	}
	return nil
}

// Resolve returns the user as the file has it.
func (d *Directory) Resolve(_ context.Context, id string) (connectors.Identity, error) {
	u, ok := d.users[id]
	if !ok || u.Disabled {
		return connectors.Identity{}, connectors.ErrGone
	}
	return d.identity(u), nil
}

// SpendAsRefusal computes the costliest hash that a user has. It waits for the turn of a
// login first, as a listed name does, and fails where that does not come; but no login waits
// for it, since it gives that back at once.
func (d *Directory) SpendAsRefusal(ctx context.Context, password connectors.Secret) error {
	connectors.Elsewhere(ctx)
	if err := d.bound.logins.Take(ctx); err != nil {
		return tooMany(err)
	}
	d.bound.logins.End()
	d.bound.asDecoy(ctx, func() { d.decoy.matches(password.Reveal()) })
	return nil
}

// asDecoy runs do when a decoy's turn comes, or gives up. Who waits for one has no place
// that others need: of those who log in by made-up names there may be any number.
func (b *Bound) asDecoy(ctx context.Context, do func()) {
	connectors.Elsewhere(ctx)
	if b.decoys.Take(ctx) != nil {
		return
	}
	defer b.decoys.End()
	do()
}

func tooMany(err error) error { return fmt.Errorf("too many password hashes at once: %w", err) }

// compute waits for its turn.
func (d *Directory) compute(ctx context.Context, h hash, password connectors.Secret) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := d.bound.logins.Take(ctx); err != nil {
		return false, tooMany(err)
	}
	defer d.bound.logins.End()
	return h.matches(password.Reveal()), nil
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
		ID:        u.Username.text,
		Username:  u.Username.text,
		Groups:    groups,
		Ceiling:   connectors.Unlimited(),
	}
}
