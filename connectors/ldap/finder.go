package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// finder reads entries and groups.
type finder struct {
	name      string
	usernames connectors.UsernameForm
	config    Config
	search    searchFunc
	groups    groupSource // nil: nobody has groups
}

// doFunc runs an operation on a connection.
type doFunc func(ctx context.Context, op func(*ldap.Conn) error) error

// newFinder returns a finder that searches on the connections of do.
func newFinder(cfg *Config, deps connectors.Deps, do doFunc) (finder, error) {
	f := finder{name: deps.Name, usernames: deps.Form, config: cfg.WithDefaults()}
	return f.on(do, f.config.BindPassword)
}

// on returns a finder that searches on other connections, on which somebody has signed
// in with the password.
func (f finder) on(do doFunc, password connectors.Secret) (finder, error) {
	var err error
	f.search = searchOn(do, password, f.config.searcher())
	f.groups, err = newGroupSource(f.config.Groups, f.search)
	return f, err
}

// searchOn returns a function that searches on the connections of do. Continuation
// references are not followed. What was found comes with an error too: see
// ldap.Conn.Search.
func searchOn(do doFunc, password connectors.Secret, searcher string) searchFunc {
	return func(ctx context.Context, r *ldap.SearchRequest) (ldap.SearchResult, error) {
		end := step(ctx, "search")
		var found ldap.SearchResult
		err := do(ctx, func(c *ldap.Conn) error {
			found = ldap.SearchResult{}
			result, err := searchAll(c, r)
			if result != nil {
				found = *result
			}
			return err
		})
		err = searchResultOf(err, password.Reveal(), searcher)
		if end != nil && !isReported(err) {
			end(err, describeSearch(r, &found, err))
		}
		if err != nil {
			err = &reportedError{err}
		}
		return found, err
	}
}

// named returns the entry that is meant by what somebody types. It is looked for as a user
// name first: who may write a mail address must not be able to keep somebody else out by
// it.
func (f *finder) named(ctx context.Context, typed string) (*entry, error) {
	var others []string
	for _, a := range f.config.Users.LoginAttributes {
		if !f.config.Users.isNaming(a) {
			others = append(others, a)
		}
	}
	if f.config.Users.byUsername() {
		found, err := f.find(ctx, []string{f.config.Users.UsernameAttribute}, typed)
		if !errors.Is(err, connectors.ErrNotMine) || len(others) == 0 {
			return found, err
		}
	}
	return f.find(ctx, others, typed)
}

// isNaming reports whether an attribute is username_attribute.
func (u *Users) isNaming(attribute string) bool {
	return strings.EqualFold(attribute, u.UsernameAttribute)
}

// byUsername reports whether people may type what username_attribute holds.
func (u *Users) byUsername() bool { return slices.ContainsFunc(u.LoginAttributes, u.isNaming) }

// alone rejects an entry that shares its canonical name with another: rights hang
// on that name, and a person found by mail address, or by a second value of the
// naming attribute, must not come in as somebody else. Where groups list user
// names, they hang on all of the entry's. typed is the name that it was found by.
func (f *finder) alone(ctx context.Context, e *entry, typed string) error {
	users := &f.config.Users
	names := []string{e.username}
	if g := f.config.Groups; g != nil && g.MemberValue == memberUsername {
		names = spellings(append(names, e.names...))
	}
	isOther := func(name string) bool {
		canonical, ok := f.usernames.Parse(trim(name))
		return !ok || canonical != typed
	}
	if users.byUsername() && !slices.ContainsFunc(names, isOther) {
		return nil // the search has shown it
	}
	other, err := f.find(ctx, []string{users.UsernameAttribute}, names...)
	switch {
	case errors.Is(err, connectors.ErrNotMine):
		return f.misnamed(ctx, e)
	case err == nil && other.id != e.id:
		return ambiguous(ctx, []*ldap.Entry{e.raw, other.raw})
	}
	return err
}

// misnamed is the error of an entry that is not found by its own canonical name. One
// beyond ASCII may be a name of which the directory has an idea of its own, as some have
// of İ: nobody can sign in by it. Where ASCII is not found, it is everybody's name.
func (f *finder) misnamed(ctx context.Context, e *entry) error {
	problem := fmt.Errorf("not found by its own %s %q", f.config.Users.UsernameAttribute, e.username)
	const advice = "username_attribute must be one that is searched without regard to case"
	if !strings.ContainsFunc(e.username, func(r rune) bool { return r > unicode.MaxASCII }) {
		return fmt.Errorf("the entry %q is %w: %s", e.dn, problem, advice)
	}
	if end := step(ctx, "name"); end != nil {
		end(&probeError{problem, "the directory folds letters of this name in another way: name the entry without them; if it finds nobody at all, " + advice}, e.dn)
	}
	return connectors.Reject(connectors.ReasonBadUsername)
}

// identity completes an entry with its groups.
func (f *finder) identity(ctx context.Context, e *entry) (connectors.Identity, error) {
	var groups []string
	if f.groups != nil {
		end := step(ctx, "groups")
		var err error
		groups, err = f.groups.groupsOf(ctx, e)
		if end != nil && !isReported(err) {
			end(err, connectors.Listed(groups))
		}
		if err != nil {
			return connectors.Identity{}, connectors.OneAccount(outage(fmt.Errorf("reading the groups: %w", err)))
		}
	}
	return connectors.Identity{
		Connector: f.name,
		Via:       f.name,
		Kind:      connectors.Person,
		ID:        e.id,
		Username:  e.username,
		Groups:    groups,
		Ceiling:   connectors.Unlimited(),
	}, nil
}
