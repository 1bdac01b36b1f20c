package directory

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/go-ldap/ldap/v3"
)

// Scope is how far below its base a search looks; the values are LDAP's.
type Scope int

// The scopes of a search (RFC 4511 §4.5.1.2).
const (
	Base     Scope = iota // the base itself
	OneLevel              // its direct children
	Subtree               // the base and everything below
)

// Query is one search.
type Query struct {
	Base       string
	Scope      Scope
	Filter     string
	Attributes []string // empty or "*": all but operational ones; "+": all operational ones
	SizeLimit  int      // 0: none
}

// Found is an entry that a search returns.
type Found struct {
	DN         string
	Attributes map[string][]string
}

// Tree is the content of the directory. It does not change, so that it is safe for
// concurrent use.
type Tree struct{ entries []*entry }

// Load reads a tree from an LDIF file. Its first entry is the root.
func Load(path string) (*Tree, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the directory's entries: %w", err)
	}
	tree, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tree, nil
}

// Parse makes a tree of the text of an LDIF file. As in a real server, an entry
// comes after its parent, and no two have the same DN.
func Parse(ldif string) (*Tree, error) {
	records, err := parseLDIF(ldif)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, errors.New("no entries")
	}
	tree := &Tree{}
	for _, r := range records {
		e, err := newEntry(r)
		if err != nil {
			return nil, err
		}
		parent := &ldap.DN{RDNs: e.name.RDNs[1:]}
		switch {
		case tree.find(e.name) != nil:
			return nil, fmt.Errorf("line %d: %s is there already", r.line, r.dn)
		case len(tree.entries) > 0 && tree.find(parent) == nil:
			return nil, fmt.Errorf("line %d: the parent of %s must come before it", r.line, r.dn)
		}
		tree.entries = append(tree.entries, e)
	}
	return tree, nil
}

// Root returns the DN of the tree's root.
func (t *Tree) Root() string { return t.entries[0].dn }

// Search returns the entries that match, in the order of the file. It fails with an
// [*ldap.Error]: noSuchObject where the base does not exist, and
// sizeLimitExceeded, beside the entries up to the limit, where there are more.
func (t *Tree) Search(q Query) ([]Found, error) {
	base, err := ldap.ParseDN(q.Base)
	if err != nil {
		return nil, ldap.NewError(ldap.LDAPResultInvalidDNSyntax, err)
	}
	if t.find(base) == nil {
		return nil, ldap.NewError(ldap.LDAPResultNoSuchObject, errors.New("no such entry"))
	}
	matches, err := compileFilter(q.Filter)
	if err != nil {
		return nil, err
	}
	var found []Found
	for _, e := range t.entries {
		if !e.isUnder(base, q.Scope) || !matches(e) {
			continue
		}
		if q.SizeLimit > 0 && len(found) == q.SizeLimit {
			return found, ldap.NewError(ldap.LDAPResultSizeLimitExceeded, errors.New("size limit exceeded"))
		}
		found = append(found, Found{DN: e.dn, Attributes: e.selected(q.Attributes)})
	}
	return found, nil
}

// Authenticate checks the password of an entry, as a simple bind does (RFC 4513
// §5.1). It fails with an [*ldap.Error]: a DN that does not exist is answered like a
// wrong password, and a DN without a password is refused rather than taken for
// anonymous.
func (t *Tree) Authenticate(dn, password string) error {
	name, err := ldap.ParseDN(dn)
	switch {
	case err != nil:
		return ldap.NewError(ldap.LDAPResultInvalidDNSyntax, err)
	case password == "":
		return ldap.NewError(ldap.LDAPResultUnwillingToPerform, errors.New("a password is missing"))
	}
	if e := t.find(name); e == nil || !e.accepts(password) {
		return ldap.NewError(ldap.LDAPResultInvalidCredentials, errors.New("invalid credentials"))
	}
	return nil
}

// Password returns the first password that the entry with a uid has in clear; there is
// none where all are hashes.
func (t *Tree) Password(uid string) (string, bool) {
	for _, e := range t.entries {
		if !slices.Contains(e.lookup("uid"), uid) {
			continue
		}
		for _, stored := range e.lookup("userPassword") {
			if !isSSHA(stored) {
				return stored, true
			}
		}
	}
	return "", false
}

func (t *Tree) find(name *ldap.DN) *entry {
	for _, e := range t.entries {
		if e.name.EqualFold(name) {
			return e
		}
	}
	return nil
}
