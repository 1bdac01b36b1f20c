package ldap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// entry is what was read of a person's entry: all that a login needs besides the
// password. It is immutable.
type entry struct {
	dn       string      // as the directory spells it
	id       string      // the value of id_attribute
	username string      // the canonical name
	names    []string    // all values of username_attribute, as the directory spells them
	primary  []string    // the values of primary_attribute
	memberOf []string    // the values of from_attribute
	cut      *rangeError // where these are not all; nil where they are
	raw      *ldap.Entry // what was read
}

// find returns the entry that has one of the texts in one of the attributes. It fails
// with ErrNotMine, and with ErrRejected where there are several.
//
// Continuation references say nothing here: who is kept on another server is not
// among those that this connector signs in, now or later, as if the entry lay
// outside base_dn.
func (f *finder) find(ctx context.Context, attributes []string, texts ...string) (*entry, error) {
	users := &f.config.Users
	found, err := f.search(ctx, &ldap.SearchRequest{
		BaseDN:           users.BaseDN,
		Scope:            searchScope(users.Scope),
		DerefAliases:     ldap.NeverDerefAliases,
		SizeLimit:        2,
		EnforceSizeLimit: true,
		Filter:           "(&" + users.Filter + anyOf(attributes, texts) + ")",
		Attributes:       f.wanted(),
	})
	entries := found.Entries
	switch {
	case len(entries) > 1 && (err == nil || isSizeLimit(err)):
		return nil, ambiguous(ctx, entries)
	case errors.Is(err, errLimit) && f.config.Groups.listsNames():
		return nil, fmt.Errorf("searching for the user: %w: %s may be too long, %s", err, f.config.Groups.FromAttribute, adviceToSearch)
	case err != nil:
		return nil, fmt.Errorf("searching for the user: %w", err)
	case len(entries) == 0:
		return nil, connectors.ErrNotMine
	}
	end := step(ctx, "entry")
	e, err := f.readEntry(entries[0])
	if end != nil {
		end(err, f.describeEntry(entries[0], e))
	}
	return e, err
}

// ambiguous rejects a name that is several entries'.
func ambiguous(ctx context.Context, entries []*ldap.Entry) error {
	err := connectors.Reject(connectors.ReasonAmbiguous)
	if end := step(ctx, "entry"); end != nil {
		end(err, listEntries(entries))
	}
	return err
}

// wanted are the attributes that are read of a person's entry.
func (f *finder) wanted() []string {
	names := []string{f.config.Users.UsernameAttribute, f.config.Users.IDAttribute}
	names = append(names, f.config.Users.noted().attributes...)
	return append(names, f.config.Groups.ofPeople()...)
}

// readEntry takes what is needed of a person's entry.
func (f *finder) readEntry(raw *ldap.Entry) (*entry, error) {
	users := &f.config.Users
	dn, err := parseDN(raw.DN)
	if err != nil || len(dn.RDNs) == 0 {
		return nil, fmt.Errorf("the directory names an entry %q, which is not a DN", raw.DN)
	}
	id, err := values(raw, users.IDAttribute)
	if err != nil {
		return nil, err
	}
	names, err := values(raw, users.UsernameAttribute)
	if err != nil {
		return nil, err
	}
	switch {
	case len(id) != 1 || id[0] == "":
		return nil, fmt.Errorf("the entry %q has %d values of %s, want one: check id_attribute, and that %s may read it", raw.DN, len(id), users.IDAttribute, f.config.searcher())
	case len(names) == 0:
		return nil, fmt.Errorf("the entry %q has no %s: check username_attribute, and that %s may read it", raw.DN, users.UsernameAttribute, f.config.searcher())
	}
	e := &entry{raw: raw, dn: raw.DN, names: names}
	var ok bool
	if e.id, ok = users.readID(id[0]); !ok {
		return nil, fmt.Errorf("the entry %q has a %s that is not text: check id_attribute", raw.DN, users.IDAttribute)
	}
	if e.username, ok = f.usernames.Parse(canonicalName(dn, users.UsernameAttribute, names)); !ok {
		return nil, connectors.Reject(connectors.ReasonBadUsername)
	}
	if g := f.config.Groups; g != nil && g.PrimaryAttribute != "" {
		if e.primary, err = values(raw, g.PrimaryAttribute); err != nil {
			return nil, err
		}
	}
	if g := f.config.Groups; g.listsNames() {
		e.memberOf, e.cut = valuesInRange(raw, g.FromAttribute)
	}
	return e, nil
}

// usernameOf returns what an entry has as its user name, and whether it is one.
func (f *finder) usernameOf(raw *ldap.Entry) (name string, ok bool) {
	dn, err := parseDN(raw.DN)
	if err != nil {
		return "", false
	}
	attribute := f.config.Users.UsernameAttribute
	names, err := values(raw, attribute)
	if err != nil || len(names) == 0 {
		return "", false
	}
	name = canonicalName(dn, attribute, names)
	_, ok = f.usernames.Parse(name)
	return name, ok
}

// readID returns a value of id_attribute as a text.
func (u *Users) readID(value string) (id string, ok bool) {
	if isGUID(u.IDAttribute) {
		return formatGUID(value)
	}
	return value, utf8.ValidString(value)
}

// valueOf is the inverse of readID: false for a text that is nobody's id.
func (u *Users) valueOf(id string) (value string, ok bool) {
	if isGUID(u.IDAttribute) {
		return parseGUID(id)
	}
	return id, id != ""
}

// anyOf is the filter of entries that have one of the values in one of the
// attributes.
func anyOf(attributes, values []string) string {
	var filters []string
	for _, a := range attributes {
		filters = append(filters, equal(a, values)...)
	}
	return or(filters)
}

// equal returns the filters of entries that have one of the values in the attribute.
func equal(attribute string, values []string) []string {
	filters := make([]string, len(values))
	for i, v := range values {
		filters[i] = "(" + attribute + "=" + escape(v) + ")"
	}
	return filters
}

// escape writes a value as filters have it (RFC 4515 §3): one that is no text, such as a
// GUID, byte for byte, so that it can be read in a trace.
func escape(value string) string {
	if utf8.ValidString(value) && !strings.ContainsFunc(value, unicode.IsControl) {
		return ldap.EscapeFilter(value)
	}
	var b strings.Builder
	for i := range len(value) {
		fmt.Fprintf(&b, `\%02x`, value[i])
	}
	return b.String()
}

// or is the filter of entries that match one of the filters.
func or(filters []string) string { return "(|" + strings.Join(filters, "") + ")" }

// isSizeLimit reports whether a search found more entries than it asked for,
// whether the directory says so or has sent too many.
func isSizeLimit(err error) bool {
	var result *resultError
	return errors.As(err, &result) && result.code == ldap.LDAPResultSizeLimitExceeded || errors.Is(err, ldap.ErrSizeLimitExceeded)
}
