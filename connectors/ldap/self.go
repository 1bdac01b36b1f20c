package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// self reads the entry of the user who has signed in. It rejects an entry that does not
// match users.filter, and one that goes by another name than the one that was typed:
// two names of one entry would be two people to the rules, and one that is another's
// would be that person.
func (f *finder) self(ctx context.Context, dn, typed string) (*entry, error) {
	raw, err := f.base(ctx, dn, f.config.Users.Filter, f.wanted())
	switch {
	case err != nil:
		return nil, err
	case raw == nil:
		return nil, f.unmatched(ctx, dn, typed)
	}
	end := step(ctx, "entry")
	e, err := f.readEntry(raw)
	shown := err
	if err == nil && e.username != typed {
		err = connectors.Reject(connectors.ReasonAmbiguous)
		shown = &probeError{err: err, fix: fmt.Sprintf("the user signs in as %s, which the entry goes by; or correct its %s", e.username, f.config.Users.UsernameAttribute)}
	}
	if end != nil {
		end(shown, f.describeEntry(raw, e))
	}
	if err != nil {
		return nil, err
	}
	// Groups that list user names are to list this one.
	var own []string
	for _, name := range e.names {
		if canonical, ok := f.usernames.Parse(trim(name)); ok && canonical == typed {
			own = append(own, name)
		}
	}
	e.names = own
	return e, nil
}

// unmatched says why the entry of the user who has signed in does not match
// users.filter: it is nobody's who may, or the user may not read what the filter names.
// To directories that is one.
func (f *finder) unmatched(ctx context.Context, dn, typed string) error {
	filter := f.config.Users.Filter
	named := filterAttributes(filter)
	raw, err := f.base(ctx, dn, "(objectClass=*)", named)
	switch {
	case err != nil:
		return err
	case raw == nil:
		return fmt.Errorf("the user %q has signed in and may not read the entry %q, or not what filters name of it (%s)%s",
			typed, dn, strings.Join(distinct(append([]string{"objectClass"}, named...)), ", "), letSelves)
	}
	refused := connectors.Reject(connectors.ReasonRestricted)
	if end := step(ctx, "entry"); end != nil {
		detail, fix := raw.DN+": does not match users.filter, "+filter, "correct users.filter, if the entry is a person's who is to sign in"
		hidden := slices.DeleteFunc(named, func(name string) bool {
			have, err := values(raw, name)
			return err != nil || len(have) > 0
		})
		if len(hidden) > 0 {
			detail += "; it shows no " + strings.Join(hidden, ", ")
			fix += "; where it has " + strings.Join(hidden, ", ") + ", let people read that of their own entries (slapd: by self read)"
		}
		end(&probeError{err: refused, fix: fix}, detail)
	}
	return refused
}

// filterAttributes are the attributes that a filter names. Parentheses within values are
// escaped (RFC 4515 §3).
func filterAttributes(filter string) []string {
	var names []string
	for part := range strings.SplitSeq(filter, "(") {
		if i := strings.IndexAny(part, "=~<>:"); i > 0 {
			names = append(names, part[:i])
		}
	}
	return distinct(names)
}

// base reads one entry; nil where it does not match the filter, or cannot be seen.
func (f *finder) base(ctx context.Context, dn, filter string, attributes []string) (*ldap.Entry, error) {
	found, err := f.search(ctx, &ldap.SearchRequest{
		BaseDN:       dn,
		Scope:        ldap.ScopeBaseObject,
		DerefAliases: ldap.NeverDerefAliases,
		Filter:       filter,
		Attributes:   attributes,
	})
	var result *resultError
	switch {
	case errors.As(err, &result) && result.code == ldap.LDAPResultNoSuchObject:
		return nil, nil //nolint:nilnil // nothing to see
	case err != nil:
		return nil, fmt.Errorf("reading the user's entry: %w", err)
	case len(found.Entries) == 0:
		return nil, nil //nolint:nilnil // likewise
	case len(found.Entries) > 1:
		return nil, fmt.Errorf("the directory was asked for the entry %q and sends others", dn)
	}
	return found.Entries[0], nil
}
