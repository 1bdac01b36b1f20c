package ldap

import (
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// parseDN returns the DN with its values folded: directories compare most of them
// without regard to case and repeated spaces, and answer with another escaping
// than was typed (RFC 4514 §2.4), so that DNs are never compared as strings.
func parseDN(text string) (*ldap.DN, error) {
	dn, err := ldap.ParseDN(text)
	if err != nil {
		return nil, err
	}
	for _, rdn := range dn.RDNs {
		for _, a := range rdn.Attributes {
			a.Value = fold(a.Value)
		}
	}
	return dn, nil
}

// fold returns a value in lower case, without spaces that do not count.
func fold(value string) string {
	return strings.ToLower(strings.Join(strings.Fields(value), " "))
}

// rdnValue returns the folded value of the attribute in the first component of a
// parsed DN.
func rdnValue(dn *ldap.DN, attribute string) (string, bool) {
	if len(dn.RDNs) == 0 {
		return "", false
	}
	for _, a := range dn.RDNs[0].Attributes {
		if strings.EqualFold(a.Type, attribute) {
			return a.Value, true
		}
	}
	return "", false
}

// canonicalName chooses among the values of a naming attribute the one that the
// entry is named by, else the first in alphabetical order, and returns it folded.
// It depends on the entry alone, so that whoever signs in by any of the values has
// one name.
func canonicalName(dn *ldap.DN, attribute string, values []string) string {
	folded := make([]string, len(values))
	for i, v := range values {
		folded[i] = fold(v)
	}
	if named, ok := rdnValue(dn, attribute); ok && slices.Contains(folded, named) {
		return named
	}
	return slices.Min(folded)
}
