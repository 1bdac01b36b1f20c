package directory

import (
	"crypto/sha1" //nolint:gosec // the {SSHA} scheme is defined with it
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/uuid"
)

// ssha marks a userPassword that is a salted SHA-1 hash, as slappasswd makes it.
const ssha = "{SSHA}"

// entry is one entry of the tree.
type entry struct {
	dn          string
	name        *ldap.DN    // dn, parsed
	attrs       []attribute // as in the file
	operational []attribute // what the server adds; sent only when asked for by name
}

func newEntry(r record) (*entry, error) {
	name, err := ldap.ParseDN(r.dn)
	if err != nil || len(name.RDNs) == 0 {
		return nil, fmt.Errorf("line %d: %q is not a DN", r.line, r.dn)
	}
	e := &entry{dn: r.dn, name: name, attrs: r.attrs}
	if e.lookup("objectClass") == nil {
		return nil, fmt.Errorf("line %d: %s has no objectClass", r.line, r.dn)
	}
	for _, password := range e.lookup("userPassword") {
		if strings.HasPrefix(password, "{") && !isSSHA(password) {
			return nil, fmt.Errorf("line %d: userPassword of %s is neither cleartext nor %s", r.line, r.dn, ssha)
		}
	}
	e.operational = []attribute{
		{name: "entryUUID", values: []string{entryUUID(name)}},
		{name: "entryDN", values: []string{r.dn}},
	}
	return e, nil
}

// entryUUID makes the entry's stable id from its DN: the same in every run.
func entryUUID(name *ldap.DN) string {
	return uuid.NewSHA1(uuid.NameSpaceX500, []byte(strings.ToLower(name.String()))).String()
}

// lookup returns the values of an attribute, operational ones included.
func (e *entry) lookup(name string) []string {
	for _, attrs := range [][]attribute{e.attrs, e.operational} {
		for _, a := range attrs {
			if strings.EqualFold(a.name, name) {
				return a.values
			}
		}
	}
	return nil
}

// isUnder reports whether the entry lies within the scope of a base.
func (e *entry) isUnder(base *ldap.DN, scope Scope) bool {
	switch scope {
	case Base:
		return base.EqualFold(e.name)
	case OneLevel:
		return base.AncestorOfFold(e.name) && len(e.name.RDNs) == len(base.RDNs)+1
	case Subtree:
		return base.EqualFold(e.name) || base.AncestorOfFold(e.name)
	}
	return false
}

// selected returns the attributes that a search asks for (RFC 4511 §4.5.1.8): all
// but operational ones where it names none. Passwords are never shown.
func (e *entry) selected(names []string) map[string][]string {
	all, allOperational := len(names) == 0, false
	asked := make(map[string]bool)
	for _, name := range names {
		all = all || name == "*"
		allOperational = allOperational || name == "+"
		asked[strings.ToLower(name)] = true
	}
	found := make(map[string][]string)
	take := func(attrs []attribute, everything bool) {
		for _, a := range attrs {
			if isPassword(a.name) || !everything && !asked[strings.ToLower(a.name)] {
				continue
			}
			found[a.name] = a.values
		}
	}
	take(e.attrs, all)
	take(e.operational, allOperational)
	return found
}

// accepts reports whether the password is one of the entry's.
func (e *entry) accepts(password string) bool {
	for _, stored := range e.lookup("userPassword") {
		if passwordMatches(stored, password) {
			return true
		}
	}
	return false
}

func passwordMatches(stored, given string) bool {
	if !isSSHA(stored) {
		return subtle.ConstantTimeCompare([]byte(stored), []byte(given)) == 1
	}
	raw, _ := base64.StdEncoding.DecodeString(stored[len(ssha):])
	hash, salt := raw[:sha1.Size], raw[sha1.Size:]
	sum := sha1.Sum(append([]byte(given), salt...)) //nolint:gosec // see the import
	return subtle.ConstantTimeCompare(sum[:], hash) == 1
}

func isSSHA(stored string) bool {
	if !strings.HasPrefix(stored, ssha) {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(stored[len(ssha):])
	return err == nil && len(raw) > sha1.Size
}

func isPassword(attribute string) bool { return strings.EqualFold(attribute, "userPassword") }
